# SPDX-License-Identifier: GPL-3.0-or-later
"""When each actuator was last switched, on disk, so that minimum on and off times hold across a restart."""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from ganglion.guardian.words import Memory

_log = logging.getLogger(__name__)


def save(path: Path, memory: Mapping[str, Memory], *, wall: int) -> None:
    """Replaces the file; a power cut leaves the old one or the new one.

    Args:
        path: The file; its folder exists.
        memory: Of each actuator, as the guardian gives it.
        wall: Nanoseconds since the Unix epoch.

    Raises:
        OSError: it cannot be written.
    """
    document = {"at": wall, "actuators": {name: asdict(each) for name, each in memory.items()}}
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def load(path: Path, *, wall: int) -> dict[str, Memory]:
    """What was saved, aged by the time since; empty if nothing was, or if it cannot be read.

    A wall clock that went back (a board that has not learned the time yet) adds nothing: waiting longer is safe.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        since = max(wall - int(document["at"]), 0)
        return {
            str(name): Memory(
                value=each["value"], switched=int(each["switched"]) + since, moved=int(each["moved"]) + since
            )
            for name, each in document["actuators"].items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning("%s is damaged (%s): all actuators count as switched just now", path, error)
        return {}
