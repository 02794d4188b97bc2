# SPDX-License-Identifier: GPL-3.0-or-later
"""cli: the command as the shell sees it: exit codes, one document on stdout, no import that was not asked for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ganglion import extras
from ganglion.cli import main as cli
from ganglion.cli import show

ROOT = Path(__file__).parents[2]


def ganglion(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(ROOT / folder) for folder in ("runtime", "firmware", "gateway", "tools"))
    return subprocess.run(
        [sys.executable, "-m", "ganglion", *words],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def imported_by(statement: str) -> set[str]:
    """The modules that a fresh interpreter has after a statement."""
    path = [str(ROOT / folder) for folder in ("runtime", "firmware", "gateway", "tools")]
    code = f"import sys; sys.path[:0] = {path}\n{statement}\nprint(*sys.modules)"
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COV")}  # it imports things itself
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=bare)
    return set(done.stdout.split())


def test_help_imports_no_subcommand():
    modules = imported_by("from ganglion.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass")
    assert modules.isdisjoint(module for module, _, _ in cli.COMMANDS.values())


HEAVY = {"numpy", "pydantic", "fastapi", "rich", "httpx", "PIL", "sqlalchemy", "nicegui"}


@pytest.mark.parametrize("module", ["ganglion.cli.main", "ganglion.node", "ganglion.cli.node", "ganglion.cli.mova"])
def test_a_device_imports_nothing_of_a_server(module):
    assert {name.partition(".")[0] for name in imported_by(f"import {module}")}.isdisjoint(HEAVY)


def test_a_gateway_loads_no_page_before_somebody_opens_one():
    modules = imported_by("import ganglion_gateway.command")
    assert "fastapi" in modules
    assert modules.isdisjoint({"nicegui", "socketio", "ganglion_gateway.dashboard.page"})


def test_the_collector_leaves_alone_what_a_command_is_made_of():
    code = (
        "import gc, sys; sys.argv[1:] = ['boards', 'list']; main(); print(gc.isenabled(), gc.get_freeze_count() > 1000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"from ganglion.cli.main import main; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "True True"


def test_checking_a_document_does_not_pay_for_running_one():
    document = ROOT / "tools" / "ganglion_tools" / "up" / "fridge.yaml"
    modules = imported_by(f"from ganglion.cli.main import main\nmain(['mova', 'check', {str(document)!r}])")
    assert "ganglion.mova.check" in modules
    assert modules.isdisjoint({"asyncio", "_hashlib", "http.client", "ssl", "sqlite3", "tomllib"})


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert command in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [[], ["fly"], ["doctor", "--colour"], ["node", "run"], ["id", "eat"], ["bench", "fly"]]
)
def test_a_line_that_makes_no_sense_is_exit_2(words, capsys):
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert (out, "usage: ganglion" in err) == ("", True)
    assert cli.main([*words, "--json"]) == 2
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert (said["exit_code"], f"ganglion: {said['error']}" in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "missing"),
    [(["jobs", "run", "--on", "all"], "METHOD"), (["call"], "NODE"), (["group", "create"], "NAME")],
)
def test_what_may_be_left_out_is_not_said_to_be_missing(words, missing, capsys):
    assert cli.main(words) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"required: {missing}")


def test_json_is_asked_for_before_the_verb_or_after_it(capsys):
    document = str(ROOT / "tools" / "ganglion_tools" / "up" / "fridge.yaml")
    for words in (["mova", "--json", "check", document], ["mova", "check", document, "--json"]):
        assert cli.main(words) == 0
        assert json.loads(capsys.readouterr().out)["valid"] is True


def test_a_missing_extra_is_named_with_its_remedy(monkeypatch, capsys):
    monkeypatch.setitem(extras.MODULES, "tools", ("psutil", "nothing_of_this_name"))
    assert cli.main(["up"]) == 2
    assert "pip install 'ganglion[gateway,tools,audio,vision]'" in capsys.readouterr().err
    assert cli.main(["bench", "path"]) == 2
    assert "pip install 'ganglion[tools]'" in capsys.readouterr().err


def test_a_module_that_is_not_there_is_named_with_its_remedy(monkeypatch, capsys):
    def without(module: str) -> None:
        def load(name: str) -> None:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)

        monkeypatch.setattr(cli, "load", load)

    without("nacl.signing")
    assert cli.main(["doctor"]) == 1
    assert "the Python module nacl is not there, which Ganglion needs: install it" in capsys.readouterr().err
    without("ganglion.nothing")  # is a fault of ours
    with pytest.raises(ModuleNotFoundError):
        cli.main(["doctor"])


def test_doctor_says_which_bus_runs_and_why():
    native = json.loads(ganglion("doctor", "--json").stdout)
    assert native["backend"] == "native"
    assert native["problems"] == []
    twin = json.loads(ganglion("doctor", "--json", GANGLION_BACKEND="python").stdout)
    assert twin["backend"] == "python"
    assert "GANGLION_BACKEND=python" in twin["problems"][0]["what"]
    assert "native bus" in ganglion("doctor").stdout


def test_an_identity_is_made_once_shown_and_never_overwritten(tmp_path):
    state = ["--state", str(tmp_path)]
    missing = ganglion("id", "show", *state)
    assert missing.returncode == 3
    assert "ganglion id new" in missing.stderr
    made = json.loads(ganglion("id", "new", *state, "--json").stdout)
    assert (tmp_path / "identity").stat().st_mode & 0o777 == 0o600
    assert json.loads(ganglion("id", "show", *state, "--json").stdout) == made
    again = ganglion("id", "new", *state, "--json")
    assert again.returncode == 4
    assert json.loads(again.stdout)["exit_code"] == 4
    assert json.loads(ganglion("id", "show", *state, "--json").stdout) == made


def test_a_state_folder_that_cannot_be_one_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.touch()
    assert cli.main(["id", "new", "--state", str(file), "--json"]) == 1
    said = capsys.readouterr()
    assert str(file) in json.loads(said.out)["error"]
    assert "Traceback" not in said.err


def test_an_error_does_a_terminal_no_harm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "\x1b]52;c;cm0=\x07"  # sets the clipboard
    file.touch()
    assert cli.main(["id", "new", "--state", str(file)]) == 1
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "\N{REPLACEMENT CHARACTER}]52;c;cm0=" in said


@pytest.mark.parametrize("at", [1 << 90, -(1 << 90)])
def test_a_time_that_is_none_is_shown_as_none(at: int) -> None:
    assert (show.clock(at), show.moment(at)) == ("--:--:--.---", "---------- --:--")
