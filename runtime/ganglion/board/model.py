# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a board. Each value is looked at where it enters; whether they fit together, `check` says."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from ganglion.board.words import (
    AFTER,
    BEFORE,
    CAPABILITIES,
    METHODS,
    PACKAGES,
    PLAIN,
    PROFILES,
    RUNS,
    SIGNALS,
    ZIG_TARGETS,
)
from ganglion.settings import meant, nearest

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_BUS = re.compile(rf"({'|'.join(SIGNALS)})\d{{1,2}}")
_FUNCTION = re.compile(
    "|".join([*PLAIN, *(rf"{kind}\d{{0,2}}(\.({'|'.join(signals)}))?" for kind, signals in SIGNALS.items())])
)
_USB_ID = re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class _Checked:
    """What says of itself what is wrong with it; it is not made where that is anything."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for said in self.wrong():
            raise ValueError(said)

    def wrong(self) -> Iterator[str]:
        """All of it, in sentences that begin with the key."""
        yield from ()


def _one_of(key: str, value: str, known: Collection[str]) -> Iterator[str]:
    if value not in known:
        yield f"{key} must be one of {', '.join(known)}, not {value!r}{meant(value, known)}"


def _above_zero(key: str, value: int | None) -> Iterator[str]:
    if value is not None and not 0 < value < 1 << 63:
        yield f"{key} must be above 0 and below 2**63"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin(_Checked):
    """`[pin]`, under the name that is printed beside it.

    Attributes:
        number: What the chip counts it as: `machine.Pin(number)`, a line of the gpiochip. None for one that only has
            its name.
        at: Where it is: a header's contact.
        also: Other names of it.
        can: What it can do: `in`, `out`, `pwm`, `adc`, `dac`, `touch`, and signals of buses: `i2c0.sda` is that of one
            bus, `i2c.sda` of each, `i2c0` each signal of one, `i2c` any of any.
        has: What is on it on the board: a LED, a button.
        strapping: What its level decides while the board starts.
        reserved: What needs it, so that nothing else may have it.
        note: What else to know.
    """

    number: int | None = None
    at: str = ""
    also: tuple[str, ...] = ()
    can: tuple[str, ...] = ()
    has: str = ""
    strapping: str = ""
    reserved: str = ""
    note: str = ""

    def wrong(self) -> Iterator[str]:
        if self.number is not None and not 0 <= self.number < 1024:
            yield f"number must be 0 to 1023, not {self.number}"
        for each in self.can:
            if not _FUNCTION.fullmatch(each):
                known = [*PLAIN, *(f"{kind}.{name}" for kind, names in SIGNALS.items() for name in names)]
                yield f"can: a pin cannot {each!r}{nearest(each, known)}"
        if not self.can and not self.reserved:
            yield 'can must say what it can do, as in ["in", "out"], or reserved what needs it'

    def carries(self, bus: str, signal: str) -> bool:
        """Whether it can be a signal of a bus."""
        kind = kind_of(bus)
        return not {kind, bus, f"{kind}.{signal}", f"{bus}.{signal}"}.isdisjoint(self.can)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus(_Checked):
    """`[bus.<kind><number>]`, as `i2c0`, `spi1` or `uart0`: what is used where nobody says otherwise.

    Attributes:
        device: Where Linux has it.
        sda, scl: Numbers of pins, of an I2C bus.
        sck, mosi, miso, cs: The same, of an SPI bus.
        tx, rx: The same, of a serial line.
        frequency: In Hz, of a bus that has a clock.
        baud: Of a serial line, in bits per second.
        used_by: What has it already, such as the console.
        note: What else to know, such as how to switch it on.
    """

    device: str = ""
    sda: int | None = None
    scl: int | None = None
    sck: int | None = None
    mosi: int | None = None
    miso: int | None = None
    cs: int | None = None
    tx: int | None = None
    rx: int | None = None
    frequency: int | None = None
    baud: int | None = None
    used_by: str = ""
    note: str = ""

    def wrong(self) -> Iterator[str]:
        yield from _above_zero("frequency", self.frequency)
        yield from _above_zero("baud", self.baud)
        if self.device and not self.device.startswith("/dev/"):
            yield f'device must begin with "/dev/", not {self.device!r}'

    def pins(self) -> dict[str, int]:
        """Signal to number of the pin."""
        every = [name for names in SIGNALS.values() for name in names]
        return {name: number for name in every if (number := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Usb(_Checked):
    """`[[usb]]`: what the board is on USB.

    Attributes:
        id: Vendor and product, `vvvv:pppp` in lower case.
        name: What that is.
        mode: `run` while it runs, `boot` while it waits for an image, `both`.
        shared: Whether other boards have the same.
        serial: What its serial number begins with; with that a shared id may do.
    """

    id: str
    name: str
    mode: str = "both"
    shared: bool = False
    serial: tuple[str, ...] = ()

    def wrong(self) -> Iterator[str]:
        if not _USB_ID.fullmatch(self.id):
            yield f'id must be vendor and product in lower case, as in "2e8a:0005", not {self.id!r}'
        yield from _one_of("mode", self.mode, ("run", "boot", "both"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Flashing(_Checked):
    """`[flashing]`: how an image comes onto the board.

    Attributes:
        method: `esptool` writes over a serial line, `uf2` and `daplink` copy to a drive, `ssh` installs a package.
        chip: esptool's word for the chip.
        offset: Where the image begins in the flash.
        baud: Bits per second while it is written.
        before, after: How esptool resets the chip, in its own words.
        family: Family id of the blocks of a UF2 file.
        label: Name of the drive that the board shows.
        error_file: Where that drive says what was wrong.
        packages: Form of a package to its architecture, as the system calls it, of a board that is reached by SSH.
        user: Whom to be there; empty where the owner has chosen.
        by_hand: What to press when the board does not listen.
    """

    method: str
    chip: str = ""
    offset: int | None = None
    baud: int | None = None
    before: str = ""
    after: str = ""
    family: int | None = None
    label: str = ""
    error_file: str = ""
    packages: dict[str, str] = field(default_factory=dict)
    user: str = ""
    by_hand: str = ""

    def wrong(self) -> Iterator[str]:
        yield from _one_of("method", self.method, METHODS)
        yield from _above_zero("baud", self.baud)
        if self.before:
            yield from _one_of("before", self.before, BEFORE)
        if self.after:
            yield from _one_of("after", self.after, AFTER)
        if self.offset is not None and not 0 <= self.offset < 1 << 32:
            yield "offset must be 0 to 0xffffffff"
        if self.family is not None and not 0 <= self.family < 1 << 32:
            yield "family must be 0 to 0xffffffff"
        for form, architecture in self.packages.items():
            yield from _one_of("packages", form, PACKAGES)
            if not isinstance(architecture, str) or not architecture:
                yield f"packages.{form} must be the architecture, as text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image(_Checked):
    """`[image]`: the MicroPython that the board needs. It is not ours: the user brings the file.

    Attributes:
        port: MicroPython's port.
        board: The board there.
        file: What the file is called, with `*` and `[0-9]`.
        page: Where it is to be had.
        sha256: Of the one that must be used; empty where any will do.
    """

    port: str
    board: str
    file: str
    page: str
    sha256: str = ""

    def wrong(self) -> Iterator[str]:
        if not self.page.startswith("https://"):
            yield f'page must begin with "https://", not {self.page!r}'
        if self.sha256 and not _SHA256.fullmatch(self.sha256):
            yield "sha256 must be 64 hexadecimal digits in lower case"


@dataclass(frozen=True, slots=True, kw_only=True)
class Board(_Checked):
    """What is known of a board.

    Attributes:
        name: As `node.board` says it: small letters, digits and single hyphens.
        title: For people.
        vendor: Who makes it; empty for many or nobody.
        chip: Its processor; `none` for no real one.
        runs: What runs its scripts: `cpython`, `micropython`.
        zig_target: What the C core is built for; empty where it runs none.
        flash_bytes, memory_bytes: What it has for programs and for data; none where boards of that name differ.
        mesh: The most that it can be in the mesh: `full` signs with a key of its own, `leaf` shares one with its
            parent, `none` is too small for either.
        capabilities: What scripts may do there.
        notes: What else to know.
        pin: Name of a pin to what it is.
        bus: Name of a bus to its device and pins.
        usb: What it is on USB.
        flashing: How an image comes onto it.
        image: The MicroPython that it needs.
        sensor: What it has to sense with, as in a node's configuration.
        limit: Limits of what hangs on its pins; `ganglion.guardian.restriction` reads them.
    """

    name: str
    title: str
    chip: str
    runs: str
    mesh: str
    flashing: Flashing
    vendor: str = ""
    zig_target: str = ""
    flash_bytes: int | None = None
    memory_bytes: int | None = None
    capabilities: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    pin: dict[str, Pin] = field(default_factory=dict)
    bus: dict[str, Bus] = field(default_factory=dict)
    usb: tuple[Usb, ...] = ()
    image: Image | None = None
    sensor: dict[str, Any] = field(default_factory=dict)
    limit: tuple[dict[str, Any], ...] = ()

    def wrong(self) -> Iterator[str]:
        if not _NAME.fullmatch(self.name):
            yield f"name must be small letters, digits and single hyphens, not {self.name!r}"
        yield from _one_of("runs", self.runs, RUNS)
        yield from _one_of("mesh", self.mesh, PROFILES)
        if self.zig_target:
            yield from _one_of("zig_target", self.zig_target, ZIG_TARGETS)
        for each in self.capabilities:
            yield from _one_of("capabilities", each, CAPABILITIES)
        yield from _above_zero("flash_bytes", self.flash_bytes)
        yield from _above_zero("memory_bytes", self.memory_bytes)
        for name in self.bus:
            if not _BUS.fullmatch(name):
                yield f"bus.{name}: a bus is called by its kind and number: i2c0, spi1, uart0"


def kind_of(bus: str) -> str:
    """`i2c` of `i2c0`."""
    return bus.rstrip("0123456789")
