# SPDX-License-Identifier: GPL-3.0-or-later
"""console.keys: what goes to the device and what is for the console, in whatever pieces keys come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.console.keys import HELP, Command, Do, Keys, Meant, Send, Show


def meant(*pieces: bytes) -> list[Meant]:
    keys = Keys()
    return [each for piece in pieces for each in keys.receive(piece)]


def sent(all_meant: list[Meant]) -> bytes:
    return b"".join(each.data for each in all_meant if isinstance(each, Send))


@given(st.lists(st.binary()).map(lambda pieces: [piece.translate(None, b"\x14\x1d") for piece in pieces]))
def test_every_key_but_two_goes_to_the_device_as_it_is(pieces: list[bytes]) -> None:
    assert sent(meant(*pieces)) == b"".join(pieces)


@given(st.binary(), st.integers(0, 100))
def test_keys_mean_the_same_in_whatever_pieces_they_come(data: bytes, at: int) -> None:
    def joined(all_meant: list[Meant]) -> list[object]:
        return [sent(all_meant), *(each for each in all_meant if isinstance(each, Do))]

    assert joined(meant(data[:at], data[at:])) == joined(meant(data))


def test_the_console_ends_by_one_key() -> None:
    assert meant(b"ab\x1dcd") == [Send(b"ab"), Do(Command.LEAVE), Send(b"cd")]


def test_both_keys_reach_the_device_after_the_key_of_the_menu() -> None:
    assert sent(meant(b"\x14", b"\x14\x14\x1d\x03")) == b"\x14\x1d\x03"


@pytest.mark.parametrize("command", [each for each in Command if each not in (Command.FILE, Command.PASTE)])
def test_a_command_is_one_key_of_either_case(command: Command) -> None:
    assert meant(b"\x14" + command.value.encode()) == [Do(command)]
    assert meant(b"\x14" + command.value.upper().encode()) == [Do(command)]


@pytest.mark.parametrize("command", list(Command))
def test_the_list_has_every_command(command: Command) -> None:
    assert f"Ctrl-T {command.value} " in HELP


def test_a_key_that_is_no_command_asks_for_help_and_is_not_sent() -> None:
    assert meant(b"\x14\x00") == [Do(Command.HELP)]
    assert meant(b"\x14\xff") == [Do(Command.HELP)]


@pytest.mark.parametrize(("key", "command"), [(b"f", Command.FILE), (b"p", Command.PASTE)])
def test_a_name_is_typed_mended_and_given(key: bytes, command: Command) -> None:
    typed = meant(b"\x14" + key + "мin\x7f".encode(), b"\x7f\x7f\x7f\x7fmai", b"n.py\r", b"on")
    assert typed[-2:] == [Do(command, "main.py"), Send(b"on")]
    assert sum(each == Show("\b \b") for each in typed) == 3, "what is not there is not taken back"


def test_a_letter_of_several_bytes_is_shown_when_it_is_whole() -> None:
    assert meant(b"\x14f", b"\xd0", b"\xb6")[1:] == [Show("ж")]


@pytest.mark.parametrize("key", [b"\x03", b"\x1b", b"\x07", b"\x1d", b"\r", b"  \r"])
def test_a_name_may_be_left_out(key: bytes) -> None:
    typed = meant(b"\x14f" + key + b"x")
    assert not any(isinstance(each, Do) for each in typed)
    assert sent(typed) == b"x"


def test_a_name_has_an_end() -> None:
    (name,) = [each for each in meant(b"\x14p" + b"x" * 10_000 + b"\r") if isinstance(each, Do)]
    assert len(name.path) == 4096
