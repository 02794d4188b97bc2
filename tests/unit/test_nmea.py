# SPDX-License-Identifier: GPL-3.0-or-later
"""nmea: sentences, whole, cut and damaged, and a receiver at a pty."""

import os
import threading
from functools import reduce
from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import InvalidError, UsageError
from ganglion.sensors import build
from ganglion.sensors import nmea as nmea_
from ganglion.sensors.nmea_sentence import CHANNELS, Sentences, decode
from ganglion.sensors.schedule import Health
from support.cable import Cable
from support.sensing import running
from support.waiting import until

# The examples that manuals of receivers have
GGA = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"
RMC = b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n"
GSA = b"$GPGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1*39\r\n"


def sentence(body):
    """With the checksum that it needs."""
    return b"$%s*%02X" % (body, reduce(xor, body, 0))


def test_gga_rmc_and_gsa_say_where_how_fast_and_how_well():
    where = {"latitude": pytest.approx(48.1173), "longitude": pytest.approx(11.516667)}
    assert Sentences().feed(GGA + RMC + GSA) == [
        {"fix": True, "quality": 1, "satellites": 8, **where, "hdop": 0.9, "altitude": 545.4},
        {"fix": True, "speed": pytest.approx(11.5235, abs=1e-4), "course": 84.4, **where},
        {"dimensions": 3, "hdop": 1.3, "vdop": 2.1},
    ]


@pytest.mark.parametrize(
    ("body", "values"),
    [
        # South and west are below zero; RMC of 2.3 and 4.1 with a mode, a status of navigation, and other talkers
        (
            b"GNRMC,001031.00,A,3351.4,S,15112.5,W,0.0,,230394,,,A",
            {"fix": True, "speed": 0.0, "latitude": -33.856666, "longitude": -151.208333},
        ),
        (b"GLRMC,001031.00,A,0000.0,N,00000.0,E,1,2,230394,,,D,V", {"fix": True, "speed": 0.5144, "course": 2.0}),
        (b"GAGGA,001031.00,9000.0,N,18000.0,W,4,12,0.5,-3.5,M,,M,,", {"quality": 4, "altitude": -3.5}),
        # Without a fix there is no position, whatever is written there
        (b"GPGGA,123519,4807.038,N,01131.000,E,0,00,99.9,0,M,0,M,,", {"fix": False, "quality": 0, "satellites": 0}),
        (b"GPGGA,,,,,,0,,,,M,,M,,", {"fix": False, "quality": 0}),
        (b"GPRMC,123519,V,4807.038,N,01131.000,E,022.4,084.4,230394,,", {"fix": False}),
        (b"GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,,,N", {"fix": False}),
        (b"GNGSA,A,1,,,,,,,,,,,,,99.9,99.9,99.9,1", {"dimensions": 0}),
        (b"GNGSA,A,2,04,05,,09,,,,,,,,,2.5,1.3,2.1", {"dimensions": 2, "hdop": 1.3}),
    ],
)
def test_a_sentence_says(body, values):
    said = decode(sentence(body))
    assert said.keys() <= CHANNELS.keys()
    assert {channel: said[channel] for channel in values} == pytest.approx(values, abs=1e-4)
    if not values.get("fix", True) or "dimensions" in values:
        assert said == values


@pytest.mark.parametrize("body", [b"GPGSV,3,1,11,03,03,111,00", b"PMTK001,314,3", b"IIMWV,1", b"AIVDM,1,1,,A,x,0"])
def test_other_kinds_are_left_out_and_are_not_bad(body):
    sentences = Sentences()
    assert sentences.feed(sentence(body) + b"\r\n") == []
    assert sentences.bad == 0


@pytest.mark.parametrize(
    "line",
    [
        GGA.strip().replace(b"*47", b"*48"),
        GGA.strip().replace(b"545", b"546"),
        GGA.strip()[:-3],
        GGA.strip()[1:],
        sentence(b"GPGGA,123519"),
        sentence(b"GPGGA,123519,4860.0,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"),
        sentence(b"GPGGA,123519,9100.0,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"),
        sentence(b"GPGGA,123519,4807.0,E,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"),
        sentence(b"GPGGA,123519,4807.0,N,01131.000,,1,08,0.9,545.4,M,46.9,M,,"),
        sentence(b"GPGGA,123519,4807.0,N,01131.000,E,x,08,0.9,545.4,M,46.9,M,,"),
        sentence(b"GPGGA,123519,4807.0,N,01131.000,E,1,08,nan,545.4,M,46.9,M,,"),
        sentence(b"GPGGA,123519,4807.0,N,01131.000,E,1,08,0.9,1e9,M,46.9,M,,"),
        sentence(b"GPRMC,123519,X,4807.0,N,01131.000,E,022.4,084.4,230394,003.1,W"),
        sentence(b"GPGSA,A,4,04,05,,09,12,,,24,,,,,2.5,1.3,2.1"),
        sentence(b"GPGGA,\xff\xfe"),
        sentence(b"GPTXT," + b"x" * 200),
    ],
)
def test_a_bad_line_is_counted_and_the_next_is_read(line):
    with pytest.raises(ValueError, match=r".+"):
        decode(line)
    sentences = Sentences()
    assert len(sentences.feed(GSA + line + b"\r\n" + RMC)) == 2
    assert sentences.bad == 1


def test_who_listens_from_the_middle_of_a_line_counts_nothing():
    sentences = Sentences()
    assert len(sentences.feed(GGA[20:] + RMC)) == 1
    assert sentences.bad == 0


def test_a_sentence_that_was_cut_off_costs_itself_alone():
    sentences = Sentences()
    assert len(sentences.feed(GGA[:30] + RMC + GSA.strip() + GGA)) == 3
    assert sentences.bad == 1


def test_what_never_ends_is_not_kept():
    sentences = Sentences()
    assert sentences.feed(b"$GPGGA" + b"7" * 1_000_000) == []
    assert len(repr(vars(sentences))) < 1000
    assert len(sentences.feed(b"\r\n" + RMC)) == 1
    assert sentences.bad == 1


@given(st.lists(st.sampled_from([GGA, RMC, GSA, GGA[:30], b"\xff\x00", b"\r\n", b"$", b"x" * 130])), st.data())
def test_bytes_may_come_cut_anywhere(pieces, data):
    stream = b"".join(pieces)
    whole = Sentences()
    expected = whole.feed(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    parts = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    cut = Sentences()
    assert [values for part in parts for values in cut.feed(part)] == expected
    assert cut.bad == whole.bad


@given(st.binary(max_size=600))
def test_no_bytes_do_worse_than_a_bad_line(data):
    for values in Sentences().feed(data + b"\r\n"):
        assert values.keys() <= CHANNELS.keys()


@given(st.text("GPNRMCSA0123456789.,NSEWVA-*$", max_size=100))
def test_a_right_checksum_makes_no_sense_of_nonsense(body):
    try:
        values = decode(sentence(b"GPRMC," + body.encode())) or {}
    except ValueError:
        return
    assert -90 <= values.get("latitude", 0) <= 90
    assert -180 <= values.get("longitude", 0) <= 180


# -- a receiver


@pytest.fixture
def cable(tmp_path):
    cable = Cable(tmp_path)
    yield cable
    cable.close()


def boat(port, **table):
    return build("boat", {"kind": "nmea", "port": str(port), **table})


async def test_a_receivers_sentences_come_as_it_says_them(cable):
    async with running(boat(cable.port)) as (sensors, bus):
        await until(lambda: said(sensors, cable, GGA, "boat.satellites", 8))
        cable.write(RMC[:20])
        cable.write(RMC[20:])
        await until(lambda: sensors.last("boat.course") == 84.4)
        assert sensors.last("boat.latitude") == pytest.approx(48.1173)
        bad = sensors.last("boat.bad_lines")
        cable.write(b"$GPGGA,noise\r\n" + GSA)
        await until(lambda: sensors.last("boat.dimensions") == 3)
        assert sensors.last("boat.bad_lines") == bad + 1
        assert len(bus.values("sensor/boat/latitude")) >= 2


def said(sensors, cable, line, channel, value):
    """Says a line again until it is heard: a port that opens throws away what came before."""
    if sensors.last(channel) == value:
        return True
    cable.write(line)
    return False


async def test_a_cable_that_is_pulled_and_put_back_is_read_again(cable):
    async with running(boat(cable.port)) as (sensors, _):
        await until(lambda: said(sensors, cable, GSA, "boat.dimensions", 3))
        cable.pull()
        await until(lambda: sensors.status()[0].errors)
        assert "ttyUSB0 is gone: was its cable pulled?" in sensors.status()[0].error
        await until(lambda: f"there is no {cable.port}" in sensors.status()[0].error)
        cable.plug()
        await until(lambda: said(sensors, cable, RMC, "boat.course", 84.4))
        assert sensors.status()[0].health is Health.OK


@pytest.mark.parametrize(
    ("line", "says"), [(b"", "says nothing: is the receiver powered"), (b"\x7f\x7f", "bytes, but")]
)
def test_a_port_without_a_receiver_is_an_error(cable, monkeypatch, line, says):
    monkeypatch.setattr(nmea_, "_SILENCE", 0.1)
    sensor = boat(cable.port)
    sensor.source.open()
    cable.write(line)
    with pytest.raises(OSError, match=says):
        sensor.sample()
    sensor.source.close()


def test_a_wait_ends_when_it_is_interrupted(cable):
    sensor = boat(cable.port)
    sensor.source.open()
    threading.Timer(0.05, sensor.source.interrupt).start()
    with pytest.raises(OSError, match="interrupted"):
        sensor.sample()
    sensor.source.close()


def test_a_port_has_one_user(cable):
    first, second = boat(cable.port), boat(cable.port)
    first.source.open()
    with pytest.raises(OSError, match="is in use by another sensor"):
        second.source.open()
    first.source.close()
    second.source.open()
    second.source.close()


def test_a_port_that_is_none_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"there is no .*/nothing: is the cable in\?"):
        boat(tmp_path / "nothing").source.open()
    with pytest.raises(OSError, match=os.fsencode(tmp_path / "file").decode()):
        boat(tmp_path / "file").source.open()


@pytest.mark.parametrize(
    ("table", "says"), [({"port": "COM3"}, "port must be a path"), ({"baud": 0}, "baud must be a rate")]
)
def test_a_wrong_section_is_refused(table, says):
    with pytest.raises(InvalidError, match=says):
        build("boat", {"kind": "nmea", "port": "/dev/ttyS0", **table})


def test_without_pyserial_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(nmea_, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs pyserial: pip install 'ganglion\[serial\]'"):
        boat("/dev/ttyS0")
