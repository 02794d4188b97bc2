# SPDX-License-Identifier: GPL-3.0-or-later
"""recording: kept is what was asked for with some before and after, whole after a crash, and never more than may be."""

import stat
import wave

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.sensors.recording import Recorder, Shelf, header
from ganglion.sensors.sound import RATE

SECOND = 2 * RATE
NOON = 1_700_000_000_000_000_000  # 2023-11-14T22:13:20Z


class Clock:
    """Follows the sound."""

    def __init__(self):
        self.time = NOON

    def __call__(self):
        return self.time


class Taped:
    """Numbers its pieces of sound, so that what is kept can be told."""

    def __init__(self, folder, *, before=0.2, after=0.3, longest=60.0, room=10_000_000, files=100):
        self.folder = folder
        self.clock = Clock()
        sizes = {name: int(SECOND * length) for name, length in (("before", before), ("after", after))}
        shelf = Shelf(folder, room=room, files=files)
        self.recorder = Recorder(shelf, longest=int(SECOND * longest), now=self.clock, **sizes)
        self.count = 0

    def piece(self, asked):
        """A tenth of a second."""
        self.clock.time += 100_000_000
        sound = self.count.to_bytes(2, "little") * (RATE // 10)
        self.count += 1
        return self.recorder.add(sound, asked)

    def follow(self, asked):
        """`#` for each tenth that is asked for; what comes is `#` for each that was written."""
        return "".join("#" if self.piece(letter == "#") else "." for letter in asked)

    def kept(self):
        """Numbers of the pieces in each file."""
        found = []
        for path in sorted(self.folder.glob("*.wav")):
            with wave.open(str(path), "rb") as file:
                assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (RATE, 2, 1)
                sound = file.readframes(file.getnframes())
            step = SECOND // 10
            found.append([int.from_bytes(sound[at : at + 2], "little") for at in range(0, len(sound), step)])
        return found


def test_kept_is_what_was_asked_for_with_some_before_and_after(tmp_path):
    taped = Taped(tmp_path / "r")
    assert taped.follow("....##......#...") == "....#####...####"
    assert taped.kept() == [[2, 3, 4, 5, 6, 7, 8], [10, 11, 12, 13, 14, 15]]
    assert [path.name for path in sorted(taped.folder.iterdir())] == [
        "2023-11-14T22-13-20.200Z.wav",
        "2023-11-14T22-13-21.000Z.wav",
    ]
    assert stat.S_IMODE(taped.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in taped.folder.iterdir()} == {0o600}


def test_nothing_is_written_where_nothing_is_asked_for(tmp_path):
    taped = Taped(tmp_path / "r")
    assert taped.follow("." * 50) == "." * 50
    taped.recorder.close()
    assert not taped.folder.exists()


def test_what_is_longer_than_a_file_goes_on_in_the_next_with_no_gap(tmp_path):
    taped = Taped(tmp_path, before=0, after=0, longest=1.0)
    taped.follow("#" * 25)
    taped.recorder.close()
    assert taped.kept() == [list(range(10)), list(range(10, 20)), list(range(20, 25))]


def test_what_a_crash_left_is_whole_at_the_next_start(tmp_path):
    crashed = Taped(tmp_path, before=0)
    crashed.follow("###")
    assert not list(tmp_path.glob("*.wav"))
    (left,) = tmp_path.glob("*.part")
    crashed.recorder._file.close()
    with left.open("ab") as file:
        file.write(b"\x07")  # half a sample
    again = Taped(tmp_path, before=0)
    again.clock.time += 10**9
    again.follow("#...")
    assert again.kept() == [[0, 1, 2], [0, 1, 2, 3]]


def test_a_clock_that_was_set_back_overwrites_nothing(tmp_path):
    for _ in range(3):
        Taped(tmp_path, before=0, after=0).follow("#.")
    assert len(list(tmp_path.glob("*.wav"))) == 3


def test_a_disk_that_does_not_write_is_said_once_and_stops_nothing(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    taped = Taped(tmp_path / "file" / "r")
    assert taped.follow("#####") == "....."
    assert len(caplog.records) == 1
    assert "no recording is kept" in caplog.text
    (tmp_path / "file").unlink()
    assert taped.follow("#") == "#"
    taped.recorder.close()


def test_a_full_disk_ends_the_file_and_keeps_what_is_there(tmp_path, monkeypatch):
    taped = Taped(tmp_path, before=0)
    taped.follow("##")

    def full(self, rest):
        raise OSError(28, "No space left on device")

    whole = taped.recorder._file
    taped.recorder._file = type("Full", (), {"write": full, "close": lambda self: whole.close()})()
    assert taped.follow("#") == "."
    taped.clock.time += 10**9
    taped.follow("#...")
    assert taped.kept() == [[0, 1], [3, 4, 5, 6]]


@given(
    st.text(alphabet=".#", max_size=80),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(1, 4),
    st.floats(1.0, 3.0),
)
@settings(max_examples=60, deadline=None)
def test_the_folder_never_holds_more_than_it_may(tmp_path_factory, asked, before, after, files, longest):
    room = int(2.2 * SECOND * longest)
    taped = Taped(tmp_path_factory.mktemp("r"), before=before, after=after, longest=longest, room=room, files=files)
    for letter in asked:
        written = taped.piece(letter == "#")
        assert written or letter == "."
        kept = list(taped.folder.iterdir())
        assert len(kept) <= files
        assert sum(path.stat().st_size for path in kept) <= room
    taped.recorder.close()
    pieces = [number for file in taped.kept() for number in file]
    assert pieces == sorted(set(pieces))


def test_the_header_is_that_of_a_wav_file():
    assert len(header(6)) == 44
    assert header(6)[:4] + header(6)[8:16] == b"RIFFWAVEfmt "


@pytest.mark.parametrize("pieces", [0, 1])
def test_a_file_without_sound_is_not_kept(tmp_path, pieces):
    (tmp_path / "x.wav.part").write_bytes(header(0)[: 44 * pieces])
    Taped(tmp_path, before=0, after=0).follow("#.")
    assert len(list(tmp_path.iterdir())) == 1
