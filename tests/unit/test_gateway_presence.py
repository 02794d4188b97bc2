# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_gateway.intake: what a node said before it died does not bring it back."""

from pathlib import Path

from ganglion_gateway.intake import shows_life
from ganglion_micro import gl1
from support.mesh import Site


def test_what_came_before_a_death_and_is_looked_at_after_it_shows_no_life(tmp_path: Path) -> None:
    site = Site(tmp_path)
    gateway, node = site.member("gateway", role="gateway"), site.member("fridge")
    sealed = [node.birth(), node.frame(["fridge/temperature", 1, 4.5]), node.event()]
    heard = [one for one in map(gateway.hears, sealed) if one is not None]
    assert [shows_life(one) for one in heard] == [True, True, True]
    site.now += 1
    death = node.member.seal(gl1.DEATH, {"epoch": node.member.epoch}, now=site.now)
    assert gateway.hears(death)
    assert [shows_life(one) for one in heard] == [False, False, False]
    site.now += 1
    later = gateway.hears(node.event(2))
    assert later
    assert shows_life(later), "it was given up too early"
