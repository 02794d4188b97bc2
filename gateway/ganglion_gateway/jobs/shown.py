# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as documents, for whoever asks and whoever follows. No I/O."""

import json
from collections.abc import Mapping
from typing import Any

_JOB = ("id", "method", "selector", "names", "actor", "created", "deadline", "retries", "state", "ended")
_TARGET = ("node", "name", "state", "attempts", "error", "began", "ended")


def job_document(row: Mapping[str, Any], counts: Mapping[str, int]) -> dict[str, Any]:
    """A job, without the values of its parameters, and how many of its nodes are in which state."""
    return {**{name: row[name] for name in _JOB}, "concurrency": row["wide"], "nodes": dict(counts)}


def target_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """What became of a job at a node."""
    result = None if row["result"] is None else json.loads(row["result"])
    return {**{name: row[name] for name in _TARGET}, "result": result}
