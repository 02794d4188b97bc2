# SPDX-License-Identifier: GPL-3.0-or-later
"""shrink: source is smaller and does what it did; who is asked for by name keeps it."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ganglion.firmware.shrink import bare, shrink

ROOT = Path(__file__).parents[2]


def one(source: str, *roots: str) -> str:
    return shrink({"m": source}, roots)["m"].strip()


def test_what_only_a_type_checker_reads_is_gone() -> None:
    source = '''
"""A module."""
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
__all__ = ["f"]
class K:
    """One."""
    __slots__ = ("a",)
    a: int
    b: "Any" = 1
def f(a: "Any", *, b: int = 2) -> int:
    """Says."""
'''
    assert bare(source) == "class K:\n    b = 1\n\ndef f(a, *, b=2):\n    pass\n"


def test_numbers_stand_where_they_are_used_in_every_module() -> None:
    small = shrink(
        {
            "p.a": "SECOND = 10 ** 9\nONE, TWO = range(2)\n_A, THREE = 'a', 3\n"
            "MS = 1000\nLIMIT = 2 * MS - 1\nBIG = 1 << 40\nNAME = 'x'\n"
            "SAID = 'eleven more'",
            "p.b": "from p import a\nfrom p.a import BIG, LIMIT, NAME, SAID\n"
            "def f():\n    return (a.MS, LIMIT, -LIMIT, BIG, NAME, SAID, a.ONE, a.THREE)",
            "p.c": "from p.a import MS\nMS = 3\ndef g(LIMIT):\n    return MS + LIMIT",
        },
        ("f", "g"),
    )
    assert small["p.a"] == "MS = 1000\nBIG = 1 << 40\nSAID = 'eleven more'\n"
    assert "return (1000, 1999, -1999, BIG, 'x', SAID, 0, 3)" in small["p.b"]
    assert small["p.b"].startswith("from .a import BIG, SAID\n")
    assert "from .a import MS\nMS = 3" in small["p.c"], "it is bound twice, so nobody knows which it is"


def test_numbers_in_a_text_are_written_into_it() -> None:
    source = (
        "MOST = 8\ndef f(x): return (f'{x} of {MOST}', '{} at most'.format(MOST), '{} {}'.format(x, MOST), f'{MOST:3}')"
    )
    assert "return (f'{x} of 8', '8 at most', '{} {}'.format(x, 8), f'{8:3}')" in one(source, "f")


def test_what_nobody_names_is_gone_with_what_it_alone_has_named() -> None:
    source = """
def helper(): pass
def unused(): return helper()
def by_text(): pass
class Kept:
    limit = 3
    spare = 4
    def __init__(self): self.seen = self.limit
    def asked(self): return getattr(self, "by_name")()
    def by_name(self): return 1
    def never(self): return helper()
class Gone: pass
def main():
    made = Kept()
    return made.asked(), globals()["by_text"], made.seen
"""
    small = one(source, "main")
    kept = {node.name for node in ast.walk(ast.parse(small)) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert kept == {"by_text", "Kept", "__init__", "asked", "by_name", "main"}
    assert "spare" not in small
    assert "limit = 3" in small


def test_what_a_module_keeps_at_its_top_for_itself_is_short() -> None:
    small = shrink(
        {
            "p.a": "_SIZES = [1]\nSHARED = [2]\nTEXT = [3]\n_left = [4]\ndef f():\n    global _left\n"
            "    _left = _SIZES\n    return getattr(f, 'TEXT', TEXT), _left",
            "p.b": "from p import a\ndef g(): return a.SHARED",
        },
        ("f", "g"),
    )
    first = small["p.a"].splitlines()
    assert first[1:4] == ["SHARED = [2]", "TEXT = [3]", "_left = [4]"]
    short = first[0].partition(" ")[0]
    assert len(short) == 2
    assert f"_left = {short}" in small["p.a"]
    made: dict[str, Any] = {}
    exec(small["p.a"], made)
    assert made["f"]() == ([3], [1])


def test_arguments_are_short_unless_somebody_names_them() -> None:
    source = """
def f(first, second, third=None):
    def inner(first, fourth):
        return first + fourth + second
    return [first for first in inner(second, 1)], lambda value, first=first: value + first + third
def g(a, named, other):
    return f(a, named, third=other)
def h(data):
    class Own:
        def data(self): return self
    return Own().data, data
"""
    assert one(source, "f", "g", "h").splitlines() == [
        "def f(first, b, third=None):",
        "",
        "    def inner(c, d):",
        "        return c + d + b",
        "    return ([first for first in inner(b, 1)], lambda c, d=first: c + d + third)",
        "",
        "def g(a, b, c):",
        "    return f(a, b, third=c)",
        "",
        "def h(data):",
        "",
        "    class Own:",
        "",
        "        def data(self):",
        "            return self",
        "    return (Own().data, data)",
    ]


def test_private_attributes_have_one_short_name_in_all_modules() -> None:
    base = """
class Base:
    def __init__(self): self._position = self._named = 0
    def _named_by_traceback(self): return self._position
"""
    more = """
from a import Base
class More(Base):
    def go(self): return self._position, getattr(self, '_named'), self._named_by_traceback()
"""
    small = shrink({"a": base, "b": more}, ("More", "go"))
    names = {
        node.attr for tree in small.values() for node in ast.walk(ast.parse(tree)) if isinstance(node, ast.Attribute)
    }
    assert {"_named", "_named_by_traceback"} < names
    assert [len(name) for name in names - {"_named", "_named_by_traceback"}] == [2]


SAME = """
import sys
sys.path.insert(0, sys.argv[1])
from ganglion_micro import cbor, expression, text
from ganglion_micro.engine import Engine
from ganglion_micro.plan import Steps, unpack
engine = Engine(unpack(open(sys.argv[2], "rb").read(), Steps))
event = {"id": "e", "source": "s", "topic": "t", "value": 9.5, "payload": 9.5, "timestamp": 5}
effects = engine.start("main", event, {"session_id": "s", "data": {"total": 0}}, 5)
while effects[0].kind:
    print([getattr(effects[0], name, None) for name in ("kind", "message", "topic", "value", "level", "actuator")])
    effects = engine.resume(effects[0].run, [True, True, ""], 6)
print(effects[0].episode)
"""


def test_the_engine_does_the_same(tmp_path: Path) -> None:
    from ganglion.firmware.heap import document
    from ganglion.mova.compile import compile
    from ganglion.mova.load import load

    (tmp_path / "plan").write_bytes(compile(load(document(), file="fifty.yaml")).encode())
    sources = {
        f"ganglion_micro.{path.stem}".removesuffix(".__init__"): path.read_text()
        for path in (ROOT / "firmware" / "ganglion_micro").glob("*.py")
    }
    (tmp_path / "ganglion_micro").mkdir()
    for name, source in shrink(sources, ("Engine", "Steps", "unpack", "start", "resume", "episode")).items():
        (tmp_path / "ganglion_micro" / (name.partition(".")[2] or "__init__")).with_suffix(".py").write_text(source)
    said = [
        subprocess.run(
            [sys.executable, "-c", SAME, str(folder), str(tmp_path / "plan")], capture_output=True, text=True, cwd="/"
        )
        for folder in (tmp_path, ROOT / "firmware")
    ]
    assert said[0].stdout == said[1].stdout, said[0].stderr
    assert said[0].stdout.count("\n") == 26


def test_modules_of_a_group_are_one_and_names_that_would_meet_are_told_apart() -> None:
    sources = {
        "p.low": """
import os
from struct import unpack
def last(path): return [os, path, unpack]
def same(one, two): return one == two
def open(name): return name
LIMITS = (1, 2)
""",
        "p.mid": """
from p import low
from p.low import same as equal
from json import unpack
class Kept:
    last = 1
    def go(self, path):
        last = low.last(path)
        return [equal(each, last) for each in (self.last, unpack)], low.open(path)
def same(): return [same for same in low.LIMITS]
def late():
    from p.low import same as other
    return other(1, 1)
""",
        "p.top": """
import os
from p.mid import Kept, late, same
def main():
    def inner(Kept): return Kept
    return Kept().go("x"), same(), late(), inner(2), os, open
""",
        "p.other": """
from p import low, top
from p.mid import same as s
def f(): return low.last(1), low.same(1, 2), s(), top.main()
""",
    }
    small = shrink(sources, ("main", "f", "go"), groups={"p.top": ["p.mid", "p.low", "p.absent"]})
    assert small.keys() == {"p.top", "p.other"}
    modules = {"json": type(sys)("json"), "p": type(sys)("p"), "p.top": type(sys)("p.top")}
    modules["json"].unpack = "json's"  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        top = vars(modules["p.top"])
        exec(small["p.top"], top)
        modules["p"].top = modules["p.top"]  # type: ignore[attr-defined]
        other: dict[str, Any] = {"__name__": "p.other", "__package__": "p"}
        exec(small["p.other"], other)
        import os
        from struct import unpack

        last = [os, "x", unpack]
        whole = (([False, False], "x"), [1, 2], True, 2, os, open)
        assert top["main"]() == whole
        assert other["f"]() == ([os, 1, unpack], False, [1, 2], whole)
        assert last
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def test_what_cannot_be_one_module_is_refused() -> None:
    as_object = {"p.a": "X = [1]", "p.b": "from p import a\ndef main(): return a, a.X"}
    with pytest.raises(ValueError, match=r"p\.b uses the module a as an object"):
        shrink(as_object, ("main",), groups={"p.b": ["p.a"]})
    twice = {
        "p.a": "def x(): return 1",
        "p.b": "def x(): return 2\ndef main():\n    from p.a import x\n    return x()\ndef f(): return x()",
    }
    with pytest.raises(ValueError, match="has a name x of its own, and imports another in a function"):
        shrink(twice, ("main", "f"), groups={"p.b": ["p.a"]})
    circle = {
        "p.a": "def x(): pass",
        "p.out": "from p.a import x\ndef y(): x()",
        "p.b": "from p.a import x\nfrom p.out import y\ndef main(): return x(), y()",
    }
    with pytest.raises(ValueError, match=r"p.out is needed by a group that has p.a, which it needs"):
        shrink(circle, ("main",), groups={"p.b": ["p.a"]})
