# SPDX-License-Identifier: GPL-3.0-or-later
"""raw_repl: the protocol alone, on what MicroPython's documentation and real devices say, cut anywhere."""

import sys
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.device.raw_repl import BANNER, PAUSE, PIECE, Entered, Event, Executed, Left, Output, RawRepl, State
from ganglion.errors import LocalProtocolError, RemoteProtocolError

#: What a micro:bit with MicroPython 1.9.2 says, from Ctrl-C to the prompt of raw mode.
OLD_ENTRY = b'\x00MicroPython v1.9.2; micro:bit\r\nType "help()".\r\n>>> \r\n>>> \r\n\r\nraw REPL; CTRL-B to exit\r\n>'
#: A window of 128 bytes and one more, as 1.25 says it.
NEW_ANSWER = b"R\x01\x80\x00\x01"


def cut(data: bytes, at: Iterable[int]) -> list[bytes]:
    places = sorted({place % (len(data) + 1) for place in at} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(places)]


def joined(events: Iterable[Event]) -> list[Event]:
    """With what was printed in one piece on each stream."""
    whole: list[Event] = []
    for event in events:
        if (
            isinstance(event, Output)
            and whole
            and isinstance(last := whole[-1], Output)
            and last.stream == event.stream
        ):
            whole[-1] = Output(last.data + event.data, event.stream)
        else:
            whole.append(event)
    return whole


def sent(repl: RawRepl) -> bytes:
    data = b""
    while piece := repl.data_to_send():
        data += piece
    return data


def entered() -> RawRepl:
    """A device in raw mode."""
    repl = RawRepl()
    repl.enter()
    assert sent(repl) == b"\x01"
    assert repl.receive(BANNER) == [Entered()]
    return repl


def ready(*, raw_paste: bool) -> RawRepl:
    """A device in raw mode, of which is known whether it has raw-paste mode."""
    repl = entered()
    repl.execute(b"1")
    sent(repl)
    repl.receive(NEW_ANSWER if raw_paste else BANNER)
    sent(repl)
    repl.receive(b"\x04\x04\x04>" if raw_paste else b"OK\x04\x04>")
    assert repl.state is State.READY
    return repl


def test_who_enters_ends_what_runs_first() -> None:
    repl = RawRepl()
    repl.interrupt()
    repl.enter()
    assert sent(repl) == b"\r\x03\x03\x01"
    assert repl.receive(OLD_ENTRY) == [Entered()]


@given(st.lists(st.integers(0, 999)))
def test_a_device_without_raw_paste_mode_is_found_out_and_fed_in_small_pieces(places: list[int]) -> None:
    repl = RawRepl()
    repl.enter()
    sent(repl)
    for piece in cut(OLD_ENTRY, places):
        repl.receive(piece)
    source = b"print(1 + 1)\n" * 9
    repl.execute(source)
    assert sent(repl) == b"\x05A\x01"
    for piece in cut(BANNER, places):
        repl.receive(piece)
    pieces = []
    while piece := repl.data_to_send():
        pieces.append(piece)
        assert repl.pause == PAUSE
    assert b"".join(pieces) == source + b"\x04"
    assert max(map(len, pieces)) <= PIECE + 1
    said = b"OK2\r\n\x04Traceback (most recent call last):\r\nOSError: 28\r\n\x04>"
    events = [event for piece in cut(said, places) for event in repl.receive(piece)]
    traceback = b"Traceback (most recent call last):\r\nOSError: 28\r\n"
    assert joined(events) == [Output(b"2\r\n", "out"), Output(traceback, "error"), Executed()]
    assert repl.has_raw_paste is False
    repl.execute(b"2")
    assert sent(repl) == b"2\x04"  # it is not asked again


def test_a_device_that_knows_of_raw_paste_mode_and_has_none_is_fed_so_too() -> None:
    repl = entered()
    repl.execute(b"print(2)")
    sent(repl)
    repl.receive(b"R\x00")
    assert sent(repl) == b"print(2)\x04"
    assert repl.receive(b">OK2\r\n\x04\x04>") == [Output(b"2\r\n", "out"), Executed()]


@given(
    source=st.binary(max_size=2000).map(lambda data: bytes(byte for byte in data if not 1 <= byte <= 5)),
    window=st.integers(1, 300),
    places=st.lists(st.integers(0, 99)),
)
def test_no_more_is_sent_than_the_device_has_room_for(source: bytes, window: int, places: list[int]) -> None:
    repl = entered()
    repl.execute(source)
    assert sent(repl) == b"\x05A\x01"
    for piece in cut(b"R\x01" + window.to_bytes(2, "little") + b"\x01", places):
        repl.receive(piece)
    taken = b""
    room = 2 * window
    while not taken.endswith(b"\x04"):
        data = sent(repl)
        room -= len(data.removesuffix(b"\x04"))
        assert room >= 0
        taken += data
        if data and not taken.endswith(b"\x04"):
            repl.receive(b"\x01")  # it has taken a window's worth
            room += window
    assert taken == (source or b"\n") + b"\x04"
    assert repl.pause == 0
    assert repl.receive(b"\x01\x04hi\x04\x04>") == [Output(b"hi", "out"), Executed()]
    assert repl.has_raw_paste is True


def test_a_device_that_has_had_enough_is_told_that_nothing_follows() -> None:
    repl = ready(raw_paste=True)
    repl.execute(b"(" * 999)
    sent(repl)
    repl.receive(NEW_ANSWER)
    sent(repl)
    repl.receive(b"\x04")  # a syntax error, or no memory
    assert sent(repl) == b"\x04"
    assert repl.receive(b"\x04MemoryError: \r\n\x04>") == [Output(b"MemoryError: \r\n", "error"), Executed()]


@pytest.mark.parametrize("raw_paste", [False, True])
def test_what_runs_is_interrupted_by_one_ctrl_c(raw_paste: bool) -> None:
    repl = ready(raw_paste=raw_paste)
    repl.execute(b"while True: pass")
    sent(repl)
    if raw_paste:
        repl.receive(NEW_ANSWER)
        sent(repl)
    repl.receive(b"\x04" if raw_paste else b"OK")
    repl.interrupt()
    assert sent(repl) == b"\x03"
    assert joined(repl.receive(b"\x04KeyboardInterrupt: \r\n\x04>"))[-1] == Executed()


def test_a_transfer_that_is_interrupted_leaves_nothing_to_send() -> None:
    repl = ready(raw_paste=False)
    repl.execute(b"x" * 999)
    repl.data_to_send()
    repl.interrupt()
    repl.enter()
    assert sent(repl) == b"\r\x03\x03\x01"


def test_a_soft_reset_ends_in_raw_mode_and_leaving_in_the_repl_for_people() -> None:
    repl = ready(raw_paste=False)
    repl.soft_reset()
    assert sent(repl) == b"\x04"
    assert repl.receive(b"OK\r\nMPY: soft reboot\r\nboot.py was here\r\n" + BANNER) == [Entered()]
    repl.leave()
    assert sent(repl) == b"\x02"
    assert repl.receive(b"\r\nMicroPython v1.25.0\r\n>>> ") == [Left()]


def test_what_is_said_unasked_is_dropped() -> None:
    repl = ready(raw_paste=True)
    assert repl.receive(b"a timer was here \x04\x01>") == []
    repl.execute(b"1")
    assert sent(repl) == b"\x05A\x01"


@pytest.mark.parametrize("byte", [1, 2, 3, 4, 5])
def test_source_that_would_steer_the_repl_is_refused(byte: int) -> None:
    with pytest.raises(LocalProtocolError, match="escape"):
        ready(raw_paste=True).execute(b"x = '" + bytes([byte]) + b"'")


def test_nothing_to_run_is_no_soft_reset() -> None:
    repl = ready(raw_paste=False)
    repl.execute(b"")
    assert sent(repl) == b"\n\x04"


def test_only_a_device_that_waits_is_told_to_do_something() -> None:
    repl = RawRepl()
    for ask in (repl.leave, repl.soft_reset, lambda: repl.execute(b"1")):
        with pytest.raises(LocalProtocolError, match="runs whatever it runs"):
            ask()


@pytest.mark.parametrize(
    ("raw_paste", "said"), [(False, b"KO"), (True, b"R\x01\x00\x00"), (True, b"R\x02"), (True, NEW_ANSWER + b"?")]
)
def test_what_no_raw_repl_says_is_named_with_the_remedy_and_can_be_begun_anew(raw_paste: bool, said: bytes) -> None:
    repl = ready(raw_paste=raw_paste)
    repl.execute(b"1" * 999)
    sent(repl)
    with pytest.raises(RemoteProtocolError, match="press its reset button"):
        repl.receive(said)
    repl.interrupt()
    repl.enter()
    assert repl.receive(BANNER) == [Entered()]


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from([BANNER, b"OK", b"\x04", b">", b"R\x01\x80\x00\x01", b"R\x00", b"ra", b"\x01", b">>> "]),
            st.sampled_from(["interrupt", "enter", "execute", "soft_reset", "leave"]),
        ),
        max_size=60,
    )
)
def test_no_bytes_in_no_order_make_it_grow_or_fail_otherwise(steps: list[bytes | str]) -> None:
    repl = RawRepl()
    for step in steps:
        try:
            if isinstance(step, bytes):
                for event in repl.receive(step):
                    assert not isinstance(event, Output) or 0 < len(event.data) <= len(step)
            else:
                getattr(repl, step)(*([b"print(1)"] if step == "execute" else []))
            repl.data_to_send()
        except RemoteProtocolError:
            assert repl.state is State.OUTSIDE
        except LocalProtocolError:
            pass
        assert sys.getsizeof(repl._seen) < sys.getsizeof(b"") + len(BANNER)
        assert len(repl._out) < 100
