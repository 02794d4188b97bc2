# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion bus top: rates from two looks at a node that lists its busiest topics only."""

import pytest

from ganglion.cli.bus import _rates


def look(emitted: int, topics: int, **busiest: int) -> dict[str, object]:
    return {
        "emitted": emitted,
        "topics": topics,
        "busiest": [{"topic": topic, "emitted": count} for topic, count in busiest.items()],
    }


@pytest.mark.parametrize(
    ("before", "now", "rates"),
    [
        (look(9, 2, a=5, b=4), look(13, 2, a=8, b=5), {"a": 1.5, "b": 0.5}),
        (look(9, 2, a=5, b=4), look(15, 3, a=5, b=4, c=6), {"c": 3.0, "a": 0.0, "b": 0.0}),
        (look(99, 50, a=5, b=4), look(103, 50, a=6, c=7), {"a": 0.5}),  # of c nothing was known
        (look(99, 2, a=50, b=49), look(4, 1, a=4), {"a": 2.0}),  # it was started anew
    ],
)
def test_a_rate_is_of_what_both_looks_know(before, now, rates):
    assert _rates(before, now, 2.0) == rates
