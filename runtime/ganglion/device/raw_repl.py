# SPDX-License-Identifier: GPL-3.0-or-later
"""MicroPython's raw REPL without I/O: bytes in, events and bytes out. Nothing here waits, sleeps or reads a clock.

Source goes out in raw-paste mode, in which the device says how much it has room for, and on a device that has none (all
before MicroPython 1.14) in small pieces with a pause after each. Which of them is learnt with the first execution. See
https://docs.micropython.org/en/latest/reference/repl.html, "Raw mode" and "Raw-paste mode".
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal, NoReturn

from ganglion.errors import LocalProtocolError, RemoteProtocolError

#: What a device says on entering raw mode, with the prompt that it waits behind.
BANNER = b"raw REPL; CTRL-B to exit\r\n>"
#: The prompt of its REPL for people.
FRIENDLY = b">>> "
#: Bytes a piece and seconds after each, without flow control: what the smallest UART keeps while its device is busy.
PIECE = 32
PAUSE = 0.01
_RAW, _LEAVE, _INTERRUPT, _END, _PASTE = b"\x01", b"\x02", b"\x03", b"\x04", b"\x05A\x01"
#: Bytes with a meaning of their own to a device that takes source.
_CONTROL = frozenset(range(1, 6))


@dataclass(frozen=True, slots=True)
class Entered:
    """The device is in raw mode and waits for source."""


@dataclass(frozen=True, slots=True)
class Left:
    """The device is back in the REPL for people."""


@dataclass(frozen=True, slots=True)
class Output:
    """A part of what a program says, as it came.

    Attributes:
        data: Never empty.
        stream: `out` for what it prints, `error` for the traceback that it ends with.
    """

    data: bytes
    stream: Literal["out", "error"]


@dataclass(frozen=True, slots=True)
class Executed:
    """The program has ended; without a word on `error` it ended well."""


Event = Entered | Left | Output | Executed


class State(Enum):
    """What the device does, as far as it has been told and has answered."""

    OUTSIDE = "runs whatever it runs"
    ENTERING = "is asked to enter raw mode"
    READY = "waits for source in raw mode"
    ASKING = "is asked whether it knows raw-paste mode"
    MEASURING = "says how much it has room for"
    WONDERING = "does not know what it is asked"
    PASTING = "takes source in raw-paste mode"
    PASTED = "has all of it"
    SENDING = "takes source in plain raw mode"
    SENT = "has all of that"
    PRINTING = "runs it"
    FAILING = "says how it ended"
    ENDING = "is about to wait again"
    LEAVING = "is asked to leave raw mode"


class RawRepl:
    """One device's raw REPL, from our side.

    What the device says in raw mode while no program runs (by a timer's callback, say) is dropped. A program that
    prints the byte 0x04 ends its output by that: the protocol has no way around it.
    """

    def __init__(self) -> None:
        self.state = State.OUTSIDE
        self._known: bool | None = None  # whether it has raw-paste mode
        self._out = bytearray()  # what may go out at once
        self._source = b""
        self._sent = 0  # how much of the source is out
        self._room = 0  # how much the device says it has room for
        self._window = 0  # how much more each 0x01 of its means
        self._seen = b""  # the last of what came, shorter than a banner
        self._events: list[Event] = []

    @property
    def has_raw_paste(self) -> bool | None:
        """Whether the device has raw-paste mode; None before the first execution."""
        return self._known

    @property
    def pause(self) -> float:
        """Seconds to let pass after what `data_to_send` gave, so that a device without flow control keeps up."""
        return PAUSE if self.state in (State.SENDING, State.SENT) else 0.0

    def interrupt(self) -> None:
        """Ctrl-C. What was executed ends by it, as far as it lets itself; after anything else `enter` is next."""
        if self.state in (State.PRINTING, State.FAILING):
            self._out += _INTERRUPT
            return
        # A line that somebody began is ended; the second Ctrl-C is for a program that catches the first.
        self._out[:] = b"\r" + 2 * _INTERRUPT
        self._source = b""
        self._become(State.OUTSIDE)

    def enter(self) -> None:
        """Ctrl-A. `Entered` follows, unless something runs that does not listen; it may be said again."""
        self._out += _RAW
        self._become(State.ENTERING)

    def execute(self, source: bytes) -> None:
        """Hands a program over. `Output` and `Executed` follow.

        Raises:
            LocalProtocolError: the device does not wait for source, or the source has bytes from 0x01 to 0x05.
        """
        self._expect(State.READY, "execute")
        if not _CONTROL.isdisjoint(source):
            raise LocalProtocolError("source has control characters, by which the raw REPL is steered: escape them")
        # Nothing at all would be a soft reset in plain raw mode.
        self._source, self._sent, self._room = source or b"\n", 0, 0
        if self._known is False:
            self._become(State.SENDING)
        else:
            self._out += _PASTE
            self._become(State.ASKING)

    def soft_reset(self) -> None:
        """Ctrl-D: the interpreter starts anew and runs boot.py, not main.py. `Entered` follows.

        Raises:
            LocalProtocolError: the device does not wait for source.
        """
        self._expect(State.READY, "soft-reset")
        self._out += _END
        self._become(State.ENTERING)

    def leave(self) -> None:
        """Ctrl-B. `Left` follows.

        Raises:
            LocalProtocolError: the device does not wait for source.
        """
        self._expect(State.READY, "leave")
        self._out += _LEAVE
        self._become(State.LEAVING)

    def data_to_send(self) -> bytes:
        """What the device takes now, b"" for nothing; what it gives is as good as sent. Then let `pause` pass."""
        if self._out:
            data = bytes(self._out)
            self._out.clear()
            return data
        match self.state:
            case State.PASTING:
                data = self._source[self._sent : self._sent + self._room]
                self._room -= len(data)
            case State.SENDING:
                data = self._source[self._sent : self._sent + PIECE]
            case _:
                return b""
        self._sent += len(data)
        if self._sent == len(self._source):
            data += _END  # no part of the source, so that it needs no room
            self._source = b""
            self._become(State.PASTED if self.state is State.PASTING else State.SENT)
        return data

    def receive(self, data: bytes) -> list[Event]:
        """Takes what came from the device, cut anywhere, and says what it means.

        Raises:
            RemoteProtocolError: it is none of what the protocol allows. `interrupt` and `enter` begin anew.
        """
        self._events.clear()
        while data:
            data = self._take(data)
        return self._events.copy()

    def _take(self, data: bytes) -> bytes:
        """One step of the machine: takes the first of the data, and returns the rest."""
        match self.state:
            case State.ENTERING:
                return self._await(BANNER, data, State.READY, Entered())
            case State.LEAVING:
                return self._await(FRIENDLY, data, State.OUTSIDE, Left())
            case State.ASKING:
                return self._answered(data)
            case State.MEASURING:
                return self._measured(data)
            case State.WONDERING:
                return self._await(BANNER, data, State.SENDING)
            case State.PASTING | State.PASTED if data[:1] == _RAW:
                self._room += self._window
                return data[1:]
            case State.PASTING | State.PASTED:
                if self.state is State.PASTING and data[:1] == _END:  # it will not have the rest, and says why
                    self._source = b""
                    self._out += _END
                return self._must_be(_END, data, State.PRINTING)
            case State.SENT if data[:1] == b">" and not self._seen:  # of who knows of raw-paste mode and has none
                return data[1:]
            case State.SENT:
                return self._must_be(b"OK", data, State.PRINTING)
            case State.PRINTING:
                return self._said("out", data, State.FAILING)
            case State.FAILING:
                return self._said("error", data, State.ENDING)
            case State.ENDING:
                return self._must_be(b">", data, State.READY, Executed())
        return b""  # said by nobody who was asked: OUTSIDE, READY, SENDING

    def _answered(self, data: bytes) -> bytes:
        """Whether it has raw-paste mode: R 0x01 is yes, R 0x00 no; who has never heard of it says its banner anew."""
        taken, rest = data[: 2 - len(self._seen)], data[2 - len(self._seen) :]
        self._seen += taken
        if not any(answer.startswith(self._seen) for answer in (b"R\x01", b"R\x00", BANNER[:2])):
            self._forbid(self._seen)
        if len(self._seen) == 2:
            self._known = self._seen == b"R\x01"
            if self._seen == BANNER[:2]:
                self._become(State.WONDERING)
                self._seen = BANNER[:2]
            else:
                self._become(State.MEASURING if self._known else State.SENDING)
        return rest

    def _measured(self, data: bytes) -> bytes:
        """Two bytes, little-endian: how much fits into its window, which is free."""
        taken, rest = data[: 2 - len(self._seen)], data[2 - len(self._seen) :]
        self._seen += taken
        if len(self._seen) == 2:
            self._window = self._room = int.from_bytes(self._seen, "little")
            if not self._window:
                self._forbid(self._seen)
            self._become(State.PASTING)
        return rest

    def _said(self, stream: Literal["out", "error"], data: bytes, then: State) -> bytes:
        text, end, rest = data.partition(_END)
        if text:
            self._events.append(Output(text, stream))
        if end:
            self._become(then)
        return rest

    def _await(self, marker: bytes, data: bytes, then: State, *events: Event) -> bytes:
        """Drops everything up to the marker and with it."""
        seen, found, rest = (self._seen + data).partition(marker)
        if not found:
            self._seen = seen[-len(marker) + 1 :]
            return b""
        self._become(then)
        self._events += events
        return rest

    def _must_be(self, wanted: bytes, data: bytes, then: State, *events: Event) -> bytes:
        """Takes what is wanted, and nothing else."""
        taken, rest = data[: len(wanted) - len(self._seen)], data[len(wanted) - len(self._seen) :]
        self._seen += taken
        if not wanted.startswith(self._seen):
            self._forbid(self._seen)
        if self._seen == wanted:
            self._become(then)
            self._events += events
        return rest

    def _forbid(self, said: bytes) -> NoReturn:
        doing = self.state.value
        self._become(State.OUTSIDE)
        raise RemoteProtocolError(
            f"a device that {doing} said {said!r}, which no raw REPL does: press its reset button and try once more"
        )

    def _expect(self, state: State, what: str) -> None:
        if self.state is not state:
            raise LocalProtocolError(f"cannot {what} a device that {self.state.value}")

    def _become(self, state: State) -> None:
        self.state = state
        self._seen = b""
