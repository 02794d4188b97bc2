# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what a replica holds."""

from typing import Any

from ganglion.errors import InvalidError
from ganglion.mesh.state.entry import COUNTER, REGISTER, SET
from ganglion.mesh.state.lattice import Lattice
from ganglion.mesh.state.reading import Reading, read
from ganglion_micro import cbor


class View:
    """The reader's side of a replica."""

    def __init__(self) -> None:
        self._lattice = Lattice()

    @property
    def root(self) -> bytes:
        """What two replicas that hold the same have in common, 16 bytes; a hello carries it."""
        return self._lattice.buckets.root

    @property
    def count(self) -> int:
        """Entries that are held, with removals and checkpoints."""
        return self._lattice.count

    @property
    def size(self) -> int:
        """Their bytes."""
        return self._lattice.bytes

    def get(self, key: str) -> Reading | None:
        """What a register holds; None where there is nothing.

        Raises:
            InvalidError: the key is no text, as in the methods below.
        """
        return read(self._lattice.at(slot([REGISTER, key])))

    def items(self, prefix: str = "") -> list[tuple[str, Reading]]:
        """The registers whose keys begin so, by key."""
        found = [
            (key, reading)
            for place, entries in self._lattice.slots.items()
            if place[1] == REGISTER and (key := cbor.decode(place)[1]).startswith(prefix) and (reading := read(entries))
        ]
        return sorted(found, key=lambda item: item[0])

    def elements(self, key: str) -> list[Any]:
        """What is in a set, in the order of its encoding."""
        start = slot([SET, key, None])[:-1]
        found = [place for place, entries in self._lattice.slots.items() if place.startswith(start) and read(entries)]
        return [cbor.decode(place)[2] for place in sorted(found)]

    def sets(self, prefix: str = "") -> dict[str, list[Any]]:
        """The sets whose keys begin so, by key."""
        found: dict[str, list[Any]] = {}
        for place in sorted(place for place, entries in self._lattice.slots.items() if read(entries)):
            if place[1] == SET and (what := cbor.decode(place))[1].startswith(prefix):
                found.setdefault(what[1], []).append(what[2])
        return dict(sorted(found.items()))

    def places(self) -> list[tuple[int, str, Any, Reading]]:
        """Everything: kind, key, element where it is one of a set, and what is there."""
        found = [(cbor.decode(place), read(entries)) for place, entries in self._lattice.slots.items()]
        return [(what[0], what[1], what[2] if what[0] == SET else None, each) for what, each in found if each]

    def total(self, key: str) -> int:
        """What a counter has come to."""
        found = read(self._lattice.at(slot([COUNTER, key])))
        return 0 if found is None else found.value


def slot(what: list[Any]) -> bytes:
    """A place, encoded.

    Raises:
        InvalidError: a part of it has no encoding.
    """
    try:
        return cbor.encode(what)
    except cbor.CBORError as error:
        raise InvalidError(str(error), where=str(what[1])) from error
