# SPDX-License-Identifier: GPL-3.0-or-later
"""shims: scripts and configurations that are refused before anything runs, each by one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganglion.shims.settings import KEYS, Settings

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'runtime'}:{ROOT / 'firmware'}"}
#: Root that may not read what it may not.
AS_ANYBODY = [] if os.geteuid() else ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ganglion.shims", *words], env=ENVIRONMENT, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (None, 3, "there is no configuration"),
        ("board = 3", 1, "board.toml: board: must be text, not 3"),
        ("boord = 'sim'", 1, 'boord: unknown key; did you mean "board"?'),
        (
            "[[chip]]\nmodel = 'bme281'\naddress = 0x76",
            1,
            "board.toml: chip[0].model: there is no model of a chip 'bme281'; did you mean \"bme280\"?",
        ),
        ("[[chip]]\nmodel = 'ds18b20'\naddress = 0x40", 1, "chip[0].model: there is no model of a chip 'ds18b20'; "),
        ("[[chip]]\nmodel = 'registers'\naddress = 3", 1, "chip[0]: I2C address 0x03 is outside 0x08 to 0x77"),
        ("wires = [[1, 2, 3]]", 1, "board.toml: wires: a wire is two pins, not [1, 2, 3]"),
        ("board = [", 1, "board.toml: "),
        ("[pin]\nLED = '17'", 1, "board.toml: pin.LED must be the number of a line, not '17'"),
        ("[i2c]\n0 = 1", 1, "board.toml: i2c.0 must be the name of a device in quotes, not 1"),
    ],
)
def test_a_wrong_configuration_is_one_sentence(tmp_path: Path, text: str | None, code: int, says: str) -> None:
    script = tmp_path / "it.py"
    script.write_text("")
    config = tmp_path / "board.toml"
    if text is not None:
        config.write_text(text)
    done = command("--config", config, script)
    assert done.returncode == code
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.count("board.toml") == 1


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        *((f"[{key}]\n0 = 'x'", [], f"{key}: only a Linux board has this") for key in ("i2c", "spi", "uart", "adc")),
        ("[pin]\nLED = 17", [], "pin: only a Linux board has this"),
        ("gpiochip = '/dev/gpiochip0'", [], "gpiochip: only a Linux board has this"),
        ("board = 'linux'\nwatchdog = '/dev/watchdog'", ["--board", "sim"], "watchdog: only a Linux board has this"),
        ("board = 'linux'\nwires = [[1, 2]]", [], "wires: only a simulated board has this"),
        ("[[chip]]\nmodel = 'bme280'\naddress = 0x76", ["--board", "linux"], "chip: only a simulated board has this"),
    ],
)
def test_what_only_the_other_kind_of_board_has_is_refused_at_the_start(
    tmp_path: Path, text: str, options: list[str], says: str
) -> None:
    script = tmp_path / "it.py"
    script.write_text("print('began')")
    config = tmp_path / "board.toml"
    config.write_text(text)
    done = command(*options, "--config", config, script)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"ganglion.shims: {config}: {says}, and this is a ")
    assert done.stderr.endswith(", or take the key away\n")


def test_the_command_says_which_board_whatever_the_file_says(tmp_path: Path) -> None:
    script = tmp_path / "it.py"
    script.write_text("import machine\ntry:\n    machine.I2C(1)\nexcept ValueError as error:\n    print(error)")
    config = tmp_path / "board.toml"
    config.write_text("[i2c]\n0 = '/dev/i2c-1'")
    said = command("--board", "linux", "--config", config, script).stdout
    assert said == "this board has no i2c 1: name its device under [i2c] of the configuration\n"


def test_every_key_is_of_one_kind_of_board() -> None:
    assert sorted(["board", *KEYS["sim"], *KEYS["linux"]]) == sorted(Settings.__dataclass_fields__)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("it", b"\x7fELF\0\0", "is no script: it has bytes that no text has"),
        ("it.mpy", b"M\x06", "is compiled for MicroPython: name the .py that it was made of"),
        ("it", None, "is a folder: name the script in it"),
    ],
)
def test_what_is_no_script_is_one_sentence(tmp_path: Path, name: str, data: bytes | None, says: str) -> None:
    script = tmp_path / name
    if data is None:
        script.mkdir()
    else:
        script.write_bytes(data)
    done = command(script)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"ganglion.shims: {script}: {says}\n")


def test_what_this_user_may_not_read_is_one_sentence(tmp_path: Path) -> None:
    """The script, then the configuration; root may read both, unless that is taken from it."""
    (tmp_path / "closed").touch(mode=0)
    (tmp_path / "it.py").touch()
    for words in (["closed"], ["--config", "closed", "it.py"]):
        done = subprocess.run(
            [*AS_ANYBODY, sys.executable, "-m", "ganglion.shims", *words],
            cwd=tmp_path,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (1, "ganglion.shims: closed: cannot be read: Permission denied\n")


def test_without_a_script_the_script_alone_is_missing() -> None:
    done = command()
    assert done.returncode == 2
    assert done.stderr.endswith("the following arguments are required: script\n")
