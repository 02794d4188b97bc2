# SPDX-License-Identifier: GPL-3.0-or-later
"""The line that is typed at a console of the dashboard, and what a console says, as a terminal gets them."""

import pytest

from ganglion.console.session import Came, Session
from ganglion.errors import GanglionError
from ganglion_gateway.dashboard.console import saying
from ganglion_gateway.dashboard.console.typing_line import ERASE, TypedLine


def enter(line: TypedLine, data: str) -> list[str]:
    return [done for key in line.keys(data) if (done := line.press(key)) is not None]


@pytest.mark.parametrize(
    ("keys", "entered"),
    [
        ("status\r", ["status"]),
        ("stats\x7f\x7ftus\r", ["status"]),
        ("\x7f\x7fa\r", ["a"]),
        ("ello\x1b[Hh\x1b[F!\r", ["hello!"]),
        ("ab\x1b[D\x1b[D\x1b[DX\r", ["Xab"]),
        ("ab\x1b[D\x1b[3~c\r", ["ac"]),
        ("one two\x17three\r", ["one three"]),
        ("one\x15two\r", ["two"]),
        ("onetwo\x1b[D\x1b[D\x1b[D\x0b\r", ["one"]),
        ("first\rsecond\r\n", ["first", "second"]),
        ("їжак\r", ["їжак"]),
        ("a\x1b[24~\x00b\r", ["ab"]),
        ("one\rtwo\r\x1b[A\x1b[A\r", ["one", "two", "one"]),
        ("one\rha\x1b[A\x1b[Blf\r", ["one", "half"]),
    ],
)
def test_keys_make_lines(keys: str, entered: list[str]) -> None:
    assert enter(TypedLine(), keys) == entered


def test_a_line_longer_than_the_window_shows_the_part_with_the_cursor() -> None:
    line = TypedLine(columns=20)
    enter(line, "0123456789" * 3)
    shown = line.shown().removeprefix(ERASE)
    assert shown.endswith("34567890123456789")
    assert len(shown.replace("\x1b[36m", "").replace("\x1b[0m", "")) < 20
    enter(line, "\x01")
    assert line.shown().endswith("\x1b[17D")


def test_what_a_node_says_commands_no_terminal() -> None:
    came = Came([(1, 40, "bad \x1b]0;owned\x07"), (2, 100, "x\x1b[2J")], 3, b"", None, False, False)
    shown = saying.came(came, "{count} lines are lost")
    assert "-- 3 lines are lost" in shown
    assert "owned" in shown
    for harmful in ("\x1b]", "\x07", "\x1b[2J"):
        assert harmful not in shown
        assert harmful not in saying.result({"methods": [{"name": f"a{harmful}", "summary": harmful}]})
        assert harmful not in saying.result(harmful)
        assert harmful not in saying.wrong(harmful)


def test_an_answer_is_a_table_of_methods_or_json() -> None:
    assert saying.result({}) == ""
    assert saying.result({"scripts": []}) == '{\r\n  "scripts": []\r\n}\r\n'
    methods = {"methods": [{"name": "log", "summary": "lines"}, {"name": "status", "summary": "how it is"}]}
    lines = saying.result(methods).split("\r\n")
    assert lines[0] == "\x1b[36mlog   \x1b[0m  lines"


@pytest.mark.parametrize("said", [None, {}, {"lines": 1}, {"lines": [[1, 2]], "data": ""}])
def test_an_answer_that_no_console_gives_is_one_error(said: object) -> None:
    session = Session("fridge/garden", columns=4000, rows=0)
    asked = session.opening(take=True)
    assert asked.method == "console.open"
    assert {key: asked.params[key] for key in ("columns", "rows", "take", "leaf")} == {
        "columns": 1000,
        "rows": 1,
        "take": True,
        "leaf": "garden",
    }
    with pytest.raises(GanglionError, match="fridge answers what no console does"):
        session.read(said)
