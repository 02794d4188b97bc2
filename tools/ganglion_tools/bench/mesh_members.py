# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh for the benches: an authority, members that know one another, and the readings that they say."""

from pathlib import Path
from typing import Any

from ganglion.mesh import files
from ganglion.mesh.authority import Authority
from ganglion.mesh.credential import NODE
from ganglion.mesh.enrol import EnrolRecord
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Member, Sealed
from ganglion.units import MILLISECOND, SECOND
from ganglion_micro import gl1

#: 2026-01-01, where time is an argument.
NOW = 1_767_225_600 * SECOND
STREAM = "kitchen/temperature"


class NobodyEnrols:
    """A key store without keys: the members of a bench have their credentials already."""

    async def find(self, key_id: bytes) -> EnrolRecord | None:
        return None

    async def take(self, key_id: bytes, node_id: str, now: int, *, name: str = "") -> bool:
        return False


def readings(count: int) -> list[list[Any]]:
    """Stream, timestamp and value of a thermometer, as a node gathers them."""
    return [[STREAM, NOW + i * MILLISECOND, round(20 + i * 0.07, 2)] for i in range(count)]


def couple(authority: Authority) -> tuple[Member, Member]:
    """A node, and a gateway that has heard its birth."""
    node = Member(Identity.create(), mesh=authority.mesh_id, epoch=1)
    gateway = Member(Identity.create(), mesh=authority.mesh_id, epoch=1, gateway=True)
    gateway.adopt(authority.trust(now=NOW))
    birth = born(authority, node, name="node")
    assert gateway.open(birth.topic, birth.payload, now=NOW) is not None
    return node, gateway


def born(authority: Authority, member: Member, *, name: str) -> Sealed:
    """The birth of a member, which gets its credential here; what it says of itself is what a node says."""
    credential = authority.issue(member.identity.public, name=name, roles=[NODE], now=NOW)
    body = {
        "board": "rpi-zero-2w",
        "sw": "ganglion/1.0",
        "caps": ["actuate", "scripts"],
        "name": name,
        "nonce": member.nonce,
        "epoch": member.epoch,
        "credential": credential,
    }
    return member.seal(gl1.BIRTH, body, now=NOW)


def enrolled(state: Path, authority: Authority, *, name: str, now: int) -> None:
    """Makes the state folder of a node that has joined."""
    state.mkdir(parents=True)
    identity = Identity.load_or_create(state / "identity")
    files.write(state / "bundle.cbor", authority.bundle(now=now))
    files.write(state / "credential.cwt", authority.issue(identity.public, name=name, roles=[NODE], now=now))
