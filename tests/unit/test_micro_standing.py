# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a node believes, a board believes, by one table: `mesh.standing` and `ganglion_micro.authority`."""

from pathlib import Path

import pytest

from ganglion.mesh import crypto, revocation
from ganglion.mesh import standing as standings
from ganglion.mesh.credential import verify
from ganglion.mesh.identity import Identity
from ganglion_micro import cose, gl1
from ganglion_micro.authority import PIN, Authority
from ganglion_micro.certificate import DropError
from support.mesh import HOUR, Site

DAY = 24 * HOUR
#: What the authority does to the gateway's key or to the one before it, when a command of the gateway is judged, in
#: nanoseconds after its credential was issued, and what comes of it.
CASES = {
    "nothing": ((), HOUR, ""),
    "its key was revoked": ((("revoke", "key"),), HOUR, "revoked"),
    "its key was replaced lately": ((("supersede", "key"),), HOUR // 2, ""),
    "its key was replaced": ((("supersede", "key"),), 2 * HOUR, "revoked"),
    "the key before it was revoked": ((("revoke", "former"),), HOUR, "revoked"),
    "the key before it was replaced": ((("supersede", "former"),), 2 * HOUR, ""),
    "another key was revoked": ((("revoke", "other"),), HOUR, ""),
    "its credential has ended": ((), 26 * HOUR, "expired"),
    "no list for long": ((("revoke", "other"),), 31 * DAY, "stale"),
}


@pytest.mark.parametrize(("changes", "later", "cause"), CASES.values(), ids=CASES)
def test_a_node_and_a_board_judge_alike(
    changes: tuple[tuple[str, str], ...], later: int, cause: str, tmp_path: Path
) -> None:
    site = Site(tmp_path)
    keys = {name: Identity.create() for name in ("key", "former", "other")}
    lifetime = 60 * DAY if cause == "stale" else DAY
    credential = site.authority.issue(
        keys["key"].public,
        name="gateway",
        roles=["gateway"],
        now=site.now,
        lifetime=lifetime,
        former=keys["former"].node_id,
    )
    for change, name in changes:
        getattr(site.authority, change)(keys[name].node_id, now=site.now)
    listed = site.authority.revocations(now=site.now).data
    assert _node(site, credential, listed, site.now + later) == cause
    assert _board(site, credential, listed, site.now + later, keys["key"]) == cause
    if ("revoke", "former") not in changes:  # a gateway's key has none before
        few = site.authority.gateways(now=site.now + (0 if cause == "stale" else later)).data
        assert _board(site, credential, few, site.now + later, keys["key"]) == cause


def _node(site: Site, credential: bytes, listed: bytes, now: int) -> str:
    trust = site.authority.trust(now=site.now)
    standing = site.member("node").member.standing
    standing.trust, standing.vouched = trust, now
    standing.revocations = revocation.read(listed, trust)
    try:
        standing.informed(now)
        standing.check(verify(credential, trust.issuer.public, mesh=trust.mesh), gl1.REQUEST, now)
    except standings.DropError as drop:
        return drop.cause.value
    return ""


def _board(site: Site, credential: bytes, listed: bytes, now: int, key: Identity) -> str:
    bundle, kept, own = site.authority.bundle(now=site.now), {}, Identity.create()
    pin = cose.thumbprint(site.authority.trust(now=site.now).root)[:PIN]
    board = Authority(
        pin,
        lambda public, signature, message: crypto.verify(message, signature, public),
        kept.get,
        kept.__setitem__,
    )
    board.bundle(bundle, site.now)
    gateway = site.member("gateway", role="gateway", identity=key, credential=credential)
    board.birth(gl1.gateway_topic(board.text, key.node_id), gateway.birth().payload, site.now)
    board.listed(listed, own.kid)
    board.vouched = now
    asked = gateway.member.seal(gl1.REQUEST, {}, now=now, to=own.node_id)
    try:
        board.open(own.kid, asked.payload, now)
    except DropError as drop:
        return str(drop.args[0])
    return ""
