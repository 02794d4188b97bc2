# SPDX-License-Identifier: GPL-3.0-or-later
"""console: RFC 2217 without a socket, bytes that leave slowly, and who writes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.console.paced import PIECE, Paced
from ganglion.console.pen import Pen
from ganglion.console.rfc2217 import Code, Data, Request, Server
from ganglion.errors import RemoteProtocolError

IAC, SB, SE, WILL, WONT, DO, DONT = (
    b"\xff",
    b"\xff\xfa",
    b"\xff\xf0",
    b"\xff\xfb",
    b"\xff\xfc",
    b"\xff\xfd",
    b"\xff\xfe",
)
COM = b"\x2c"


def opened() -> Server:
    server = Server()
    server.receive(WILL + COM)
    server.data_to_send()
    return server


def test_the_server_offers_what_a_client_needs() -> None:
    offer = Server().data_to_send()
    assert WILL + b"\x00" in offer
    assert DO + b"\x00" in offer
    assert DO + COM in offer


def test_an_agreement_to_what_was_offered_is_not_answered() -> None:
    """Two sides that answer each other's answers do so for ever (RFC 854)."""
    server = Server()
    server.data_to_send()
    assert server.receive(WILL + COM + DO + b"\x00" + WILL + b"\x00" + DO + b"\x03" + DO + b"\x01") == []
    assert server.data_to_send() == b""


def test_what_is_asked_for_is_agreed_to_once_or_refused() -> None:
    server = opened()
    server.receive(DO + COM + WILL + b"\x03" + WILL + b"\x01" + DO + b"\x22")
    assert server.data_to_send() == WILL + COM + DO + b"\x03" + DONT + b"\x01" + WONT + b"\x22"
    server.receive(DO + COM + WILL + b"\x03" + DONT + b"\x22" + WONT + b"\x01")
    assert server.data_to_send() == b""
    server.receive(DONT + COM)
    assert server.data_to_send() == WONT + COM


@given(st.binary())
def test_data_comes_through_whatever_it_is(data: bytes) -> None:
    server = opened()
    events = server.receive(data.replace(IAC, IAC + IAC))
    assert b"".join(event.data for event in events if isinstance(event, Data)) == data
    server.send(data)
    assert server.data_to_send().replace(IAC + IAC, IAC) == data


@given(st.binary(), st.binary(), st.integers(0, 2**32 - 1), st.lists(st.integers(0, 200)))
def test_requests_keep_their_place_however_bytes_are_cut(
    before: bytes, after: bytes, baud: int, cuts: list[int]
) -> None:
    def escaped(data: bytes) -> bytes:
        return data.replace(IAC, IAC + IAC)

    stream = escaped(before) + SB + COM + b"\x01" + escaped(baud.to_bytes(4, "big")) + SE + escaped(after)
    places = [0, *sorted(cuts), len(stream)]
    server = opened()
    events = [event for a, b in pairwise(places) for event in server.receive(stream[a:b])]
    at = events.index(Request(Code.BAUD, baud))
    assert b"".join(event.data for event in events[:at] if isinstance(event, Data)) == before
    assert b"".join(event.data for event in events[at + 1 :] if isinstance(event, Data)) == after


@given(st.lists(st.binary() | st.sampled_from([IAC, SB, SE, WILL, DO, SB + COM, COM + b"\x01"])))
def test_any_bytes_are_taken_or_refused(pieces: list[bytes]) -> None:
    server = opened()
    try:
        for piece in pieces:
            for event in server.receive(piece):
                if isinstance(event, Request):
                    server.answer(event, event.value)
    except RemoteProtocolError:
        pass


def test_a_request_without_an_end_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="longer than 256 bytes"):
        opened().receive(SB + COM + b"x" * 300)


def test_an_answer_has_the_number_of_its_request_and_100_more() -> None:
    server = opened()
    server.answer(Request(Code.BAUD, 0), 0x0000FF00)
    assert server.data_to_send() == SB + COM + b"\x65\x00\x00\xff\xff\x00" + SE
    server.answer(Request(Code.CONTROL, 8), 8)
    assert server.data_to_send() == SB + COM + b"\x69\x08" + SE
    server.receive(SB + COM + b"\x00" + SE)
    assert server.data_to_send() == SB + COM + b"\x64ganglion" + SE


def test_a_poll_needs_no_value_and_anything_else_does() -> None:
    server = opened()
    assert server.receive(SB + COM + b"\x07" + SE) == [Request(Code.MODEM_STATE, 0)]
    assert server.receive(SB + COM + b"\x01\x00" + SE + SB + COM + SE + SB + SE + SB + b"\x18\x01" + SE + SE) == []


def test_a_client_may_want_nothing_for_a_while() -> None:
    server = opened()
    server.receive(SB + COM + b"\x08" + SE)
    server.send(b"later\xff")
    assert (server.data_to_send(), server.held) == (b"", 6)
    server.receive(SB + COM + b"\x09" + SE)
    assert (server.data_to_send(), server.held) == (b"later\xff\xff", 0)


@given(st.binary(min_size=1).filter(lambda data: data[:1] != IAC))
def test_who_does_not_begin_as_telnet_is_refused(data: bytes) -> None:
    """A browser, which any page may have connect to this machine."""
    with pytest.raises(RemoteProtocolError, match="no Telnet"):
        Server().receive(data)


@given(st.binary(), st.integers(1, 100_000))
def test_what_is_paced_leaves_whole_and_no_faster(data: bytes, rate: int) -> None:
    paced, now, left = Paced(rate), 0.0, b""
    paced.put(data)
    while (deadline := paced.deadline) is not None:
        now = max(now, deadline)
        piece = paced.due(now)
        assert len(piece) <= PIECE
        assert paced.due(now) == b""
        left += piece
    assert left == data
    assert now >= (len(data) - PIECE) / rate - 1e-6


def test_what_is_paced_may_be_left() -> None:
    paced = Paced(1)
    paced.put(b"x" * 100)
    paced.clear()
    assert (paced.due(0), paced.deadline, len(paced)) == (b"", None, 0)


def test_one_at_a_time_writes() -> None:
    pen = Pen()
    assert str(pen) == "nobody"
    assert pen.take("one")
    assert pen.take("one")
    assert not pen.take("two")
    assert str(pen) == "one"
    pen.put_down("two")
    assert pen.is_held_by("one")
    pen.put_down("one")
    assert pen.is_free
    assert pen.take("two")
