# SPDX-License-Identifier: GPL-3.0-or-later
"""shims: scripts whose own functions fail, that move about and begin again."""

import subprocess
import sys
from pathlib import Path


def run(folder: Path, script: str) -> "subprocess.CompletedProcess[str]":
    (folder / "it.py").write_text(script)
    command = [sys.executable, "-P", "-m", "ganglion.shims", "it.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_a_callback_that_fails_is_told_and_the_other_timers_go_on(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
from machine import Timer
import time
ticks = []
def fails(timer):
    raise ValueError("of the script")
Timer(1, mode=Timer.ONE_SHOT, period=1, callback=fails, hard=True)
Timer(2, mode=Timer.PERIODIC, period=5, callback=ticks.append, hard=True)
while len(ticks) < 3:
    time.sleep_ms(1)
print("three")
""",
    )
    assert (done.returncode, done.stdout) == (0, "three\n")
    assert "ValueError: of the script" in done.stderr


def test_a_reset_begins_the_script_again_wherever_it_has_gone(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
import machine, os
if machine.reset_cause() == machine.PWRON_RESET:
    os.mkdir("elsewhere")
    os.chdir("elsewhere")
    machine.reset()
print("again")
""",
    )
    assert (done.returncode, done.stdout) == (0, "again\n"), done.stderr


def test_a_link_that_leads_nowhere_is_listed_as_any(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    done = run(tmp_path, "import os\nprint(os.listdir())\n")
    assert (done.returncode, done.stdout) == (0, "['it.py', 'link']\n"), done.stderr


def test_a_function_for_the_end_is_called_once_though_it_was_set_twice(tmp_path: Path) -> None:
    script = "import sys\nsys.atexit(lambda: print('f'))\nsys.atexit(None)\nsys.atexit(lambda: print('g'))\n"
    assert run(tmp_path, script).stdout == "g\n"
