# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion.node.crashes: how a run ended is found out by the next one, and told once."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ganglion.errors import InvalidError
from ganglion.node.crashes import KEPT, Crashes
from ganglion.units import SECOND

#: A run in a process of its own, which ends as the line says.
RUN = textwrap.dedent("""
    import ctypes, os, signal, sys
    from pathlib import Path
    from ganglion.node.crashes import Crashes
    with Crashes(Path(sys.argv[1]), "ganglion/9").guarded(lambda: ["a line", "password=hunter2"]):
        {}
""")


def machine(root: Path, *, boot: str = "b1", ooms: int = 0) -> Path:
    """What the kernel says of a machine."""
    for path, text in (
        ("proc/sys/kernel/random/boot_id", boot),
        ("proc/vmstat", f"nr_free_pages 7\noom_kill {ooms}\n"),
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def ended(state: Path, line: str) -> int:
    """The exit code of a run."""
    return subprocess.run([sys.executable, "-c", RUN.format(line), str(state)], capture_output=True).returncode


def found(state: Path, root: Path = Path("/")) -> tuple[str, list[dict[str, object]]]:
    """Why the next run begins, and what it tells."""
    crashes = Crashes(state, "ganglion/9", root=root)
    with crashes.guarded():
        return crashes.reset, crashes.waiting()


def interrupted(state: Path, root: Path) -> None:
    """A run of which nothing is left but that it had begun."""
    crashes = Crashes(state, "ganglion/9", root=root)
    crashes._begin()
    if crashes._native is not None:
        crashes._native.close()


def test_a_run_that_ends_as_it_should_leaves_nothing(tmp_path: Path) -> None:
    assert ended(tmp_path, "pass") == 0
    assert found(tmp_path) == ("start", [])


def test_an_error_that_nobody_caught_is_kept_with_its_trace_and_the_log_without_secrets(tmp_path: Path) -> None:
    assert ended(tmp_path, "raise ZeroDivisionError('by token=abcdef')") == 1
    reset, (record,) = found(tmp_path)
    assert reset == "start"  # it is known already when the run ends: nothing has to be found out
    assert record["kind"] == "error"
    assert record["text"] == "ZeroDivisionError: by token=(hidden)"
    assert "ZeroDivisionError" in str(record["trace"])
    assert record["log"] == ["a line", "password=(hidden)"]


def test_an_error_of_ours_is_an_answer_and_no_crash(tmp_path: Path) -> None:
    with pytest.raises(InvalidError), Crashes(tmp_path, "").guarded():
        raise InvalidError("the configuration is wrong")
    assert found(tmp_path) == ("start", [])


def test_native_code_that_fails_is_told_with_the_stack(tmp_path: Path) -> None:
    assert ended(tmp_path, "ctypes.string_at(0)") == -signal.SIGSEGV
    reset, (record,) = found(tmp_path)
    assert reset == record["kind"] == "native"
    assert record["text"] == "native code ended the node: Segmentation fault"
    assert "string_at" in str(record["trace"])


def test_a_crash_is_of_the_version_that_ran_and_of_the_moment_when_it_came(tmp_path: Path) -> None:
    ended(tmp_path, "ctypes.string_at(0)")
    came = (tmp_path / "crashes" / "native").stat().st_mtime_ns
    os.utime(tmp_path / "crashes" / "running", ns=(came - 50 * SECOND,) * 2)  # the last note that it went on
    crashes = Crashes(tmp_path, "ganglion/10")  # the version that was there before runs again
    with crashes.guarded():
        (record,) = crashes.waiting()
    assert (record["sw"], record["at"]) == ("ganglion/9", came)


def test_a_run_that_is_killed_says_nothing_and_is_told_all_the_same(tmp_path: Path) -> None:
    assert ended(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)") == -signal.SIGKILL
    reset, (record,) = found(tmp_path)
    assert (reset, record["kind"], record["text"]) == ("killed", "killed", "the node was killed")


@pytest.mark.parametrize(
    ("said", "kind", "text"),
    [
        ("watchdog killed ABRT", "watchdog", "which had not said that it lives"),
        ("oom-kill killed KILL", "oom", "no memory left"),
        ("signal killed KILL", "killed", "the node was killed by KILL"),
    ],
)
def test_what_the_service_saw_of_the_end_is_believed(tmp_path: Path, said: str, kind: str, text: str) -> None:
    root = machine(tmp_path / "root")
    interrupted(tmp_path, root)
    (tmp_path / "ended").write_text(f"{said}\n")
    reset, (record,) = found(tmp_path, root)
    assert reset == record["kind"] == kind
    assert text in str(record["text"])
    assert not (tmp_path / "ended").exists()


def test_a_kernel_that_had_no_memory_left_meanwhile_is_to_blame(tmp_path: Path) -> None:
    interrupted(tmp_path, machine(tmp_path / "root", ooms=2))
    assert found(tmp_path, machine(tmp_path / "root", ooms=3))[0] == "oom"


def test_another_boot_of_the_machine_is_a_reset(tmp_path: Path) -> None:
    root = machine(tmp_path / "root")
    interrupted(tmp_path, root)
    (root / "sys/class/watchdog/watchdog0").mkdir(parents=True)
    (root / "sys/class/watchdog/watchdog0/bootstatus").write_text("32\n")
    reset, (record,) = found(tmp_path, machine(root, boot="b2"))
    assert reset == "reset"
    assert str(record["text"]).endswith("for its watchdog had not heard of it")


def test_a_record_is_told_until_it_is_kept_elsewhere_and_half_of_one_never(tmp_path: Path) -> None:
    ended(tmp_path, "raise KeyError")
    (tmp_path / "crashes/0000.json").write_text('{"id": "0000", "ki')
    crashes = Crashes(tmp_path, "")
    (record,) = crashes.waiting()
    assert [one["id"] for one in crashes.waiting()] == [record["id"]]
    crashes.told(record["id"])
    assert crashes.waiting() == []


def test_a_loop_of_crashes_keeps_the_last(tmp_path: Path) -> None:
    for number in range(KEPT + 3):
        with pytest.raises(KeyError), Crashes(tmp_path, "", clock=lambda at=number: at).guarded():
            raise KeyError(number)
    records = Crashes(tmp_path, "").waiting()
    assert len(records) == KEPT
    assert records[-1]["text"] == f"KeyError: {KEPT + 2}"
    assert all(
        os.stat(path).st_size < 10_000 and json.loads(path.read_text())
        for path in (tmp_path / "crashes").glob("*.json")
    )
