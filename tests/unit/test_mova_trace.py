# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion mova trace`: what a run did, shown again."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.cli.main import main
from ganglion.errors import InvalidError
from ganglion.mova.episode import checked
from support.mova import edge
from support.web import Server

FRIDGE = Path(__file__).parents[2] / "tools/ganglion_tools/up/fridge.yaml"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("GANGLION_LLM_URL", "GANGLION_GATEWAY", "GANGLION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def shell(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["mova", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def trace(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Path:
    path = tmp_path / "trace.json"
    assert shell(capsys, "run", FRIDGE, "--trace", path)[0] == 0
    return path


def test_a_run_is_shown_again_from_its_file_and_without_one(
    capsys: pytest.CaptureFixture[str], trace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = shell(capsys, "trace", trace)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("fridge_watch/too_warm: completed after ")
    assert [line.split()[5] for line in lines[4:]] == ["ask", "decide", "beep", "tell", "done"]
    assert "otherwise unreachable: there is no model" in lines[4]
    assert lines[6].endswith("actuator buzzer, accepted true, value true, reason dry: nothing was switched")
    assert shell(capsys, "trace") == shell(capsys, "trace", "--last") == (0, out, "")
    monkeypatch.setattr("sys.stdin", io.StringIO(trace.read_text()))
    assert shell(capsys, "trace", "-") == (0, out, "")
    code, out, _ = shell(capsys, "trace", trace, "--json")
    assert (code, json.loads(out)) == (0, json.loads(trace.read_text()))
    assert trace.stat().st_mode & 0o077 == 0  # it holds the session


def test_what_was_missing_what_failed_and_what_was_left_out_are_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        edge(
            "- {id: l, action: log, message: 'hi {nobody} {user.name} {nobody}'}\n"
            "- {id: again, action: read, sensor: a.b, save: x}\n"
        )
    )
    code, ran, err = shell(capsys, "run", path)
    assert (code, err) == (1, "")
    assert "warning: l: nothing has set {nobody}, {user.name}\n" in ran
    assert (ran + err).count("no sensor is read here") == 1
    code, out, _ = shell(capsys, "run", path, "--json")
    assert json.loads(out)["steps"][0]["result"]["missing"] == ["{nobody}", "{user.name}"]
    code, out, _ = shell(capsys, "trace")
    assert code == 0
    assert "warning: l: nothing has set {nobody}, {user.name}\n" in out
    assert "error: step again failed: no sensor is read here" in out
    path.write_text(edge("- {id: l, action: log, message: x, next_step: l}", protocol="policies: {max_steps: 200}"))
    code, out, _ = shell(capsys, "run", path)
    assert (code, "\nand 72 steps more\n" in out) == (1, True)
    assert "and 72 steps more\n" in shell(capsys, "trace")[1]
    code, out, _ = shell(capsys, "run", path, "--json")
    assert (len(json.loads(out)["steps"]), json.loads(out)["omitted"]) == (128, 72)


def test_a_long_result_is_cut_where_it_can_be_seen(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(edge(f"- {{id: l, action: log, message: '{'x' * 300}'}}"))
    code, out, _ = shell(capsys, "run", path)
    assert (code, re.search(r"took +result\n.* ms  (.*)", out)[1]) == (0, '{"message": "' + "x" * 187 + "…")  # type: ignore[index]


def test_what_a_step_does_not_say_has_no_place_in_its_row(
    capsys: pytest.CaptureFixture[str], trace: Path, tmp_path: Path
) -> None:
    episode = json.loads(trace.read_text())
    episode["event"] = {"topic": "cli", "value": None}
    episode["steps"][2]["detail"] = {"actuator": "buzzer", "reason": "", "accepted": True, "value": None}
    trace.write_text(json.dumps(episode))
    lines = shell(capsys, "trace", trace)[1].splitlines()
    assert lines[1] == "on cli"
    assert lines[6].endswith("completed  actuator buzzer, accepted true")


def test_where_there_is_no_trace_it_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = shell(capsys, "trace")
    assert (code, "nothing was run here yet" in err) == (3, True)
    code, _, err = shell(capsys, "trace", tmp_path / "none.json")
    assert (code, "there is no such file" in err) == (3, True)
    for text in ("", "{}", "[" * 100_000, '{"steps": []}'):
        (tmp_path / "bad.json").write_text(text)
        code, _, err = shell(capsys, "trace", tmp_path / "bad.json")
        assert (code, "bad.json: is no trace" in err) == (1, True)
    assert shell(capsys, "trace", tmp_path)[0] == 1
    assert shell(capsys, "trace", "--run", "r1")[0] == 2
    assert shell(capsys, "trace", "x.json", "--node", "fridge")[0] == 2


@pytest.fixture
def gateway() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.mark.parametrize(("words", "asked"), [((), "last"), (("--last",), "last"), (("--run", "a/1"), "a%2F1")])
def test_the_run_of_a_node_is_asked_of_the_gateway(
    capsys: pytest.CaptureFixture[str], trace: Path, gateway: Server, words: tuple[str, ...], asked: str
) -> None:
    episode = json.loads(trace.read_text()) | {"trigger": "warm", "id": "\x1b[31mred"}
    gateway.says(episode)
    code, out, _ = shell(capsys, "trace", "--node", "fridge", "--gateway", gateway.url, *words)
    assert code == 0
    assert out.startswith("fridge_watch/too_warm by warm: completed")
    assert "\x1b" not in out
    assert gateway.seen[0][:2] == ("GET", f"/api/v1/nodes/fridge/episodes/{asked}")
    gateway.says({"steps": 3})
    code, _, err = shell(capsys, "trace", "--node", "fridge", "--gateway", gateway.url, *words)
    assert (code, "is no trace of a run" in err) == (1, True)


STEP = ["id", "action", "status", "started", "ended", "attempts", "detail"]
values: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just({})
step_like = st.dictionaries(st.sampled_from(STEP), values)
keys = ["script", "protocol", "status", "event", "started", "ended"]
episode_like = st.builds(
    lambda head, steps: head | {"steps": steps},
    st.fixed_dictionaries({}, optional=dict.fromkeys(keys, values)),
    st.lists(step_like, max_size=2) | values,
)


@given(episode_like | values)
def test_whatever_comes_in_is_shown_or_named(document: Any) -> None:
    from ganglion.cli.mova_trace import _text

    try:
        known = checked(document, where="x")
    except InvalidError as error:
        assert str(error).startswith("x: is no trace of a run")
    else:
        assert _text(known)
