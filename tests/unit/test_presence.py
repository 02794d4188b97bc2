# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.presence: a goodbye waits for a broker only where there is one."""

from pathlib import Path

from ganglion.mesh.presence import Presence
from ganglion.mesh.transport import NoBroker
from support.mesh import NOW, Site


async def test_who_has_no_broker_waits_for_none(tmp_path: Path) -> None:
    transport = NoBroker()
    presence = Presence(
        Site(tmp_path).member("fridge").member,
        transport,
        clock=lambda: NOW,
        birth=lambda: None,
        authority=None,
        on_said=lambda sealed: None,
        on_born=lambda: None,
        on_repeated=lambda: None,
    )
    goodbye = presence.leave()
    try:
        goodbye.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")
