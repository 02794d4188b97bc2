# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/shims.md: its examples run as they stand, and its list has every module and no other."""

import importlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

from ganglion.settings import read
from ganglion.shims.names import ALIASES, OWN, module
from ganglion.shims.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "shims.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_commands_do_what_the_page_says(tmp_path: Path) -> None:
    for text in blocks("python") + blocks("toml"):
        if (name := re.match(r"# (\w+\.\w+)\n", text)) is not None:
            (tmp_path / name[1]).write_text(text)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'runtime'}:{ROOT / 'firmware'}"}
    said = []
    (commands,) = blocks("sh")
    for line in commands.splitlines():
        words = [sys.executable, *shlex.split(line)[1:]]
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        said.append(done.stdout)
    assert said == [
        "blinked True True\n",
        "found [118]\ntemperature 20\nnobody answers: [Errno 19] ENODEV\n",
        "temperature 24.5\n",
    ]


def test_the_configurations_are_valid_and_name_every_key() -> None:
    tables = [tomllib.loads(text) for text in blocks("toml")]
    for table in tables:
        read(Settings, table, "docs/shims.md")
    assert set().union(*tables) == set(Settings.__dataclass_fields__)


def test_the_list_has_every_module() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    listed = set()
    older = set()
    for row in rows:
        names, _, aliases = row.partition("(")
        listed |= set(re.findall(r"`([\w.]+)`", names))
        older |= set(re.findall(r"`([\w.]+)`", aliases))
    assert listed == set(OWN)
    assert older == {name for name in ALIASES if "." not in name}


def test_every_name_is_a_module_and_every_module_has_a_name() -> None:
    for name in (*OWN, *ALIASES):
        assert importlib.import_module(str(module(name)))
    folder = ROOT / "runtime" / "ganglion" / "shims" / "modules"
    files = {path.name.removesuffix(".py") for path in folder.iterdir()} - {"__init__", "__pycache__"}
    assert files == {name.partition(".")[0] for name in OWN}


def test_what_the_page_says_is_in_a_module_is_there() -> None:
    for name, _, said in re.findall(r"^\| `([\w.]+)`(.*?) \| (.*) \|", PAGE, re.MULTILINE):
        if name in ("os", "struct", "rp2"):
            continue
        found = importlib.import_module(str(module(name)))
        here = said.partition("; ")[0] if name != "machine" else said.partition("; no ")[0]
        for each in re.findall(r"`(\w+)`", here):
            if each not in ("micropython", "machine"):
                assert hasattr(found, each) or name in ("asyncio", "select"), f"{name}.{each}"
