# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion fleet` as people read it."""

from typing import Any

import pytest

from ganglion.cli import fleet

NODE = {"last_seen": 1, "online": True, "board": "sim", "sw": "ganglion/1", "tags": [], "leaves": [], "vitals": {}}


class Client:
    """A gateway with so many nodes, of which one is away."""

    def __init__(self, count: int) -> None:
        self._nodes = [{**NODE, "name": f"n{i}", "health": "ok" if i else "away"} for i in range(count)]

    def pages(self, call: Any, name: str) -> list[dict[str, Any]]:
        return self._nodes


@pytest.mark.parametrize(("count", "last"), [(3, "n2"), (40, "40 nodes: 39 ok, 1 away")])
def test_of_many_nodes_it_is_said_how_many_are_how(count: int, last: str) -> None:
    found = fleet._list(Client(count), None, None)  # type: ignore[arg-type]
    assert callable(found.text)
    assert found.text().splitlines()[-1].startswith(last)


def test_what_a_node_should_run_is_shown_with_how_far_it_is() -> None:
    said = {"release": "ab" * 32, "state": "reverted", "why": "no sensors", "at": 1}
    assert fleet._release({"desired": {"release": "ab" * 32}, "reported": said}) == "abababababab: reverted, no sensors"
    assert (
        fleet._release({"desired": {"release": None}, "reported": None}) == "none, but its own configuration: waiting"
    )
    assert fleet._release({"desired": None, "reported": None}) == "none was assigned"
