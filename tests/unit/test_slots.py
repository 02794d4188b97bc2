# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_agent.slots and update: whatever is cut, damaged or bad, a board runs a whole version that is good."""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ganglion.errors import RemoteProtocolError
from ganglion.firmware.bundle import Bundle
from ganglion.firmware.sending import sending
from ganglion_agent.entry import METHODS
from ganglion_agent.manifest import MANIFEST
from ganglion_agent.slots import FAILURES, TRIAL_BOOTS, Slots, line_of, record_of
from ganglion_agent.update import Update
from support.flash_model import Flash, PowerCut

FATES = ["good", "raises", "hangs", "silent"]


def bundle(number: int, fate: str, *, size: int = 700) -> Bundle:
    """A version: one file that all have, one that says what becomes of it, one that is its own."""
    files = {
        "ganglion_micro/same.mpy": b"same" * 300,
        "ganglion_agent/agent.mpy": f"{fate} {number}".encode(),
        "ganglion_agent/own.mpy": bytes([number % 256]) * size,
        "ganglion_agent/drivers/deep.mpy": f"deep {number % 3}".encode(),
    }
    return Bundle(version=f"v{number}", files=files, outside={})


def methods_of(update: Update) -> dict[str, Callable[[dict], dict]]:
    """What `ganglion_agent.entry` and the agent serve."""
    table = {f"update.{name}": getattr(update, name) for name in METHODS}
    return {**table, "reboot": lambda params: {}}


class Board:
    """A board that is flashed with a good version 0 in its slot `a`."""

    def __init__(self, *, is_fat: bool, blocks: int = 1000) -> None:
        self.flash = Flash(is_fat=is_fat, blocks=blocks)
        self.slots = Slots(self.flash)
        self.update: Update | None = None
        self.versions: dict[bytes, Bundle] = {}
        self.flashed(bundle(0, "good"))

    def flashed(self, version: Bundle) -> None:
        self.versions[version.manifest] = version
        for name, data in version.on_board().items():
            folder = ""
            for level in f"/{name}".split("/")[1:-1]:
                folder += f"/{level}"
                self.flash.folders.add(folder)
            self.flash.data[f"/{name}"] = data

    def running(self) -> Bundle:
        """What runs: a version that is whole, and nothing of another."""
        slot = self.slots.path(self.slots.slot)
        version = self.versions[self.flash.data[f"{slot}/{MANIFEST}"]]
        for name, data in version.files.items():
            assert self.flash.data[f"{slot}/{name}"] == data, f"{name} is not that of {version.version}"
        return version

    def boot(self) -> str:
        """One boot, as `ganglion_agent.boot` has it: the fate of what it runs, after it has done it."""
        self.update = None
        self.slots = Slots(self.flash)
        assert self.slots.boot() in ("a", "b")
        fate = self.running().files["ganglion_agent/agent.mpy"].split()[0].decode()
        if fate == "good":
            self.slots.confirm()
            self.update = Update(self.flash, self.slots)
        elif fate == "raises":
            self.slots.fail()
        elif fate == "silent" and self.slots.trial:
            self.slots.expire()
        return fate

    def healthy(self) -> Bundle:
        """Boots until what runs is good."""
        for _ in range(2 * TRIAL_BOOTS + FAILURES):
            if self.boot() == "good":
                return self.running()
        raise AssertionError(f"no version runs: {self.flash.data.get('/slot')!r}")

    def send(self, version: Bundle, *, calls: int = 1000) -> str:
        """Sends a version, or as much of it as so many calls do."""
        assert self.update is not None
        self.versions[version.manifest] = version
        methods = methods_of(self.update)
        sender = sending(version)
        try:
            call = next(sender)
            for _ in range(calls):
                call = sender.send(methods[call.method](call.params))
        except StopIteration as done:
            return str(done.value)
        return "broken off"


class Life(RuleBasedStateMachine):
    """Updates, boots, power cuts and damage in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    @initialize(is_fat=st.booleans())
    def begin(self, is_fat: bool) -> None:
        self.board = Board(is_fat=is_fat)
        self.good = self.board.healthy()

    def cut(self, after: int, act: Callable[[], object]) -> bool:
        """Does it, with the power cut after so many operations; says whether it came so far."""
        self.board.flash.left = after
        try:
            act()
            return True
        except PowerCut:
            return False
        finally:
            self.board.flash.left = None

    @rule(fate=st.sampled_from(FATES), after=st.integers(0, 80), calls=st.integers(1, 40), again=st.booleans())
    def an_update_is_cut_or_not(self, fate: str, after: int, calls: int, again: bool) -> None:
        self.number += 1
        version = bundle(self.number, fate)
        came = self.cut(after, lambda: self.board.send(version, calls=calls))
        if again:
            self.good = self.board.healthy() if not came or self.board.slots.pending else self.board.running()
            if self.good.version != version.version:
                assert self.board.send(version) == "committed"
        pending = self.board.slots.pending
        found = self.board.healthy()
        if pending and fate == "good":
            assert found == version, "a good update is kept"
        elif fate != "good":
            assert found == self.good, "a bad update is left"
        assert found in (version, self.good)
        self.good = found

    @rule(after=st.integers(0, 12), times=st.integers(1, TRIAL_BOOTS + 2))
    def boots_are_cut(self, after: int, times: int) -> None:
        for _ in range(times):
            self.cut(after, self.board.boot)
        self.good = self.board.healthy()

    @rule(name=st.sampled_from(["/slot", "/slot.new"]), data=st.binary(max_size=40), fate=st.sampled_from(FATES))
    def a_pointer_is_damaged(self, name: str, data: bytes, fate: str) -> None:
        self.board.flash.data[name] = data
        self.board.flash.data.pop("/slot", None)
        self.good = self.board.healthy()

    @rule()
    def a_version_stays_through_boots(self) -> None:
        for _ in range(FAILURES + TRIAL_BOOTS):
            assert self.board.boot() == "good"
            assert self.board.running() == self.good

    @rule(watchdog=st.integers(1, FAILURES - 1))
    def a_watchdog_now_and_then_changes_nothing(self, watchdog: int) -> None:
        for _ in range(watchdog):
            Slots(self.board.flash).boot(watchdog=True)
        assert self.board.healthy() == self.good

    @invariant()
    def what_runs_is_kept(self) -> None:
        if hasattr(self, "board"):
            assert not self.board.slots.trial
            assert not self.board.slots.pending


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=150, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(params=[False, True], ids=["littlefs", "fat"])
def board(request: pytest.FixtureRequest) -> Board:
    made = Board(is_fat=request.param)
    made.healthy()
    return made


def test_a_version_that_is_good_is_kept_and_what_both_have_is_not_sent(board: Board) -> None:
    assert board.send(bundle(1, "good")) == "committed"
    assert board.slots.pending
    assert board.healthy().version == "v1"
    sent = [call.sent for call in board_calls(board, bundle(4, "good"))]
    assert sent[-1] == len(bundle(4, "good").manifest) + 700 + len("good 4"), "all but `same` and `deep`"


def board_calls(board: Board, version: Bundle) -> Iterator:
    assert board.update is not None
    methods, sender = methods_of(board.update), sending(version)
    call = next(sender)
    while True:
        yield call
        try:
            call = sender.send(methods[call.method](call.params))
        except StopIteration:
            return


@pytest.mark.parametrize("fate", [fate for fate in FATES if fate != "good"])
def test_a_version_that_is_bad_is_left_after_its_boots(board: Board, fate: str) -> None:
    assert board.send(bundle(1, fate)) == "committed"
    boots = []
    while (now := board.boot()) != "good":
        boots.append(now)
    assert boots == [fate] * (1 if fate == "silent" else TRIAL_BOOTS)
    assert board.running().version == "v0"
    assert not board.slots.trial, "what it goes back to need not prove itself again"
    assert not board.slots.rescue


def test_every_cut_of_an_update_leaves_a_version_and_a_second_try_goes_on(board: Board) -> None:
    reference = Board(is_fat=board.flash.is_fat)
    reference.healthy()
    before = reference.flash.done
    reference.send(bundle(1, "good"))
    steps = reference.flash.done - before
    assert steps > 30
    for after in range(steps):
        cut = Board(is_fat=board.flash.is_fat)
        cut.healthy()
        cut.flash.left = after
        with pytest.raises(PowerCut):
            cut.send(bundle(1, "good"))
        cut.flash.left = None
        if cut.healthy().version == "v0":
            assert cut.send(bundle(1, "good")) == "committed"
        assert cut.healthy().version == "v1"


def test_what_is_on_the_flash_is_not_sent_again(board: Board) -> None:
    version = bundle(1, "good", size=20_000)
    assert board.send(version, calls=20) == "broken off"
    there = len(next(data for name, data in board.flash.data.items() if name.startswith("/b/p-")))
    assert there > 5_000
    board.healthy()
    calls = list(board_calls(board, version))
    assert calls[1].params["offset"] == there
    assert calls[-1].sent == 20_000 - there


def test_a_chunk_that_comes_twice_or_at_another_offset_changes_nothing(board: Board) -> None:
    assert board.update is not None
    version = bundle(1, "good")
    board.versions[version.manifest] = version
    methods, sender = methods_of(board.update), sending(version)
    call = next(sender)
    while True:
        said = methods[call.method](call.params)
        if call.method == "update.chunk":
            assert methods[call.method](call.params) == said
            assert methods[call.method]({**call.params, "offset": call.params["offset"] + 1}) == said
            assert methods["update.status"]({}) == said
        try:
            call = sender.send(said)
        except StopIteration:
            break
    assert board.healthy() == version


def test_what_comes_damaged_is_asked_for_again_and_then_given_up(board: Board) -> None:
    assert board.update is not None
    version = bundle(1, "good")
    board.versions[version.manifest] = version
    damage = {"ganglion_agent/own.mpy": 1}

    def send(call: object) -> dict:
        params = dict(call.params)  # type: ignore[attr-defined]
        if damage.get(params.get("file", "-"), 0) > 0:
            damage[params["file"]] -= 1
            params["data"] = b64encode(bytes(len(b64decode(params["data"])))).decode()
        return methods_of(board.update)[call.method](params)  # type: ignore[attr-defined, union-attr]

    def all_of_it() -> None:
        sender = sending(version)
        call = next(sender)
        while True:
            try:
                call = sender.send(send(call))
            except StopIteration:
                return

    all_of_it()
    assert board.update.damaged == 1
    assert board.healthy() == version
    version = bundle(2, "good")
    damage["ganglion_agent/own.mpy"] = 1000
    with pytest.raises(RemoteProtocolError, match=r"own\.mpy comes damaged again and again"):
        all_of_it()
    assert board.healthy().version == "v1"


def test_what_does_not_fit_is_refused_before_the_other_version_is_touched(board: Board) -> None:
    board.send(bundle(1, "good"))
    assert board.healthy().version == "v1"
    board.flash.blocks = 40
    with pytest.raises(ValueError, match=r"it needs 38\d KiB of flash more, and \d+ KiB are free"):
        board.send(bundle(2, "good", size=400_000))
    assert board.slots.whole("a")
    assert board.send(bundle(3, "good")) == "committed"


def test_a_full_flash_is_a_sentence_and_the_update_can_go_on(board: Board) -> None:
    version = bundle(1, "good", size=20_000)
    board.send(version, calls=5)
    assert board.update is not None
    said = board.update.status({})
    board.flash.blocks = 0
    with pytest.raises(ValueError, match="the flash could not be written"):
        board.update.chunk({"file": said["file"], "offset": said["offset"], "data": "eA=="})
    board.flash.blocks = 1000
    assert board.send(version) == "committed"


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("../main.py", "../main.py leads out of the slot"),
        ("/main.py", "/main.py leads out of the slot"),
        ("a//b.mpy", "a//b.mpy leads out of the slot"),
        ("Main.mpy", "Main.mpy: a name of a file has small letters"),
        ("manifest", "manifest is a name that an update has for itself"),
        ("m-0.mpy", "m-0.mpy is a name that an update has for itself"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(board: Board, name: str, refusal: str) -> None:
    with pytest.raises(ValueError, match=f"^{refusal}"):
        board.send(Bundle(version="v1", files={name: b"x"}, outside={}))
    assert board.healthy().version == "v0"


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"version": 1, "size": 5, "sha256": "0" * 64},
        {"version": "1", "size": 5, "sha256": "0" * 63},
        {"version": "1", "size": 5, "sha256": bytes(32)},
        {"version": "1", "size": 5, "sha256": "/manifest/../../x/manifest" + "0" * 38},
        {"version": "1", "size": 0, "sha256": "0" * 64},
        {"version": "1", "size": 1 << 20, "sha256": "0" * 64},
        {"version": "1", "size": True, "sha256": "0" * 64},
    ],
)
def test_parameters_that_make_no_sense_are_refused(board: Board, params: dict) -> None:
    assert board.update is not None
    with pytest.raises(ValueError, match=r"manifest|[Nn]on-hex"):
        board.update.begin(params)
    assert board.update.status({}) == {"state": "idle"}


def test_methods_out_of_order_are_refused_or_say_where_it_is(board: Board) -> None:
    assert board.update is not None
    assert board.update.chunk({"file": "", "offset": 0, "data": "eA=="}) == {"state": "idle"}
    with pytest.raises(ValueError, match="a chunk has a file"):
        board.update.chunk({"file": "", "offset": 0})
    with pytest.raises(ValueError, match="not complete"):
        board.update.commit({})
    board.send(bundle(1, "good"), calls=1)
    with pytest.raises(ValueError, match="and this is more"):
        board.update.chunk({"file": "", "offset": 0, "data": b64encode(bytes(1000)).decode()})


def test_the_version_that_runs_is_not_sent_and_one_that_waits_is_not_replaced(board: Board) -> None:
    assert board.send(board.running()) == "running"
    assert board.send(bundle(1, "good")) == "committed"
    with pytest.raises(ValueError, match="another update waits for the board to be reset"):
        board.send(bundle(2, "good"))


def test_on_trial_there_is_no_other_update(board: Board) -> None:
    board.send(bundle(1, "silent"))
    slots = Slots(board.flash)
    slots.boot()
    board.update = Update(board.flash, slots)
    other = next(sending(bundle(2, "good")))
    assert board.update.begin(other.params)["state"] == "trial"
    assert board.update.status({}) == {"state": "idle"}


def test_a_manifest_of_another_version_or_none_at_all_is_refused(board: Board) -> None:
    assert board.update is not None
    for text in (bundle(1, "good").manifest, b"nothing\n", b"ganglion 1 2 v2\n", b"ganglion 1 0 v2\nmore\n"):
        begin = {"version": "v2", "size": len(text), "sha256": hashlib.sha256(text).hexdigest()}
        assert board.update.begin(begin)["state"] == "receiving"
        with pytest.raises(ValueError, match="manifest"):
            board.update.chunk({"file": "", "offset": 0, "data": b64encode(text).decode()})
        assert board.update.status({}) == {"state": "idle"}


def test_a_kept_version_that_fails_again_and_again_is_left_and_a_person_is_asked(board: Board) -> None:
    board.send(bundle(1, "good"))
    board.healthy()
    for _ in range(FAILURES):
        slots = Slots(board.flash)
        assert (slots.boot(), slots.rescue) == ("b", False)
        slots.fail()
    slots = Slots(board.flash)
    assert (slots.boot(), slots.rescue, slots.trial) == ("a", True, True)
    slots.confirm()
    assert (Slots(board.flash).boot(), slots.trial) == ("a", False)


def test_a_version_that_failed_its_trial_is_not_preferred_to_one_that_was_kept(board: Board) -> None:
    board.send(bundle(1, "raises"))
    assert board.healthy().version == "v0"
    assert board.flash.data["/slot"].startswith(b"1 a kept 0 bad ")
    for _ in range(3):
        for _ in range(FAILURES):
            slots = Slots(board.flash)
            assert slots.boot() == "a"
            slots.fail()
    slots = Slots(board.flash)
    assert (slots.boot(), slots.trial, slots.rescue) == ("a", False, True), (
        "a person is let to the console now and then"
    )
    assert board.healthy().version == "v0"
    assert board.send(bundle(2, "good")) == "committed"
    assert board.healthy().version == "v2"
    assert board.flash.data["/slot"].startswith(b"1 b kept 0 good "), "it is forgotten with what was in the slot"


def test_a_version_that_failed_its_trial_is_the_last_resort_where_the_kept_one_is_damaged(board: Board) -> None:
    board.send(bundle(1, "raises"))
    assert board.healthy().version == "v0"
    board.flash.data["/a/ganglion_agent/own.mpy"] = b"damaged"
    slots = Slots(board.flash)
    assert (slots.boot(), slots.trial, slots.rescue) == ("b", True, True)


def test_a_crash_after_a_steady_boot_is_the_first_of_its_row(board: Board) -> None:
    board.send(bundle(1, "good"))
    board.healthy()
    for row in (1, 2, 1, 2, 1, 2, 3):
        slots = Slots(board.flash)
        assert slots.boot() == "b"
        slots.fail(row)
    assert Slots(board.flash).boot() == "a"


@pytest.mark.parametrize("act", ["boot", "watchdog", "confirm", "fail", "expire"])
@pytest.mark.parametrize("is_fat", [False, True])
def test_in_every_state_a_cut_leaves_the_one_before_or_the_one_after(act: str, is_fat: bool) -> None:
    whole = [("a", "b"), ("a",), ("b",), ()]
    states = product((True, False), range(TRIAL_BOOTS + 1), ("good", "bad", "unknown"), whole)
    for kept, tries, back, intact in states:
        before = ("a", kept, tries, back)

        def flash(before: tuple[str, bool, int, str] = before, intact: tuple[str, ...] = intact) -> Flash:
            board = Board(is_fat=is_fat)
            for name, data in list(board.flash.data.items()):
                if name.startswith("/a/"):
                    board.flash.data[f"/b{name[2:]}"] = data
            board.flash.folders |= {f"/b{name[2:]}" for name in board.flash.folders if name.startswith("/a")}
            for slot in {"a", "b"} - set(intact):
                board.flash.data[f"/{slot}/ganglion_agent/own.mpy"] = b"damaged"
            board.flash.data["/slot"] = line_of(before)
            return board.flash

        def do(found: Flash) -> str:
            slots = Slots(found, slot="" if act in ("boot", "watchdog") else "a")
            return slots.boot(act == "watchdog") if not slots.slot else getattr(slots, act)() or "a"

        one = flash()
        first = one.done
        slot = do(one)
        after = record_of(one.data["/slot"])
        if kept and back == "bad" and "a" in intact:
            assert slot == "a", "what was kept is tried again"
            assert after[0] == "a"
        if slot == "b" and act in ("boot", "watchdog"):
            assert after == (
                "b",
                back == "good" and not kept and "b" in intact,
                1 - after[1],
                "unknown" if kept else "bad",
            )
        elif act != "fail":
            assert after[3] == back
        for left in range(one.done - first + 1):
            other = flash()
            other.left = left
            with suppress(PowerCut):
                do(other)
            other.left = None
            found = Slots(other)._read()
            assert found in (before, after), (before, left)


def test_the_watchdog_of_a_kept_version_is_a_failure(board: Board) -> None:
    board.send(bundle(1, "good"))
    board.healthy()
    slots = [Slots(board.flash).boot(watchdog=True) for _ in range(FAILURES)]
    assert slots == ["b"] * (FAILURES - 1) + ["a"]


@pytest.mark.parametrize("damage", [lambda data: data[:5], lambda data: data[:-1] + b"?", lambda data: b""])
def test_a_kept_version_that_is_damaged_is_not_even_started(board: Board, damage: Callable[[bytes], bytes]) -> None:
    assert board.send(bundle(1, "good")) == "committed"
    assert board.healthy().version == "v1"
    file = f"{board.slots.path(board.slots.slot)}/ganglion_agent/agent.mpy"
    kept = board.flash.data[file]
    board.flash.data[file] = damage(kept)
    assert board.healthy().version == "v0"
    board.flash.data[file] = kept
    assert board.healthy().version == "v0", "it is left for good"
    for slot in "ab":
        board.flash.data[f"/{slot}/ganglion_agent/own.mpy"] = b"damaged"
    slots = Slots(board.flash)
    assert (slots.boot(), slots.rescue) == (board.slots.slot, True), "where nothing is whole, it is tried all the same"


def test_with_one_slot_alone_a_board_goes_on_trying_it(board: Board) -> None:
    for _ in range(5):
        for _ in range(FAILURES):
            slots = Slots(board.flash)
            assert slots.boot() == "a"
            slots.fail()
    slots = Slots(board.flash)
    assert (slots.boot(), slots.rescue) == ("a", True)


@pytest.mark.parametrize("is_fat", [False, True])
def test_a_board_with_nothing_on_it_says_so(is_fat: bool) -> None:
    slots = Slots(Flash(is_fat=is_fat))
    assert (slots.boot(), slots.rescue) == ("", True)


def test_a_slot_without_a_manifest_is_the_last_resort(board: Board) -> None:
    del board.flash.data["/a/manifest"], board.flash.data["/slot"]
    slots = Slots(board.flash)
    assert (slots.boot(), slots.rescue) == ("a", True)


def test_a_flash_that_takes_nothing_runs_what_is_known_to_be_good(board: Board) -> None:
    board.send(bundle(1, "good"))
    board.flash.blocks = 0
    assert Slots(board.flash).boot() == "a"


def test_only_a_slot_that_is_whole_is_switched_to(board: Board) -> None:
    with pytest.raises(ValueError, match="slot b is not whole"):
        board.slots.switch()
    board.send(bundle(1, "good"), calls=6)
    with pytest.raises(ValueError, match="slot b is not whole"):
        board.slots.switch()


def test_what_rots_before_the_commit_is_found(board: Board) -> None:
    assert board.update is not None
    version = bundle(1, "good")
    calls = board_calls(board, version)
    while next(calls).method != "update.commit":
        pass
    board.flash.data["/b/ganglion_agent/own.mpy"] = b"rotten"
    with pytest.raises(ValueError, match="slot b is not whole"):
        next(calls)
    board.versions[version.manifest] = version
    assert board.healthy().version == "v0"
    assert board.send(version) == "committed"
    assert board.healthy() == version


def test_fat_has_its_pointer_between_a_remove_and_a_rename() -> None:
    board = Board(is_fat=True)
    board.healthy()
    board.send(bundle(1, "good"))
    line = board.flash.data.pop("/slot")
    board.flash.data["/slot.new"] = line
    assert Slots(board.flash).boot() == "b"
    assert "/slot.new" not in board.flash.data
