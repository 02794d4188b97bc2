# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that is brought another Ganglion: what it fetches, what it refuses, and power cuts while it does."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from ganglion import __version__
from ganglion.mesh import codec
from ganglion.release import machine, record, unpack, wheel
from ganglion.release.agent import PIECE, Agent, said
from ganglion.release.folder import Folder
from ganglion.release.launch import Chosen, Launched, choose
from ganglion.release.machine import Machine
from ganglion.release.record import OWN, Record
from ganglion.release.start import OtherError, begin
from ganglion.release.trees import Pointer, Trees
from support.release_story import NOW, Disk, FakeGateway, PowerCut, fast, lived
from support.wheels import tiny
from support.wheels import wheel as made

V = "91.2.0"
NOISE = os.urandom(PIECE)


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
    monkeypatch.setattr(unpack, "_compile", lambda library, agent: None)  # has tests with real processes
    return Folder(tmp_path / "state" / "release")


def brought(gateway: FakeGateway, version: str = V, **more: Any) -> Agent:
    """A wheel of two pieces that the gateway hands out."""
    name, data = made(version, tiny(version, "", **{"ganglion/noise.yaml": NOISE}), **more)
    found = wheel.read(data, name)
    assert len(found.pieces) == 2
    gateway.files |= {sha256: data[at * PIECE :][:PIECE] for at, sha256 in enumerate(found.pieces)}
    return found


def assigned(gateway: FakeGateway, agents: list[Agent], files: dict[str, bytes] | None = None, **more: Any) -> str:
    release = gateway.make("newer", files or {}, agents=agents, **more)
    gateway.assign(release)
    return release


def why(known: Record) -> str:
    assert known.last is not None
    assert known.last.state == "failed"
    return known.last.why


async def test_only_the_wheel_that_fits_is_fetched_and_only_once(
    folder: Folder, own: Path, gateway: FakeGateway
) -> None:
    mine = brought(gateway)
    other = brought(gateway, "91.3.0", tag="cp311-abi3-musllinux_1_2_mipsel")
    first = assigned(gateway, [mine, other], requires=None or _agent(">=91"))
    begun = await lived(folder, own, gateway)
    assert begun.record.trial == first
    assert gateway.states(first) == ["downloading", "staged", "trial"][: len(gateway.states(first))]
    trees = Trees.of(folder.path.parent)
    assert [each.name for each in trees.path.iterdir()] == [mine.id]
    assert trees.wrong(mine.id) == ""
    chunks = gateway.asked.count("release.chunk")
    assert choose(folder.path.parent, lambda: NOW, {}) == Chosen(
        release=first, agent=Pointer(mine.id, 2), trial=True
    ), "its start is counted"
    assert folder.load().starts == 1
    folder.save(folder.load().committed(NOW))
    second = assigned(gateway, [mine, other], {"a.yaml": b"a"})
    begun = await lived(
        folder, own, gateway, launched=Launched(agent=mine.id, counted=None, argv=("x",)), until=has_failed
    )
    assert begun.record.trial == second
    assert gateway.asked.count("release.chunk") == chunks + 1, "the script alone"


def _agent(versions: str) -> Any:
    from ganglion.release.requires import Requires

    return Requires(agent=versions)


def has_failed(known: Record) -> bool:
    return known.last is not None and known.last.state == "failed"


@pytest.mark.parametrize("case", ["machine", "needs", "requires", "space", "piece", "whole", "other"])
async def test_what_cannot_run_here_is_said_before_anything_is_switched(
    case: str, folder: Folder, own: Path, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    more: dict[str, Any] = {"requires": _agent(">=92")} if case == "requires" else {}
    if case == "machine":
        agent = brought(gateway, tag="cp311-abi3-musllinux_1_2_mipsel")
    elif case == "needs":
        agent = brought(gateway, needs=["ganglion-nothing>=2", "pyyaml>=5"])
    else:
        agent = brought(gateway)
    if case == "space":
        monkeypatch.setattr(Folder, "room", lambda self: agent.size + agent.unpacked)
    elif case == "piece":
        gateway.files[agent.pieces[1]] = bytes(agent.size - PIECE)
    elif case == "whole":  # signed, and yet not of these pieces: nobody makes such a release, and nobody runs it
        agent = Agent(**{**_fields(agent), "sha256": bytes(32)})
    elif case == "other":
        agent = Agent(**{**_fields(agent), "needs": ()})
    release = assigned(gateway, [agent], **more)
    begun = await lived(folder, own, gateway, until=has_failed)
    expected = {
        "machine": "it brings no Ganglion for this node (",
        "needs": "its Ganglion 91.2.0 needs ganglion-nothing>=2 on this node: install that there",
        "requires": "it needs Ganglion >=92, and this node would run 91.2.0",
        "space": "with Ganglion 91.2.0 needs ",
        "piece": f"{agent.name}/1 of the release",
        "whole": "is not what the release says it is",
        "other": "has other things in it than the release says",
    }
    assert expected[case] in why(begun.record)
    assert (begun.record.trial, begun.record.current) == (None, OWN)
    if case in ("machine", "needs", "requires", "space"):
        assert "release.chunk" not in gateway.asked
    assert not [each for each in folder.path.parent.glob("agent/*") if not each.name.endswith(".new")]
    assert folder.whole(release) is None


def _fields(agent: Agent) -> dict[str, Any]:
    return {name: getattr(agent, name) for name in ("name", "size", "sha256", "pieces", "unpacked", "needs")}


async def test_without_a_wheel_the_installed_version_counts(folder: Folder, own: Path, gateway: FakeGateway) -> None:
    assigned(gateway, [], {"a.yaml": b"a"}, requires=_agent(">=91"))
    launched = Launched(agent="", base="0.1.0", argv=("x",))
    begun = await lived(folder, own, gateway, launched=launched, until=has_failed)
    assert "it needs Ganglion >=91, and this node would run 0.1.0" in why(begun.record)


def memory(otherwise: Path) -> Path:
    """Where files cost no sync."""
    shared = Path("/dev/shm")
    return shared if shared.is_dir() else otherwise


async def test_a_power_cut_before_any_operation_brings_all_of_it_or_nothing(
    folder: Folder, own: Path, gateway: FakeGateway, tmp_path: Path
) -> None:
    agent = brought(gateway)
    release = assigned(gateway, [agent], {"a.yaml": b"a"})
    base = memory(tmp_path) / f"agent-{os.getpid()}"

    async def tried(state: Path) -> Record:
        return (await asyncio.wait_for(lived(Folder(state / "release"), own, gateway), 60)).record

    try:
        with Disk(base / "whole").watched() as disk:
            assert (await tried(base / "whole")).trial == release
        assert disk.count > 30
        for cut in range(disk.count):
            state = base / str(cut)
            lost = Disk(state, cut, seed=cut)
            with lost.watched():
                try:
                    await tried(state)
                except PowerCut:
                    pass
                except BaseExceptionGroup as group:
                    assert group.subgroup(PowerCut) is not None, group
            lost.lose()
            chosen = choose(state, lambda: NOW, {})  # as each start does
            assert chosen.agent.id in ("", agent.id)
            if chosen.agent.id:
                assert Trees.of(state).wrong(agent.id) == "", cut
                continue
            assert (await tried(state)).trial == release, cut
            assert choose(state, lambda: NOW, {}).agent.id == agent.id, cut
            await asyncio.to_thread(shutil.rmtree, state, True)
    finally:
        await asyncio.to_thread(shutil.rmtree, base, True)


async def test_versions_that_nothing_names_any_more_are_removed(
    folder: Folder, own: Path, gateway: FakeGateway
) -> None:
    one, two = brought(gateway), brought(gateway, "91.3.0")
    assigned(gateway, [one])
    await lived(folder, own, gateway)
    folder.save(folder.load().committed(NOW))
    second = assigned(gateway, [two])
    begun = await lived(folder, own, gateway, launched=Launched(agent=one.id, argv=("x",)), until=has_failed)
    trees = Trees.of(folder.path.parent)
    assert {each.name for each in trees.path.iterdir()} == {one.id, two.id}, "the one before is kept until then"
    assert begun.record.trial == second
    folder.save(folder.load().committed(NOW))
    folder.prune(folder.load(), running=two.id)
    assert {each.name for each in trees.path.iterdir()} == {two.id}
    folder.prune(Record(number=9))
    assert list(trees.path.iterdir()) == []


async def test_a_release_never_runs_by_another_ganglion_than_its_own(
    folder: Folder, own: Path, gateway: FakeGateway
) -> None:
    one = brought(gateway)
    release = assigned(gateway, [one])
    await lived(folder, own, gateway)
    clock = iter(range(NOW, NOW + 99)).__next__
    # The installed one, which nobody has told why: the trial is over
    begun = begin(folder, own, clock)
    assert (begun.record.trial, begun.record.runs) == (None, OWN)
    assert begun.record.last is not None
    assert "another than the installed one" in begun.record.last.why
    # By the release's own one it runs, and what it goes back to is for the next start
    folder.save(Record(number=1, desired=release, trial=release, starts=1))
    by_its_own = Launched(agent=one.id, argv=("x",), counted=release)
    begun = begin(folder, own, clock, by_its_own)
    assert (begun.record.trial, begun.record.starts) == (release, 1), "it was counted by who has launched it"
    folder.save(Record(number=1))
    with pytest.raises(OtherError):
        begin(folder, own, clock, by_its_own)
    # What is installed goes back to it, too, where the node's own configuration did not pass its trial
    folder.save(Record(number=2, current=release, trial=OWN, starts=3))
    with pytest.raises(OtherError):
        begin(folder, own, clock)
    assert (folder.load().trial, folder.load().current) == (None, release)
    assert choose(folder.path.parent, clock, {}).agent.id == one.id
    # One that cannot run here now, on a disk that takes nothing, does not
    folder.save(Record(number=1, desired=release, current=release))
    begun = begin(folder, own, clock, Launched(unfit=release, why="its Ganglion is not whole", argv=("x",)))
    assert begun.release is None
    # Two that do not agree come to an end
    folder.save(Record(number=1, desired=release, current=release))
    assert choose(folder.path.parent, clock, {}, at_rest=False).unfit == release
    assert folder.load().current == OWN


def test_what_another_version_has_written_is_read(tmp_path: Path) -> None:
    known = Record(number=3, desired="a" * 64).said("trial", "", NOW)
    body: Any = codec.decode(record.encode(known)[32:])
    body["of_tomorrow"] = {"x": 1}
    body["last"]["of_tomorrow"] = True
    body["untold"][0]["of_tomorrow"] = 5
    del body["linked"]
    import hashlib

    data = codec.encode(body)
    assert record.decode(hashlib.sha256(data).digest() + data) == known


def test_a_birth_says_what_runs_and_on_what() -> None:
    caps = Launched(agent="a" * 64, base="0.1.0").caps()
    assert said(caps) == (machine.here(), "0.1.0", "a" * 64)
    assert said(Launched().caps()) == (machine.here(), __version__, "")
    for wrong in ({}, {"agent": None}, {"agent": {"machine": 5}}):
        assert said(wrong)[0] is None
    assert Machine("mipsel", "musl 1.2", "3.11").rank("cp311-abi3-musllinux_1_3_mipsel") is None
