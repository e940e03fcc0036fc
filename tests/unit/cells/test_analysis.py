"""What a cell reads and binds: one line of the table per trap of Python and IPython."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from penstock_kernel._cells import analyse, user_names


@dataclass(frozen=True)
class Case:
    name: str
    source: str
    reads: str = ""
    writes: str = ""
    optional: str = ""
    mutates: str = ""
    deletes: str = ""
    outputs: str | None = None
    known: str = ""


CASES = [
    Case("assignment", "y = x + 1", "x", "y"),
    Case("augmented assignment", "x += 1", "x", "x", mutates="x"),
    Case("augmented item", "d['k'] += v", "d v", mutates="d"),
    Case("item assignment", "df['c'] = df.a * k", "df k", mutates="df"),
    Case("attribute assignment", "cfg.deep.level = 3", "cfg", mutates="cfg"),
    Case("item deletion", "del d['k']", "d", mutates="d"),
    Case("mutating method", "lst.append(1)", "lst", mutates="lst"),
    Case("same method, value used", "both = a.add(b)\nr = df.sort('a')", "a b df", "both r"),
    Case("method with inplace", "df.fillna(0, inplace=True)", "df", mutates="df"),
    Case("setattr", "setattr(obj, 'a', 1)", "obj", mutates="obj"),
    Case("change of a new object", "lst = []\nlst.append(1)", "", "lst"),
    Case("method of a copy", "df.copy().update(o)", "df o"),
    Case("read after write", "x = 1\ny = x", "", "x y"),
    Case("read before write", "y = x\nx = 1", "x", "y x"),
    Case("bound in one branch", "if c:\n    x = 1\nprint(x)", "c", "x", optional="x"),
    Case("bound in both branches", "if c: x = 1\nelse: x = 2\nprint(x)", "c", "x"),
    Case("bound in all branches that end", "if c: x = 1\nelse: raise E\nprint(x)", "c E", "x"),
    Case("bound before raise only", "if c:\n    m = 'no'\n    raise E(m)", "c E", ""),
    Case("loop target and body", "for i in xs:\n    t = i\nprint(t)", "xs", "i t", optional="t"),
    Case(
        "loop with an earlier round", "for i in xs:\n    if i: print(p)\n    p = i", "xs", "i p", optional="p"
    ),
    Case(
        "loop after continue",
        "for i in xs:\n  if i:\n    p = i\n    continue\n  print(p)",
        "xs",
        "i p",
        optional="p",
    ),
    Case("loop that adds up", "for x in xs:\n    if x: total += x", "xs total", "x total", mutates="total"),
    Case("while", "while n: n -= 1", "n", "n", mutates="n"),
    Case("endless loop with break", "while True:\n    v = f()\n    if v: break\nprint(v)", "f", "v"),
    Case("loop else", "for i in xs: pass\nelse: e = 1\nprint(e)", "xs", "i e"),
    Case("comprehension", "r = [a*b for a in xs if a > lo]", "xs lo b", "r"),
    Case("comprehension over its own name", "x = [x for x in x]", "x", "x"),
    Case("nested comprehension", "r = [[i*j for j in range(i)] for i in xs]", "xs", "r"),
    Case("two generators", "r = {k: v for d in ds for k, v in d.items() if k in keep}", "ds keep", "r"),
    Case("walrus in a comprehension", "r = [z := q for q in xs]", "xs", "z r"),
    Case("generator", "g = (q*k for q in xs)", "xs k", "g", outputs=""),
    Case("generator used up", "g = (q for q in xs)\ng = list(g)", "xs", "g", outputs="g"),
    Case("walrus", "if (n := len(xs)) > 3: print(n)", "xs", "n"),
    Case("lambda", "f = lambda a, b=k: a + b + c", "k c", "f"),
    Case("lambda with a later name", "f = lambda: K\nK = 3\nf()", "", "f K"),
    Case("lambda called at once", "r = sorted(xs, key=lambda a: a + K)\nK = 3", "xs", "r K", optional="K"),
    Case("function reads a global", "def f(a): return a + K", "K", "f", outputs=""),
    Case("function reads a later name", "def f(): return K\nK = 3\nf()", "", "f K", outputs="K"),
    Case("function called too early", "def f(): return K\nf()\nK = 3", "", "f K", optional="K"),
    Case("function shadows a name", "def f():\n    x = 1\n    return x", "", "f"),
    Case(
        "function writes a global",
        "def inc():\n    global cnt\n    cnt += 1\ninc()",
        "cnt",
        "inc cnt",
        outputs="cnt",
    ),
    Case(
        "global set by a call",
        "def go():\n    global cfg\n    cfg = 1\ngo()\nprint(cfg)",
        "",
        "go cfg",
        optional="cfg",
    ),
    Case(
        "global set lazily",
        "def get():\n    global c\n    if not c: c = 1\n    return c",
        "",
        "get c",
        optional="c",
    ),
    Case(
        "function that outlives its helper", "def g(): ...\ndef f(): g()\nf()\ndel g", "", "f", optional="g"
    ),
    Case("function changes a global", "def f(): seen['a'] = 1\nf()", "seen", "f", mutates="seen"),
    Case(
        "closure",
        "def outer():\n    n = 0\n    def inner():\n        nonlocal n\n        n += k\n        return n\n    return inner",
        "k",
        "outer",
    ),
    Case("comprehension in a function", "def f(xs): return [x + K for x in xs if x]", "K", "f"),
    Case(
        "class in a function",
        "def f():\n    class A:\n        v = 1\n        def m(self): return v\n    return A",
        "v",
        "f",
    ),
    Case("recursion", "def f(n): return n and f(n - 1)", "", "f"),
    Case("default value", "def f(a=x): return a", "x", "f"),
    Case("decorator", "@dec(opt)\ndef f(): pass", "dec opt", "f"),
    Case("annotations", "def f(a: T) -> U: return a", "T U", "f"),
    Case("bare annotation", "x: int\ny: int = 3", "", "y"),
    Case(
        "annotations under the future import",
        "from __future__ import annotations\ndef f(a: M): ...\nx: M = 1",
        "",
        "annotations f x",
        outputs="x",
    ),
    Case(
        "class",
        "class A(Base):\n    k = z\n    def m(self): return self.k + w + k2",
        "Base z w k2",
        "A",
        outputs="",
    ),
    Case("methods do not see class names", "class A:\n    k = 1\n    def m(self): return k", "k", "A"),
    Case("comprehension in a class", "class A:\n    n = 3\n    v = [i for i in range(n)]", "", "A"),
    Case(
        "element of a comprehension in a class",
        "class A:\n    n = 3\n    v = [n for i in range(n)]",
        "n",
        "A",
    ),
    Case("super in a method", "class A(B):\n    def m(self): return super().m(__class__)", "B", "A"),
    Case("imports", "import os.path as p, sys\nfrom math import sqrt as s", "", "p sys s", outputs=""),
    Case(
        "import used",
        "import pandas as pd\ndf = pd.read_csv(p)\nd2 = df.merge(o)",
        "p o",
        "pd df d2",
        outputs="df d2",
    ),
    Case("import, then a variable", "import a\na = 1", "", "a", outputs="a"),
    Case(
        "try",
        "try:\n    v = f()\nexcept ValueError as e:\n    v = None\n    msg = str(e)\nprint(v)",
        "f",
        "v msg",
    ),
    Case(
        "except deletes its name",
        "e = 1\ntry: g()\nexcept Exception as e: pass\nprint(e)",
        "g",
        "e",
        optional="e",
    ),
    Case("finally", "try: v = f()\nfinally: done = 1\nprint(v, done)", "f", "v done"),
    Case(
        "name tested with NameError",
        "try: cache\nexcept NameError: cache = {}",
        "",
        "cache",
        optional="cache",
    ),
    Case("with", "with open(p) as fh:\n    t = fh.read()", "p", "fh t", outputs="t"),
    Case("suppressed errors", "with suppress(E):\n    v = f()\nprint(v)", "suppress E f", "v", optional="v"),
    Case("f-string", "s = f'{x:{w}} {y!r} {z=}'", "x w y z", "s"),
    Case("deletes its own", "t = 1\ndel t", "", ""),
    Case("deletes an input", "del big", "big", "", deletes="big"),
    Case("may delete an input", "if c: del x\nprint(x)", "c x", "", deletes="x"),
    Case(
        "match",
        "match cmd:\n    case {'a': v, **rest}: r = v\n    case [h, *tl]: r = h\n    case Point(x=px): r = px",
        "cmd Point",
        "v rest r h tl px",
    ),
    Case("match that covers all", "match c:\n    case 1: r = 1\n    case _: r = 2\nprint(r)", "c", "r"),
    Case("unpacking", "a, *b = seq\n(c, d), e = f()", "seq f", "a b c d e"),
    Case("item before its index is rebound", "x[i], i = i, 2", "i x", "i", mutates="x"),
    Case("swap", "a, b = b, a", "b a", "a b"),
    Case("short circuit", "ok and (m := 1)\nprint(m)", "ok", "m", optional="m"),
    Case("conditional expression", "r = (a := 1) if c else 2\nprint(a)", "c", "a r", optional="a"),
    Case("builtin bound in the cell", "list = [1]\nprint(list)", "", "list"),
    Case("builtin", "r = list(xs)", "xs", "r"),
    Case("builtin shadowed in the notebook", "r = list(xs)", "list xs", "r", known="list"),
    Case("name guard", "if __name__ == '__main__': main()", "main"),
    Case("private names", "_tmp = x\ny = _tmp", "x", "_tmp y", outputs="y"),
    Case("underscore as a loop name", "for _ in range(3): f()", "f", "_", outputs=""),
    Case("await", "r = await co(x)", "co x", "r"),
    Case("display", "df.head()", "df"),
    Case("shell lines", "out = !ls {path} $HOME", "", "out", optional="path HOME"),
    Case("shell braces that are no names", "!awk '{print $1}' f\n!echo ${x} {a,b}", "", "", optional="x a b"),
    Case("time magic", "%time r = g(x)", "g x", "r"),
    Case("timeit magic", "%timeit -n 3 -r 2 q = g(x)", "g x", ""),
    Case("time cell magic", "%%time\nr = g(x)", "g x", "r"),
    Case("capture cell magic", "%%capture cap\nprint(q)", "q", "cap"),
    Case("bash cell magic", "%%bash\necho $X"),
    Case("help", "df?"),
    Case("star import", "from numpy import *\nr = array([1]) + mine", "array mine", "r"),
    Case("exec", "exec(code)", "code"),
    Case("history", "z = _ + Out[3]", "_ Out", "z"),
]


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_cell(case: Case) -> None:
    facts = analyse(case.source, known=case.known.split())

    found = (facts.reads, facts.optional_reads, facts.mutates, facts.deletes)
    assert found == tuple(map(words, (case.reads, case.optional, case.mutates, case.deletes)))
    assert sorted(facts.writes) == sorted(words(case.writes))
    if case.outputs is not None:
        assert facts.outputs == words(case.outputs)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("df.head()", True),
        ("df.plot();", False),
        ("df.plot();  # quiet", False),
        ("x = 1", False),
        ("'; '", True),
        ("%time f(x)", True),
        ("x\n\n# the end", True),
    ],
)
def test_last_expression(source: str, expected: bool) -> None:
    assert analyse(source).last_expression is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("await f()", True),
        ("async for x in xs: pass", True),
        ("async with a: pass", True),
        ("r = [x async for x in xs]", True),
        ("async def f(): await g()", False),
        ("x = 1", False),
    ],
)
def test_awaits_at_the_top(source: str, expected: bool) -> None:
    assert analyse(source).is_async is expected


@dataclass(frozen=True)
class Refusal:
    source: str
    code: str
    line: int
    message: str


REFUSALS = [
    Refusal("x = 1\nfrom numpy import *", "star-import", 2, "name the imports"),
    Refusal("a = 1\nz = _ + a", "history", 2, "history"),
    Refusal("Out[3]", "history", 1, "history"),
    Refusal("x = _12", "history", 1, "history"),
    Refusal("exec(code)", "dynamic", 1, "--in"),
    Refusal("r = eval('a + b')", "dynamic", 1, "--in"),
    Refusal("globals()['x'] = 1", "dynamic", 1, "--in"),
    Refusal("x = locals()", "dynamic", 1, "--in"),
    Refusal("def f():\n    return globals()", "dynamic", 2, "--in"),
    Refusal("name = input('who?')", "input", 1, "pause the flow"),
    Refusal("def ask():\n    return input()", "input", 2, "pause the flow"),
    Refusal("%%bash\nls", "magic", 1, "%%bash"),
    Refusal("\n%%html\n<b>", "magic", 2, "%%html"),
    Refusal("%%capture cap\nprint(1)", "magic", 1, "not needed"),
    Refusal("x = 1\ndf?", "magic", 2, "help"),
    Refusal("%run other.py", "magic", 1, "%run"),
    Refusal("get_ipython().user_ns['x']", "magic", 1, "get_ipython"),
    Refusal("%time await f()", "magic", 1, "%%time"),
    Refusal("x = 1\nreturn x", "syntax", 2, "return"),
    Refusal("yield 3", "syntax", 1, "yield"),
    Refusal("break", "syntax", 1, "break"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.source.replace("\n", " "))
def test_refusal_names_the_line_and_what_to_do(refusal: Refusal) -> None:
    (problem,) = analyse(refusal.source).problems

    assert (problem.code, problem.line) == (refusal.code, refusal.line)
    assert refusal.message in problem.message


@pytest.mark.parametrize(
    "source",
    [
        "exec(code, {})",
        "r = eval(text, {}, {})",
        "def f(): return locals()",
        "r = vars(obj)",
        "input = lambda: 3\nx = input()",
        "df.eval('a + b')",
        "for _ in xs: print(_)",
        "%pip install x\nimport x",
        "!ls",
    ],
)
def test_harmless_relatives_are_allowed(source: str) -> None:
    assert analyse(source).problems == ()


def test_explicit_inputs_allow_names_hidden_from_the_text() -> None:
    facts = analyse("from m import *\nexec(code)\nx = input()")

    assert [problem.code for problem in facts.refusals()] == ["star-import", "dynamic", "input"]
    assert [problem.code for problem in facts.refusals(inputs_given=True)] == ["input"]


def test_imports_and_definitions_are_told_apart() -> None:
    facts = analyse("import os.path as p, sys\nfrom .m import q as r\ndef f(): ...\nclass A: ...")

    assert dict(facts.imports) == {"p": "os.path", "sys": "sys", "r": ".m:q"}
    assert facts.definitions == ("f", "A")


def test_shell_and_magics_are_listed() -> None:
    facts = analyse("!pip list\nout = !ls\n%matplotlib inline\n%time f()")

    assert facts.shell == ("pip list", "ls")
    assert [(m.kind, m.name, m.argument, m.line) for m in facts.magics] == [
        ("line", "matplotlib", "inline", 3),
        ("line", "time", "f()", 4),
    ]
    assert [m.name for m in facts.kernel_magics] == ["matplotlib"]


def test_dropped_outputs_say_why() -> None:
    facts = analyse("with open(p) as fh:\n    g = (line for line in fh)")

    assert set(facts.dropped) == {"fh", "g"}
    assert [note.line for note in facts.notes] == [1, 2]


def test_line_numbers_survive_blank_lines_and_ipython_syntax() -> None:
    facts = analyse("\n\n%time f()\n\nx = !ls\nz = _5")

    assert [problem.line for problem in facts.problems] == [6]


def test_a_text_that_is_no_python_is_a_syntax_error() -> None:
    with pytest.raises(SyntaxError):
        analyse("x = = 1")


def test_user_names_leave_out_what_ipython_bound() -> None:
    hidden = {"open": open, "exit": exit, "list": list}
    namespace = {"open": open, "exit": "door", "x": 1}

    assert user_names(namespace, hidden) == {"exit", "x"}
