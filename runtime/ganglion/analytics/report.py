# SPDX-License-Identifier: GPL-3.0-or-later
"""What an analysis of a whole series has found, as a document: the newest of it in full, and counts of all."""

from collections import deque
from typing import Any

from ganglion.analytics.analyser import Analyser, Finding, Terms

#: Steps that the beginning of a change is looked for in.
LONGEST = 1000
#: Anomalies and changes that are told in full; of what was before them only their number is known.
NEWEST = 1000


class Report:
    """One series, oldest reading first.

    Args:
        terms: How it is looked at.
    """

    def __init__(self, terms: Terms) -> None:
        self._analyser = Analyser(terms)
        self._times: deque[int] = deque(maxlen=1 + LONGEST)
        self._anomalies: deque[dict[str, Any]] = deque(maxlen=NEWEST)
        self._changes: deque[dict[str, Any]] = deque(maxlen=NEWEST)
        self._counts = {"anomalies": 0, "changes": 0}
        self._steps = 0
        self._first: int | None = None
        self._last: Finding | None = None

    def take(self, time: int, value: float) -> None:
        """Another reading."""
        for finding in self._analyser.take(time, value):
            self._note(finding)

    def document(self) -> dict[str, Any]:
        """Times are in nanoseconds since the Unix epoch, errors in the unit of the series; see `Figure`."""
        figures = self._analyser.figures()
        return {
            "steps": self._steps,
            "from": self._first,
            "to": None if self._last is None else self._last.time,
            "missing": self._analyser.missing,
            "anomalies": {"count": self._counts["anomalies"], "newest": list(self._anomalies)},
            "changes": {"count": self._counts["changes"], "newest": list(self._changes)},
            "forecast": None
            if figures is None or self._last is None
            else {
                "next": self._last.forecast,
                "steps": self._analyser.forecasts,
                "errors": {name: figure._asdict() for name, figure in figures.items()},
            },
        }

    def _note(self, finding: Finding) -> None:
        self._steps += 1
        self._times.append(finding.time)
        self._first = finding.time if self._first is None else self._first
        self._last = finding
        if finding.anomaly:
            self._counts["anomalies"] += 1
            self._anomalies.append({"time": finding.time, "value": finding.value, "zscore": finding.zscore})
        if finding.change is not None:
            self._counts["changes"] += 1
            since = self._times[max(len(self._times) - 1 - finding.change.since, 0)]
            self._changes.append({"time": finding.time, "since": since, "up": finding.change.up})
