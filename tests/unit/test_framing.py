# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_micro.framing: messages arrive whole or not at all, beside any text, and whatever the line does."""

from binascii import crc32

from hypothesis import given
from hypothesis import strategies as st

from ganglion_micro.framing import Unframer, framed

MESSAGE = st.binary(min_size=1, max_size=200)
LINE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40).map(lambda text: f"{text}\r\n".encode())


def found(line: bytes, step: int, unframer: Unframer) -> list[bytes]:
    """What is found in octets that come in pieces."""
    return [message for at in range(0, len(line), step) for message in unframer.feed(line[at : at + step])]


def test_a_frame_is_that_of_rfc_1662() -> None:
    assert (
        framed(b"\x00~}A")
        == b"\x7e\x7d\x20\x7d\x5e\x7d\x5dA"
        + b"".join(
            bytes([0x7D, octet ^ 32]) if octet < 32 or octet in (0x7D, 0x7E) else bytes([octet])
            for octet in crc32(b"\x00~}A").to_bytes(4, "little")
        )
        + b"\x7e"
    )


@given(MESSAGE)
def test_no_frame_has_a_control_character_that_a_repl_obeys(message: bytes) -> None:
    assert min(framed(message)) >= 32
    assert framed(message).count(b"~") == 2


@given(st.lists(MESSAGE | LINE.map(lambda line: (line,)), max_size=12), st.integers(1, 50))
def test_messages_between_lines_of_text_are_found_and_the_text_is_kept(parts: list, step: int) -> None:
    unframer = Unframer()
    line = b"".join(framed(part) if isinstance(part, bytes) else part[0] for part in parts)
    assert found(line, step, unframer) == [part for part in parts if isinstance(part, bytes)]
    assert unframer.text == b"".join(part[0] for part in parts if isinstance(part, tuple))[-1024:]


@given(MESSAGE, MESSAGE, st.data())
def test_what_was_damaged_is_no_message_and_the_next_is_found(first: bytes, second: bytes, data: st.DataObject) -> None:
    line = framed(first)
    at = data.draw(st.integers(0, len(line) - 1))
    cut = data.draw(st.integers(at, len(line)))
    noise = data.draw(st.binary(max_size=9))
    spoilt = line[:at] + noise + line[cut:]
    unframer = Unframer()
    got = found(spoilt + b"\r\n" + framed(second), 7, unframer)
    assert got[-1] == second
    assert set(got[:-1]) <= {first}, "CRC-32 lets none of so few through"


@given(st.binary(max_size=5000), MESSAGE)
def test_any_noise_is_text_and_the_memory_has_an_end(noise: bytes, message: bytes) -> None:
    unframer = Unframer()
    found(noise, 100, unframer)
    assert len(unframer.text) <= 1024
    assert unframer.feed(b"\n" + framed(message)) == [message]


def test_a_frame_without_an_end_is_given_up() -> None:
    unframer = Unframer()
    assert unframer.feed(b"~" + b"x" * 3000) == []
    assert unframer.feed(framed(b"m")) == [b"m"]
    assert len(unframer.text) == 1024
