# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion.release: what a release is, what a node decides, and what it never believes."""

import asyncio
import faulthandler
import hashlib
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ganglion import config
from ganglion.board import board
from ganglion.cli import node_life as node_command
from ganglion.errors import GanglionError, InvalidError
from ganglion.mesh import codec
from ganglion.mesh.authority import Authority
from ganglion.node.configured import sides
from ganglion.release import fetch as fetching
from ganglion.release import keeper as keeping
from ganglion.release import manifest, overlay, record, requires
from ganglion.release.folder import Folder
from ganglion.release.launch import Launched
from ganglion.release.record import OWN, TRIAL_STARTS, Record
from ganglion.release.start import begin
from ganglion.release.trial import Seen, Trial
from ganglion.units import SECOND
from ganglion_micro import gl1
from support.release_story import NOW, FakeGateway, fast, lived, settled


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "node.toml"
    path.write_text('[node]\nname = "fridge"\nboard = "sim"\n')
    return path


@pytest.fixture
def gateway(tmp_path: Path) -> FakeGateway:
    return FakeGateway(tmp_path / "authority")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    fast(monkeypatch)
    return Folder(tmp_path / "release")


# What a release is


def test_a_release_is_named_by_its_content_alone() -> None:
    one = manifest.made("one", {"a.yaml": b"a", "b/c.yaml": b"c"})
    assert one.id == manifest.made("one", {"b/c.yaml": b"c", "a.yaml": b"a"}).id
    assert one.id == hashlib.sha256(one.encode()).hexdigest()
    assert manifest.decode(one.encode()) == one
    others = [
        manifest.made("two", {"a.yaml": b"a", "b/c.yaml": b"c"}),
        manifest.made("one", {"a.yaml": b"A", "b/c.yaml": b"c"}),
        manifest.made("one", {"a.yaml": b"a", "b/c.yaml": b"c"}, window=30),
        manifest.made("one", {"a.yaml": b"a", "b/c.yaml": b"c"}, requires.Requires(agent=">=1")),
    ]
    assert len({one.id, *(each.id for each in others)}) == 5


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "0 files"),
        ({"../a.yaml": b""}, "no path in a release"),
        ({"/a.yaml": b""}, "no path in a release"),
        ({".a.yaml": b""}, "no path in a release"),
        ({"a/b/c/d/e.yaml": b""}, "no path in a release"),
        ({"a\0.yaml": b""}, "no path in a release"),
        ({"run.sh": b""}, "leave this one out"),
        ({"a.yaml": b"", "a.yaml/b.yaml": b""}, "is a file and a folder"),
        ({"a.yaml": bytes(manifest.MAX_FILE + 1)}, "a file may have"),
        ({f"{n}.yaml": bytes(manifest.MAX_FILE) for n in range(9)}, "together"),
        ({f"{n}.yaml": b"" for n in range(manifest.MAX_FILES + 1)}, "129 files"),
    ],
)
def test_what_is_no_release_is_refused_with_what_is_wrong(files: dict[str, bytes], why: str) -> None:
    with pytest.raises(InvalidError, match=why):
        manifest.made("one", files)


def test_only_what_the_authority_has_signed_is_believed(tmp_path: Path, gateway: FakeGateway) -> None:
    release = gateway.make("one", {"a.yaml": b"a"})
    other = gateway.make("two", {"a.yaml": b"a"})
    message, trust = gateway.messages[release], gateway.member.trust
    assert manifest.verified(message, trust, release=release).name == "one"
    for i in range(0, len(message), 7):
        bent = message[:i] + bytes([message[i] ^ 1]) + message[i + 1 :]
        with pytest.raises(InvalidError):
            manifest.verified(bent, trust, release=release)
    with pytest.raises(InvalidError, match="another release was sent"):
        manifest.verified(message, trust, release=other)
    stranger = Authority.open(tmp_path / "stranger", now=NOW)
    body = manifest.made("one", {"a.yaml": b"a"}).encode()
    with pytest.raises(InvalidError, match="is not believed"):
        manifest.verified(stranger.state(gl1.MANIFEST, body, now=NOW), trust, release=release)
    with pytest.raises(InvalidError, match="is not believed"):  # the same words as another kind of statement
        manifest.verified(gateway.authority.state(gl1.CONFIG, body, now=NOW), trust, release=release)
    garbage = codec.encode({"v": 1})
    signed = gateway.authority.state(gl1.MANIFEST, garbage, now=NOW)
    with pytest.raises(InvalidError, match="not a manifest"):
        manifest.verified(signed, trust, release=hashlib.sha256(garbage).hexdigest())


def test_what_a_node_must_have_is_said_with_the_remedy() -> None:
    asked = requires.read({"board": ["pico"], "agent": ">=0.2,<1", "capabilities": ["sensor:fridge", "actuator:bell"]})
    assert requires.read(asked.document) == asked
    has = requires.capabilities_of({"sensors": {"fridge.temperature": {}}, "actuators": {}})
    assert requires.lacking(asked, board="sim", agent="0.1.0", capabilities=has) == [
        "it is for the board pico, and this node's is sim",
        "it needs Ganglion >=0.2,<1, and this node would run 0.1.0: have the release bring that "
        "(--agent, docs/releases.md), or install its package on the node (docs/packages.md) and start it again",
        "this node has no actuator bell",
    ]
    assert not requires.lacking(asked, board="pico", agent="0.2.dev1", capabilities={*has, "actuator:bell"})
    for wrong in ({"agent": "new"}, {"agent": 1}, {"board": "pico"}, {"capabilities": ["bell"]}, {"os": "linux"}, 5):
        with pytest.raises(InvalidError):
            requires.read(wrong)


# What it lays over a configuration


def test_a_release_lies_over_the_nodes_own_configuration(own: Path) -> None:
    before: dict[str, Any] = {
        "node": {"name": "fridge", "board": "sim", "scripts": ["own.yaml"]},
        "sensor": {"a": {"kind": "bme280", "bus": "sim"}, "b": {"kind": "bme280", "bus": "sim"}},
        "limit": [{"where": {"name": "x"}, "high": 5}],
    }
    over = {"node": {"sessions": "memory:"}, "sensor": {"a": {"kind": "sht3x"}}, "history": {"age": "1d"}}
    made = overlay.laid(before, over, [{"where": {"name": "x"}, "high": 3}], ["/r/one.yaml"])
    assert made["node"] == {"name": "fridge", "board": "sim", "scripts": ["/r/one.yaml"], "sessions": "memory:"}
    assert made["sensor"] == {"a": {"kind": "sht3x"}, "b": {"kind": "bme280", "bus": "sim"}}
    assert [each["high"] for each in made["limit"]] == [5, 3]
    assert made["history"] == {"age": "1d"}
    assert overlay.laid(before, {}, [], [])["node"]["scripts"] == ["own.yaml"]
    loaded = config.load(own, lambda table: overlay.laid(table, {"console": {"shell": True}}, [], ["/r/one.yaml"]))
    assert (loaded.console.shell, loaded.node.scripts) == (True, ("/r/one.yaml",))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[node\n", "line 1, column 6"),
        ('[node]\nname = "x"\n', "node.name: leave it out"),
        ('[node]\nscripts = ["a.yaml"]\n', "node.scripts: leave it out"),
        ('[mesh]\nenrol_key = "gk1_"\n', "enrol_key: leave it out"),
        ('[mqtt]\nbrokr = "mqtt://h"\n', 'mqtt.brokr: unknown key; did you mean "broker"'),
        ("[[limit]]\nhigh = 1\n", "limits.toml"),
        ('[mqtt]\nbroker = "mqtt://me:word@host"\n', "whoever carries a release can read it"),
    ],
)
def test_an_overlay_that_no_node_can_take_is_refused(text: str, why: str) -> None:
    with pytest.raises(InvalidError, match=why):
        overlay.check(overlay.parse(text.encode(), "node.toml"), "node.toml")


# What a node decides


def test_health_is_scripts_sensors_and_the_link() -> None:
    def trial() -> Trial:
        return Trial(60, ["attic"], 0)

    well = Seen(linked=True)
    assert trial().look(Seen(), 1).state == "trial"
    assert trial().look(well, 1).state == "healthy"
    assert trial().look(well, 60 * SECOND).state == "committed"
    assert trial().look(Seen(), 60 * SECOND).state == "committed", "nobody was there, and that is no fault of it"
    assert trial().look(Seen(unlinked="no way"), 59 * SECOND).state == "trial"
    assert trial().look(Seen(unlinked="no way"), 60 * SECOND) == ("reverted", "no way")
    assert trial().look(Seen(linked=True, refused={"a": "no bell"}), 1) == ("reverted", "no bell")
    assert trial().look(Seen(linked=True, failed="a: it failed"), 1) == ("reverted", "a: it failed")
    silent = Seen(linked=True, silent={"fridge": "no bus", "attic": ""})
    assert trial().look(silent, 1).state == "trial"
    assert trial().look(silent, 60 * SECOND) == ("reverted", "the sensor fridge does not answer: no bus")
    assert trial().look(Seen(linked=True, silent={"attic": "was so before"}), 60 * SECOND).state == "committed"


def test_a_record_is_whole_or_none() -> None:
    known = Record().assigned(7, "a" * 64, NOW).said("downloading", "", NOW).tried(("attic",), NOW).started()
    data = record.encode(known)
    assert record.decode(data) == known
    for i in range(len(data)):
        assert record.decode(data[:i]) is None
        assert record.decode(data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :]) is None


def test_older_words_and_copies_of_reports_say_nothing() -> None:
    known = Record().assigned(7, "a" * 64, NOW)
    assert known.assigned(6, "b" * 64, NOW) is known
    said = known.said("failed", "no room", NOW)
    assert said.said("failed", "no room", NOW + 1) is said
    assert len(said.untold) == 1
    for i in range(50):
        said = said.said("failed", f"{i}", NOW)
    assert len(said.untold) == record.WAITING
    serials = [each.serial for each in said.untold]
    assert serials == sorted(set(serials))
    assert said.told(serials[3]).untold == said.untold[4:]


async def test_a_release_is_kept_and_the_next_takes_only_what_is_new(
    folder: Folder, own: Path, gateway: FakeGateway
) -> None:
    large = bytes(200_000)
    first = gateway.make("first", {"a.yaml": large, "b.yaml": large, "c.yaml": b"c"})
    gateway.assign(first)
    begun = await settled(folder, own, gateway)
    assert begun.record.current == first
    assert begun.release is not None
    assert gateway.states(first) == ["downloading", "staged", "trial", "healthy", "committed"]
    assert gateway.asked.count("release.chunk") == -(-200_000 // 32768) + 1, "the same content is fetched once"
    second = gateway.make("second", {"a.yaml": large, "c.yaml": b"d"})
    gateway.assign(second)
    gateway.asked.clear()
    await settled(folder, own, gateway)
    assert gateway.asked.count("release.chunk") == 1
    assert {each.name for each in folder.path.iterdir()} == {"record", second}, "what nobody needs is gone"
    gateway.number += 1  # assigned again
    await settled(folder, own, gateway)
    assert gateway.reports[-1]["why"] == "it runs already"


async def test_what_has_failed_is_left_until_it_is_assigned_again(
    folder: Folder, own: Path, gateway: FakeGateway
) -> None:
    good, bad = gateway.make("good", {"a.yaml": b"a"}), gateway.make("bad", {"a.yaml": b"b"})
    gateway.assign(good)
    await settled(folder, own, gateway)
    gateway.assign(bad)
    begun = await settled(folder, own, gateway, Seen(failed="b: it failed"))
    assert (begun.record.current, begun.record.runs) == (good, good)
    assert gateway.states(bad)[-1] == "reverted"
    reports = len(gateway.reports)
    await settled(folder, own, gateway)
    assert len(gateway.reports) == reports
    gateway.assign(bad)
    assert (await settled(folder, own, gateway)).record.current == bad


async def test_another_assignment_ends_a_trial(folder: Folder, own: Path, gateway: FakeGateway) -> None:
    first, second = gateway.make("first", {"a.yaml": b"a"}), gateway.make("second", {"a.yaml": b"b"})
    gateway.assign(first)
    assert (await lived(folder, own, gateway)).record.trial == first
    gateway.assign(second)
    assert (await settled(folder, own, gateway)).record.current == second
    assert gateway.states(first)[-1] == "reverted"


async def test_what_ran_before_and_is_wanted_again_in_the_middle_of_a_trial_is_told_to_run(
    folder: Folder, own: Path, gateway: FakeGateway
) -> None:
    first, second = gateway.make("first", {"a.yaml": b"a"}), gateway.make("second", {"a.yaml": b"b"})
    gateway.assign(first)
    await settled(folder, own, gateway)
    gateway.assign(second)
    assert (await lived(folder, own, gateway)).record.trial == second
    gateway.assign(first)  # as a rollout does that somebody aborts
    assert (await settled(folder, own, gateway)).record.current == first
    last = gateway.reports[-1]
    assert (last["number"], last["release"], last["state"]) == (gateway.number, first, "committed")


@pytest.mark.parametrize("bad", ["chunk", "short", "manifest", "gone"])
async def test_what_is_altered_is_never_run(bad: str, folder: Folder, own: Path, gateway: FakeGateway) -> None:
    release = gateway.make("one", {"a.yaml": b"a" * 1000})
    sha256 = hashlib.sha256(b"a" * 1000).digest()
    if bad == "chunk":
        gateway.files[sha256] = b"b" * 1000
    elif bad == "short":
        gateway.files[sha256] = b"a" * 999
    elif bad == "manifest":
        gateway.messages[release] = gateway.messages[gateway.make("two", {"a.yaml": b"a"})]
    else:
        gateway.messages[release] = b"no message"
    gateway.assign(release)
    begun = await settled(folder, own, gateway)
    assert (begun.record.runs, begun.record.last and begun.record.last.state) == (OWN, "failed")
    assert gateway.asked.count("release.chunk") <= fetching._ANEW + 1


def is_told(known: Record) -> bool:
    """Whether there was something to say, and the gateway has it."""
    return known.last is not None and not known.untold


async def test_a_node_that_lacks_something_says_so_before_it_fetches(
    folder: Folder, own: Path, gateway: FakeGateway
) -> None:
    release = gateway.make("newer", {"a.yaml": b"a"}, requires=requires.Requires(agent=">=99"))
    gateway.assign(release)
    for _ in range(2):  # at each start it is looked at again: the package may have come
        gateway.asked.clear()
        await lived(folder, own, gateway, until=lambda known: "release.desired" in gateway.asked and is_told(known))
    assert gateway.states(release) == ["failed"]
    assert "release.chunk" not in gateway.asked


async def test_a_disk_without_room_takes_no_release(
    folder: Folder, own: Path, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Folder, "room", lambda self: 10)
    release = gateway.make("one", {"a.yaml": bytes(11)})
    gateway.assign(release)
    await lived(folder, own, gateway, until=is_told)
    assert gateway.states(release) == ["failed"]
    assert "needs 11 bytes, and the disk has 10 to spare" in gateway.reports[-1]["why"]


# What runs at a start


async def trying(folder: Folder, own: Path, gateway: FakeGateway) -> str:
    """A release that is on trial from the next start on."""
    release = gateway.make("one", {"a.yaml": b"a", "node.toml": b"[console]\nshell = true\n"})
    gateway.assign(release)
    begun = await lived(folder, own, gateway)
    assert (begun.record.trial, begun.record.starts) == (release, 0)
    return release


async def test_starts_of_a_trial_are_counted_before_they_are_tried(
    folder: Folder, own: Path, gateway: FakeGateway
) -> None:
    release = await trying(folder, own, gateway)
    for number in range(1, TRIAL_STARTS + 1):
        begun = begin(folder, own, lambda: NOW)
        assert (begun.record.runs, begun.record.starts, folder.load().starts) == (release, number, number)
        assert begun.config.console.shell is True
    native = folder.path.parent / "crashes" / "native"  # of the run that ended last: see `ganglion.node.crashes`
    native.parent.mkdir()
    native.write_text("Fatal Python error: Aborted\n\nCurrent thread 0x00007f01 (most recent call first):\n")
    begun = begin(folder, own, lambda: NOW)
    assert (begun.record.runs, begun.release, begun.trial) == (OWN, None, False)
    assert begun.config.console.shell is False
    assert begun.record.last is not None
    assert begun.record.last.why == f"the node ended {TRIAL_STARTS} times during the trial: Aborted"


async def test_an_error_ends_a_trial_at_once(folder: Folder, own: Path, gateway: FakeGateway) -> None:
    release = await trying(folder, own, gateway)
    begun = begin(folder, own, lambda: NOW)
    settled_: list[bool] = []
    begun.settled = lambda: settled_.append(True)
    assert begun.broke(ExceptionGroup("tasks", [ValueError("no such pin")]))
    assert settled_ == [True]
    begun = begin(folder, own, lambda: NOW)
    assert begun.record.runs == OWN
    assert begun.record.last is not None
    assert (begun.record.last.release, begun.record.last.why) == (release, "the node ended: ValueError: no such pin")
    assert not begun.broke(ValueError("own fault")), "what is not on trial ends the node, as it always has"


async def test_damaged_files_are_left_and_fetched_again(folder: Folder, own: Path, gateway: FakeGateway) -> None:
    release = await trying(folder, own, gateway)
    await settled(folder, own, gateway)
    folder.file(release, "a.yaml").write_bytes(b"b")
    begun = begin(folder, own, lambda: NOW)
    assert begun.record.runs == OWN
    assert (await settled(folder, own, gateway)).record.current == release
    assert folder.whole(release) is not None
    (folder.path / "record").write_bytes(b"nonsense")
    assert begin(folder, own, lambda: NOW).record == Record()
    assert (await settled(folder, own, gateway)).record.current == release


async def test_a_configuration_that_is_wrong_is_left_before_anything_starts(
    folder: Folder, own: Path, gateway: FakeGateway
) -> None:
    release = gateway.make("wrong", {"node.toml": b"[node]\nboard = 5\n"})
    gateway.assign(release)
    await lived(folder, own, gateway)
    begun = begin(folder, own, lambda: NOW)
    assert begun.record.runs == OWN
    assert begun.record.last is not None
    assert "node.board: must be text" in begun.record.last.why
    own.write_text("[node]\n")  # noqa: ASYNC240 - a file of a test
    with pytest.raises(GanglionError, match="name: this key is required"):
        begin(folder, own, lambda: NOW)


async def test_a_disk_that_takes_nothing_tries_nothing(
    folder: Folder, own: Path, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trying(folder, own, gateway)

    def full(self: Folder, known: Record) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Folder, "save", full)
    assert begin(folder, own, lambda: NOW).record.runs == OWN


def test_limits_of_a_configuration_hold_beside_those_of_the_board(own: Path) -> None:
    own.write_text(own.read_text() + '[[limit]]\nwhere = {name = "bell"}\nmax_on = "5s"\n')
    of_board, ours = sides(board("sim"), config.load(own))
    assert (of_board.source, ours.source) == ("board sim", "configuration")
    assert [(each.where, each.max_on) for each in ours.limits] == [({"name": "bell"}, 5 * SECOND)]
    own.write_text(own.read_text().replace("max_on", "max_off"))
    with pytest.raises(InvalidError, match=r"limit\[0\]\.max_off"):
        sides(board("sim"), config.load(own))
    own.write_text(own.read_text().replace("[[limit]]", "[limit]"))
    with pytest.raises(InvalidError, match=r"write \[\[limit\]\]"):
        config.load(own)


async def test_a_node_that_ends_by_an_error_in_a_trial_starts_what_was_before(
    folder: Folder, own: Path, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = await trying(folder, own, gateway)
    watched: list[float] = []
    monkeypatch.setattr(faulthandler, "dump_traceback_later", lambda seconds, exit: watched.append(seconds))
    monkeypatch.setattr(faulthandler, "cancel_dump_traceback_later", watched.clear)

    class Broken:
        again = False

        def __init__(self, *args: object) -> None:
            self.begun = args[3]

        def recent(self) -> tuple[()]:
            return ()

        async def run(self) -> None:
            if self.begun.trial:  # type: ignore[attr-defined]
                assert watched == [62], "a release that hangs is ended"
                raise ValueError("no such pin")

    monkeypatch.setattr(node_command, "Node", Broken)
    args = Namespace(config=own, broker=None, enrol_key_file=None)
    lived_ = partial(asyncio.to_thread, node_command._lived, args, folder.path.parent, Launched())
    assert await lived_() is True
    assert watched == []
    known = folder.load()
    assert (known.runs, known.last and known.last.why) == (OWN, "the node ended: ValueError: no such pin")
    assert await lived_() is False
    assert known.last is not None
    assert known.last.release == release


@pytest.mark.parametrize("during", ["release.manifest", "release.chunk", "release.report"])
async def test_what_is_fetched_gives_way_to_what_is_assigned_meanwhile(
    during: str, folder: Folder, own: Path, gateway: FakeGateway
) -> None:
    first, second = gateway.make("first", {"a.yaml": bytes(99_000)}), gateway.make("second", {"a.yaml": b"b"})
    gateway.assign(first)
    begun: list[keeping.Keeper] = []
    gateway.on_request = lambda name, handler, **_: begun.append(handler.__self__)  # type: ignore[method-assign]
    answer = gateway.request

    async def request(method: str, params: dict[str, Any], *, timeout: float) -> Any:
        found = await answer(method, params, timeout=timeout)
        if method == during and gateway.release == first:
            gateway.assign(second)
            await begun[-1].desire({"number": gateway.number, "release": second}, None)
        return found

    gateway.request = request  # type: ignore[method-assign]
    assert (await settled(folder, own, gateway)).record.current == second
    assert set(gateway.states(first)) <= {"downloading"}
    assert gateway.states(second)[-1] == "committed"
