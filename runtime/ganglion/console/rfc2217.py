# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's side of RFC 2217, a serial port behind Telnet: bytes in, data and requests out, and bytes to send.

Nothing here has a socket or a port. Section numbers in comments are those of RFC 2217; Telnet is RFC 854 and 855.
"""

from dataclasses import dataclass
from enum import IntEnum

from ganglion.errors import RemoteProtocolError

_SE, _SB, _WILL, _WONT, _DO, _DONT, _IAC = 0xF0, 0xFA, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF
_BINARY, _ECHO, _SGA, _COM_PORT = 0, 1, 3, 44
#: Options that we do when asked, and those that the client may.
_OURS, _THEIRS = frozenset({_BINARY, _ECHO, _SGA, _COM_PORT}), frozenset({_BINARY, _SGA, _COM_PORT})
_ANSWER = 100  # what an answer's number is above its request's (section 3)
#: Bytes of a request, of which the longest that has a meaning is a client's name for itself.
LONGEST = 256
_SIGNATURE = b"ganglion"


class Code(IntEnum):
    """What a client asks for (section 3)."""

    SIGNATURE = 0
    BAUD = 1
    DATA_BITS = 2
    PARITY = 3
    STOP_BITS = 4
    CONTROL = 5
    LINE_STATE = 6
    MODEM_STATE = 7
    SUSPEND = 8
    RESUME = 9
    LINE_STATE_MASK = 10
    MODEM_STATE_MASK = 11
    PURGE = 12


class Control(IntEnum):
    """Values of `Code.CONTROL` that serial ports have; 0, 4, 7 and 10 ask, and change nothing."""

    ASK_FLOW = 0
    FLOW_NONE = 1
    FLOW_XONXOFF = 2
    FLOW_RTSCTS = 3
    ASK_BREAK = 4
    BREAK_ON = 5
    BREAK_OFF = 6
    ASK_DTR = 7
    DTR_ON = 8
    DTR_OFF = 9
    ASK_RTS = 10
    RTS_ON = 11
    RTS_OFF = 12


class Modem(IntEnum):
    """Bits of `Code.MODEM_STATE` (section 3, NOTIFY-MODEMSTATE)."""

    CTS = 16
    DSR = 32
    RI = 64
    CD = 128


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes for the port; never empty."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """What the client asks for; it has to be answered by `Server.answer`.

    Attributes:
        code: Which.
        value: Of which 0 asks for what is, and changes nothing.
    """

    code: Code
    value: int


class Server:
    """One client's connection, from its beginning."""

    def __init__(self) -> None:
        self._out = bytearray()
        self._us: set[int] = set()  # options that we do
        self._them: set[int] = set()  # and that the client does
        self._asked: set[tuple[int, int]] = set()  # what we have asked for, and is not answered
        self._verb = 0  # a WILL, WONT, DO or DONT whose option comes next
        self._iac = False
        self._inside: bytearray | None = None  # a request
        self._is_suspended = False
        self._held = bytearray()  # data for later
        self._has_begun = False
        for verb, option in ((_WILL, _ECHO), (_WILL, _SGA), (_WILL, _BINARY), (_DO, _BINARY), (_DO, _COM_PORT)):
            self._asked.add((verb, option))
            self._out += bytes((_IAC, verb, option))

    @property
    def held(self) -> int:
        """Bytes of the port that the client does not want yet."""
        return len(self._held)

    def data_to_send(self) -> bytes:
        """What is to go to the client; a second call gives what came since."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def send(self, data: bytes) -> None:
        """Data of the port, for the client; held while it wants none."""
        if self._is_suspended:
            self._held += data
        else:
            self._out += data.replace(b"\xff", b"\xff\xff")

    def answer(self, request: Request, value: int) -> None:
        """Tells the client what is now."""
        size = 4 if request.code is Code.BAUD else 1
        self._subnegotiate(request.code, value.to_bytes(size, "big"))

    def tell_modem_state(self, state: int) -> None:
        """Tells the client of the lines that the device sets, as `Modem` has them."""
        self._subnegotiate(Code.MODEM_STATE, bytes((state,)))

    def receive(self, data: bytes) -> list[Data | Request]:
        """What the client says.

        Raises:
            RemoteProtocolError: a request without an end; or it does not begin as Telnet, but as a browser, which any
                page may have connect to this machine.
        """
        if data and not self._has_begun:
            if data[0] != _IAC:
                raise RemoteProtocolError("what came first is no Telnet: a client of RFC 2217 begins with an option")
            self._has_begun = True
        events: list[Data | Request] = []
        through = bytearray()
        for byte in data:
            if self._verb:
                self._negotiate(self._verb, byte)
                self._verb = 0
            elif self._iac:
                self._iac = False
                if byte == _IAC:
                    (through if self._inside is None else self._inside).append(byte)
                elif byte == _SB:
                    self._inside = bytearray()
                elif byte == _SE and self._inside is not None:
                    if through:  # what came before a request belongs before it
                        events.append(Data(bytes(through)))
                        through.clear()
                    events += self._requested(bytes(self._inside))
                    self._inside = None
                elif byte in (_WILL, _WONT, _DO, _DONT):
                    self._verb = byte
            elif byte == _IAC:
                self._iac = True
            elif self._inside is None:
                through.append(byte)
            else:
                self._inside.append(byte)
            if self._inside is not None and len(self._inside) > LONGEST:
                raise RemoteProtocolError(f"a request of RFC 2217 is longer than {LONGEST} bytes")
        if through:
            events.append(Data(bytes(through)))
        return events

    def _negotiate(self, verb: int, option: int) -> None:
        """Answers what changes something, and nothing else, so that two sides never answer each other for ever."""
        is_ours = verb in (_DO, _DONT)
        does, may = (self._us, _OURS) if is_ours else (self._them, _THEIRS)
        yes, no = (_WILL, _WONT) if is_ours else (_DO, _DONT)
        wanted = verb in (_DO, _WILL)
        was_asked = (yes, option) in self._asked
        self._asked.discard((yes, option))
        if wanted and option not in may:
            self._out += bytes((_IAC, no, option))
        elif wanted and option not in does:
            does.add(option)
            if not was_asked:
                self._out += bytes((_IAC, yes, option))
        elif not wanted and option in does:
            does.discard(option)
            self._out += bytes((_IAC, no, option))

    def _requested(self, inside: bytes) -> list[Data | Request]:
        if len(inside) < 2 or inside[0] != _COM_PORT:
            return []  # another option's
        try:
            code = Code(inside[1])
        except ValueError:
            return []  # of later versions
        match code:
            case Code.SIGNATURE:
                if len(inside) == 2:  # it asks for ours; else it says its own
                    self._subnegotiate(code, _SIGNATURE)
                return []
            case Code.SUSPEND | Code.RESUME:
                self._is_suspended = code is Code.SUSPEND
                if not self._is_suspended:
                    held = bytes(self._held)
                    self._held.clear()
                    self.send(held)
                return []
        size = 4 if code is Code.BAUD else 1
        value = inside[2 : 2 + size]
        if len(value) < size:
            # Polls of the state need none
            return [Request(code, 0)] if code in (Code.LINE_STATE, Code.MODEM_STATE) else []
        return [Request(code, int.from_bytes(value, "big"))]

    def _subnegotiate(self, code: Code, value: bytes) -> None:
        inside = bytes((_COM_PORT, code + _ANSWER)) + value
        self._out += bytes((_IAC, _SB)) + inside.replace(b"\xff", b"\xff\xff") + bytes((_IAC, _SE))
