# SPDX-License-Identifier: GPL-3.0-or-later
"""ST VL53L0X, distance to 2 m by the time that light takes, over I2C.

The data sheet DS11555 gives the identification registers only. The others, and the settings that the chip has to be
given after power-on, are those of ST's public programming interface (STSW-IMG005, with the manual UM2039): data
initialisation, static initialisation with its default tuning, calibration of the reference. Their names are ST's.
"""

import errno

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C

ADDRESS = 0x29
LONGEST = 2000  # mm, data sheet

_SYSRANGE_START = 0x00
_SEQUENCE_CONFIG = 0x01
_INTERRUPT_CONFIG_GPIO = 0x0A
_INTERRUPT_CLEAR = 0x0B
_INTERRUPT_STATUS = 0x13  # the result follows: status at 0x14, distance at 0x1E
_SIGNAL_RATE_LIMIT = 0x44
_MSRC_CONFIG_CONTROL = 0x60
_FINAL_RANGE_TIMEOUT = 0x71
_GPIO_HV_MUX = 0x84
_EXTSUP_HV = 0x89
_SPAD_ENABLES = 0xB0  # six bytes, a bit for each of the reference detectors
_SPAD_START_SELECT = 0xB6
_MODEL_ID = 0xC0
_PAGE = 0xFF

_CHIP_ID = b"\xee\xaa"  # data sheet, table of reference registers; the revision follows
_STEPS = 0xE8  # of a measurement: dynamic selection of detectors, pre-range, final range
_NEW_SAMPLE = 4
_POLLS = 1000  # of 90 us and more each, for steps that take 40 ms at most

_OPEN = b"\x80\x01\xff\x01\x00\x00"  # to registers that are ST's own, and back
_CLOSE = b"\x00\x01\xff\x00\x80\x00"

# Register and value in turns; a write to 0xFF chooses the page of those that follow
_TUNING = (
    b"\xff\x01\x00\x00"
    b"\xff\x00\x09\x00\x10\x00\x11\x00\x24\x01\x25\xff\x75\x00"
    b"\xff\x01\x4e\x2c\x48\x00\x30\x20"
    b"\xff\x00\x30\x09\x54\x00\x31\x04\x32\x03\x40\x83\x46\x25\x60\x00\x27\x00\x50\x06\x51\x00\x52\x96"
    b"\x56\x08\x57\x30\x61\x00\x62\x00\x64\x00\x65\x00\x66\xa0"
    b"\xff\x01\x22\x32\x47\x14\x49\xff\x4a\x00"
    b"\xff\x00\x7a\x0a\x7b\x00\x78\x21"
    b"\xff\x01\x23\x34\x42\x00\x44\xff\x45\x26\x46\x05\x40\x40\x0e\x06\x20\x1a\x43\x40"
    b"\xff\x00\x34\x03\x35\x44"
    b"\xff\x01\x31\x04\x4b\x09\x4c\x05\x4d\x04"
    b"\xff\x00\x44\x00\x45\x20\x47\x08\x48\x28\x67\x00\x70\x04\x71\x01\x72\xfe\x76\x00\x77\x00"
    b"\xff\x01\x0d\x01"
    b"\xff\x00\x80\x01\x01\xf8"
    b"\xff\x01\x8e\x01\x00\x01"
    b"\xff\x00\x80\x00"
)
# With that tuning: what the steps but the final range take in us, their share of its timeout in its own periods
_OTHER_STEPS = 1910 + 960 + 2 * (2055 + 690) + (8087 + 660) + 550
_PRE_RANGE_PERIODS = 151
_PERIOD = 38131  # ns, 2304 times 10 clocks of 1655 ps

_COMPLETE = 11
_HARDWARE = {1: "the laser is interrupted", 2: "the laser's watchdog", 3: "its voltage was not calibrated"}
_NOTHING = (4, 6, 9)  # too little light came back, or light from beyond the range


class VL53L0X:
    """One chip; it is initialised and calibrated by the constructor, which takes some 60 ms.

    Args:
        i2c: `readfrom_mem` and `writeto_mem` as `machine.I2C` has them; OSError when the device is silent.
        address: 0x29 after power-on.
        budget: Milliseconds of a measurement, 20 to 500: 33 usually, 200 for less noise.

    Raises:
        OSError: nothing answers, another chip does (ENODEV), or the chip does not finish its calibration (ETIMEDOUT).
        ValueError: the budget is out of range.
    """

    channels: "dict[str, str]" = {"distance": "mm", "target": ""}  # UCUM units; a bool has none

    def __init__(self, i2c: "I2C", address: int = ADDRESS, budget: int = 33) -> None:
        if not 20 <= budget <= 500:
            raise ValueError("budget must be 20 to 500 ms, not {}".format(budget))
        self._i2c = i2c
        self._address = address
        self._budget = budget
        found = self._read(_MODEL_ID, 2)
        if found != _CHIP_ID:
            # Who initialised it before and did not come to the end left it on a page of ST's own
            self._all(b"\xff\x00\x80\x00")
            found = self._read(_MODEL_ID, 2)
        if found != _CHIP_ID:
            raise OSError(
                errno.ENODEV,
                "0x{:02x} answers as chip 0x{:02x}{:02x}, not 0xeeaa (VL53L0X)".format(address, found[0], found[1]),
            )
        self._initialise()
        self._choose_detectors()
        self._all(_TUNING)
        self._write(_INTERRUPT_CONFIG_GPIO, _NEW_SAMPLE)
        self._write(_GPIO_HV_MUX, self._read(_GPIO_HV_MUX, 1)[0] & ~0x10)
        self._write(_INTERRUPT_CLEAR, 1)
        self._write(_SEQUENCE_CONFIG, _STEPS)
        self._i2c.writeto_mem(address, _FINAL_RANGE_TIMEOUT, final_range_timeout(budget))
        self._calibrate(0x01, 0x40, "its voltage")
        self._calibrate(0x02, 0x00, "its phase")
        self._write(_SEQUENCE_CONFIG, _STEPS)

    def start(self) -> int:
        """Begins one measurement; returns the milliseconds after which `sample` has its result.

        Raises:
            OSError: EIO, the chip was reset: a new driver has to set it up.
        """
        if self._read(_SEQUENCE_CONFIG, 1)[0] != _STEPS:
            raise OSError(errno.EIO, "the chip was reset, or the bus is disturbed: set it up again")
        self._all(_OPEN)
        self._write(0x91, self._stop)
        self._all(_CLOSE)
        self._write(_SYSRANGE_START, 0x01)
        return self._budget + self._budget // 8 + 3  # the chip's oscillator is its own

    def sample(self) -> "dict[str, float | bool]":
        """Result of the measurement: `target`, whether something is in range, and its `distance` if it is.

        Nothing at all is in it where the chip saw light that it cannot tell a distance from.

        Raises:
            OSError: EAGAIN, it is still being made; EIO, the chip failed, or the bus is disturbed.
        """
        raw = self._read(_INTERRUPT_STATUS, 13)
        ready = raw[0] & 7
        if not ready:
            raise OSError(errno.EAGAIN, "the chip is still measuring")
        if ready != _NEW_SAMPLE:
            raise OSError(errno.EIO, "the chip has interrupt {}, not a new sample: the bus is disturbed".format(ready))
        self._write(_INTERRUPT_CLEAR, 1)
        status = raw[1] >> 3 & 15
        if status in _HARDWARE:
            raise OSError(errno.EIO, "the chip failed: {} (status {})".format(_HARDWARE[status], status))
        distance = raw[11] << 8 | raw[12]
        if status in _NOTHING or (status == _COMPLETE and distance > LONGEST):
            return {"target": False}
        return {"distance": distance, "target": True} if status == _COMPLETE else {}

    def _initialise(self) -> None:
        """VL53L0X_DataInit: pads for 2.8 V, the chip's stop variable, no limits but 0.25 Mcps of the signal."""
        self._write(_EXTSUP_HV, self._read(_EXTSUP_HV, 1)[0] | 0x01)
        self._write(0x88, 0x00)
        self._all(_OPEN)
        self._stop = self._read(0x91, 1)[0]
        self._all(_CLOSE)
        self._write(_MSRC_CONFIG_CONTROL, self._read(_MSRC_CONFIG_CONTROL, 1)[0] | 0x12)
        self._i2c.writeto_mem(self._address, _SIGNAL_RATE_LIMIT, b"\x00\x20")  # in 1/128
        self._write(_SEQUENCE_CONFIG, 0xFF)

    def _choose_detectors(self) -> None:
        """VL53L0X_set_reference_spads: as many of the good ones as the factory found to be right."""
        self._all(_OPEN)
        self._write(_PAGE, 0x06)
        self._write(0x83, self._read(0x83, 1)[0] | 0x04)
        self._all(b"\xff\x07\x81\x01\x80\x01\x94\x6b\x83\x00")
        self._await(0x83, 0xFF, "reading its factory's settings")
        self._write(0x83, 0x01)
        wanted = self._read(0x92, 1)[0]
        self._all(b"\x81\x00\xff\x06")
        self._write(0x83, self._read(0x83, 1)[0] & ~0x04)
        self._all(b"\xff\x01")
        self._all(_CLOSE)
        good = self._read(_SPAD_ENABLES, 6)
        self._all(b"\xff\x01\x4f\x00\x4e\x2c\xff\x00")
        self._write(_SPAD_START_SELECT, 0xB4)
        first = 12 if wanted & 0x80 else 0  # those below are without aperture
        self._i2c.writeto_mem(self._address, _SPAD_ENABLES, chosen(good, first, wanted & 0x7F))

    def _calibrate(self, step: int, how: int, what: str) -> None:
        """VL53L0X_perform_single_ref_calibration."""
        self._write(_SEQUENCE_CONFIG, step)
        self._write(_SYSRANGE_START, 0x01 | how)
        self._await(_INTERRUPT_STATUS, 7, "calibrating " + what)
        self._write(_INTERRUPT_CLEAR, 1)
        self._write(_SYSRANGE_START, 0x00)

    def _await(self, register: int, mask: int, what: str) -> None:
        for _ in range(_POLLS):
            if self._read(register, 1)[0] & mask:
                return
        raise OSError(errno.ETIMEDOUT, "0x{:02x} does not finish {}".format(self._address, what))

    def _all(self, pairs: bytes) -> None:
        for place in range(0, len(pairs), 2):
            self._i2c.writeto_mem(self._address, pairs[place], pairs[place + 1 : place + 2])

    def _read(self, register: int, count: int) -> bytes:
        data = self._i2c.readfrom_mem(self._address, register, count)
        if len(data) != count:
            raise OSError(errno.EIO, "{} bytes of {} from register 0x{:02x}".format(len(data), count, register))
        return data

    def _write(self, register: int, value: int) -> None:
        self._i2c.writeto_mem(self._address, register, bytes([value]))


def final_range_timeout(budget: int) -> bytes:
    """FINAL_RANGE_CONFIG_TIMEOUT_MACROP for a measurement of so many ms, as an exponent of two and a mantissa."""
    mantissa = (budget * 1000 - _OTHER_STEPS) * 1000 // _PERIOD + _PRE_RANGE_PERIODS - 1
    exponent = 0
    while mantissa > 0xFF:
        mantissa >>= 1
        exponent += 1
    return bytes([exponent, mantissa])


def chosen(good: bytes, first: int, count: int) -> bytes:
    """The lowest `count` set bits of the map `good`, from bit `first` on."""
    enabled = bytearray(len(good))
    for bit in range(first, 8 * len(good)):
        if count and good[bit >> 3] >> (bit & 7) & 1:
            enabled[bit >> 3] |= 1 << (bit & 7)
            count -= 1
    return bytes(enabled)
