# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree says its licence in each source file, and nothing of the machines it was written on."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = {".py", ".pyi", ".c", ".h", ".zig", ".sh"}
FILES = [
    ROOT / name
    for name in subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    if (ROOT / name).is_file()
]


def test_each_source_file_names_its_licence_at_the_top():
    bare = [
        str(path.relative_to(ROOT))
        for path in FILES
        if path.suffix in SOURCES
        and "SPDX-License-Identifier: GPL-3.0-or-later" not in "".join(path.read_text().splitlines(True)[:2])
    ]
    assert bare == []


def test_no_file_speaks_of_one_machine_or_registry():
    # Put together here, so that this file does not find itself.
    needles = ["/wo" + "rk/", "pypi" + ".org", "deb." + "debian", "registry." + "npmjs", "pythonhosted" + ".org"]
    found = []
    for path in FILES:
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # a picture or a sound
        found += [(str(path.relative_to(ROOT)), needle) for needle in needles if needle in text]
    assert found == []
