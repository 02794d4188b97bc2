# SPDX-License-Identifier: GPL-3.0-or-later
"""A version on its way: what a board takes only with a seal, and answers that make no sense."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from ganglion.cli.firmware_send import send
from ganglion.errors import InvalidError, NotFoundError, RemoteProtocolError
from ganglion.firmware import Bundle, sending
from ganglion.firmware.sending import seen_in_time
from ganglion.units import SECOND
from ganglion_agent.seal import sealed_by
from ganglion_agent.slots import Slots
from ganglion_agent.update import Update
from ganglion_micro import cbor, cose, update_key
from ganglion_micro.ed25519 import verify
from support.flash_model import Flash

DAY = 86400


def board(check: Callable[[bytes | None, bytes], None]) -> Update:
    flash = Flash()
    flash.folders = {"/a", "/b"}
    slots = Slots(flash, slot="a")
    slots.confirm()
    return Update(flash, slots, check)


def test_a_board_whose_updates_are_signed_takes_only_what_the_issuer_has_sealed(tmp_path: Path) -> None:
    authority, other = SigningKey.generate(), SigningKey.generate()
    aad = update_key.aad(bytes(8))
    public = bytes(authority.verify_key)

    def seal(digest: bytes, key: SigningKey = authority, kid: bytes = cose.kid(public), at: int = 7) -> bytes:
        return cose.sign1(cbor.encode([digest, at]), kid, aad, lambda message: key.sign(message).signature)

    version = Bundle(version="v1", files={"x.mpy": b"x"}, outside={})
    digest = bytes.fromhex(version.sha256)
    newest = tmp_path / "sealed"
    update = board(sealed_by(lambda: (public, bytes(8)), verify, str(newest)))
    for wrong, why in [
        (None, "only with the issuer's seal"),
        (b"no seal", "not a COSE_Sign1"),
        (cose.sign1(cbor.encode(digest), cose.kid(public), aad, lambda message: bytes(64)), "when it was made"),
        (seal(digest, at=-1), "when it was made"),
        (seal(bytes(32)), "of another update"),
        (seal(digest, other, cose.kid(bytes(other.verify_key))), "of another key"),
        (seal(digest, other), "not the issuer's"),
    ]:
        call = next(sending(version, wrong))
        with pytest.raises(ValueError, match=why):
            update.begin(call.params)
        assert update.status({}) == {"state": "idle"}
    assert not newest.exists()
    assert update.begin(next(sending(version, seal(digest))).params)["state"] == "receiving"
    assert newest.read_text() == "7"
    # What was sealed before is taken no more, by no boot; the same seal again is, after a break
    older = Bundle(version="v0", files={"x.mpy": b"older"}, outside={})
    update = board(sealed_by(lambda: (public, bytes(8)), verify, str(newest)))
    with pytest.raises(ValueError, match="older than one that this board has taken"):
        update.begin(next(sending(older, seal(bytes.fromhex(older.sha256), at=6))).params)
    assert update.begin(next(sending(version, seal(digest))).params)["state"] == "receiving"
    assert update.begin(next(sending(older, seal(bytes.fromhex(older.sha256), at=8))).params)["state"] == "receiving"
    assert newest.read_text() == "8"
    early = sealed_by(lambda: (public, bytes(8)), verify, str(tmp_path / "other"), lambda: 10 * DAY * SECOND)
    early(seal(digest, at=11 * DAY), digest)
    with pytest.raises(ValueError, match="of another day: set the gateway's clock"):
        early(seal(digest, at=11 * DAY + 1), digest)
    seen_in_time(seal(digest, at=11 * DAY), 10 * DAY)
    with pytest.raises(InvalidError, match="seal is 90 days ahead of this machine"):
        seen_in_time(seal(digest, at=100 * DAY), 10 * DAY)
    (tmp_path / "sealed.new").write_text("9")  # the power has failed before it had its name
    with pytest.raises(ValueError, match="older than one that this board has taken"):
        update.begin(next(sending(version, seal(digest, at=8))).params)
    (tmp_path / "sealed.new").unlink()
    newest.write_text("x")
    with pytest.raises(ValueError, match="sealed is damaged"):
        update.begin(next(sending(version, seal(digest, at=10))).params)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"state": "idle"}, "says 'idle' of the update"),
        ({}, "says None of the update"),
        ({"state": "receiving", "file": "y", "offset": 0}, "asks for 'y' from 0, which this version has not"),
        ({"state": "receiving", "file": "x.mpy", "offset": 1}, "asks for 'x.mpy' from 1"),
        ({"state": "receiving", "file": "x.mpy", "offset": "0"}, "asks for 'x.mpy' from '0'"),
        ({"state": "receiving", "file": 7, "offset": 0}, "asks for 7 from 0"),
        ({"state": "receiving", "file": "x.mpy", "offset": 0, "damaged": 9}, "comes damaged again and again"),
    ],
)
def test_an_answer_that_makes_no_sense_ends_the_sending(said: dict, why: str) -> None:
    sender = sending(Bundle(version="v1", files={"x.mpy": b"x"}, outside={}))
    assert next(sender).method == "update.begin"
    with pytest.raises(RemoteProtocolError, match=why):
        sender.send(said)


class Flat:
    """The gateway of a leaf without slots."""

    def command(self, node: str, method: str, params: dict[str, Any]) -> dict[str, Any]:
        raise NotFoundError(f"no method {params['method']}; known are log, ping, reboot, status")

    def ask(self, operation: object) -> dict[str, Any]:
        return {"seal": ""}


@pytest.mark.parametrize("asks", [True, False])
def test_a_board_without_slots_is_sent_to_the_cable(asks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganglion.cli.firmware_send.seen_in_time", lambda seal, now: None)
    version = Bundle(version="v1", files={"x.mpy": b"x"}, outside={})

    def make(has: Any) -> Bundle:
        if asks:
            has(["seal"])
        return version

    gateway: Any = Flat()
    with pytest.raises(NotFoundError, match=r"barn/garden takes no updates: .* ganglion flash BOARD --port PORT"):
        send(gateway, "barn/garden", make, 1.0)
