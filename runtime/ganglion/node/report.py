# SPDX-License-Identifier: GPL-3.0-or-later
"""Which readings leave the node: those that the tables `[[report]]` let through, or all of them."""

from collections.abc import Callable, Sequence

from ganglion.bus import Bus, Filter, Op, Where
from ganglion.config import ReportSection
from ganglion.errors import InvalidError
from ganglion.event import Event


def report(bus: Bus, sections: Sequence[ReportSection], publish: Callable[[Event], None], *, where: str) -> None:
    """Has readings published; one that several tables let through at the same time once.

    Args:
        where: Stands before the place of a mistake.

    Raises:
        InvalidError: a table asks for what is no filter, no type or no topic of sensors.
    """
    last: Event | None = None

    def tell(event: Event) -> None:
        nonlocal last
        if event != last:
            last = event
            publish(event)

    for i, section in enumerate(sections or (ReportSection(),)):
        place = f"{where}report[{i}]"
        matching = None if section.where is None else Filter(section.where, where=f"{place}.where")
        if not section.topic.startswith("sensor/"):
            raise InvalidError(
                f"readings are on topics below sensor/, not on {section.topic!r}", where=f"{place}.topic"
            )
        try:
            bus.subscribe(section.topic, tell, where=_condition(section), matching=matching, type=section.type)
        except ValueError as error:
            raise InvalidError(str(error), where=place) from None


def _condition(section: ReportSection) -> Where | None:
    if section.change is None and not section.sample:
        return None
    op = Op.ALWAYS if section.change is None else Op.MOVES
    return Where(op=op, low=section.change, sample=section.sample)
