# SPDX-License-Identifier: GPL-3.0-or-later
"""Members and rules of policies, for hypothesis to choose from."""

from hypothesis import strategies as st

from ganglion.mesh.policy import VERBS, Party, Rule

A, B, C = ("a" * 26, "b" * 25 + "a", "c" * 25 + "a")
GATEWAY = Party(node_id=A, roles=("gateway",))
NODE = Party(node_id=B, roles=("node",), tags=("kitchen",))
OTHER = Party(node_id=C, roles=("node",))

words = st.sampled_from(["*", "role:node", "role:gateway", "tag:kitchen", f"node:{B}", f"node:{C}"])
rules = st.builds(
    Rule,
    name=st.uuids().map(str),
    who=st.lists(words, min_size=1, max_size=2).map(tuple),
    may=st.lists(st.sampled_from(VERBS), min_size=1, max_size=2).map(tuple),
    what=st.lists(st.sampled_from(["*", "a", "a*", "ab"]), min_size=1, max_size=2).map(tuple),
    at=st.lists(words, min_size=1, max_size=2).map(tuple),
    until=st.none() | st.integers(0, 3),
    deny=st.booleans(),
)
parties = st.sampled_from([GATEWAY, NODE, OTHER])
