# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody wants done by a job, checked. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.mesh.reading import OWN
from ganglion.sentences import joined, say
from ganglion.units import SECOND
from ganglion_gateway.fleet import Fleet, Node
from ganglion_gateway.selecting import chosen, parse, strange

#: Nodes of one job.
MOST_NODES = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody wants done.

    Attributes:
        selector: Which nodes.
        deadline: Nanoseconds from now; who has not begun by then does not.
        timeout: Nanoseconds that a node has for one attempt.
        retries: Attempts after one that has failed.
        wide: Nodes at the same time.
        by: Who wants it.
    """

    selector: str
    method: str
    params: Mapping[str, Any]
    deadline: int
    timeout: int
    retries: int
    wide: int
    by: str

    def means(self, fleet: Fleet) -> tuple[str, list[Node]]:
        """The selector as it was understood, and the nodes that it means now.

        Raises:
            InvalidError: it is no selector.
            NotFoundError: it means nobody; the message says what no node has.
            RefusedError: it means too many, or the method is none for jobs.
        """
        if self.method in OWN or self.method.startswith("console."):
            raise RefusedError(say("{method!r} is none for a job: it needs who asks to stay there", method=self.method))
        selector, known = parse(self.selector), list(fleet.nodes.values())
        nodes = chosen(selector, known)
        if not nodes:
            why = joined("; ", strange(selector, known)) or say("no node is all of this")
            raise NotFoundError(say("{selector!r} means no node: {why}", selector=self.selector, why=why))
        if len(nodes) > MOST_NODES:
            raise RefusedError(
                say(
                    "{count} nodes are meant, and a job has {most} at most",
                    count=len(nodes),
                    most=MOST_NODES,
                )
            )
        return str(selector), nodes


def order(
    *,
    selector: str,
    method: str,
    params: Mapping[str, Any],
    deadline: int,
    timeout: int,
    retries: int,
    wide: int,
    by: str,
) -> Order:
    """An order whose times fit together.

    Raises:
        InvalidError: they do not.
    """
    if not 0 < timeout <= 300 * SECOND:
        raise InvalidError(say("a node has at most 5m for one attempt"), where="timeout")
    if not 0 < deadline <= 7 * 86400 * SECOND:
        raise InvalidError(say("a job has at most 7d"), where="deadline")
    return Order(
        selector=selector,
        method=method,
        params=params,
        deadline=deadline,
        timeout=timeout,
        retries=retries,
        wide=wide,
        by=by,
    )
