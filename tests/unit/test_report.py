# SPDX-License-Identifier: GPL-3.0-or-later
"""report: which readings leave a node, by the tables of its configuration."""

import pytest

from ganglion import config
from ganglion.bus import BACKENDS, Bus
from ganglion.errors import InvalidError
from ganglion.node.report import report
from ganglion.units import SECOND

TEMPERATURE = "sensor/fridge/temperature"


@pytest.fixture(params=BACKENDS)
def bus(request) -> Bus:
    return Bus(backend=request.param)


def reported(bus: Bus, folder, tables: str) -> list[tuple[str, object]]:
    """What is published from now on."""
    path = folder / "node.toml"
    path.write_text(f'[node]\nname = "x"\n{tables}')
    told: list[tuple[str, object]] = []
    report(bus, config.load(path).reports, lambda event: told.append((event.topic, event.value)), where="node.toml: ")
    return told


def emit(bus: Bus, *values, topic=TEMPERATURE, start=0) -> None:
    for second, value in enumerate(values, start):
        bus.emit(topic, value, timestamp=second * SECOND)


def test_without_tables_every_reading_leaves_and_nothing_else(bus, tmp_path):
    told = reported(bus, tmp_path, "")
    emit(bus, 1, 1)
    emit(bus, 1, topic="mqtt/plant")
    assert told == [(TEMPERATURE, 1)] * 2


def test_a_filter_and_a_change(bus, tmp_path):
    told = reported(bus, tmp_path, '[[report]]\nwhere = {value = {"$gt" = 8}}\nchange = 0.5\n')
    emit(bus, 7, 9, 9.5, 9.6, 3, 9.7, 10.2)
    assert [value for _, value in told] == [9, 9.6, 10.2]


def test_the_latest_of_each_span(bus, tmp_path):
    told = reported(bus, tmp_path, '[[report]]\nsample = "3s"\n')
    emit(bus, 1, 2, 3, 4, 5, 6, 7, 8)
    assert [value for _, value in told] == [3, 6]


def test_a_reading_that_two_tables_let_through_leaves_once(bus, tmp_path):
    tables = '[[report]]\ntopic = "sensor/fridge/#"\n[[report]]\ntype = "signal.input.external.*"\n'
    told = reported(bus, tmp_path, tables)
    bus.topic("sensor/room/t", type="signal.input.external.environment.temperature")
    bus.topic(TEMPERATURE, type="signal.input.external.environment.temperature")
    emit(bus, 1, 2)
    emit(bus, 3, topic="sensor/room/t")
    emit(bus, 4, topic="sensor/room/untyped")
    assert told == [(TEMPERATURE, 1), (TEMPERATURE, 2), ("sensor/room/t", 3)]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("where = {valu = 1}", r'report\[0\].where.*did you mean "value"'),
        ("wher = {}", r'report\[0\].wher: unknown key; did you mean "where"'),
        ('topic = "alert/#"', r"report\[0\].topic: readings are on topics below sensor/"),
        ('topic = "sensor/#/x"', r"report\[0\]: 'sensor/#/x' is not a topic filter"),
        ("change = -1.0", r"report\[0\]: change is 0 or more, not -1"),
        ('type = "a..b"', r"report\[0\]: "),
        ('sample = "soon"', r"report\[0\].sample: "),
    ],
)
def test_a_mistake_is_named_with_its_place(bus, tmp_path, table, says):
    with pytest.raises(InvalidError, match=says):
        reported(bus, tmp_path, f"[[report]]\n{table}\n")


def test_one_bracket_is_seen(bus, tmp_path):
    with pytest.raises(InvalidError, match=r"report: write \[\[report\]\] with two brackets"):
        reported(bus, tmp_path, '[report]\nsample = "1s"\n')
