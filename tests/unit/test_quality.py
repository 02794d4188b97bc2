# SPDX-License-Identifier: GPL-3.0-or-later
"""What babeld, batctl and ip print is read as costs of neighbours; what makes no sense costs nothing else."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mesh.quality import babeld, batman
from ganglion.mesh.quality.measured import INFINITY, Measured, plain
from ganglion.units import MILLISECOND

DATA = Path(__file__).parents[1] / "data" / "quality"


def recorded(name: str) -> str:
    return (DATA / name).read_text()


def costs(measured: list[Measured]) -> dict[tuple[str, str], int]:
    return {(each.interface, each.address): each.cost for each in measured}


@pytest.mark.parametrize(
    ("name", "radio", "tunnel"), [("young", 861, 178), ("settled", 635, 146), ("tunnel-dead", 454, INFINITY)]
)
def test_babeld_tells_the_cost_of_a_cable_of_a_bad_radio_and_of_a_slow_tunnel(
    name: str, radio: int, tunnel: int
) -> None:
    assert costs(babeld.neighbours(recorded(f"babeld-1.12.1-{name}.txt"))) == {
        ("eth0", "fe80::ff:fe00:101"): 96,
        ("wlan0", "fe80::ff:fe00:202"): radio,
        ("tun0", "fe80::ff:fe00:302"): tunnel,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        "cost 65536",
        "cost -1",
        "cost 1.5",
        "cost",
        "",
        "if cost 96",
        "address fe80::1::1 cost 96",
        "\N{VULGAR FRACTION ONE HALF}",
    ],
)
def test_a_line_of_babeld_that_makes_no_sense_costs_that_neighbour_alone(wrong: str) -> None:
    line = "add neighbour 1 address fe80::1 if eth0 reach ffff ureach 0000 rxcost 96 txcost 96 "
    good = "add neighbour 2 address fe80::2 if eth0 something new cost 96"
    assert costs(babeld.neighbours(f"{line}{wrong}\n{good}\nok\n")) == {("eth0", "fe80::2"): 96}


def test_under_batman_iv_the_best_quality_by_way_of_a_neighbour_is_its_own() -> None:
    assert batman.neighbours(recorded("batctl-iv-originators.json"), {}) == {
        ("wlan0", "02:00:00:00:01:02"): (256 * 255 // 204, 390 * MILLISECOND),
        ("wlan0", "02:00:00:00:01:03"): (510, 390 * MILLISECOND),
        ("wlan0", "02:00:00:00:01:04"): (INFINITY, 2400 * MILLISECOND),
        ("eth0", "02:00:00:00:02:02"): (256, 120 * MILLISECOND),
    }


def test_under_batman_v_a_cable_of_100_mbit_costs_96_and_nothing_costs_less() -> None:
    assert batman.neighbours(recorded("batctl-v-originators.json"), {}) == {
        ("wlan0", "02:00:00:00:01:02"): (256, 390 * MILLISECOND),
        ("wlan0", "02:00:00:00:01:03"): (9600, 45000 * MILLISECOND),
        ("eth0", "02:00:00:00:02:02"): (96, 120 * MILLISECOND),
    }
    for kbit, cost in {100_000: 96, 50_000: 192, 1: INFINITY, 0: INFINITY}.items():
        row = {"hard_ifindex": 7, "neigh_address": "02:00:00:00:01:02", "throughput": kbit}
        assert batman.neighbours(json.dumps([row]), {7: "mesh0"}) == {("mesh0", "02:00:00:00:01:02"): (cost, 0)}
        assert batman.neighbours(json.dumps([row]), {}) == {}


@pytest.mark.parametrize(("version", "near", "far"), [("iv", 320, 256 * 255 // 210), ("v", 256, 800)])
def test_who_is_reached_over_the_mesh_interface_costs_what_the_way_to_its_originator_does(
    version: str, near: int, far: int
) -> None:
    originators = recorded(f"batctl-{version}-originators.json")
    assert batman.behind(originators, recorded("batctl-transtable.json"), "bat0") == {
        ("bat0", "52:54:00:00:00:02"): (near, 390 * MILLISECOND),
        ("bat0", "52:54:00:00:00:07"): (far, 2400 * MILLISECOND),
    }


def test_a_station_has_the_addresses_that_the_kernel_knows_and_the_one_made_of_its_mac() -> None:
    known = batman.addresses(recorded("ip-6.1.0-neigh.json"))
    assert known == {
        ("eth0", "02:00:00:00:01:02"): {"10.0.1.2", "fe80::ff:fe00:102"},
        ("eth0", "02:00:00:00:01:03"): {"10.0.1.3", "fe80::ff:fe00:103"},
    }
    stations = {("eth0", "02:00:00:00:01:02"): (300, 0), ("wlan0", "a2:b3:c4:d5:e6:f7"): (400, 0)}
    assert costs(batman.measured(stations, known)) == {
        ("eth0", "10.0.1.2"): 300,
        ("eth0", "fe80::ff:fe00:102"): 300,
        ("wlan0", "fe80::a0b3:c4ff:fed5:e6f7"): 400,
    }


@pytest.mark.parametrize(
    "read",
    [
        batman.addresses,
        lambda text: batman.neighbours(text, {}),
        lambda text: batman.behind(text, "[]", "bat0"),
        lambda text: batman.behind("[]", text, "bat0"),
    ],
    ids=["neigh", "originators", "way", "clients"],
)
@pytest.mark.parametrize("wrong", ["", "{}", "null", '[{"tq":1}', "[" * 100_000, "[" + "1" * 5000 + "]"], ids=len)
def test_what_is_no_list_in_json_is_refused(read: Callable[[str], object], wrong: str) -> None:
    with pytest.raises(batman.FormatError):
        read(wrong)


_KEYS = ["hard_ifname", "hard_ifindex", "neigh_address", "orig_address", "tt_address", "best"]
_KEYS += ["tq", "throughput", "last_seen_msecs", "dev", "dst", "lladdr"]
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["wlan0", "02:00:00:00:01:02", "fe80::1"]),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


@given(st.lists(st.dictionaries(st.sampled_from(_KEYS), _VALUES) | _VALUES))
def test_whatever_batctl_and_ip_print_becomes_costs_within_bounds(rows: list[object]) -> None:
    text = json.dumps(rows)
    known = batman.addresses(text)
    for stations in (batman.neighbours(text, {1: "eth0"}), batman.behind(text, text, "bat0")):
        assert all(96 <= each.cost <= INFINITY and each.age >= 0 for each in batman.measured(stations, known))


@given(st.lists(st.sampled_from(["add", "neighbour", "address", "if", "cost", "fe80::1", "e", "7", "\n"]) | st.text()))
def test_whatever_babeld_says_becomes_costs_within_bounds(words: list[str]) -> None:
    for each in babeld.neighbours("add neighbour 1 " + " ".join(words)):
        assert 1 <= each.cost <= INFINITY
        assert plain(each.address) == each.address
