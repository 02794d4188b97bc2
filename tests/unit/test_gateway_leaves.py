# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_gateway.leaves: the inventory's part that a parent vouches for, whatever the parent says."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ganglion_gateway.api.documents import node_document
from ganglion_gateway.fleet import Latest, Node
from ganglion_gateway.leaves import leaf_documents, leaf_of

GARDEN = {"id": "x", "online": True, "since": 5, "board": "pico", "sw": "1", "methods": ["led"]}


def barn(**changes: Any) -> Node:
    node = Node(id="barn-id", name="barn", online=True, caps={"leaves": {"garden": GARDEN}})
    node.sensors = {"leaf.garden.soil": Latest(41.5, 9, "%"), "leaf.gardens.soil": Latest(1, 1), "own": Latest(2, 2)}
    for name, value in changes.items():
        setattr(node, name, value)
    return node


def test_a_leaf_is_said_to_be_vouched_by_its_parent_and_has_its_own_readings() -> None:
    assert leaf_documents(barn()) == [
        {
            "id": "x",
            "name": "garden",
            "vouched_by": "barn",
            "parent": "barn-id",
            "online": True,
            "last_seen": 9,
            "revoked": None,
            "board": "pico",
            "sw": "1",
            "methods": ["led"],
            "actuators": {},
            "sensors": {"soil": {"value": 41.5, "unit": "%", "timestamp": 9}},
            "vitals": {},
        }
    ]


def test_a_leaf_goes_with_its_parent() -> None:
    for gone in ({"online": False}, {"revoked": 7}):
        [leaf] = leaf_documents(barn(**gone))
        assert not leaf["online"]
    assert leaf["revoked"] == 7


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON | st.dictionaries(st.text(max_size=5), JSON | st.fixed_dictionaries(dict.fromkeys(GARDEN, JSON))))
def test_whatever_a_parent_says_is_shown_or_left_out(said: Any) -> None:
    document = node_document(barn(caps={"leaves": said}), 9)
    assert all(type(leaf["name"]) is str and leaf["vouched_by"] == "barn" for leaf in document["leaves"])
    json.dumps(document)


def test_an_event_is_of_a_leaf_by_its_source() -> None:
    assert leaf_of({"source": "leaf/garden"}) == "garden"
    assert leaf_of({"source": "fridge.temperature"}) is None
