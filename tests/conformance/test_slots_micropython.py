# SPDX-License-Identifier: GPL-3.0-or-later
"""Two slots on a real MicroPython, with real littlefs and FAT: updates, reverts, and the power cut at every write."""

from pathlib import Path

import pytest

from ganglion_tools.romfs import image
from support.flashed import Device, version

IN_PLACE = "from /rom/ganglion"


@pytest.fixture(params=["lfs", "fat"])
def device(request: pytest.FixtureRequest, tmp_path: Path) -> Device:
    return Device(tmp_path, request.param, version("v0"))


def updated(device: Device, name: str, fate: str = "good", *, more: int = 0) -> list[str]:
    """Has a version sent that is switched to; what the board has printed."""
    with device.boot() as boot:
        assert boot.until("healthy")
        assert boot.send(version(name, fate, more=more)) == "committed"
        assert boot.until("reset")
        return boot.said


def test_a_good_version_runs_and_is_kept(device: Device) -> None:
    updated(device, "v1", more=3000)
    with device.boot() as boot:
        assert boot.until("runs") == "runs v1 b good"
        assert boot.until("healthy")
        assert boot.send(version("v1", more=3000)) == "running"
        assert boot.send(version("v2")) == "committed"
    with device.boot() as boot:
        assert boot.until("runs") == "runs v2 a good"
    assert device.healthy() == "v2"


def test_a_version_that_raises_at_its_import_is_left_and_the_reason_is_kept(device: Device) -> None:
    updated(device, "v1", "import")
    for _ in range(3):
        with device.boot() as boot:
            assert boot.until("reset")
            assert "RuntimeError: a bad version" in boot.said
    with device.boot() as boot:
        assert boot.until("runs") == "runs v0 a good"
        assert boot.until("healthy")
        assert "slot b" in boot.until("crash {")
        assert boot.send(version("v2")) == "committed"
    assert device.healthy() == "v2"


@pytest.mark.parametrize("fate", ["hangs", "silent"])
def test_a_version_that_never_confirms_itself_is_left_when_its_time_is_over(device: Device, fate: str) -> None:
    updated(device, "v1", fate)
    with device.boot() as boot:
        assert boot.until("runs") == f"runs v1 b {fate}"
        assert boot.until("ganglion: this version has not confirmed itself in time")
        assert boot.until("reset")
    with device.boot() as boot:
        assert boot.until("runs") == "runs v0 a good"


def test_a_version_that_the_watchdog_ends_is_left_after_its_boots(device: Device) -> None:
    updated(device, "v1", "hangs")
    for _ in range(3):
        with device.boot(cause=3) as boot:  # and killed: a hang in which no timer comes
            assert boot.until("runs") == "runs v1 b hangs"
    assert device.healthy() == "v0"


def test_a_version_that_was_rejected_is_not_gone_back_to_for_a_fault_that_passes(tmp_path: Path) -> None:
    device = Device(tmp_path, "lfs", version("v0", "moody"))
    updated(device, "v1", "import")
    for _ in range(3):
        with device.boot() as boot:
            assert boot.until("reset")
            assert "RuntimeError: a bad version" in boot.said
    for _ in range(3):
        with device.boot() as boot:
            assert boot.until("runs") == "runs v0 a moody"
            assert boot.until("reset")
            assert "RuntimeError: a fault that passes" in boot.said
    with device.boot() as boot:
        assert boot.until("healthy") == "healthy v0"
        assert "runs v0 a moody" in boot.said
        assert boot.send(version("v2")) == "committed", "another version is let into its slot"
    assert device.healthy() == "v2"


def test_killed_at_every_write_of_a_revert_the_bad_version_stays_rejected(tmp_path: Path) -> None:
    device = Device(tmp_path, "lfs", version("v0", "moody"))
    updated(device, "v1", "import")
    for _ in range(2):
        with device.boot() as boot:
            assert boot.until("reset")
    before = device.image.read_bytes()
    ended: list[int] = []
    for cut in range(40):
        device.image.write_bytes(before)
        ran: list[str] = []
        for number in range(12):
            with device.boot(cut if number < 2 else -1) as boot:  # the last one of the trial, and the first after it
                end = boot.until("reset", "healthy")
                ran += [line for line in boot.said if line.startswith("runs")]
                if number < 2 and not end:
                    ended.append(cut)
            if end == "healthy v0":
                break
        back = ran.index("runs v0 a moody")
        assert set(ran[back:]) == {"runs v0 a moody"}, "three faults of the version that was kept bring no other"
        if cut not in ended:
            break
    assert 2 < cut < 39


def test_a_boot_that_the_watchdog_ended_is_a_crash_and_a_reset_that_was_wanted_is_none(device: Device) -> None:
    with device.boot() as boot:
        assert boot.until("healthy")
    with device.boot(cause=3) as boot:
        told = boot.until("crash {")
        assert "'kind': 'watchdog'" in told
        assert "'slot': 'a'" in told
        assert "the watchdog ended this boot: it hung" in told
        assert boot.ask("reboot", {}) == {}
        assert boot.until("reset")
    for _ in range(2):  # an RP2 says so after each machine.reset
        with device.boot(cause=3) as boot:
            assert "'row': 1" in boot.until("crash {"), "it is the one before"
            assert boot.ask("reboot", {}) == {}
            assert boot.until("reset")


def test_a_configuration_that_is_wrong_is_no_crash_and_leaves_the_console(tmp_path: Path) -> None:
    device = Device(tmp_path, "lfs", version("v0", "unconfigured"))
    for _ in range(2):
        with device.boot() as boot:
            assert boot.until("console")
            assert boot.said == ["runs v0 a unconfigured", "from /a", "console"]
    assert b'"error"' not in device.image.read_bytes()


def test_a_version_that_cannot_go_by_the_configuration_is_left_with_its_sentence(device: Device) -> None:
    updated(device, "v1", "unconfigured")
    with device.boot() as boot:
        assert boot.until("reset")
        assert not any("Traceback" in line for line in boot.said)
    with device.boot() as boot:
        assert boot.until("healthy") == "healthy v0"
        told = boot.until("crash {")
        assert "slot b\\nagent.json.key: leaf.key is not there'" in told


def test_a_version_that_fails_after_it_was_kept_gives_way_with_a_console(tmp_path: Path) -> None:
    device = Device(tmp_path, "lfs", version("v0", "import"))
    for _ in range(3):
        with device.boot() as boot:
            assert boot.until("reset")
    with device.boot() as boot:
        boot.key()
        assert boot.until("console")
        assert "ganglion: no version here is known to be good; press a key for the console" in boot.said
    with device.boot() as boot:
        assert boot.until("reset"), "nobody presses a key: it is tried again"


def test_a_board_without_a_slot_has_its_console(tmp_path: Path) -> None:
    device = Device(tmp_path, "lfs", version("v0"))
    device.flash(tmp_path / "bare", version("v0").outside)
    with device.boot() as boot:
        assert boot.until("console")
        assert boot.said[0].startswith("ganglion: neither slot has anything to run")


def test_an_update_goes_on_where_the_flash_is(device: Device) -> None:
    new = version("v1", more=8000)
    with device.boot() as boot:
        assert boot.until("healthy")
        assert boot.send(new, calls=16) == "broken off"
    with device.boot() as boot:
        assert boot.until("healthy")
        begin = {"version": "v1", "size": len(new.manifest), "sha256": new.sha256}
        said = boot.ask("update.begin", begin)
        assert said is not None
        assert (said["file"], said["offset"] > 2000) == ("ganglion_agent/drivers/own.bin", True)
        assert boot.send(new) == "committed"
    assert device.healthy() == "v1"


def test_killed_at_every_write_of_the_flash_it_runs_and_ends_with_the_new_version(tmp_path: Path) -> None:
    device = Device(tmp_path, "lfs", version("v0"))
    assert device.healthy() == "v0"
    before = device.image.read_bytes()
    writes = next(line for line in updated(device, "v1", more=900) if line.startswith("writes "))
    assert device.healthy() == "v1"
    new, old = version("v1", more=900), 0
    for cut in range(int(writes.split()[1])):
        device.image.write_bytes(before)
        with device.boot(cut) as boot:
            assert boot.until("healthy")
            said = boot.send(new)
        found = device.healthy()
        assert said == "cut" or found == "v1", "what is cut after it was answered is the end of the agent"
        if found == "v0":
            old += 1
            with device.boot() as boot:
                assert boot.until("healthy")
                assert boot.send(new) == "committed"
            found = device.healthy()
        assert found == "v1"
    assert old > 20, "the cuts were before the switch, but for the last"


def test_killed_at_every_write_of_its_first_boots_a_good_version_is_kept(tmp_path: Path) -> None:
    device = Device(tmp_path, "lfs", version("v0"))
    updated(device, "v1")
    before = device.image.read_bytes()
    with device.boot() as boot:
        assert boot.until("healthy")
        assert boot.send(version("v1")) == "running"
    for cut in range(40):
        device.image.write_bytes(before)
        with device.boot(cut) as boot:
            came = boot.until("healthy")
        assert device.healthy() == "v1"
        if came:
            break
    assert came
    assert cut > 2


@pytest.mark.parametrize("rom", ["block", "mapped"])
def test_with_a_romfs_the_code_of_the_slot_that_runs_is_in_it_and_is_written_once(tmp_path: Path, rom: str) -> None:
    device = Device(tmp_path, "lfs", version("v0"), rom)
    filled = "ganglion: the version is put where its code runs in place"
    with device.boot() as boot:
        assert boot.until("healthy") == "healthy v0"
        assert boot.said == [filled, "runs v0 a good", IN_PLACE, "healthy v0"]
    with device.boot() as boot:
        assert boot.until("healthy")
        assert boot.said == ["runs v0 a good", IN_PLACE, "healthy v0"]
    assert updated(device, "v1", "import")[1] == IN_PLACE
    with device.boot() as boot:
        assert boot.until("reset")
        assert boot.said[0] == filled
    for _ in range(2):
        with device.boot() as boot:
            assert boot.until("reset")
    with device.boot() as boot:
        assert boot.until("healthy") == "healthy v0"
        assert boot.said == [filled, "runs v0 a good", IN_PLACE, "healthy v0"]


@pytest.mark.parametrize("rom", ["block", "mapped"])
def test_killed_at_every_write_of_its_romfs_a_version_runs_from_there_in_the_end(tmp_path: Path, rom: str) -> None:
    device = Device(tmp_path, "lfs", version("v0"), rom)
    place = tmp_path / "flash.rom"
    before = device.image.read_bytes(), place.read_bytes()
    for cut in range(100):
        device.image.write_bytes(before[0])
        place.write_bytes(before[1])
        with device.boot(cut) as boot:
            came = boot.until("healthy")
        with device.boot() as boot:
            assert boot.until("healthy") == "healthy v0"
            assert IN_PLACE in boot.said
        if came:
            break
    assert came
    assert cut > 20, "a page at a time"


def test_a_romfs_that_is_damaged_is_written_again(tmp_path: Path) -> None:
    device = Device(tmp_path, "lfs", version("v0"), "block")
    assert device.healthy() == "v0"
    place = tmp_path / "flash.rom"
    good = place.read_bytes()
    for at in (1, 5, 100, 2000, 8000):
        place.write_bytes(good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :])
        with device.boot() as boot:
            assert boot.until("healthy")
            assert IN_PLACE in boot.said
        assert place.read_bytes() == good


def test_what_a_person_has_put_into_the_romfs_stays_and_the_code_runs_from_files(tmp_path: Path) -> None:
    device = Device(tmp_path, "lfs", version("v0"), "block")
    place = tmp_path / "flash.rom"
    own = image({"mine.py": b"x = 1\n"}).ljust(128 * 1024, b"\xff")
    place.write_bytes(own)
    with device.boot() as boot:
        assert boot.until("healthy")
        assert boot.said == ["runs v0 a good", "from /a", "healthy v0"]
    assert place.read_bytes() == own


def test_a_version_that_is_larger_than_the_romfs_runs_from_files(tmp_path: Path) -> None:
    device = Device(tmp_path, "lfs", version("v0", more=130_000), "mapped")
    with device.boot() as boot:
        assert boot.until("healthy")
        assert boot.said == ["runs v0 a good", "from /a", "healthy v0"]
