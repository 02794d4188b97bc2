# SPDX-License-Identifier: GPL-3.0-or-later
"""firmware.delivery: a version arrives over a way that loses, doubles and reorders, and over one that breaks."""

import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ganglion.errors import GanglionError, RefusedError, UnreachableError
from ganglion.firmware import Bundle
from ganglion.firmware.delivery import Delivery
from ganglion.firmware.sending import CHUNK, Call
from ganglion_agent.slots import Slots
from ganglion_agent.update import Update
from ganglion_micro.leaf import Leaf
from support.flash_model import Flash
from support.leaves import Pair


def version(size: int, name: str = "v1") -> Bundle:
    dice = random.Random(size)
    return Bundle(version=name, files={"x.mpy": dice.randbytes(size), "y.mpy": b"y" * 600}, outside={})


class Board:
    """A board in virtual time, behind a parent and a way that is good unless a test says otherwise."""

    def __init__(self) -> None:
        self.flash = Flash()
        self.flash.folders = {"/a", "/b"}
        self.flash.data["/a/old.mpy"] = b"old"
        self.boots = self.asked = 0
        self.pair = Pair()
        self.now = 0.0
        self.told: list[str] = []
        self.start()
        self.slots.confirm()

    def start(self) -> None:
        """A boot."""
        self.boots += 1
        self.new = True
        self.slots = Slots(self.flash)
        self.slots.boot()
        self.update = Update(self.flash, self.slots)
        self.pair.leaf = Leaf(self.pair.key, self.boots, self.boots.to_bytes(8, "big"), {})
        for name in ("begin", "chunk", "commit", "status"):
            self.pair.leaf.serve(f"update.{name}", getattr(self.update, name))
        self.resetting = False
        self.pair.leaf.serve("reboot", self.reboot)

    def reboot(self, params: dict[str, Any]) -> dict[str, Any]:
        self.resetting = True
        return {}

    def pass_ms(self, ms: int) -> None:
        if self.resetting:
            self.start()
        self.pair.pass_ms(ms)
        if self.boots > 1 and self.pair.leaf.joined and self.new:
            self.new = False
            self.slots.confirm()
        self.now += ms / 1000

    def sleep(self, seconds: float) -> None:
        for _ in range(int(seconds * 10) + 1):
            self.pass_ms(100)

    def tell(self, said: Mapping[str, Any]) -> None:
        self.told.append(said["text"])

    def ask(self, call: Call) -> dict[str, Any]:
        """As a parent's `leaf.call` does it, in 10 s of the board's time."""
        self.asked += 1
        identity = str(self.asked)
        send = self.pair.parent.ask("garden", identity, call.method, call.params, self.pair.now)
        for _ in range(10):
            self.pair.carry("parent", send.data)
            if (body := self.pair.answers.get(identity)) is not None:
                if not body["ok"]:
                    raise GanglionError(body["error"]["message"])
                return dict(body["result"])
            self.pass_ms(1000)
        raise UnreachableError("garden does not answer within 10 s")

    def delivery(self, ask: Callable[[Call], dict[str, Any]] | None = None, patience: float = 300) -> Delivery:
        return Delivery(
            "barn/garden", ask or self.ask, patience=patience, tell=self.tell, clock=lambda: self.now, sleep=self.sleep
        )

    def joined(self) -> "Board":
        self.pair.join()
        return self


class Bad:
    """5 % are lost, and as many come twice, or after the one behind them."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.late: list[tuple[str, bytes]] = []
        self.lost = 0

    def __call__(self, who: str, data: bytes) -> list[tuple[str, bytes]]:
        if self.dice.random() < 0.05:
            self.lost += 1
            return []
        if self.dice.random() < 0.05:
            self.late.append((who, data))
            return []
        arriving = [(who, data)] * (2 if self.dice.random() < 0.05 else 1) + self.late
        self.late = []
        return arriving


@pytest.mark.parametrize("seed", range(4))
def test_sixty_kib_arrive_over_a_bad_way(seed: int) -> None:
    board = Board().joined()
    board.pair.deliver = bad = Bad(seed)
    bundle = version(60 * 1024)
    sent = board.delivery().deliver(bundle)
    assert sent.was == "committed"
    assert bad.lost > 5
    board.slots = Slots(board.flash)
    assert board.slots.boot() == "b"
    assert {name: board.flash.data[f"/b/{name}"] for name in bundle.files} == bundle.files
    # A chunk whose answer was lost is answered from memory: little is sent twice
    assert sent.bytes < 1.1 * (bundle.size + len(bundle.manifest))


def test_a_board_that_restarts_in_the_middle_goes_on_where_its_flash_is() -> None:
    board = Board().joined()
    bundle = version(20_000)

    def ask(call: Call) -> dict[str, Any]:
        if call.method == "update.chunk" and call.sent > 10_000 and board.boots == 1:
            board.start()
            raise UnreachableError("barn: garden does not answer 'update.chunk' within 10 s")
        return board.ask(call)

    sent = board.delivery(ask).deliver(bundle)
    assert (sent.was, sent.waits >= 1) == ("committed", True)
    assert sent.bytes <= bundle.size + len(bundle.manifest) + 2 * CHUNK
    assert any(said.startswith("waits for barn/garden, 300 s more: barn: garden does not") for said in board.told)


def test_a_parent_that_is_away_for_a_minute_is_waited_for_and_one_that_stays_away_is_not() -> None:
    board = Board().joined()
    away = [60.0]

    def ask(call: Call) -> dict[str, Any]:
        if call.sent > 5_000 and board.now < away[0]:
            raise UnreachableError("barn is not connected")
        return board.ask(call)

    assert board.delivery(ask).deliver(version(20_000)).was == "committed"
    assert board.now > 60
    assert board.told[0].startswith("waits for barn/garden, 300 s more: barn is not connected")
    board = Board().joined()
    away[0] = 10_000
    with pytest.raises(UnreachableError, match="did not answer for 120 s: barn is not connected; what is there stays"):
        board.delivery(ask, patience=120).deliver(version(20_000))
    away[0] = 0
    sent = board.delivery(ask).deliver(version(20_000))
    assert sent.bytes < 16_000, "what came before the break is not sent again"


def test_a_restart_that_was_not_heard_of_is_asked_for_again() -> None:
    board = Board().joined()
    lost = 0

    def ask(call: Call) -> dict[str, Any]:
        nonlocal lost
        if call.method == "reboot" and lost < 2:
            lost += 1
            raise UnreachableError("lost")
        return board.ask(call)

    assert board.delivery(ask).deliver(version(2_000)).was == "committed"
    assert (lost, board.boots) == (2, 2)


def test_what_the_board_refuses_is_not_tried_again() -> None:
    board = Board().joined()
    asked = 0

    def ask(call: Call) -> dict[str, Any]:
        nonlocal asked
        asked += 1
        raise RefusedError("barn: the policy does not let you")

    with pytest.raises(RefusedError, match="the policy"):
        board.delivery(ask).deliver(version(2_000))
    assert asked == 1


def test_a_version_on_trial_is_waited_for_and_one_that_is_never_kept_is_not() -> None:
    board = Board().joined()
    bundle = version(2_000)
    assert board.delivery().deliver(bundle).was == "committed"
    assert board.slots.trial is False, "it is kept before the command says so"
    board.slots._write((board.slots.slot, False, 1, True))
    looks = 0

    def ask(call: Call) -> dict[str, Any]:
        nonlocal looks
        looks += 1
        if looks == 3:
            board.slots.confirm()
        return board.ask(call)

    assert board.delivery(ask).deliver(bundle).was == "running"
    assert looks == 3
    assert "waits for barn/garden: the version that runs is on trial" in board.told
    board.slots._write((board.slots.slot, False, 1, True))
    with pytest.raises(UnreachableError, match="has not kept the version that runs for 20 s"):
        board.delivery(patience=20).deliver(version(3_000))
