# SPDX-License-Identifier: GPL-3.0-or-later
"""device: what a device answers when it is none of ours, or lies: an error that says so, and never more."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.device import programs
from ganglion.device.files import Files
from ganglion.device.programs import Abilities
from ganglion.device.session import DeviceError, Session
from ganglion.errors import GanglionError, RemoteProtocolError

EVERYTHING = Abilities(*[True] * 7)
NOTHING = Abilities(*[False] * 7)


class Liar:
    """A session whose device says what it likes."""

    def __init__(self, can: bytes, answers: list[bytes]) -> None:
        self._can = can
        self._answers = answers
        self.has_raw_paste = True
        self.port = type("Port", (), {"name": "/dev/ttyLIAR"})

    def execute(self, source: str, *, quiet: float = 0, each: Callable[[bytes], None] | None = None) -> bytes:
        if source == programs.PROBE:
            return self._can
        answer = self._answers.pop() if self._answers else b"0 0"
        if answer.startswith(b"OSError"):
            raise DeviceError(answer.decode(errors="replace"))
        if each is not None:
            each(answer)
        return answer


ANSWERS = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.from_regex(rb"\A[01] \d{1,3}( [a-z/]{1,5}\r\n)?\Z"),
        st.sampled_from([b"OSError: [Errno 2] ENOENT", b"OSError: 28", b"OSError: file not found", b"AAAA\r\n"]),
    ),
    max_size=12,
)


@given(can=st.sampled_from([b"1 1 1 1 1 1 1\r\n", b"0 0 0 0 0 0 0\r\n", b"1 0 1 1 0 1 1\r\n"]), answers=ANSWERS)
@pytest.mark.parametrize("act", ["listing", "status", "read", "write", "remove", "make_folder"])
def test_no_answer_is_more_than_an_error(act: str, can: bytes, answers: list[bytes]) -> None:
    files = Files(cast(Session, Liar(can, answers)))
    more: dict[str, Any] = {"write": {"data": b"x" * 50}, "remove": {"tree": True}}.get(act, {})
    try:
        getattr(files, act)("name", **more)
    except GanglionError as error:
        assert str(error)


@given(st.binary(max_size=30))
def test_abilities_are_digits(can: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="press its reset button"):
        assert Files(cast(Session, Liar(can, []))).can is None


@given(st.binary(max_size=200))
@pytest.mark.parametrize("can", [EVERYTHING, NOTHING])
def test_what_is_written_is_what_python_reads_and_has_no_control_characters(can: Abilities, data: bytes) -> None:
    program = programs.write(data, can, flush=False)
    assert program.isascii()
    assert program.isprintable()
    written: list[bytes] = []
    exec(program, {"_gw": written.append, "_gb": __import__("binascii")})
    assert written == [data]


@pytest.mark.parametrize(
    ("said", "kind", "number"),
    [
        ("OSError: [Errno 28] ENOSPC", "OSError", 28),
        ("OSError: 28", "OSError", 28),
        ("OSError: file not found", "OSError", None),
        ("OSError: ", "OSError", None),
        ("ValueError: 2", "ValueError", None),
        ("", "", None),
    ],
)
def test_a_traceback_is_read_in_the_spellings_of_all_versions(said: str, kind: str, number: int | None) -> None:
    error = DeviceError(f'Traceback (most recent call last):\r\n  File "<stdin>", line 1\r\n{said}\r\n' if said else "")
    assert (error.kind, error.number) == (kind, number)
