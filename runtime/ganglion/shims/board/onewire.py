# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated 1-wire line slot by slot, with the search by which codes are found; the models behind it take bytes."""

from ganglion.sim.one_wire import Device, SimulatedOneWire

_SEARCH_ROM = 0xF0


class SimOneWire:
    """A line with its devices (Maxim's application note 187).

    Attributes:
        devices: Models of chips, such as `ganglion.sim.ds18b20.ChipModel`.
    """

    def __init__(self) -> None:
        self.devices: list[Device] = []
        self._bytes = SimulatedOneWire(self.devices)
        self._heard: list[int] = []
        self._said: list[int] = []
        self._is_new = True
        #: Whose codes begin as the search has gone so far, and its slots; None where there is no search.
        self._searched: list[Device] | None = None
        self._slots = 0

    def reset(self) -> bool:
        self._heard, self._said, self._is_new, self._searched = [], [], True, None
        return self._bytes.reset()

    def read_bit(self) -> int:
        if self._searched is not None:
            bits = [self._bit(device) for device in self._searched]
            self._slots += 1
            # Each bit is told as it is, then inverted; all tell at once, and a 0 wins
            return min(bits if self._slots % 3 == 1 else [1 - bit for bit in bits], default=1)
        if not self._said:
            byte = self._bytes.readbyte()
            self._said = [byte >> i & 1 for i in range(8)]
        return self._said.pop(0)

    def write_bit(self, bit: int) -> None:
        if self._searched is not None:
            self._searched = [device for device in self._searched if self._bit(device) == bit]
            self._slots += 1
            return
        self._said = []
        self._heard.append(bit & 1)
        if len(self._heard) == 8:
            self._take(sum(each << i for i, each in enumerate(self._heard)))
            self._heard = []

    def _bit(self, device: Device) -> int:
        place = self._slots // 3 % 64
        return device.rom[place // 8] >> place % 8 & 1

    def _take(self, byte: int) -> None:
        if self._is_new and byte == _SEARCH_ROM:
            self._searched, self._slots = list(self.devices), 0
        else:
            self._bytes.writebyte(byte)
        self._is_new = False
