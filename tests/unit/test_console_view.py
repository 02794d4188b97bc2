# SPDX-License-Identifier: GPL-3.0-or-later
"""console: what is shown of what a device says, and what never reaches the terminal."""

import json
import os
import re
import termios
from argparse import Namespace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.cli import console_node
from ganglion.cli.console_link import Link
from ganglion.console.asciicast import Cast
from ganglion.console.harmless import Harmless
from ganglion.console.lines import LONGEST, Line, Lines, document, event
from ganglion.console.recorder import Recorder
from ganglion.console.terminal import lines_ended_by
from ganglion.console.view import View
from ganglion.errors import InvalidError


def harmless(data: bytes) -> str:
    stream = Harmless()
    return stream.text(data) + stream.rest()


#: What a terminal may be sent: letters, five controls, and a short list of sequences.
FINE = re.compile(
    "(?:[\a\b\t\n\r]|[^\x00-\x1f\x7f-\x9f\u202e\u2066]|"
    "\x1b[78]|\x1b\\[\\?(?:25|7)[hl]|\x1b\\[[56]n|\x1b\\[[0-9;:]*[@ABCDEFGHJKLMPSTXZ`adefmsu])*"
)


@given(
    st.binary()
    | st.lists(st.sampled_from([b"\x1b", b"[", b"]", b"?", b"3", b";", b"J", b"h", b"\xc2", b"\x9b", b"m", b"P"])).map(
        b"".join
    )
)
def test_nothing_but_what_is_fine_reaches_the_terminal(data: bytes) -> None:
    assert FINE.fullmatch(harmless(data))


@given(st.binary(), st.lists(st.integers(0, 60)))
def test_pieces_do_not_matter(data: bytes, cuts: list[int]) -> None:
    stream = Harmless()
    places = [0, *sorted(cuts), len(data)]
    said = "".join(stream.text(data[a:b]) for a, b in pairwise(places))
    assert said + stream.rest() == harmless(data)


@given(st.text().filter(lambda text: text.isprintable() and not re.search("[\u061c\u200e\u200f]", text)))
def test_letters_are_shown_as_they_are(text: str) -> None:
    assert harmless(text.encode()) == text


@pytest.mark.parametrize(
    "said",
    [
        "\b\x1b[K",
        "\x1b[31;1mred\x1b[0m",
        "\x1b[2J\x1b[H",
        "\x1b[4D",
        "\x1b[38:2::1:2:3m",
        "\x1b[?25l",
        "\x1b[6n",
        "\x1b7x\x1b8",
    ],
)
def test_editors_of_lines_and_colours_work(said: str) -> None:
    assert harmless(said.encode()) == said


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"\x1b]0;title\x07", "␛]0;title\x07"),
        (b"\x1b]52;c;cm0gLXJm\x1b\\", "␛]52;c;cm0gLXJm␛\\"),
        (b"\x1bP$qm\x1b\\", "␛P$qm␛\\"),
        (b"\x1b[?1049h", "␛[?1049h"),
        (b"\x1b[?1000h", "␛[?1000h"),
        (b"\x1b[3J", "␛[3J"),
        (b"\x1b[003J", "␛[003J"),
        (b"\x1b[21t", "␛[21t"),
        (b"\x1b[c", "␛[c"),
        (b"\x1b[!p", "␛[!p"),
        (b"\x1b[?3J", "␛[?3J"),
        (b"\x1bc", "␛c"),
        (b"\x1b[1\nx", "␛[1\nx"),
        (b"\x1b\x1b[31m", "␛\x1b[31m"),
        (b"\x1b[" + b"1" * 100 + b"m", "␛[" + "1" * 100 + "m"),
        ("\x9b31m".encode(), "\\x9b31m"),
        ("\u202eevil".encode(), "\\u202eevil"),
        (b"\x00\x01\x7f\xff\x0c", "␁␡\N{REPLACEMENT CHARACTER}␌"),
        (b"\x1b[31", "␛[31"),
        (b"\xd0", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(said: bytes, shown: str) -> None:
    assert harmless(said) == shown


def shown(view: View, *pieces: bytes) -> str:
    return b"".join(view.show(piece, str(i)) for i, piece in enumerate(pieces)).decode()


def test_a_line_begins_with_the_time_at_which_it_began() -> None:
    assert shown(View(times=True), b"a", b"b\r\n", b"\r\nc", b"\n") == "[0] ab\r\n\r[2] \n[2] c\n"


def test_a_line_that_is_drawn_anew_has_its_time_again() -> None:
    assert shown(View(times=True), b"10 %\r", b"20 %\r\n", b"x") == "[0] 10 %\r[1] 20 %\r\n[2] x"


@given(st.lists(st.binary()))
def test_times_change_nothing_else(pieces: list[bytes]) -> None:
    view = View(times=True)
    said = b"".join(view.show(piece, "@") for piece in pieces).decode()
    assert said.replace("[@] ", "") == shown(View(), *pieces).replace("[@] ", "")


def test_bytes_are_shown_in_rows() -> None:
    view = View(hexadecimal=True)
    assert shown(view, bytes(range(0x3A, 0x4C)), b"\xff") == (
        "00000000  3a 3b 3c 3d 3e 3f 40 41 42 43 44 45 46 47 48 49  |:;<=>?@ABCDEFGHI|\n"
    )
    assert view.has_row
    assert view.rest("").decode() == "00000010  4a 4b ff                                         |JK.|\n"
    assert not view.has_row
    assert shown(View(hexadecimal=True, times=True), b"x", b"y" * 16).startswith("[0] 00000000  78 79 ")


@given(st.binary())
def test_raw_is_what_came(data: bytes) -> None:
    assert View(raw=True).show(data, "") + View(raw=True).rest("") == data


def test_text_comes_back_after_rows_on_a_line_of_its_own() -> None:
    view = View()
    assert view.show(b">>> ", "") == b">>> "
    view.switch_hexadecimal()
    assert view.show(b"a", "") == b""
    assert view.row().startswith(b"\n00000000  61 ")
    view.switch_hexadecimal()
    assert view.show(b"b", "") == b"b"


@given(st.lists(st.binary()))
def test_lines_have_every_byte(pieces: list[bytes]) -> None:
    lines = Lines()
    found = [line for piece in pieces for line in lines.receive(piece)] + lines.rest()
    data = b"".join(line.data + b"\n" * line.is_whole for line in found)
    assert data == b"".join(pieces).replace(b"\r\n", b"\n")


def test_a_line_without_an_end_is_cut() -> None:
    lines = Lines()
    assert lines.receive(b"x" * LONGEST) == []
    assert lines.has_begun
    assert lines.receive(b"yz\n") == [Line(data=b"x" * LONGEST, is_whole=False), Line(data=b"yz", is_whole=True)]


def test_a_line_is_a_document() -> None:
    assert json.loads(document(Line(data="ж\x1b".encode(), is_whole=True), "received", "T")) == {
        "time": "T",
        "direction": "received",
        "text": "ж\x1b",
    }
    assert json.loads(document(Line(data=b"\xff", is_whole=False), "sent", "T")) == {
        "time": "T",
        "direction": "sent",
        "base64": "/w==",
        "whole": False,
    }
    assert json.loads(event("gone", "T")) == {"time": "T", "event": "gone"}


@given(st.lists(st.tuples(st.sampled_from("io"), st.binary())))
def test_a_recording_is_asciicast_version_2(events: list[tuple[str, bytes]]) -> None:
    cast = Cast(begun=1_700_000_000.5, title="/dev/ttyUSB0", width=80, height=24)
    text = cast.header()
    for at, (kind, data) in enumerate(events):
        text += cast.said(data, at) if kind == "o" else cast.written(data, at)
    header, *rest = map(json.loads, text.splitlines())
    assert header == {"version": 2, "width": 80, "height": 24, "timestamp": 1_700_000_000, "title": "/dev/ttyUSB0"}
    assert all(isinstance(at, int | float) and kind in "io" and said for at, kind, said in rest)
    assert [at for at, _, _ in rest] == sorted(at for at, _, _ in rest)
    said = "".join(said for _, kind, said in rest if kind == "o")
    assert FINE.fullmatch(said)


class Hostile:
    """A node's console that says what no terminal may see."""

    session = SimpleNamespace(who="me", writes=True)

    def line(self, line: str) -> tuple[str, Any]:
        return line, {"shell": True}


def test_a_node_writes_to_the_terminal_itself_only_where_a_shell_was_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console = console_node._Console(cast(Link, Hostile()), Namespace(json=False), None)
    console._raw(b"\x1b]0;owned\x07")
    assert capsys.readouterr().out == "\N{SYMBOL FOR ESCAPE}]0;owned\a"
    console._line("shell")
    capsys.readouterr()
    console._raw(b"\x1b[?1049h")
    assert capsys.readouterr().out == "\x1b[?1049h"


def test_a_terminal_is_as_it_was_after_its_lines_ended_otherwise() -> None:
    near, far = os.openpty()
    before = termios.tcgetattr(far)
    with lines_ended_by(far, b"\x1d"):
        assert termios.tcgetattr(far)[6][termios.VEOL] == b"\x1d"
    assert termios.tcgetattr(far) == before
    with lines_ended_by(far, b"\x1d"):
        os.close(near)
        os.close(far)  # the terminal itself is gone: nothing is wrong


def test_a_recording_on_a_full_disk_is_said(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "it.cast", "it")
    recorder.close()
    with Path("/dev/full").open("w", buffering=1) as full:
        recorder._file = full
        with pytest.raises(InvalidError, match=r"it\.cast: cannot be written any more: No space left on device; rec"):
            recorder.said(b"hello\r\n")
        recorder.close()
