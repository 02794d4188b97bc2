# SPDX-License-Identifier: GPL-3.0-or-later
"""What texts name: numbers with units, durations, times, and the names of a document; English and Ukrainian."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.intent.entities import Name, Names, measures
from ganglion.intent.recognition import Intents
from ganglion.intent.words import plain

#: A Saturday, an hour and a half before the clocks of Kyiv go forward.
NOW = datetime(2025, 3, 29, 12, 0, tzinfo=ZoneInfo("Europe/Kyiv"))


def named(text: str) -> list[tuple[Any, ...]]:
    return [(each.kind, each.value, each.unit) for each in measures(plain(text), NOW)]


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("set it to 21.5 °C", 21.5, "Cel"),
        ("8,5 градуса", 8.5, "Cel"),
        ("minus five degrees", -5, "Cel"),
        ("−7°", -7, "Cel"),
        ("70 degrees Fahrenheit", 70, "[degF]"),
        ("twenty-five percent", 25, "%"),
        ("двадцять п’ять відсотків", 25, "%"),
        ("1,000 W", 1000, "W"),
        ("1,5 кВт", 1.5, "kW"),
        ("12.5kWh", 12.5, "kW.h"),
        ("сто двадцять кіловат-годин", 120, "kW.h"),
        ("6 m/s", 6, "m/s"),
        ("шість метрів за секунду", 6, "m/s"),
        ("90 km/h", 90, "km/h"),
        ("10 m", 10, "m"),
        ("1013 hPa", 1013, "hPa"),
        ("two thousand five hundred and one lux", 2501, "lx"),
        ("5 mW", 5, "mW"),
        ("5 MW", 5, "MW"),
    ],
)
def test_a_quantity_has_its_unit_in_ucum(text: str, value: float, unit: str) -> None:
    assert named(text) == [("quantity", value, unit)]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("for ten minutes", 600),
        ("2h", 7200),
        ("10m", 600),
        ("250 ms", 0.25),
        ("1h30m", 5400),
        ("1 hour and 30 minutes", 5400),
        ("an hour and a half", 5400),
        ("two and a half hours", 9000),
        ("half an hour", 1800),
        ("пів години", 1800),
        ("півгодини", 1800),
        ("півтори години", 5400),
        ("дві години, 15 хвилин", 8100),
        ("чверть години", 900),
        ("три дні", 259200),
        ("one week", 604800),
    ],
)
def test_a_duration_is_in_seconds(text: str, seconds: float) -> None:
    assert named(text) == [("duration", seconds, "s")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("tomorrow at 7", "2025-03-30T07:00:00+03:00"),
        ("at 7", "2025-03-30T07:00:00+03:00"),
        ("at seven pm", "2025-03-29T19:00:00+02:00"),
        ("о 7:30", "2025-03-30T07:30:00+03:00"),
        ("о сьомій вечора", "2025-03-29T19:00:00+02:00"),
        ("о 7 годині ранку", "2025-03-30T07:00:00+03:00"),
        ("12 am", "2025-03-30T00:00:00+02:00"),
        ("today at 9:15", "2025-03-29T09:15:00+02:00"),
        ("tonight at 8", "2025-03-29T20:00:00+02:00"),
        ("noon tomorrow", "2025-03-30T12:00:00+03:00"),
        ("опівночі", "2025-03-30T00:00:00+02:00"),
        ("on Monday at 6 in the evening", "2025-03-31T18:00:00+03:00"),
        ("next Saturday, 10:00", "2025-04-05T10:00:00+03:00"),
        ("у п’ятницю о 8", "2025-04-04T08:00:00+03:00"),
        ("the day after tomorrow at noon", "2025-03-31T12:00:00+03:00"),
        ("5 May 2026 at 10:00", "2026-05-05T10:00:00+03:00"),
        ("10:00, 2 січня", "2026-01-02T10:00:00+02:00"),
        ("2025-04-01T10:00:30Z", "2025-04-01T10:00:30+00:00"),
        ("2025-03-30 03:30", "2025-03-30T04:30:00+03:00"),  # an hour that the clock leaves out
        ("in ten minutes", "2025-03-29T12:10:00+02:00"),
        ("через пів години", "2025-03-29T12:30:00+02:00"),
        ("in 24 hours", "2025-03-30T13:00:00+03:00"),
    ],
)
def test_a_time_is_relative_to_now_and_in_its_zone(text: str, value: str) -> None:
    found = [each for each in named(text) if each[0] == "time"]
    assert found[:1] == [("time", datetime.fromisoformat(value).astimezone(_zone(value)).isoformat(), None)]


def _zone(value: str) -> timezone:
    offset = datetime.fromisoformat(value).utcoffset()
    assert offset is not None
    return timezone(offset)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("tomorrow", "2025-03-30"),
        ("сьогодні", "2025-03-29"),
        ("on Saturday", "2025-04-05"),
        ("May 5th, 2027", "2027-05-05"),
        ("8 березня", "2026-03-08"),
        ("2025-12-31", "2025-12-31"),
    ],
)
def test_a_day_alone_is_a_date(text: str, value: str) -> None:
    assert named(text) == [("date", value, None)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.168.1.1", []),
        ("the 5th of nowhere", []),
        ("v2", []),
        ("9" * 30, []),
        ("31 лютого", [("number", 31, None)]),
        ("at 20 degrees", [("quantity", 20, "Cel")]),
        ("at 25:99", [("number", 25, None), ("number", 99, None)]),
        ("10-15 kWh", [("number", 10, None), ("quantity", 15, "kW.h")]),
        ("three lamps and 2 doors", [("number", 3, None), ("number", 2, None)]),
        ("in 999999999999999 weeks", [("duration", 604799999999999395200, "s")]),
    ],
)
def test_what_only_looks_like_one_is_none(text: str, expected: list[tuple[Any, ...]]) -> None:
    assert named(text) == expected


_PIECES = """
at о in через for 7 12 30 7:30 24:00 31 0 -5 8,5 1,000 am pm ранку вечора minutes годин h m s °C % kWh and і a half an
пів півтори twenty п'ять hundred thousand tomorrow завтра monday п'ятницю may травня 2025-03-30 2025-02-31 9999 next day
after noon опівночі minus - , . / per за ² 😀
"""
_pieces = st.sampled_from(_PIECES.split())
_texts = st.one_of(st.text(), st.lists(_pieces, max_size=12).map(" ".join), st.lists(_pieces, max_size=12).map("".join))
_moments = st.datetimes(timezones=st.sampled_from([UTC, NOW.tzinfo, timezone(timedelta(hours=-12))]))


@given(_texts, _moments)
def test_any_text_at_any_time_has_entities_that_stand_in_it(text: str, now: datetime) -> None:
    found = Intents([]).recognise(text, now=now)
    end = 0
    for each in found.entities:
        assert end <= each.start < each.end <= len(found.text)
        assert found.text[each.start : each.end] == each.text
        end = each.end
        if each.kind == "time":
            assert datetime.fromisoformat(each.value).tzinfo is not None


def test_names_of_the_document_are_found_as_people_say_them() -> None:
    names = Names(
        [
            Name("sensor", "fridge.temperature", "fridge.temperature"),
            Name("sensor", "fridge", "fridge"),
            Name("tool", "weather_api", "Weather service"),
            Name("user", "u1", "Олена"),
            Name("actuator", "..", ".."),
        ]
    )
    found = names.find(plain("What is the Fridge  temperature, ОЛЕНА? And the weather-service, and the fridge?"))
    assert [(each.kind, each.value, each.text) for each in found] == [
        ("sensor", "fridge.temperature", "Fridge  temperature"),
        ("user", "u1", "ОЛЕНА"),
        ("tool", "weather_api", "weather-service"),
        ("sensor", "fridge", "fridge"),
    ]
    assert names.find("nothing") == []
