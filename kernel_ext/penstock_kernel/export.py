"""A notebook as a script: the same tasks, the same graph, plain Python.

Imports, functions and classes go to the top of the module, task cells become tasks, and all other code goes into one
flow, in the notebook's order. An output that a later task reads is passed on as a future; plain code that reads it
waits for it, as the cell did.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from penstock_kernel._cells import CellFacts, TaskLine, analyse, parse_task_line
from penstock_kernel._cells.errors import CellError
from penstock_kernel.spellings import split_directive
from penstock_kernel.sql_cell import task_body

_RUNNER = re.compile(r"^[ \t]*%runner[ \t]+(\w+)(?:[ \t]+(\d+))?", re.MULTILINE)
#: The class a word of `%runner` means, and its argument for a number of workers.
_RUNNERS = {
    "threads": ("ThreadPoolTaskRunner", "max_workers={}"),
    "processes": ("ProcessPoolTaskRunner", "max_workers={}"),
    "dask": ("DaskTaskRunner", 'cluster_kwargs={{"n_workers": {}, "threads_per_worker": 1}}'),
    "ray": ("RayTaskRunner", 'init_kwargs={{"num_cpus": {}}}'),
}
#: Stands in a definition for the task's name.
_NAME = "<name>"
_TOP = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class ExportError(CellError):
    """A cell cannot be part of a script."""


@dataclass(slots=True)
class _Script:
    name: str
    imports: list[str] = field(default_factory=list)
    top: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    #: Names bound at the top of the module.
    top_names: set[str] = field(default_factory=set)
    #: Names functions at the top read.
    free: set[str] = field(default_factory=set)
    #: Names bound in the flow so far.
    bound: dict[str, None] = field(default_factory=dict)
    #: Name -> variable of the future that gives it, and the key if the task gives several.
    futures: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    #: Variables of the flow that hold the runs of its tasks.
    runs: list[str] = field(default_factory=list)
    tasks: set[str] = field(default_factory=set)
    #: What defines a task -> its name.
    defined: dict[str, str] = field(default_factory=dict)
    #: Word and workers of the newest `%runner`, and the words that cells name for themselves.
    runner: tuple[str, str] = ("", "")
    own_runners: dict[str, None] = field(default_factory=dict)
    #: A task caches its results: one that was told to, since helpers do not count into keys in a script.
    caches: bool = False


def script(cells: Iterable[str], name: str) -> str:
    """Return the text of a module with the notebook as a flow.

    Args:
        cells: the texts of its cells, in order.
        name: of the flow.

    Raises:
        ExportError: a task cell holds what is no Python.
    """
    made = _Script(re.sub(r"\W", "_", name))
    cells = tuple(cells)
    for text in cells:
        for found in _RUNNER.finditer(text):
            made.runner = (found[1], found[2] or "")
    for text in cells:
        directive = split_directive(text)
        if directive is None or directive[0] == "flow":
            _plain(made, directive[2] if directive else text)
        else:
            kind, line, body = directive
            options = parse_task_line(line)
            _task(made, options, task_body(kind, options.name, body, made.bound))
    if made.name in {"flow", "task", *made.top_names, *made.bound}:
        made.name += "_notebook"
    whole = _assembled(made)
    compile(whole, f"{name}.py", "exec")
    return whole


def _plain(made: _Script, text: str) -> None:
    source = _without_magics(text)
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise ExportError(f"a cell is no Python: {error}") from error
    facts = analyse(source)
    if facts.is_async:
        raise ExportError("a cell awaits at its top level; put that into an async task")
    lines = source.splitlines(keepends=True)
    inner: list[str] = []
    for number, node in enumerate(tree.body):
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        start = (tree.body[number - 1].end_lineno or 0) if number else 0
        comments = [line for line in lines[start : first - 1] if line.strip()]
        text = "".join([*comments, *lines[first - 1 : node.end_lineno]]).rstrip("\n")
        if isinstance(node, ast.Import | ast.ImportFrom):
            made.imports += [text] if text not in made.imports else []
        elif isinstance(node, _TOP):
            made.top.append(text)
        else:
            inner.append(text)
        if isinstance(node, _TOP):
            made.top_names |= {*facts.imports, *facts.definitions}
    if any(isinstance(node, _TOP) for node in tree.body):
        made.free |= {*facts.reads, *facts.optional_reads, *facts.writes} - made.top_names
    if inner:
        for name in (*facts.reads, *facts.optional_reads, *facts.mutates):
            _fetch(made, name)
        made.body += inner
    for name in facts.writes:
        if name not in made.top_names:
            made.futures.pop(name, None)
            made.bound[name] = None


def _fetch(made: _Script, name: str) -> None:
    """Let the flow have the value of a name whose future it has."""
    if name not in made.futures:
        return
    variable, part = made.futures.pop(name)
    made.body.append(f"{name} = {variable}.result()" + (f'["{part}"]' if part else ""))
    made.bound[name] = None


def _task(made: _Script, options: TaskLine, body: str) -> None:
    facts = analyse(body)
    name = options.name or "cell"
    if facts.shell or facts.magics:
        raise ExportError(f"task {name!r} uses IPython's ! or %, which a script cannot; use subprocess there")
    if options.define:
        raise ExportError(f"task {name!r} is only defined (--define); run it in a cell")
    inputs = [n for n in _inputs(made, options, facts) if n not in made.top_names]
    changed = [n for n in facts.mutates if n in inputs and n not in facts.writes]
    outputs = list(options.outputs) if options.outputs is not None else [*facts.outputs, *changed]
    arguments: dict[str, str] = {}
    unpack: list[str] = []
    for given in inputs:
        variable, part = made.futures.get(given, (given, None))
        arguments[variable if part else given] = variable
        unpack += [f'{given} = {variable}["{part}"]'] if part else []
    definition = _definition(options, facts, list(arguments), unpack, body, outputs)
    name = made.defined.get(f"{name}{definition}") or _defined(made, name, definition)
    single = len(outputs) == 1
    variable = outputs[0] if single else f"{name}_run"
    made.body.append(f"{variable} = {_call(made, name, options.runner, arguments)}")
    made.runs = [run for run in made.runs if run != variable] + [variable]
    for output in outputs:
        made.futures[output] = (variable, None if single else output)
        made.bound[output] = None
    made.caches |= bool(options.cache)


def _defined(made: _Script, wanted: str, definition: str) -> str:
    """Define a task under the name that is wanted, or one like it, and return its name."""
    name = _unique(made, wanted)
    made.defined[f"{wanted}{definition}"] = name
    made.top.append(definition.replace(_NAME, name, 1))
    made.top_names.add(name)
    return name


def _call(made: _Script, name: str, runner: str | None, arguments: dict[str, str]) -> str:
    """Return the expression that submits a task, to the flow's runner or the one that its cell names."""
    flows = made.runner[0] if made.runner[0] in _RUNNERS else "threads"
    if runner in _RUNNERS and runner != flows:
        made.own_runners[runner] = None
        given = ", ".join(f'"{key}": {value}' for key, value in arguments.items())
        return f"on_{runner}.submit({name}, {{{given}}})"
    given = ", ".join(key if key == value else f"{key}={value}" for key, value in arguments.items())
    return f"{name}.submit({given})"


def _inputs(made: _Script, options: TaskLine, facts: CellFacts) -> Sequence[str]:
    if options.inputs is not None:
        return options.inputs
    names = [*facts.reads, *(n for n in facts.optional_reads if n in made.bound)]
    # What it may leave as it is has to come in.
    return [
        *names,
        *(n for n in facts.outputs if n not in facts.certain and n in made.bound and n not in names),
    ]


def _definition(
    options: TaskLine,
    facts: CellFacts,
    parameters: list[str],
    unpack: list[str],
    body: str,
    outputs: list[str],
) -> str:
    told = [
        f"name={json.dumps(options.label)}" if options.label else "",
        f"retries={options.retries}" if options.retries else "",
        f"retry_delay_seconds={list(options.retry_delay)}" if options.retry_delay else "",
        f"timeout_seconds={options.timeout:g}" if options.timeout else "",
        f"tags={json.dumps(sorted(options.tags))}" if options.tags else "",
        "cache_policy=INPUTS + TASK_SOURCE, persist_result=True" if options.cache else "",
    ]
    source = body.strip("\n")
    if outputs and facts.last_expression:
        source = _without_shown_name(source)
    if len(outputs) == 1:
        ending = f"return {outputs[0]}"
    elif outputs:
        ending = "return {" + ", ".join(f'"{n}": {n}' for n in outputs) + "}"
    else:
        ending = ""
        if facts.last_expression:
            source = _returning(source)
    words = ", ".join(word for word in told if word)
    head = f"@task({words})\n" if words else "@task\n"
    keyword = "async def" if facts.is_async else "def"
    lines = "\n".join([*unpack, source, *([ending] if ending else [])])
    return f"{head}{keyword} {_NAME}({', '.join(parameters)}):\n{_indented(lines)}"


def _without_shown_name(source: str) -> str:
    """Return the body without a last line that only shows a name."""
    *before, last = ast.parse(source).body
    if not (before and isinstance(last, ast.Expr) and isinstance(last.value, ast.Name)):
        return source
    if before[-1].end_lineno == last.lineno:
        return source
    return "\n".join(source.splitlines()[: last.lineno - 1]).rstrip()


def _returning(source: str) -> str:
    """Return the body with its last expression returned."""
    last = ast.parse(source).body[-1]
    lines = source.splitlines()
    lines[last.lineno - 1] = (
        f"{lines[last.lineno - 1][: last.col_offset]}return {lines[last.lineno - 1][last.col_offset :]}"
    )
    return "\n".join(lines)


def _assembled(made: _Script) -> str:
    ours = ["from penstock import flow, task"]
    ours += ["from penstock.cache_policies import INPUTS, TASK_SOURCE"] if made.caches else []
    shared = sorted(made.free & made.bound.keys())
    body = [f"global {', '.join(shared)}"] if shared else []
    body += made.body
    pending = [
        run
        for run in made.runs
        if run in {variable for variable, _ in made.futures.values()} or run.endswith("_run")
    ]
    body += [f"return {', '.join(pending)}" + ("," if len(pending) == 1 else "")] if pending else []
    name, runner = made.name.replace("_", "-"), ""
    if made.runner[0] in _RUNNERS:
        kind, workers = _RUNNERS[made.runner[0]]
        runner = f", task_runner={kind}({workers.format(made.runner[1]) if made.runner[1] else ''})"
    if made.own_runners:
        opened = ", ".join(f"{_RUNNERS[word][0]}() as on_{word}" for word in made.own_runners)
        body = [f"with {opened}:", _indented("\n".join(body))]
    words = {*made.own_runners, made.runner[0]} & _RUNNERS.keys()
    if kinds := sorted(_RUNNERS[word][0] for word in words):
        ours.append(f"from penstock.task_runners import {', '.join(kinds)}")
    flow = f'@flow(name="{name}"{runner})\ndef {made.name}():\n{_indented(chr(10).join(body) or "pass")}'
    main = f'if __name__ == "__main__":\n    {made.name}()'
    future, imports = _split_future(made.imports)
    head = [f'"""The notebook {made.name} as a flow, written by Penstock."""', *([future] if future else [])]
    head += ["\n".join([*imports, *([""] if imports else []), *ours])]
    return "\n\n".join(head) + "\n\n\n" + "\n\n\n".join([*made.top, flow, main]) + "\n"


def _split_future(imports: list[str]) -> tuple[str, list[str]]:
    first = [line for line in imports if line.startswith("from __future__")]
    return "\n".join(first), [line for line in imports if line not in first]


def _unique(made: _Script, name: str) -> str:
    number, found = 2, name
    while found in made.tasks or found in made.top_names:
        found, number = f"{name}_{number}", number + 1
    made.tasks.add(found)
    return found


def _without_magics(text: str) -> str:
    """Return a cell with the lines only IPython understands made into comments."""
    if text.lstrip().startswith("%%"):
        return "\n".join(f"# {line}" for line in text.splitlines()) + "\n"
    try:
        ast.parse(text)
    except SyntaxError:
        lines = text.splitlines()
        text = "\n".join(f"# {line}" if re.match(r"\s*[%!]|.*\?\s*$", line) else line for line in lines)
    return text if text.endswith("\n") else f"{text}\n"


def _indented(source: str) -> str:
    """Return source one level deeper; the insides of long strings stay as they are."""
    inside: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source + "\n").readline):
        if token.start[0] != token.end[0] and token.type not in (tokenize.NEWLINE, tokenize.NL):
            inside |= set(range(token.start[0] + 1, token.end[0] + 1))
    return "\n".join(
        line if number in inside or not line.strip() else f"    {line}"
        for number, line in enumerate(source.split("\n"), 1)
    )
