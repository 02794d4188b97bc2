# SPDX-License-Identifier: GPL-3.0-or-later
"""Which calls of nodes are no news for the audit."""

from typing import Any

import pytest

from ganglion_gateway.api.calls import is_renewal


def leaf(method: str, params: Any) -> dict[str, Any]:
    return {"leaf": "garden", "method": method, "params": params}


@pytest.mark.parametrize(
    ("method", "params", "renews"),
    [
        ("scripts.live", {"name": "x", "seconds": 20}, True),
        ("scripts.live", {"name": "x", "seconds": 0}, False),
        ("scripts.put", {"seconds": 20}, False),
        ("leaf.call", leaf("scripts.live", {"name": "x", "seconds": 20}), True),
        ("leaf.call", leaf("scripts.live", {"name": "x", "seconds": 0}), False),
        ("leaf.call", leaf("scripts.put", {"seconds": 20}), False),
        ("leaf.call", leaf("scripts.live", "seconds"), False),
        ("actuators.set", leaf("scripts.live", {"seconds": 20}), False),
    ],
)
def test_that_an_edited_script_runs_on_is_no_news(method: str, params: dict[str, Any], renews: bool) -> None:
    assert is_renewal(method, params) is renews
