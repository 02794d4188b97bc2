# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node keeps of its sensors across restarts: those that were added at run time, and reference points.

One file, `sensors.json` in the node's state folder. It is written whole or not at all.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ganglion.errors import InvalidError
from ganglion.mesh import files
from ganglion.sensors.calibration import Point
from ganglion.settings import read

_log = logging.getLogger(__name__)

#: Reference points of one sensor: its kind, and for each channel one or two. A sensor of another kind is another thing.
Taken = tuple[str, dict[str, tuple[Point, ...]]]


class Kept:
    """What is kept.

    Args:
        path: The file; made when there is something to keep. One that is damaged is left as it is until then, and said.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._added: dict[str, dict[str, Any]] = {}
        self._taken: dict[str, Taken] = {}
        data = files.read(path)
        if data is not None:
            try:
                self._added, self._taken = _parsed(json.loads(data))
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                _log.error("%s is damaged (%s): sensors that were added and calibrations are gone", path, error)

    @property
    def added(self) -> Mapping[str, dict[str, Any]]:
        """Tables of the sensors that were added at run time, by name."""
        return self._added

    def points(self, name: str, kind: str) -> Mapping[str, tuple[Point, ...]]:
        """Reference points of a sensor by channel; none where it is of another kind now."""
        known, points = self._taken.get(name, ("", {}))
        return points if known == kind else {}

    def add(self, name: str, table: dict[str, Any]) -> None:
        """Keeps a sensor. Raises: see `_save`."""
        self._save({**self._added, name: table}, self._taken)

    def remove(self, name: str) -> None:
        """Forgets a sensor that was added, and its reference points. Raises: see `_save`."""
        self._save(_without(self._added, name), _without(self._taken, name))

    def calibrate(self, name: str, kind: str, channel: str, points: tuple[Point, ...]) -> None:
        """Keeps reference points of a channel in place of those before; none forgets them. Raises: see `_save`."""
        channels = {**self.points(name, kind), channel: points}
        if not points:
            del channels[channel]
        taken = {**self._taken, name: (kind, channels)} if channels else _without(self._taken, name)
        self._save(self._added, taken)

    def _save(self, added: dict[str, dict[str, Any]], taken: dict[str, Taken]) -> None:
        """Writes it; only then it holds.

        Raises:
            InvalidError: it cannot be written.
        """
        document = {
            "added": added,
            "calibration": {
                name: {"kind": kind, "points": {channel: [asdict(each) for each in all] for channel, all in of.items()}}
                for name, (kind, of) in taken.items()
            },
        }
        try:
            files.write(self._path, json.dumps(document, indent=1).encode())
        except OSError as error:
            raise InvalidError(f"cannot be written: {error.strerror}", where=str(self._path)) from None
        self._added, self._taken = added, taken


def storable(table: dict[str, Any]) -> bool:
    """Whether the file gives a table back as it is put in."""
    try:
        return bool(json.loads(json.dumps(table)) == table)
    except (TypeError, ValueError, RecursionError):
        return False


def _without(all: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in all.items() if key != name}


def _parsed(document: Any) -> tuple[dict[str, dict[str, Any]], dict[str, Taken]]:
    added = {str(name): dict(table) for name, table in document["added"].items()}
    taken = {
        str(name): (
            str(each["kind"]),
            {
                str(channel): tuple(read(Point, point, f"{name}.{channel}") for point in points)
                for channel, points in each["points"].items()
            },
        )
        for name, each in document["calibration"].items()
    }
    return added, taken
