# SPDX-License-Identifier: GPL-3.0-or-later
"""When each scheduled trigger last ran, in one small JSON file: so a node knows what it missed while it was down."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path

from ganglion.mesh import files
from ganglion.mova.agenda import LastRun

_log = logging.getLogger(__name__)


def load(path: Path) -> dict[str, LastRun]:
    """What was saved; empty where nothing was, or where it cannot be read: then nothing counts as missed."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        runs = {key: LastRun(str(each["schedule"]), int(each["until"])) for key, each in document.items()}
        if not all(0 <= run.until < 1 << 63 for run in runs.values()):
            raise ValueError("a time that no clock shows")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        _log.warning("%s is damaged (%s): no schedule counts as missed", path, error)
        return {}
    return runs


def save(path: Path, runs: Mapping[str, LastRun]) -> None:
    """Replaces the file; a power cut leaves the old one or the new one. Waits for the disk.

    Raises:
        OSError: it cannot be written.
    """
    files.write(path, json.dumps({key: run._asdict() for key, run in runs.items()}).encode())
