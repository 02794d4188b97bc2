# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion sensors` on this machine, `ganglion history` and `ganglion doctor`: what is wrong is said, and ends so."""

import json
import re
from pathlib import Path

import pytest

import ganglion_tools.up
from ganglion import config
from ganglion.cli.main import main
from ganglion.cli.sensors import table
from ganglion.errors import InvalidError, UsageError
from ganglion.node.node import Node
from ganglion.node.sensed import Sensed
from ganglion.sensors import build
from ganglion.sensors import running as running_
from support.sensing import running

FRIDGE = '[sensor.fridge]\nkind = "bme280"\nbus = "sim"\nevery = "20ms"\n'
TOO_WARM = FRIDGE + "range.temperature = [40, 60]\n"
FRAMES = Path(ganglion_tools.up.__file__).parent / "frames"
ABSENT = '[sensor.attic]\nkind = "bme280"\nbus = "/dev/i2c-99"\n'


@pytest.fixture
def here(tmp_path, capsys):
    """Runs `ganglion sensors VERB` with a file of these tables: exit code, what it printed, and its complaint."""

    def run(tables, verb, *words):
        (tmp_path / "node.toml").write_text(tables)
        where = [] if verb == "check" else ["--local"]
        code = main(["sensors", verb, *where, str(tmp_path / "node.toml"), *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_channel_that_is_refused_is_a_row_with_its_reason(here):
    code, out, err = here(TOO_WARM, "read", "fridge")
    assert (code, err) == (1, "")
    assert re.search(r"^fridge\.temperature +refused: it reads 20[.\d]*, and its range is 40 to 60$", out, re.M)
    assert re.search(r"^fridge\.pressure +[\d.]+ hPa$", out, re.M)
    code, out, _ = here(TOO_WARM, "read", "fridge", "--json")
    values = json.loads(out)["readings"][0]["values"]
    assert code == 1
    assert values["temperature"]["value"] is None
    assert "its range is 40 to 60" in values["temperature"]["error"]
    assert "error" not in values["pressure"]
    assert here(FRIDGE, "read", "fridge")[0] == 0


def test_one_sensor_that_fails_leaves_the_others_readable_and_nothing_at_all_is_an_error(here):
    code, out, err = here(TOO_WARM + ABSENT, "read", "fridge.pressure", "attic")
    assert (code, err) == (1, "")
    assert re.search(r"^attic +no reading: there is no /dev/i2c-99: switch I2C on", out, re.M)
    for words in (("attic",), ("attic", "fridge.temperature")):
        code, out, err = here(TOO_WARM + ABSENT, "read", *words)
        assert (code, out) == (5, "")
        assert err.count("there is no /dev/i2c-99") == 1  # and not by the sensor's own log as well


RELAY = '[actuator.relay]\ndriver = "pcf8574"\nbus = "/dev/i2c-99"\naddress = 0x38\npin = 1\n'
AIR = '[sensor.air]\nkind = "aht20"\nbus = "/dev/./i2c-99"\n'


def test_a_chip_of_an_actuator_is_read_neither_here_nor_by_a_node(here, tmp_path):
    """A PCF8574A takes what wakes an AHT20 up for the levels of its pins."""
    says = (
        r"sensor\.air\.address: 0x38 on /dev/\./i2c-99 is the chip of the actuator relay, to which the guardian alone"
    )
    code, out, err = here(RELAY + AIR, "read", "air")
    assert (code, out) == (1, "")
    assert re.search(says, err)
    code, out, _ = here(RELAY + AIR, "check")
    assert code == 1
    assert re.search(says, out)
    (tmp_path / "node.toml").write_text('[node]\nname = "kitchen"\n' + RELAY + AIR)
    with pytest.raises(InvalidError, match=says):
        Node(config.load(tmp_path / "node.toml"), tmp_path / "state")


async def test_a_node_says_which_channel_was_refused():
    fridge = build("fridge", {"kind": "bme280", "bus": "sim", "every": "20ms", "range": {"temperature": [40, 60]}})
    async with running(fridge) as (sensors, _):
        values = (await Sensed(sensors, None, None).read({"sensor": "fridge"}, None))["values"]
        assert values["temperature"]["value"] is None
        assert "its range is 40 to 60" in values["temperature"]["error"]
        assert values["pressure"].keys() == {"value", "unit"}
        one = (await Sensed(sensors, None, None).read({"sensor": "fridge.pressure"}, None))["values"]
        assert one.keys() == {"pressure"}


def test_analytics_that_warm_up_are_well(here):
    tables = FRIDGE + '[sensor.odd]\nkind = "analytics"\ninput = "fridge.temperature"\nwarm_up = 10000\n'
    code, out, _ = here(tables, "check")
    assert code == 0
    assert re.search(r"^odd +ok +warming up: \d+ more steps until it can say anything$", out, re.M)
    assert "warming up" in json.loads(here(tables, "check", "--json")[1])["sensors"]["odd"]["warming_up"]
    code, _, err = here(tables, "read", "odd")
    assert code == 5
    assert "sensor odd: warming up: " in err


def test_a_check_waits_for_channels_that_are_not_in_each_sample(here, tmp_path, monkeypatch):
    (tmp_path / "day.csv").write_text("seconds,often,seldom\n0,1,\n0.3,2,7\n")
    tables = f'[sensor.meter]\nkind = "replay"\ntrace = "{tmp_path}/day.csv"\n'
    code, out, _ = here(tables, "check")
    assert code == 0
    assert re.search(r"^meter\.seldom +ok +7$", out, re.M)
    monkeypatch.setattr(running_, "_NEXT", 1_000_000)
    (tmp_path / "day.csv").write_text("seconds,often,seldom\n0,1,\n3600,2,7\n")
    assert re.search(r"^meter\.seldom +- +no value yet$", here(tables, "check")[1], re.M)


def test_a_check_shows_what_detectors_say_that_look_at_few_pictures(here):
    pytest.importorskip("cv2")
    tables = f'[sensor.door]\nkind = "vision"\nsource = "{FRAMES}"\nrate = 5\ndetect = ["faces", "qr"]\n'
    out = here(tables + 'detect_every = "1m"\n', "check")[1]
    assert re.search(r"^door\.faces +ok +0$", out, re.M)
    assert re.search(r'^door\.qr +ok +""$', out, re.M)


def test_a_unit_of_one_is_not_shown(here):
    code, out, _ = here('[sensor.machine]\nkind = "system"\nevery = "100ms"\n', "read", "machine")
    assert code == 0
    assert re.search(r"^machine\.load +[\d.e+-]+$", out, re.M)


def test_a_recording_does_not_replace_another_unless_it_is_told_to(here, tmp_path):
    path = tmp_path / "fridge.csv"
    path.write_text("precious\n")
    code, _, err = here(FRIDGE, "record", "fridge", "--to", str(path), "--count", "2")
    assert (code, path.read_text()) == (4, "precious\n")
    assert "is there already: give the recording another name, or --force to replace it" in err
    code, out, _ = here(FRIDGE, "record", "fridge", "--to", str(path), "--count", "2", "--force")
    assert code == 0
    assert out.startswith("2 rows in ")
    assert path.read_text().startswith("seconds,fridge.temperature")


def test_where_nothing_was_recorded_there_is_an_error_and_no_file(here, tmp_path):
    path = tmp_path / "attic.csv"
    code, out, err = here(ABSENT, "record", "attic", "--to", str(path), "--for", "300ms")
    assert (code, out, path.exists()) == (5, "", False)
    assert "nothing was recorded into " in err
    assert "there is no /dev/i2c-99: switch I2C on" in err
    path.write_text("precious\n")
    assert here(ABSENT, "record", "attic", "--to", str(path), "--for", "300ms", "--force")[0] == 5
    assert path.read_text() == "precious\n"
    code, _, err = here(TOO_WARM, "record", "fridge.temperature", "--to", str(tmp_path / "x.cbor"), "--for", "500ms")
    assert (code, (tmp_path / "x.cbor").exists()) == (5, False)
    assert "its range is 40 to 60" in err


def test_a_table_on_the_command_line_has_tables_in_it():
    words = ["kind=bme280", "every=1s", "range.temperature=[-40, 85]", "calibration.temperature={offset = -0.3}"]
    assert table([*words, "calibration.humidity.offset=2", 'inputs=["a.b"]', 'x={"y": 1}', "z=[odd"]) == {
        "kind": "bme280",
        "every": "1s",
        "range": {"temperature": [-40, 85]},
        "calibration": {"temperature": {"offset": -0.3}, "humidity": {"offset": 2}},
        "inputs": ["a.b"],
        "x": {"y": 1},
        "z": "[odd",
    }
    for wrong, says in ((["a=1", "a.b=2"], "a is given already"), (["a.b=1", "a.b=2"], "a.b is given twice")):
        with pytest.raises(UsageError, match=says):
            table(wrong)


@pytest.mark.parametrize(
    "words",
    [
        ["history", "n", "t", "--since", "foo"],
        ["history", "n", "t", "--every", "foo"],
        ["history", "n", "t", "--limit", "0"],
        ["history", "n", "t", "--analyse", "--every", "10m", "--season", "foo"],
        ["sensors", "record", "n", "s", "--to", "x.csv", "--for", "foo"],
        ["sensors", "watch", "n", "--count", "0"],
        ["call", "n", "m", "--timeout", "foo"],
        ["mesh", "ping", "n", "--interval", "foo"],
        ["enrol", "--mesh", "abcdefghijklm", "--broker", "mqtt://127.0.0.1:1", "--wait", "foo"],
    ],
)
def test_a_bad_option_is_an_error_of_usage_before_anybody_is_asked(words, capsys):
    assert main(words) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert words[-2] in said.err


def test_an_interval_of_no_time_is_refused_before_anybody_is_asked(capsys):
    assert main(["history", "house", "sensor/#", "--every", "0s"]) == 2
    assert "--every 0s: an interval takes time" in capsys.readouterr().err


def test_doctor_knows_the_extras_of_sensors_and_the_devices_of_the_machine(capsys):
    assert main(["doctor", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {"i2c", "spi", "serial", "audio", "vision", "opencv"} <= said["extras"].keys()
    devices = {each["kind"]: each for each in said["devices"]}
    assert {"I2C adapter", "gpiochip", "serial port", "camera", "microphone"} <= devices.keys()
    assert all(each["found"] or each["remedy"] for each in devices.values())
    assert main(["doctor"]) == 0
    assert re.search(r"^camera +(yes|no|no permission)", capsys.readouterr().out, re.M)
