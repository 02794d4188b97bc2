# SPDX-License-Identifier: GPL-3.0-or-later
"""InvenSense MPU-6050 (acceleration and rotation about three axes, temperature) over I2C.

One measurement at a time by `start` and `sample`, or all of them, up to 1000 a second, by `start_fifo` and `samples`.
Registers are those of the register map RM-MPU-6000A-00, by number.
"""

import errno
import struct

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from ganglion_micro.drivers.bus import I2C

ADDRESS = 0x68  # AD0 to ground; 0x69 when AD0 is high

_SMPLRT_DIV = 0x19  # 25; CONFIG, GYRO_CONFIG and ACCEL_CONFIG follow
_FIFO_EN = 0x23  # 35
_INT_ENABLE = 0x38  # 56
_INT_STATUS = 0x3A  # 58; acceleration, temperature and rotation follow up to 0x48
_USER_CTRL = 0x6A  # 106
_PWR_MGMT_1 = 0x6B  # 107
_FIFO_COUNT = 0x72  # 114
_FIFO_R_W = 0x74  # 116
_WHO_AM_I = 0x75  # 117

_CHIP_ID = 0x68
_AWAKE = 0x01  # not SLEEP; the clock is the gyroscope's, steadier than the chip's own oscillator
_DATA_READY = 0x01
_OVERFLOW = 0x10
_FIFO_OF = 0x78  # rotation about x, y, z and acceleration
_FIFO_RESET = 0x04
_FIFO_ON = 0x40

_ACCELERATIONS = {2: 0, 4: 1, 8: 2, 16: 3}  # g -> AFS_SEL
_ROTATIONS = {250: 0, 500: 1, 1000: 2, 2000: 3}  # degrees a second -> FS_SEL
_BANDWIDTHS = (184, 94, 44, 21, 10)  # Hz of the low-pass filter with DLPF_CFG 1 to 5; 6 is 5 Hz
_G = 9.80665  # m/s2

_FIFO_SIZE = 1024
_FRAME = 12  # bytes of a sample in the FIFO
_AT_ONCE = 20  # frames of one transfer: some adapters pass no more than 255 bytes
_SETTLING = 50  # ms that the gyroscope takes to start (30) and the filter to follow


class MPU6050:
    """One chip.

    Args:
        i2c: `readfrom_mem` and `writeto_mem` as `machine.I2C` has them; OSError when the device is silent.
        address: 0x68 or 0x69.
        acceleration: Full scale in g: 2, 4, 8 or 16. What is beyond it reads as the scale's end.
        rotation: Full scale in degrees a second: 250, 500, 1000 or 2000.
        rate: Samples a second, 4 to 1000: the chip takes the nearest that 1000 can be divided to, not below it.

    Attributes:
        queued: The channels of `samples`, in its order.

    Raises:
        OSError: nothing answers, or (ENODEV) another chip does.
        ValueError: a scale or rate that the chip has not.
    """

    queued = ("acceleration_x", "acceleration_y", "acceleration_z", "rotation_x", "rotation_y", "rotation_z")
    channels: "dict[str, str]" = {  # UCUM units
        "acceleration_x": "m/s2",
        "acceleration_y": "m/s2",
        "acceleration_z": "m/s2",
        "rotation_x": "deg/s",
        "rotation_y": "deg/s",
        "rotation_z": "deg/s",
        "temperature": "Cel",
    }

    def __init__(
        self, i2c: "I2C", address: int = ADDRESS, acceleration: int = 2, rotation: int = 250, rate: int = 100
    ) -> None:
        if acceleration not in _ACCELERATIONS:
            raise ValueError("acceleration must be 2, 4, 8 or 16 g, not {}".format(acceleration))
        if rotation not in _ROTATIONS:
            raise ValueError("rotation must be 250, 500, 1000 or 2000 deg/s, not {}".format(rotation))
        if not 4 <= rate <= 1000:
            raise ValueError("rate must be 4 to 1000 Hz, not {}".format(rate))
        self._i2c = i2c
        self._address = address
        self._divider = 1000 // rate - 1
        bandwidth = 1
        for hertz in _BANDWIDTHS:
            if hertz * 2 > rate:  # what is faster than half the rate would look like something slower
                bandwidth += 1
        self._settings = bytes([self._divider, bandwidth, _ROTATIONS[rotation] << 3, _ACCELERATIONS[acceleration] << 3])
        self._acceleration = acceleration * _G / 32768
        self._rotation = rotation / 250 / 131
        self._awake = False
        self._overflowed = False
        found = self._read(_WHO_AM_I, 1)[0]
        if found != _CHIP_ID:
            raise OSError(
                errno.ENODEV,
                "0x{:02x} answers as chip 0x{:02x}, not 0x{:02x} (MPU6050)".format(address, found, _CHIP_ID),
            )

    @property
    def rate(self) -> float:
        """Samples a second."""
        return 1000 / (self._divider + 1)

    def start(self) -> int:
        """Wakes the chip where it sleeps; returns the milliseconds after which `sample` has a new sample."""
        if self._awake and self._read(_PWR_MGMT_1, 1)[0] == _AWAKE:
            return self._divider + 2
        self._write(_PWR_MGMT_1, bytes([_AWAKE]))
        self._write(_USER_CTRL, bytes(1))
        self._write(_FIFO_EN, bytes(1))
        self._write(_SMPLRT_DIV, self._settings)
        self._write(_INT_ENABLE, bytes([_OVERFLOW | _DATA_READY]))
        self._awake = True
        self._overflowed = False
        return _SETTLING + self._divider + 1

    def sample(self) -> "dict[str, float]":
        """A value for each of `channels`, in its unit, all of the same moment: the chip holds them during a transfer.

        Raises:
            OSError: EAGAIN, there is no new sample since the last; EIO, the chip reads out of its range.
        """
        raw = self._read(_INT_STATUS, 15)
        if raw == b"\xff" * 15:
            raise OSError(errno.EIO, "the bus is stuck")
        self._overflowed = self._overflowed or bool(raw[0] & _OVERFLOW)
        if not raw[0] & _DATA_READY:
            raise OSError(errno.EAGAIN, "the chip is still measuring, or was reset: it has no new sample")
        ax, ay, az, t, rx, ry, rz = struct.unpack(">hhhhhhh", raw[1:])
        temperature = t / 340 + 36.53  # register 65
        if not -40 <= temperature <= 85:
            raise OSError(errno.EIO, "{:.2f} Cel is outside the chip's range of -40 to 85".format(temperature))
        return {
            "acceleration_x": ax * self._acceleration,
            "acceleration_y": ay * self._acceleration,
            "acceleration_z": az * self._acceleration,
            "rotation_x": rx * self._rotation,
            "rotation_y": ry * self._rotation,
            "rotation_z": rz * self._rotation,
            "temperature": temperature,
        }

    def start_fifo(self) -> int:
        """Empties the chip's queue and lets it fill, after `start` and its milliseconds.

        Returns:
            Milliseconds within which `samples` has to be called, each time: half of what the queue holds.

        Raises:
            OSError: EAGAIN, the chip sleeps.
        """
        if not self._awake or self._read(_PWR_MGMT_1, 1)[0] != _AWAKE:
            raise OSError(errno.EAGAIN, "the chip sleeps: start it first")
        self._write(_USER_CTRL, bytes([_FIFO_RESET]))  # taken while the queue is off only
        self._write(_FIFO_EN, bytes([_FIFO_OF]))
        self._read(_INT_STATUS, 1)
        self._overflowed = False
        self._write(_USER_CTRL, bytes([_FIFO_ON]))
        return _FIFO_SIZE // _FRAME * (self._divider + 1) // 2

    def samples(self) -> "list[tuple[float, float, float, float, float, float]]":
        """What the queue holds, oldest first, 1 / `rate` seconds apart, each a value for each of `queued`.

        Raises:
            OSError: ENOBUFS, it overflowed and samples are lost: it was emptied and goes on from now; EIO, the chip
                was reset or the bus is disturbed: start again.
        """
        (count,) = struct.unpack(">H", self._read(_FIFO_COUNT, 2))
        if count > _FIFO_SIZE:
            raise OSError(errno.EIO, "a queue of {} bytes holds {}: the bus is disturbed".format(_FIFO_SIZE, count))
        if not count and self._read(_PWR_MGMT_1, 1)[0] != _AWAKE:
            raise OSError(errno.EIO, "the chip was reset: start it again")
        found = []
        left = count // _FRAME
        while left:
            frames = min(left, _AT_ONCE)
            data = self._read(_FIFO_R_W, frames * _FRAME)
            found.extend([self._frame(data, place) for place in range(0, len(data), _FRAME)])
            left -= frames
        # After the data, so that what was read while it overflowed is not taken: the frames begin elsewhere then
        status = self._read(_INT_STATUS, 1)[0]
        if status == 0xFF:
            raise OSError(errno.EIO, "the bus is stuck")
        if self._overflowed or status & _OVERFLOW or count > _FIFO_SIZE // _FRAME * _FRAME:
            self.start_fifo()
            raise OSError(
                errno.ENOBUFS,
                "the chip's queue overflowed: samples are lost; read it every {} ms".format(
                    _FIFO_SIZE // _FRAME * (self._divider + 1) // 2
                ),
            )
        return found

    def _frame(self, data: bytes, place: int) -> "tuple[float, float, float, float, float, float]":
        ax, ay, az, rx, ry, rz = struct.unpack_from(">hhhhhh", data, place)
        a = self._acceleration
        r = self._rotation
        return (ax * a, ay * a, az * a, rx * r, ry * r, rz * r)

    def _read(self, register: int, count: int) -> bytes:
        data = self._i2c.readfrom_mem(self._address, register, count)
        if len(data) != count:
            raise OSError(errno.EIO, "{} bytes of {} from register 0x{:02x}".format(len(data), count, register))
        return data

    def _write(self, register: int, data: bytes) -> None:
        self._i2c.writeto_mem(self._address, register, data)
