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
_texts = st.sampled_from(["", "a", "b", "t"])


def _asked(operands: st.SearchStrategy, ordered: st.SearchStrategy, *more: st.SearchStrategy) -> st.SearchStrategy:
    """What may be asked of one field."""
    operators = st.deferred(
        lambda: st.one_of(
            st.dictionaries(st.sampled_from(["$eq", "$ne"]), operands, min_size=1),
            st.dictionaries(st.sampled_from(["$lt", "$lte", "$gt", "$gte"]), ordered, min_size=1),
            st.dictionaries(st.sampled_from(["$in", "$nin"]), st.lists(operands, max_size=3), min_size=1),
            st.fixed_dictionaries({"$exists": st.booleans()}),
            st.fixed_dictionaries({"$not": operators}),
            *more,
        )
    )
    return operands | operators


_bits = st.dictionaries(st.sampled_from(["$bitsAllSet", "$bitsAnySet"]), st.integers(0, 3), min_size=1)
_fields = st.one_of(
    st.tuples(st.sampled_from(["value", "value.a", "value.0"]), _asked(scalars, numbers | _texts, _bits)),
    st.tuples(st.sampled_from(["timestamp", "priority"]), _asked(numbers, numbers, _bits)),
    st.tuples(st.sampled_from(["topic", "source"]), _asked(_texts, _texts)),
)
filters = st.recursive(
    st.lists(_fields, max_size=2).map(dict),
    lambda inner: (
        st.dictionaries(st.sampled_from(["$and", "$or"]), st.lists(inner, min_size=1, max_size=3), min_size=1)
        | st.fixed_dictionaries({"$not": inner})
    ),
    max_leaves=6,
)
