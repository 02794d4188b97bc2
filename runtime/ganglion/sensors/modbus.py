# SPDX-License-Identifier: GPL-3.0-or-later
"""Kind `modbus`: registers of a device on an RS-485 or RS-232 line, by Modbus RTU (pymodbus)."""

import logging
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, ClassVar

from ganglion import extras
from ganglion.errors import GanglionError, InvalidError, UnreachableError, UsageError
from ganglion.sensors.modbus_register import EXCEPTIONS, FUNCTIONS, Register, Request, requests, values
from ganglion.sensors.serial_port import PORT, check_port, open_port
from ganglion.sensors.source import Place, Section, Source, Value
from ganglion.settings import duration_field, read

_CHANNEL = re.compile(r"[a-z][a-z0-9_]*")
# It logs as an error what is raised here, and the sensor says, once
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)


class ModbusExceptionError(GanglionError):
    """The device answered with an exception: it understood the request and does not serve it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusSection(Section):
    """`[sensor.<name>]` with `kind = "modbus"`.

    Attributes:
        port: For example `/dev/ttyUSB0`, or better a name below `/dev/serial/by-id`. Sensors may share one.
        baud, parity, stop_bits: Of the line, the same for all on it; `none`, `even` or `odd`; 1 or 2.
        device: Its address, 1 to 247.
        timeout: How long an answer may take, 50ms to 1s, the same for all on the line; a device is asked twice.
        every: From reading to reading.
        registers: A table for each channel.
    """

    port: str
    registers: dict[str, Any]
    baud: int = 9600
    parity: str = "none"
    stop_bits: int = 1
    device: int = 1
    timeout: int = duration_field("500ms")
    every: int = duration_field("5s")

    def __post_init__(self) -> None:
        check_port(self.port)
        if self.baud <= 0:
            raise ValueError(f"baud must be a rate such as 9600, not {self.baud}")
        if self.parity not in ("none", "even", "odd"):
            raise ValueError(f"parity must be none, even or odd, not {self.parity!r}")
        if self.stop_bits not in (1, 2):
            raise ValueError(f"stop_bits must be 1 or 2, not {self.stop_bits}")
        if not 1 <= self.device <= 247:
            raise ValueError(f"device must be 1 to 247, not {self.device}")
        if not 50_000_000 <= self.timeout <= 1_000_000_000:
            raise ValueError("timeout must be 50ms to 1s")
        if not self.registers:
            raise ValueError("registers must name at least one: registers.voltage = {address = 0}")


SECTION = ModbusSection


def source(section: ModbusSection, place: Place) -> Source:
    """The device.

    Raises:
        InvalidError: a register is wrong.
        RefusedError: a section from afar names another device.
        UsageError: pymodbus or pyserial is not installed.
    """
    registers = {}
    for channel, table in section.registers.items():
        where = f"{place.where}.registers.{channel}"
        if not _CHANNEL.fullmatch(channel):
            raise InvalidError("a channel's name is of a-z, 0-9 and _, and begins with a letter", where=where)
        if not isinstance(table, dict):
            raise InvalidError("must be a table: {address = 0}", where=where)
        registers[channel] = read(Register, table, where)
    section = replace(section, port=place.device("port", section.port, PORT))
    if not place.replayed and (find_spec("pymodbus") is None or find_spec("serial") is None):
        raise UsageError(f"{place.where}: {section.port} needs pymodbus: {extras.remedy('serial')}")
    return _Modbus(section, registers)


class _Modbus(Source):
    def __init__(self, section: ModbusSection, registers: Mapping[str, Register]) -> None:
        self.every = section.every
        self.channels = {name: "" if register.bit else register.unit for name, register in registers.items()}
        self._section = section
        self._registers = registers
        self._requests = requests(registers.values())
        self._bus: _Bus | None = None

    def open(self) -> None:
        self._bus = _Bus.share(self._section)

    def sample(self) -> Mapping[str, Value]:
        assert self._bus is not None
        answers = {request: self._bus.read(self._section.device, request) for request in self._requests}
        return values(self._registers, answers)

    def close(self) -> None:
        if self._bus is not None:
            self._bus.leave()
            self._bus = None


class _Bus:
    """A line with one request on it at a time, whichever sensor asks.

    Args:
        section: Of the sensor that asks first.

    Raises:
        OSError: the port cannot be opened; the message says why.
    """

    _shared: ClassVar[dict[str, "_Bus"]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def share(cls, section: ModbusSection) -> "_Bus":
        """The line of that port, opened if nobody has it yet.

        Raises:
            OSError: the port cannot be opened, or it is open with other settings.
        """
        with cls._lock:
            bus = cls._shared.get(section.port)
            if bus is None:
                bus = cls._shared[section.port] = cls(section)
            elif bus._settings != _settings(section):
                raise OSError(f"another sensor at {section.port} has another baud, parity, stop_bits or timeout")
            bus._users += 1
            return bus

    def __init__(self, section: ModbusSection) -> None:
        from pymodbus.client import ModbusSerialClient

        self._settings = _settings(section)
        self._users = 0
        self._port = section.port
        self._came = False
        self._client = ModbusSerialClient(
            section.port,
            baudrate=section.baud,
            parity=section.parity[0].upper(),
            stopbits=section.stop_bits,
            timeout=section.timeout / 1e9,
            retries=1,
            trace_packet=self._seen,
        )
        if not self._client.connect():
            open_port(section.port, section.baud, parity=section.parity, stop_bits=section.stop_bits).close()
            raise OSError(f"{section.port} could not be opened")
        # Messages are 3.5 characters of 11 bits apart (Modbus over serial line 1.02, section 2.5.1.1)
        self._pause = max(38.5 / section.baud, 0.00175)
        self._asking = threading.Lock()

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                del self._shared[self._port]
                self._client.close()  # type: ignore[no-untyped-call]

    def read(self, device: int, request: Request) -> list[int]:
        """The words, or bits, of a request.

        Raises:
            UnreachableError: nothing that is whole came in time, or the port is gone.
            ModbusExceptionError: the device refused.
        """
        from pymodbus.exceptions import ConnectionException, ModbusException
        from pymodbus.pdu import ExceptionResponse

        who = f"device {device} at {self._port}"
        what = f"{request.function} {request.address}"
        if request.quantity > 1:
            what += f" to {request.address + request.quantity - 1}"
        ask = {
            "coil": self._client.read_coils,
            "discrete": self._client.read_discrete_inputs,
            "holding": self._client.read_holding_registers,
            "input": self._client.read_input_registers,
        }[request.function]
        with self._asking:
            time.sleep(self._pause)
            self._came = False
            try:
                answer = ask(request.address, count=request.quantity, device_id=device)
            except (ConnectionException, OSError) as error:
                self._client.close()  # type: ignore[no-untyped-call]  # it opens the port for the next request
                raise UnreachableError(f"{self._port} is gone: was its cable pulled?") from error
            except ModbusException as error:
                if self._came:
                    said = f"{who} answers {what} with damaged bytes: look at baud, parity and the ends of the line"
                else:
                    said = f"{who} does not answer for {what}: look at its address, its power, and the lines A and B"
                raise UnreachableError(said) from error
        if isinstance(answer, ExceptionResponse):
            reason = EXCEPTIONS.get(answer.exception_code, "for a reason of its own")
            raise ModbusExceptionError(f"{who} refuses {what}: {reason} (exception {answer.exception_code})")
        words: list[int] = [*answer.registers, *answer.bits]
        if answer.function_code != FUNCTIONS[request.function] or len(words) < request.quantity:
            raise UnreachableError(f"{who} answers {what} with what was not asked for")
        return words

    def _seen(self, sending: bool, data: bytes) -> bytes:
        """What passes on the line."""
        self._came |= bool(data) and not sending
        return data


def _settings(section: ModbusSection) -> tuple[int, str, int, int]:
    return section.baud, section.parity, section.stop_bits, section.timeout
