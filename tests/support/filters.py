# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters and events as hypothesis makes them up: small enough that they often meet."""

import math

from hypothesis import strategies as st

from ganglion.event import Event

numbers = st.integers(-3, 3) | st.sampled_from([0.5, -0.5, 2.5])
scalars = numbers | st.sampled_from(["", "a", "b"]) | st.none() | st.booleans()
values = scalars | st.just(math.nan) | st.lists(scalars, max_size=2) | st.dictionaries(st.sampled_from("ab"), scalars)
events = st.builds(
    Event, st.sampled_from(["t", "u"]), values, st.integers(0, 3), st.sampled_from(["", "a"]), st.integers(0, 3)
)
_fields = st.sampled_from(["value", "value.a", "value.0", "topic", "timestamp", "source", "priority"])
_operators = st.deferred(
    lambda: (
        st.dictionaries(st.sampled_from(["$eq", "$ne"]), scalars, min_size=1)
        | st.dictionaries(
            st.sampled_from(["$lt", "$lte", "$gt", "$gte"]), numbers | st.sampled_from(["", "a", "b"]), min_size=1
        )
        | st.dictionaries(st.sampled_from(["$in", "$nin"]), st.lists(scalars, max_size=3), min_size=1)
        | st.dictionaries(st.sampled_from(["$bitsAllSet", "$bitsAnySet"]), st.integers(0, 3), min_size=1)
        | st.fixed_dictionaries({"$exists": st.booleans()})
        | st.fixed_dictionaries({"$not": _operators})
    )
)
filters = st.recursive(
    st.dictionaries(_fields, scalars | _operators, max_size=2),
    lambda inner: (
        st.dictionaries(st.sampled_from(["$and", "$or"]), st.lists(inner, min_size=1, max_size=3), min_size=1)
        | st.fixed_dictionaries({"$not": inner})
    ),
    max_leaves=6,
)
