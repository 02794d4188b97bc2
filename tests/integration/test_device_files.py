# SPDX-License-Identifier: GPL-3.0-or-later
"""device: files on real MicroPythons, the oldest that is about and a current one, beside mpremote."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganglion.device import content, programs
from ganglion.device.content import DamagedError
from ganglion.device.files import PART, Entry, Files, Written
from ganglion.device.port import open_port
from ganglion.device.session import DeviceError, Session
from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion_tools.broker import free_port
from ganglion_tools.emulated_board import DISK
from support.boards import Spoilt, booted, cut_after, rfc2217

ROOT = Path(__file__).parents[2]
#: Text, every byte, and what looks like control characters: 3.5 kB.
SAMPLE = (ROOT / "SECURITY.md").read_bytes()[:2000] + bytes(range(256)) * 6

#: Leaves no room for 1500 bytes.
FILL = """
n = 0
try:
 while True:
  with open('filler%d' % n, 'wb') as f:
   f.write(b'x' * 1500)
  n += 1
except OSError:
 pass
"""


@pytest.fixture(scope="module", params=["microbit", "cortex-m3"])
def port(request: pytest.FixtureRequest) -> Iterator[str]:
    with booted(request.param) as name:
        yield name


@pytest.fixture(scope="module")
def current() -> Iterator[str]:
    with booted("cortex-m3") as name:
        yield name


def test_output_and_errors_are_told_apart(port: str) -> None:
    with Session(open_port(port)) as session:
        assert session.execute("print(1 + 1)") == b"2\r\n"
        assert session.execute("") == b""
        with pytest.raises(DeviceError, match="on the device: ZeroDivisionError") as raised:
            session.execute("print('so far')\n1 // 0")
        assert (raised.value.kind, raised.value.number) == ("ZeroDivisionError", None)
        assert session.execute("print('still there')") == b"still there\r\n"


def test_a_program_longer_than_any_window_arrives(port: str) -> None:
    with Session(open_port(port)) as session:
        assert session.execute("x = 0\n" + "x += 1\n" * 60 + "print(x)") == b"60\r\n"


def test_a_program_that_runs_for_ever_is_ended(port: str) -> None:
    session = Session(open_port(port))
    with session, pytest.raises(UnreachableError, match=r"silent for 0\.5 s"):
        session.execute("try:\n while True: pass\nexcept KeyboardInterrupt:\n while True: pass", quiet=0.5)
    with Session(open_port(port)) as session:
        assert session.execute("print('free')") == b"free\r\n"


def test_a_program_that_says_too_much_is_ended(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganglion.device.session.MOST", 1000)
    with Session(open_port(port)) as session, pytest.raises(GanglionError, match="more than 1000 bytes"):
        session.execute("while True: print('x' * 50)")
    with Session(open_port(port)) as session:
        assert session.execute("print('free')") == b"free\r\n"


def test_a_soft_reset_forgets_what_programs_left(port: str) -> None:
    with Session(open_port(port)) as session:
        session.execute("left = 1\nimport gc")
        session.soft_reset()
        with pytest.raises(DeviceError, match="NameError"):
            session.execute("left")
        if session.has_raw_paste:
            session.execute(DISK)


def test_which_protocol_a_device_has_is_found_out(port: str) -> None:
    with Session(open_port(port)) as session:
        can = Files(session).can
        assert session.has_raw_paste is can.rename
        assert can.checksum == ("sha256" if session.has_raw_paste else "content")


def test_a_file_is_written_read_back_and_not_written_again(port: str) -> None:
    seen = []
    with Session(open_port(port)) as session:
        files = Files(session)
        written = files.write("sample.bin", SAMPLE, lambda done, total: seen.append((done, total)))
        assert written == Written(path="sample.bin", size=len(SAMPLE), sent=len(SAMPLE), checked=files.can.checksum)
        assert seen[-1] == (len(SAMPLE), len(SAMPLE))
        assert seen == sorted(seen)
        assert files.read("sample.bin") == SAMPLE
        assert files.write("sample.bin", SAMPLE).sent == 0
        shorter = SAMPLE[:-1] + b"!"
        assert files.write("sample.bin", shorter).sent == len(SAMPLE)
        assert files.read("sample.bin") == shorter
        assert files.write("empty", b"").size == 0
        assert files.read("empty") == b""
        assert {entry.name: entry.size for entry in files.listing()} == {"sample.bin": len(SAMPLE), "empty": 0}
        files.remove("sample.bin")
        files.remove("empty")
        assert files.listing() == []
        with pytest.raises(NotFoundError, match=r"there is no sample\.bin on the device"):
            files.read("sample.bin")
        with pytest.raises(NotFoundError):
            files.remove("sample.bin")


def test_a_full_device_says_so_and_keeps_what_it_had(port: str) -> None:
    with Session(open_port(port)) as session:
        files = Files(session)
        files.write("kept", b"it is here")
        session.execute(FILL)
        with pytest.raises(GanglionError, match=r"no room for big: `ganglion files .* rm` makes some"):
            files.write("big", b"x" * 5000)
        for entry in files.listing():
            if entry.name.startswith("filler"):
                files.remove(entry.name)
        assert files.listing() == [Entry(name="kept", is_folder=False, size=10)]
        assert files.read("kept") == b"it is here"
        files.remove("kept")


def test_a_path_that_is_none_is_refused(port: str) -> None:
    with Session(open_port(port)) as session:
        for path in ("", "//", "a\nb", "x" * 256):
            with pytest.raises(InvalidError, match="is no path"):
                Files(session).write(path, b"")


def test_a_device_without_folders_says_so() -> None:
    with booted("microbit") as port, Session(open_port(port)) as session:
        files = Files(session)
        files.write("/main.py", b"print(42)")
        assert files.read("main.py") == b"print(42)"
        for act in (
            lambda: files.write("lib/a.py", b""),
            lambda: files.make_folder("lib"),
            lambda: files.listing("lib"),
        ):
            with pytest.raises(RefusedError, match="has no folders"):
                act()


def test_folders_are_made_listed_and_removed_with_what_they_have(current: str) -> None:
    with Session(open_port(current)) as session:
        files = Files(session)
        files.write("/lib/ganglion/Привіт світ.py", b"print('hello')")
        assert files.listing("/lib") == [Entry(name="ganglion", is_folder=True, size=0)]
        assert files.listing("/lib/ganglion") == [Entry(name="Привіт світ.py", is_folder=False, size=14)]
        files.make_folder("/lib/ganglion")
        with pytest.raises(InvalidError, match=r"not empty, it has ganglion: `rm -r`"):
            files.remove("lib")
        with pytest.raises(InvalidError, match="is a folder, not a file: name a file in it"):
            files.write("lib", b"")
        files.remove("lib", tree=True)
        assert files.listing("/") == []


def test_what_a_break_left_is_gone_on_with(current: str) -> None:
    data = os.urandom(40_000)
    with pytest.raises(UnreachableError), Session(Spoilt(current, cut_after(45_000))) as session:
        Files(session).write("big.bin", data)
    with Session(open_port(current)) as session:
        files = Files(session)
        begun = files.status("big.bin" + PART).size
        assert 0 < begun < len(data)
        written = files.write("big.bin", data)
        assert written.sent == len(data) - begun
        assert files.read("big.bin") == data
        assert [entry.name for entry in files.listing()] == ["big.bin"]
        files.remove("big.bin")


def test_what_another_file_left_is_not_gone_on_with(current: str) -> None:
    with Session(open_port(current)) as session:
        files = Files(session)
        files.write("new" + PART, b"of another file")
        files.write("new", b"of another sort than that one")
        assert files.read("new") == b"of another sort than that one"
        files.remove("new")


def test_what_arrives_damaged_does_not_take_the_place_of_what_was_there(port: str) -> None:
    def damage(data: bytes) -> bytes:
        return data.replace(b"eeeeeeee", b"eeeeeeef")

    with Session(Spoilt(port, damage)) as session:
        files = Files(session)
        files.write("file", b"the old one")
        with pytest.raises(GanglionError, match="did not arrive as it was sent"):
            files.write("file", b"the new one is " + b"e" * 90)
        there = [(entry.name, entry.size) for entry in files.listing()]
        assert there == ([("file", 11)] if files.can.rename else [])
    if there:
        with Session(open_port(port)) as session:
            Files(session).remove("file")


def test_a_file_that_is_read_on_from_where_it_was_cut(port: str) -> None:
    with Session(open_port(port)) as session:
        files = Files(session)
        files.write("sample.bin", SAMPLE)
        came: list[bytes] = []
        has_checksum = files.can.checksum != "content"
        assert files.begins("sample.bin", SAMPLE[:1000]) == (len(SAMPLE) if has_checksum else None)
        assert files.begins("sample.bin", SAMPLE[1:1000]) is None
        begun = SAMPLE[:1000] if has_checksum else b""  # without one nobody knows that it begins so
        assert files.read("sample.bin", begun=begun, each=came.append) == SAMPLE
        assert b"".join(came) == SAMPLE[len(begun) :]
        if has_checksum:
            with pytest.raises(DamagedError, match="did not arrive"):
                files.read("sample.bin", begun=b"x" * 1000)
        files.remove("sample.bin")


def test_a_fat_file_system_is_as_good() -> None:
    with booted("cortex-m3") as port, Session(open_port(port)) as session:
        session.execute("vfs.umount('/')\nvfs.VfsFat.mkfs(disk)\nvfs.mount(disk, '/')")
        files = Files(session)
        assert files.write("lib/Привіт.py", SAMPLE).sent == len(SAMPLE)
        assert files.write("lib/Привіт.py", SAMPLE).sent == 0
        assert files.write("lib/Привіт.py", SAMPLE[::-1]).sent == len(SAMPLE), "FAT renames onto no file that is there"
        assert files.read("lib/Привіт.py") == SAMPLE[::-1]
        assert files.read("lib/Привіт.py", begun=SAMPLE[::-1][:2000]) == SAMPLE[::-1]
        files.write("lib/a.py" + PART, SAMPLE[:1500])
        assert files.write("lib/a.py", SAMPLE).sent == len(SAMPLE) - 1500
        assert [entry.name for entry in files.listing("lib")] == ["a.py", "Привіт.py"]
        session.execute(FILL)
        with pytest.raises(GanglionError, match="no room for big"):
            files.write("big", b"x" * 5000)
        assert files.read("lib/a.py") == SAMPLE
        files.remove("lib", tree=True)
        with pytest.raises(NotFoundError):
            files.status("lib")


def test_mpremote_gets_what_was_put_and_puts_what_is_got(current: str, tmp_path: Path) -> None:
    def mpremote(*words: str) -> None:
        command = [sys.executable, "-m", "mpremote", "connect", current, "resume", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    with Session(open_port(current)) as session:
        Files(session).write("ours.bin", SAMPLE)
    mpremote("fs", "cp", ":ours.bin", str(tmp_path / "ours.bin"))
    assert (tmp_path / "ours.bin").read_bytes() == SAMPLE
    (tmp_path / "theirs.bin").write_bytes(SAMPLE[::-1])
    mpremote("fs", "cp", str(tmp_path / "theirs.bin"), ":theirs.bin")
    with Session(open_port(current)) as session:
        files = Files(session)
        assert files.read("theirs.bin") == SAMPLE[::-1]
        assert files.write("theirs.bin", SAMPLE[::-1]).sent == 0
        files.remove("ours.bin")
        files.remove("theirs.bin")


@pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # of pyserial
def test_a_port_behind_a_socket_and_behind_rfc2217() -> None:
    with booted("cortex-m3", port=free_port()) as name:
        with Session(open_port(name)) as session:
            Files(session).write("a", SAMPLE)
        with rfc2217(name) as url, Session(open_port(url)) as session:
            files = Files(session)
            assert files.read("a") == SAMPLE
            files.write("b", SAMPLE[::-1])
        with Session(open_port(name)) as session:
            assert Files(session).read("b") == SAMPLE[::-1]


def test_a_device_whose_heap_is_in_pieces_gets_smaller_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "_HEAP", 20_000)
    with booted("cortex-m3") as name, Session(open_port(name)) as session:
        fill = "h = []\ntry:\n while True: h.append(bytearray(3000))\nexcept MemoryError: pass\n"
        session.execute(fill + "for i in range(0, len(h), 2): h[i] = 0\n")
        sizes: list[int] = []
        write = programs.write
        monkeypatch.setattr(
            programs, "write", lambda data, *more, **can: sizes.append(len(data)) or write(data, *more, **can)
        )
        files = Files(session)
        files.write("a", SAMPLE * 2)
        assert sizes[:3] == [4096, 1024, 1024]
        assert files.read("a") == SAMPLE * 2
