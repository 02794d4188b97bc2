# SPDX-License-Identifier: GPL-3.0-or-later
"""bench mesh: what is counted is right before it is timed. How fast it is, is no matter of a test."""

from pathlib import Path

import cbor2
import pytest

from ganglion.errors import GanglionError
from ganglion.mesh.authority import Authority
from ganglion_micro import cbor, cose, gl1
from ganglion_tools.bench import mesh, mesh_cut, mesh_frames, mesh_known, mesh_wire, timing
from ganglion_tools.bench.mesh_members import NOW, couple, readings
from ganglion_tools.bench.mesh_wire import AIOMQTT, BARE, GANGLION, Counted, Measured, Trips


def test_a_goal_of_a_rate_is_for_whole_frames_and_ratios_are_beside_each_peer() -> None:
    trips = {GANGLION: Trips(2.0, 6.0), BARE: Trips(1.0, 2.0), AIOMQTT: Trips(4.0, 3.0)}
    rates = {burst: {GANGLION: 1000.0 * burst, BARE: 4000.0 * burst} for burst in (1, 10, 100)}
    found = mesh.on("a broker", Measured(rates, trips))
    assert [each.ratio for each in found] == [0.25, 0.25, 0.25, None, 0.5, 2.0, 2.0, 3.0]
    assert [each.met for each in found if each.goal] == [True]
    rates[100][GANGLION] = 19_999.0
    assert [each.met for each in mesh.on("a broker", Measured(rates, trips)) if each.goal] == [False]


def test_the_peers_write_and_sign_the_very_same_content(tmp_path: Path) -> None:
    node, gateway = couple(Authority.open(tmp_path, now=NOW))
    said = readings(10)
    payload = cose.parse(node.seal(gl1.BATCH, said, now=NOW).payload).payload
    assert cbor2.loads(payload)[6] == said
    assert cbor2.dumps(cbor2.loads(payload), canonical=True) == payload == cbor.encode(cbor.decode(payload))
    assert gateway.rejected == {}


def test_who_opens_a_frame_twice_has_no_figure(tmp_path: Path) -> None:
    ours, *_ = mesh_frames.opening(Authority.open(tmp_path, now=NOW), 1, rounds=5)
    assert ours.run(5 * timing.REPEATS) == 5 * timing.REPEATS
    with pytest.raises(StopIteration):
        ours.run(1)


def test_a_reading_that_is_lost_or_comes_twice_is_told_of() -> None:
    heard = Counted()
    heard.take([0, 2])
    with pytest.raises(GanglionError, match="1 of 3 readings are missing, and 2 came"):
        heard.check(3)
    heard.take([1, 1])
    with pytest.raises(GanglionError, match="0 of 3 readings are missing, and 4 came"):
        heard.check(3)


async def test_readings_that_stay_away_end_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mesh_wire, "_PATIENCE", 0.01)
    with pytest.raises(GanglionError, match="0 of 1 readings came, then none"):
        await Counted().at_least(1)


async def test_a_wrong_answer_has_no_figure() -> None:
    async def wrong(number: int) -> dict[str, int]:
        return {"value": 0}

    with pytest.raises(GanglionError, match=r"1 was asked and \{'value': 0\} answered"):
        await mesh_wire._trips(wrong, 2)


def test_a_peer_that_is_not_believed_has_no_weight(tmp_path: Path) -> None:
    file = tmp_path / "messages"
    mesh_known._write(file, tmp_path, 3)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1  # the signature of the last frame
    file.write_bytes(data)
    with pytest.raises(GanglionError, match="2 of 3 nodes were believed"):
        mesh_known._weighed(file, "resident", 3)


def test_each_cut_is_another_and_the_same_ones_come_again() -> None:
    first, again = (mesh_cut.outage(3, cuts=3) for _ in range(2))
    assert first == again
    assert 0.2 < first.p50 <= first.p95 < 3.0


def test_without_mosquitto_it_is_said_and_the_others_are_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(mesh.broker, "KINDS", ("mosquitto",))
    monkeypatch.setattr(mesh.broker.shutil, "which", lambda name, path: None)
    assert mesh._wires() == []
    assert "bench mesh: without Mosquitto: Mosquitto is not installed" in capsys.readouterr().err
