# SPDX-License-Identifier: GPL-3.0-or-later
"""config: one TOML file becomes one tree, and every mistake in it is named with its place and remedy."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion import config, settings
from ganglion.errors import InvalidError, NotFoundError, UsageError
from ganglion.units import SECOND, duration

FRIDGE = """
[node]
name = "fridge"
scripts = ["fridge.yaml"]
[mqtt]
broker = "mqtt://127.0.0.1:1883"
[mesh]
enrol_key_file = "enrol.key"
[sensor.fridge]
kind = "bme280"
[actuator.buzzer]
driver = "file"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "node.toml"
    path.write_text(text)
    return path


def test_a_file_becomes_one_tree(tmp_path):
    read = config.load(write(tmp_path, FRIDGE))
    assert read.node.name == "fridge"
    assert read.node.scripts == ("fridge.yaml",)
    assert [str(url) for url in read.brokers] == ["mqtt://127.0.0.1:1883"]
    assert read.sensors == {"fridge": {"kind": "bme280"}}
    assert read.resolve("fridge.yaml") == (tmp_path / "fridge.yaml").resolve()


def test_a_node_says_how_long_it_sleeps_and_for_ever_is_refused(tmp_path):
    assert config.load(write(tmp_path, FRIDGE)).node.sleeps == 0
    sleepy = FRIDGE.replace("[mqtt]", 'sleeps = "1h"\n[mqtt]')
    assert config.load(write(tmp_path, sleepy)).node.sleeps == 3600 * SECOND
    with pytest.raises(InvalidError, match="sleeps is at most 90d"):
        config.load(write(tmp_path, sleepy.replace("1h", "91d")))


def test_the_enrol_key_is_read_from_its_file_and_a_missing_file_says_what_to_do(tmp_path):
    read = config.load(write(tmp_path, FRIDGE))
    with pytest.raises(NotFoundError, match="write the key of `ganglion enrol-key create` there"):
        read.enrol_key()
    (tmp_path / "enrol.key").write_text("gk1_abc\n")
    assert read.enrol_key() == "gk1_abc"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("[nod]\nname='x'", 'nod: unknown key; did you mean "node"?'),
        ("[node]\nnam='x'", 'node.nam: unknown key; did you mean "name"?'),
        ("[node]\n", "node.name: this key is required"),
        (
            "[node]\nbord='x'\nscript=1",
            'node.bord: unknown key; did you mean "board"? Also script: unknown key; did you mean "scripts"? '
            "Also name: this key is required",
        ),
        ("[node]\nname=3", "node.name: must be text, not 3"),
        ("[node]\nname='a b'", "must be 1 to 40 letters"),
        ("[node]\nname='x'\nscripts='x.yaml'", "node.scripts: must be a list"),
        ("[node]\nname='x'\nscripts=[1]", "node.scripts[0]: must be text, not 1"),
        ("[node]\nname='x'\n[mqtt]\nbrokr='y'", 'mqtt.brokr: unknown key; did you mean "broker"?'),
        ("[node]\nname='x'\n[sensor]\nfridge=1", "sensor.fridge: must be a table: write [sensor.fridge]"),
        ("[node]\nname='x'\n[sensor.'a/b']\n", "sensor.a/b: a name is 1 to 40 letters"),
        ("[node\n", "not TOML: "),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, wrong, says):
    path = write(tmp_path, wrong)
    with pytest.raises(InvalidError) as caught:
        config.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)


def test_a_file_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="does not exist"):
        config.load(tmp_path / "none.toml")


def test_the_state_folder_follows_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert config.state_folder() == tmp_path / "ganglion"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config.state_folder() == tmp_path / ".local/state/ganglion"


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("250ms", SECOND // 4),
        ("1.5s", 3 * SECOND // 2),
        ("10m", 600 * SECOND),
        ("2h", 7200 * SECOND),
        ("1d", 86400 * SECOND),
    ],
)
def test_durations_are_written_as_people_write_them(text, nanoseconds):
    assert duration(text) == nanoseconds


@given(st.text())
def test_no_text_does_worse_than_an_invalid_duration(text):
    try:
        assert duration(text) >= 0
    except InvalidError as error:
        assert "is not a duration" in str(error)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["name", "board", "scripts", "x"]), json_values))
def test_no_table_does_worse_than_an_invalid_error(table):
    try:
        settings.read(config.NodeSection, table, "node")
    except InvalidError as error:
        assert str(error).startswith("node")


def test_a_mesh_is_named_by_its_id_and_more_surely_by_its_root(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(f'[node]\nname = "x"\n[mesh]\nid = "pczxc4hc5uxae"\nroot = "{"a" * 26}"\nmax_stale = "10d"\n')
    mesh = config.load(path).mesh
    assert mesh is not None
    assert (mesh.id, mesh.root, mesh.max_stale) == ("pczxc4hc5uxae", "a" * 26, 10 * 86400 * SECOND)
    kept = config.override(config.load(path), brokers=(), enrol_key_file=tmp_path / "key").mesh
    assert kept is not None
    assert (kept.id, kept.enrol_key_file) == ("pczxc4hc5uxae", str(tmp_path / "key"))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('root = "short"', "root is 26 letters"),
        ('max_stale = "0s"', "max_stale is a time"),
        ('ids = "x"', 'did you mean "id"'),
    ],
)
def test_a_mesh_that_is_named_wrongly_is_refused(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "node.toml"
    path.write_text(f'[node]\nname = "x"\n[mesh]\n{line}\n')
    with pytest.raises(InvalidError, match=says):
        config.load(path)


# The broker


def test_a_broker_may_have_several_addresses_and_their_files_are_beside_the_configuration(tmp_path):
    text = "[node]\nname='x'\n[mqtt]\nbroker = ['mqtts://a?ca=ca.pem', 'mqtts://b:1?account=/run/a']"
    first, second = config.load(write(tmp_path, text)).brokers
    assert (str(first), first.ca) == ("mqtts://a:8883", str(tmp_path / "ca.pem"))
    assert (str(second), second.account) == ("mqtts://b:1", "/run/a")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("'tcp://a'", "mqtt.broker: a broker's URL starts with mqtt://"),
        ("[]", "mqtt.broker: the broker's list of URLs is empty"),
        ("['mqtt://a', 'mqtt://:secret@b']", "mqtt.broker: the broker's URL has a password and no user name"),
        ("['mqtt://a', 3]", "mqtt.broker[1]: must be text"),
        ("3", "mqtt.broker: must be text or a list"),
    ],
)
def test_a_broker_that_is_none_is_named_with_its_place(tmp_path, value, says):
    path = write(tmp_path, f"[node]\nname='x'\n[mqtt]\nbroker = {value}")
    with pytest.raises(InvalidError) as raised:
        config.load(path)
    assert str(raised.value).startswith(f"{path}: {says}")
    assert "secret" not in str(raised.value)


def test_the_command_line_comes_before_the_environment(monkeypatch):
    monkeypatch.setenv("GANGLION_BROKER", " mqtts://me:secret@a  mqtt://b ")
    assert config.brokers(["mqtt://c", "mqtt://d"]) == ("mqtt://c", "mqtt://d")
    assert config.brokers(None, "mqtt://e") == ("mqtts://me:secret@a", "mqtt://b")
    monkeypatch.delenv("GANGLION_BROKER")
    assert config.brokers(None, "mqtt://e") == ("mqtt://e",)
    assert config.brokers(None) == ()


def test_a_password_on_the_command_line_is_refused_and_not_repeated():
    with pytest.raises(
        UsageError, match=r"--broker mqtt://a:1883 has a password.*account=FILE.*GANGLION_BROKER"
    ) as raised:
        config.brokers(["mqtt://me:secret@a"])
    assert "secret" not in str(raised.value)
