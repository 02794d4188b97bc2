# SPDX-License-Identifier: GPL-3.0-or-later
"""A board that is a full member, without I/O, and a gateway of the runtime that hears each word: `World`."""

import asyncio
import os
from pathlib import Path
from typing import Any

from ganglion.mesh import crypto
from ganglion.mesh.enrol import EnrolKey, Enroller
from ganglion.mesh.identity import Identity
from ganglion.mesh.member import Received
from ganglion_micro import enrol, gl1
from ganglion_micro.authority import Authority
from ganglion_micro.member import Member
from support.mesh import Enrolled, Keys, Site

MS = 1_000_000


class Signer:
    """The board's key, by libsodium.

    Attributes:
        cost: What a signature is said to take, in milliseconds.
        made, verified: How many there were.
    """

    def __init__(self) -> None:
        self._identity = Identity.create()
        self.public = self._identity.public
        self.node_id = self._identity.node_id
        self.cost = self.made = self.verified = 0

    def sign(self, message: bytes) -> bytes:
        self.made += 1
        return self._identity.sign(message)

    def verify(self, public: bytes, signature: bytes, message: bytes) -> bool:
        self.verified += 1
        return crypto.verify(message, signature, public)


class World:
    """A gateway, and a board with an enrol key.

    Attributes:
        kept: The board's flash.
        heard: What the gateway believed of the board, oldest first.
        said: Everything that the board published.
        results: What the gateway answers, by method.
        stores: Whether the gateway acknowledges events; `answers`: whether it answers at all.
    """

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder)
        self.gateway = self.site.member("gateway", role="gateway")
        self._keys = Keys(self.site.authority)
        self._enroller = Enroller(self.site.authority, self._keys)
        self.key: EnrolKey | None = self._keys.create()
        self.signer = Signer()
        self.kept: dict[str, bytes] = {}
        self.log: list[str] = []
        self.heard: list[Received] = []
        self.said: list[tuple[str, bytes, int, bool]] = []
        self.stores = self.answers = True
        self.results: dict[str, Any] = {}
        self.boots = 0
        self.calls: list[dict[str, Any]] = []
        self.board = self.boot()

    def boot(self) -> Member:
        """The board begins another boot, with what is on its flash."""
        self.boots += 1
        pin = self.key.pin if self.key and not self.kept else b""
        authority = Authority(pin, self.signer.verify, self.kept.get, self.kept.__setitem__)
        text = None if self.key is None else enrol.EnrolKey(self.key.text)
        self.board = Member(
            authority,
            self.signer,
            self.boots,
            os.urandom(8),
            {"name": "garden", "board": "pico"},
            text,
            self.kept.get,
            self.kept.__setitem__,
            lambda level, line: self.log.append(f"{level} {line}"),
            os.urandom,
        )
        self.board.serve("led", self._led)
        return self.board

    def _led(self, params: dict[str, Any]) -> Any:
        self.calls.append(params)
        return len(self.calls)

    def connect(self) -> None:
        """The broker lets the board in, and has the retained messages for it."""
        self.board.connected(True)
        authority, now = self.site.authority, self.site.now
        mesh = authority.mesh_id
        birth = self.gateway.birth()
        self.board.receive((gl1.gateway_topic(mesh, self.gateway.member.identity.node_id), birth.payload))
        self.board.receive((gl1.gateway_topic(mesh, gl1.ALL), authority.gateways(now=now).data))
        self.board.receive((gl1.revoked_topic(mesh), authority.revocations(now=now).data))
        self.board.receive((gl1.bundle_topic(mesh), authority.bundle(now=now)))

    def join(self) -> "World":
        """Has the board join."""
        self.connect()
        self.go(15000)
        assert self.board.joined, (self.board.refused, self.log)
        return self

    def go(self, ms: int, step: int = 20) -> None:
        """So much time passes."""
        for _ in range(0, ms, step):
            self.site.now += step * MS
            for said in self.board.advance(step):
                self.said.append(said)
                received = self.gateway.member.open(said[0], said[1], now=self.site.now, retained=False)
                if received is not None:
                    self.heard.append(received)
                    if self.answers:
                        self._answer(received)

    def _answer(self, received: Received) -> None:
        if received.kind == gl1.ENROL:
            body = asyncio.run(self._enroller.answer(received, self.site.now))
            self.tell(gl1.CREDENTIAL, body)
        elif received.kind == gl1.EVENT and self.stores:
            self.tell(gl1.REPLY, {"stored": [[received.epoch, received.seq]]})
        elif received.stale:
            self.tell(gl1.REPLY, {"id": received.body["id"], "ok": False, "error": {"code": "stale", "message": ""}})
        elif received.kind == gl1.REQUEST:
            result: Any = self.results.get(received.body["method"], {})
            if received.body["method"] == "credential.renew":
                result = self.site.authority.issue(self.signer.public, name="garden", roles=["node"], now=self.site.now)
            self.tell(gl1.REPLY, {"id": received.body["id"], "ok": True, "result": result})

    def tell(self, kind: int, body: Any, who: Enrolled | None = None) -> tuple[str, bytes]:
        """The gateway says something to the board; what it was."""
        sealed = (who or self.gateway).member.seal(kind, body, now=self.site.now, to=self.signer.node_id)
        self.board.receive((sealed.topic, sealed.payload))
        return sealed.topic, sealed.payload

    def ask(self, identity: str = "r1", who: Enrolled | None = None, **changes: Any) -> tuple[str, bytes]:
        """The gateway asks for `led`; what it said."""
        nonce = next(one.body["nonce"] for one in reversed(self.heard) if one.kind == gl1.BIRTH)
        body = {"id": identity, "method": "led", "params": {"on": True}, "nonce": nonce}
        return self.tell(gl1.REQUEST, {**body, "deadline": self.site.now + 10**10, **changes}, who)

    def replies(self, identity: str = "r1") -> list[dict[str, Any]]:
        """What the board has answered to a request."""
        return [one.body for one in self.heard if one.kind == gl1.REPLY and one.body.get("id") == identity]

    def of(self, kind: int) -> list[Received]:
        """What the gateway believed of a kind."""
        return [one for one in self.heard if one.kind == kind]
