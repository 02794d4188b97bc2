# SPDX-License-Identifier: GPL-3.0-or-later
"""What was heard of last: devices change their addresses every few minutes, and a scan may go on for months."""

from collections import OrderedDict
from typing import Generic, TypeVar

from ganglion.shims.bluetooth.radio import Address

_T = TypeVar("_T")

#: So many devices are remembered, and so many reports that nobody has fetched.
MOST = 1024


class Recent(Generic[_T]):
    """Something for each address; of more than `MOST`, what was not put for the longest time is forgotten."""

    def __init__(self) -> None:
        self._values: OrderedDict[Address, _T] = OrderedDict()

    def get(self, address: Address) -> _T | None:
        return self._values.get(address)

    def put(self, address: Address, value: _T) -> None:
        self._values[address] = value
        self._values.move_to_end(address)
        if len(self._values) > MOST:
            self._values.popitem(last=False)

    def forget(self, address: Address) -> None:
        self._values.pop(address, None)
