# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks when a trigger by `cron`, `at` or `every` is due, and that only such a trigger says more about it."""

from ganglion.errors import InvalidError
from ganglion.mova.model import Trigger
from ganglion.mova.source import Report, inside
from ganglion.words import _

#: Keys that say more about a schedule -> the sources beside which they have a meaning.
_MEANING = {"timezone": ("cron", "at"), "missed": ("cron", "at", "every")}


def check_schedule(trigger: Trigger, source: str, report: Report) -> None:
    """Reports a schedule that cannot be read. What is of the wrong type, `shape` has reported.

    Args:
        source: The key that says what the trigger waits for.
    """
    raw = trigger.raw
    for key, sources in _MEANING.items():
        if key in raw and source not in sources:
            message = _("{key} has no meaning for a trigger by {source}").format(key=key, source=source)
            report.add("MV113", inside(trigger.place, raw, key), message)
    if source not in _MEANING["missed"]:
        return
    from ganglion.mova.schedule import ScheduleError, parse  # most documents have no schedule

    keys = [source, "timezone"] if source in _MEANING["timezone"] else [source]
    given = {key: raw[key] for key in keys if key in raw}
    if not all(isinstance(value, str) and value for value in given.values()):
        return
    try:
        parse(**given)
    except ScheduleError as error:
        report.add("MV209", inside(trigger.place, raw, error.key), str(error), error.hint)
    except InvalidError:
        pass  # no duration: MV109
