# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients of RFC 2217 ask for, done to a port: the answer says what is so now, whether it was done or not."""

import contextlib
from typing import Any

from ganglion.console.rfc2217 import Code, Control, Modem, Request
from ganglion.device.link import Link
from ganglion.device.port import Line
from ganglion.errors import InvalidError

_PARITY = {1: "N", 2: "O", 3: "E", 4: "M", 5: "S"}
_STOP_BITS: dict[int, float] = {1: 1, 2: 2, 3: 1.5}
#: Control -> the line that it sets, and to what.
_LINES: dict[int, tuple[Line, bool]] = {
    Control.BREAK_ON: ("break_condition", True),
    Control.BREAK_OFF: ("break_condition", False),
    Control.DTR_ON: ("dtr", True),
    Control.DTR_OFF: ("dtr", False),
    Control.RTS_ON: ("rts", True),
    Control.RTS_OFF: ("rts", False),
}
_ASKS: dict[int, tuple[Line, Control, Control]] = {
    Control.ASK_BREAK: ("break_condition", Control.BREAK_ON, Control.BREAK_OFF),
    Control.ASK_DTR: ("dtr", Control.DTR_ON, Control.DTR_OFF),
    Control.ASK_RTS: ("rts", Control.RTS_ON, Control.RTS_OFF),
}
_FLOW: dict[int, dict[str, bool]] = {
    Control.FLOW_NONE: {"xonxoff": False, "rtscts": False},
    Control.FLOW_XONXOFF: {"xonxoff": True, "rtscts": False},
    Control.FLOW_RTSCTS: {"xonxoff": False, "rtscts": True},
}


def changes(request: Request, link: Link) -> bool:
    """Whether it would change anything: what every client says when it opens a port usually does not."""
    if request.code is Code.CONTROL:
        if request.value in _LINES:
            line, on = _LINES[request.value]
            return link.lines[line] != on
        return request.value in _FLOW and now(request, link) != request.value
    return request.code in _SETTINGS and request.value not in (0, now(request, link))


def done(request: Request, link: Link) -> int:
    """Does it, and returns what is so now."""
    settings: dict[str, Any] = {}
    match request.code:
        case Code.BAUD if request.value:
            settings = {"baudrate": request.value}
        case Code.DATA_BITS if request.value:
            settings = {"bytesize": request.value}
        case Code.PARITY if request.value in _PARITY:
            settings = {"parity": _PARITY[request.value]}
        case Code.STOP_BITS if request.value in _STOP_BITS:
            settings = {"stopbits": _STOP_BITS[request.value]}
        case Code.CONTROL if request.value in _FLOW:
            settings = dict(_FLOW[request.value])
        case Code.CONTROL if request.value in _LINES:
            line, on = _LINES[request.value]
            link.set_line(line, on=on)  # one that the port has not is taken to be as it was set, as pyserial does
        case Code.PURGE:
            link.discard(received=bool(request.value & 1), sent=bool(request.value & 2))
    if settings:
        with contextlib.suppress(InvalidError):  # the answer has what it is
            link.set(**settings)
    return now(request, link)


def now(request: Request, link: Link) -> int:
    """What the answer to a request says of the port as it is."""
    settings = link.settings()
    match request.code:
        case Code.BAUD:
            return int(settings["baudrate"])
        case Code.DATA_BITS:
            return int(settings.get("bytesize", 8))
        case Code.PARITY:
            return next(code for code, name in _PARITY.items() if name == settings.get("parity", "N"))
        case Code.STOP_BITS:
            return next(code for code, bits in _STOP_BITS.items() if bits == settings.get("stopbits", 1))
        case Code.CONTROL if request.value in _ASKS or request.value in _LINES:
            line = _ASKS[request.value][0] if request.value in _ASKS else _LINES[request.value][0]
            _, on, off = next(each for each in _ASKS.values() if each[0] == line)
            return on if link.lines[line] else off
        case Code.CONTROL:
            if settings.get("rtscts"):
                return Control.FLOW_RTSCTS
            return Control.FLOW_XONXOFF if settings.get("xonxoff") else Control.FLOW_NONE
        case Code.MODEM_STATE:
            return modem(link)
        case Code.LINE_STATE:
            return 0  # the kernel keeps errors of framing to itself
    return request.value


def modem(link: Link) -> int:
    """The lines that the device sets, as `Modem` has them."""
    lines = {} if link.port is None else link.port.modem()
    bits = {"cts": Modem.CTS, "dsr": Modem.DSR, "ri": Modem.RI, "cd": Modem.CD}
    return sum(bits[name] for name, on in lines.items() if on)


_SETTINGS = frozenset({Code.BAUD, Code.DATA_BITS, Code.PARITY, Code.STOP_BITS})
