# SPDX-License-Identifier: GPL-3.0-or-later
"""When each actuator was last switched, on disk, so that minimum on and off times hold across a restart.

Ages count in the clock that nobody sets, which goes on from process to process until the machine is booted. What passed
between two boots nobody knows: it counts as nothing, since waiting longer is safe.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from ganglion.guardian.words import Memory
from ganglion.mesh import files

_log = logging.getLogger(__name__)


def boot() -> str:
    """What tells this boot of the machine from all others; "" where the kernel does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def save(path: Path, memory: Mapping[str, Memory], *, now: int, boot: str) -> None:
    """Replaces the file; it is on the disk when this returns.

    Args:
        path: The file.
        memory: Of each actuator, as the guardian gives it.
        now: The time in the clock that nobody sets, in nanoseconds.
        boot: As `boot` says.

    Raises:
        OSError: it cannot be written; what is there says what was before, if anything.
    """
    document = {"boot": boot, "at": now, "actuators": {name: asdict(each) for name, each in memory.items()}}
    files.write(path, json.dumps(document).encode())


def load(path: Path, *, now: int, boot: str) -> dict[str, Memory]:
    """What was saved, aged by the time since; empty if nothing was, or if it cannot be read."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        since = max(now - int(document["at"]), 0) if boot and document["boot"] == boot else 0
        return {
            str(name): Memory(
                value=each["value"], switched=int(each["switched"]) + since, moved=int(each["moved"]) + since
            )
            for name, each in document["actuators"].items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        _log.warning("%s is damaged (%s): all actuators count as switched just now", path, error)
        return {}
