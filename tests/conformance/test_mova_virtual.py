# SPDX-License-Identifier: GPL-3.0-or-later
"""MOVA: a node's script runner, in virtual time, asks the world for what the engine alone asks for, to the byte."""

from typing import Any

import pytest

from ganglion_micro import cbor
from support.mova_cases import CASES
from support.mova_virtual import of_the_engine, of_the_runner


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_node_carries_out_what_the_engine_asks_for(case: dict[str, Any]) -> None:
    story = of_the_engine(case)
    found, told = of_the_runner(case, story)
    assert found == story.asked
    assert told == story.episode
    assert cbor.encode([found, told]) == cbor.encode([story.asked, story.episode])
