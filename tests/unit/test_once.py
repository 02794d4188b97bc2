# SPDX-License-Identifier: GPL-3.0-or-later
"""What several want at the same time is fetched or compiled once."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ganglion_tools.once import missing


def test_who_comes_meanwhile_waits_and_does_not_make_it_too(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "it"

    def bring(_: int) -> bool:
        with missing(folder) as wanted:
            if wanted:
                time.sleep(0.05)  # in which the others come
                folder.mkdir()
            assert folder.is_dir()
        return wanted

    with ThreadPoolExecutor(4) as several:
        assert sorted(several.map(bring, range(4))) == [False, False, False, True]


def test_what_could_not_be_made_is_made_by_the_next(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no network"), missing(tmp_path / "it"):
        raise OSError("no network")
    with missing(tmp_path / "it") as wanted:
        assert wanted
