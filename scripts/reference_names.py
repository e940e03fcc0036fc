"""Which public names of the reference documentation can be imported here and are used by a test.

The names are facts kept in docs/reference_names.toml. Read by scripts/compatibility.py.
"""

from __future__ import annotations

import ast
import importlib
import textwrap
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NAMES = ROOT / "docs" / "reference_names.toml"
WORKS, NOT_YET = "works", "not yet"

RULE = """\
Every public name of the reference documentation, from `docs/reference_names.toml`; `prefect.x` is looked up as
`penstock.x`, classes under their documented names. A name **works** when it can be imported and a test uses it: the
test (or a helper, fixture or constant of its file that it mentions, or a program it runs) mentions that very object,
under whatever path, by its documented name or ours (`PenstockX` for `PrefectX`). A method also needs `.method` in the same test as its class, a class that inherits
it unchanged, or what makes objects of it (`made_by` in the list). **not yet** with "no test" can be imported all the same. Being used by a test
is a floor; what is proved about a feature is in the tables above.
"""


@dataclass(frozen=True)
class Name:
    """One documented name: module, function or class, and method if it is one."""

    module: str
    owner: str
    method: str = ""

    @property
    def shown(self) -> str:
        """The name as the page shows it."""
        return f"{self.owner}.{self.method}" if self.method else self.owner

    def found(self) -> Any:
        """Return the object, None when it cannot be had; for a method, its class."""
        owner = resolved(f"penstock.{self.module}.{self.owner}")
        return None if self.method and not hasattr(owner, self.method) else owner


@dataclass
class Use:
    """What one test mentions: objects by identity, attributes by name."""

    test: str
    objects: set[int] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)


@cache
def resolved(dotted: str) -> Any:
    """Return what a dotted name leads to, None when it leads nowhere."""
    parts = dotted.split(".")
    for depth in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:depth]))
        except ImportError:
            continue
        for attribute in parts[depth:]:
            found = getattr(found, attribute, None)
        return found
    return None


def load(path: Path = NAMES) -> tuple[dict[str, list[Name]], dict[str, list[str]]]:
    """Return the names by module, and what makes objects of a class."""
    tables = tomllib.loads(path.read_text())
    makers = tables.pop("made_by")
    modules: dict[str, list[Name]] = {}
    for module, table in tables.items():
        names = [Name(module, function) for function in table.pop("functions", [])]
        for kind, methods in table.items():
            names += [Name(module, kind), *(Name(module, kind, method) for method in methods)]
        modules[module] = names
    return modules, makers


@cache
def documented() -> frozenset[str]:
    """Return the documented names of functions and classes, ours included where they differ."""
    modules, makers = load()
    names = {name.owner for listed in modules.values() for name in listed}
    names |= {maker.rpartition(".")[2] for made in makers.values() for maker in made}
    return frozenset(names | {name.replace("Prefect", "Penstock") for name in names})


def uses(folder: Path = ROOT / "tests") -> list[Use]:
    """Return what each test of a folder mentions; the quick tests first, which say most about one name."""
    paths = sorted(folder.rglob("test_*.py"), key=lambda path: ("unit" not in path.parts, path))
    return [use for path in paths for use in uses_in(path)]


def uses_in(path: Path) -> Iterator[Use]:
    """Yield what each test of one file mentions, itself or through definitions of the file."""
    tree = ast.parse(path.read_text())
    imports = imports_of(tree)
    parts = dict(definitions(tree))
    mentioned = {
        name: {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} for name, node in parts.items()
    }
    for name, node in parts.items():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            mentioned[name] |= {argument.arg for argument in node.args.args}  # fixtures
    own = {name: Use(name) for name in parts}
    for name, use in own.items():
        mention(parts[name], imports, use)
    where = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name
    for name in parts:
        if name.rsplit("::", 1)[-1].startswith("test_"):
            reached = [own[part] for part in closure(name, mentioned)]
            objects = {found for use in reached for found in use.objects} - {id(None)}
            yield Use(f"{where}::{name}", objects, {found for use in reached for found in use.attributes})


def definitions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield the functions, classes and constants of a file by name; methods of test classes singly."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from (
                (f"{node.name}::{part.name}", part) for part in node.body if isinstance(part, ast.FunctionDef)
            )
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((target.id, node) for target in targets if isinstance(target, ast.Name))


def closure(name: str, mentioned: dict[str, set[str]]) -> set[str]:
    """Return a definition and all definitions of the file it leads to."""
    seen: set[str] = set()
    open_names = {name}
    while open_names:
        current = open_names.pop()
        seen.add(current)
        open_names |= (mentioned[current] & mentioned.keys()) - seen
    return seen


def imports_of(tree: ast.AST) -> dict[str, str]:
    """Return what the imports of a file, at any depth, bind: local name to dotted name."""
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            bound |= {
                (a.asname or a.name.split(".")[0]): (a.name if a.asname else a.name.split(".")[0])
                for a in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module:
            bound |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return bound


def mention(node: ast.AST, imports: dict[str, str], use: Use) -> None:
    """Add to `use` what a piece of code mentions; the text of a program counts as code."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name | ast.Attribute):
            if isinstance(part, ast.Attribute):
                use.attributes.add(part.attr)
            root, *rest = dotted(part).split(".")
            known = (rest[-1] if rest else imports.get(root, "").rsplit(".", 1)[-1]) in documented()
            if known and imports.get(root, "").split(".")[0] == "penstock":
                use.objects.add(id(resolved(".".join([imports[root], *rest]))))
        elif isinstance(part, ast.Constant) and isinstance(part.value, str) and "import" in part.value:
            try:
                program = ast.parse(textwrap.dedent(part.value))
            except SyntaxError:
                continue
            mention(program, imports_of(program), use)


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for such a chain, and "" for anything else."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def heirs(kind: Any, method: str) -> set[int]:
    """Return the documented classes that have a method from `kind` unchanged: their tests are its tests."""
    if not method or not isinstance(kind, type):
        return set()
    inherited = getattr(kind, method)
    found = [known for known in classes() if issubclass(known, kind) and getattr(known, method) is inherited]
    return {id(known) for known in found}


@cache
def classes() -> tuple[type, ...]:
    """Return the documented classes that are there."""
    owners = {name.found() for names in load()[0].values() for name in names if not name.method}
    return tuple(owner for owner in owners if isinstance(owner, type))


def proof(name: Name, found: Any, makers: dict[str, list[str]], tests: list[Use]) -> str:
    """Return the first test that uses a name, "" when there is none."""
    made = makers.get(f"{name.module}.{name.owner}", ())
    objects = {
        id(found),
        *heirs(found, name.method),
        *(id(resolved(f"penstock.{maker}")) for maker in made if not maker.startswith(".")),
    }
    attributes = {maker[1:] for maker in made if maker.startswith(".")}
    for use in tests:
        if (objects & use.objects or attributes & use.attributes) and (
            not name.method or name.method in use.attributes
        ):
            return use.test
    return ""


def render() -> list[str]:
    """Return the lines of the page about names."""
    modules, makers = load()
    tests = uses()
    tables: list[str] = []
    counts: dict[str, Counter[str]] = {}
    for module, names in modules.items():
        counts[module] = Counter()
        tables += ["", f"### `{module}`", "", "| name | status | test |", "|---|---|---|"]
        for name in names:
            found = name.found()
            test = proof(name, found, makers, tests) if found is not None else ""
            counts[module][WORKS if test else NOT_YET] += 1
            last = f"`{test}`" if test else "no test" if found is not None else ""
            tables.append(f"| `{name.shown}` | {WORKS if test else NOT_YET} | {last} |")
    total = sum(counts.values(), Counter())
    lines = ["", "## Public names", "", RULE, "| module | works | not yet |", "|---|---:|---:|"]
    lines += [f"| `{module}` | {count[WORKS]} | {count[NOT_YET]} |" for module, count in counts.items()]
    return [*lines, f"| all | {total[WORKS]} | {total[NOT_YET]} |", *tables]
