# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of the fleet: whom a document means, who may sign one, and what a guardian does when they come and go."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.cli.main import main
from ganglion.errors import InvalidError
from ganglion.guardian import Actuators, Guardian
from ganglion.guardian.actuator import build
from ganglion.guardian.fleet import verify
from ganglion.guardian.restriction import NODE, Side, lost, understood
from ganglion.guardian.words import Command
from ganglion.mesh import files, policy
from ganglion.mesh.authority import Authority
from ganglion.mesh.credential import Credential, CredentialError
from ganglion.mesh.fleet_limits import NONE, read
from ganglion.mesh.identity import Identity
from ganglion.mesh.signed_config import LIMITS, POLICIES, KeptConfig
from ganglion.mesh.statement import MisplacedError
from support.mesh import NOW, Site
from support.waiting import until

S = 1_000_000_000
HEATER = {
    "nodes": "tag:kitchen",
    "where": {"name": "heater"},
    "high": 60,
    "max_on": "5m",
    "quiet_hours": ["22:00-07:00"],
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def credential(site: Site, name: str, *tags: str, former: str = "") -> Credential:
    public = Identity.create().public
    data = site.authority.issue(public, name=name, roles=["node"], tags=tags, now=NOW, former=former)
    return site.authority.trust(now=NOW).verify(data)


# Documents


def test_a_limit_is_for_the_nodes_that_it_names(site: Site) -> None:
    before = Identity.create().node_id
    cellar, kitchen = credential(site, "cellar", former=before), credential(site, "hob", "kitchen", "gas")
    words: dict[str, Any] = {
        "*": (cellar, kitchen),
        "name:cellar": (cellar,),
        f"node:{kitchen.node_id}": (kitchen,),
        f"node:{before}": (cellar,),
        "tag:gas": (kitchen,),
        "tag:cellar": (),
        "name:kitchen": (),
    }
    for word, meant in words.items():
        made = read({"limit": [{**HEATER, "nodes": word}]})
        assert [each for each in (cellar, kitchen) if made.of(each)] == list(meant), word
    both = read({"limit": [{**HEATER, "nodes": ["tag:x", "name:cellar"]}, {**HEATER, "nodes": "*", "high": 50}]})
    assert [table["high"] for table in both.of(cellar)] == [60, 50]
    assert "nodes" not in both.of(cellar)[0]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "limits: limits of a fleet are a map"),
        ({"limit": {}}, "limits: limits of a fleet are a map"),
        ({"limit": [], "limits": []}, "limits: unknown key 'limits'"),
        ({"limit": [], "version": 1 << 32}, "limits.version: the version is a whole number"),
        ({"limit": [HEATER] * 257}, "limits.limit: 257 limits, and 256 may be"),
        ({"limit": [3]}, "limits.limit[0]: a limit is a map"),
        ({"limit": [{**HEATER, "nodes": []}]}, "limits.limit[0].nodes: a word, or a list of words"),
        ({"limit": [{**HEATER, "nodes": "cellar"}]}, "limits.limit[0].nodes: 'cellar' is none: name:"),
        ({"limit": [{**HEATER, "nodes": "node:cellar"}]}, "limits.limit[0].nodes: 'node:cellar' is none"),
        ({"limit": [{"where": {"name": "a"}}]}, "limits.limit[0].nodes: must be there"),
        ({"limit": [{"nodes": "*"}]}, "limits.limit[0].where: says whose limits these are"),
        ({"limit": [{**HEATER, "where": {}}]}, "limits.limit[0].where: says whose"),
        ({"limit": [{**HEATER, "where": {"line": [1]}}]}, "limits.limit[0].where: says whose"),
        ({"limit": [{**HEATER, "max_onn": "5m"}]}, "limits.limit[0].max_onn: unknown key; did you mean"),
        ({"limit": [{**HEATER, "max_on": "5x"}]}, "limits.limit[0].max_on: '5x' is not a duration"),
        ({"limit": [{**HEATER, "quiet_hours": ["22-7"]}]}, "limits.limit[0]: quiet_hours: '22-7' is no time"),
        ({"limit": [{**HEATER, "where": {"driver": "gpoi"}}]}, "limits.limit[0].where.driver: there is no driver"),
        ({"limit": [{**HEATER, "where": {"lien": 3}}]}, "limits.limit[0].where.lien: no actuator has this key"),
    ],
)
def test_what_is_no_list_of_limits_is_named(document: Any, says: str) -> None:
    with pytest.raises(InvalidError) as caught:
        verify(read(document))
    assert str(caught.value).startswith(says)


# Signed


def test_limits_come_back_as_they_were_signed_and_neither_document_stands_for_the_other(site: Site) -> None:
    trust = site.authority.trust(now=NOW)
    made = site.authority.set_config(LIMITS, read({"limit": [HEATER]}), now=NOW)
    rules = site.authority.set_config(POLICIES, policy.DEFAULT, now=NOW)
    assert LIMITS.read(made.data, trust).config == read({"limit": [HEATER], "version": made.version})
    with pytest.raises(MisplacedError, match="in the place of the policy"):
        POLICIES.read(made.data, trust)
    with pytest.raises(MisplacedError, match="in the place of the list of limits"):
        LIMITS.read(rules.data, trust)
    again = Authority.open(site.folder / "authority", now=NOW)
    assert again.config(LIMITS, now=NOW) == made


def test_a_member_keeps_the_newest_limits_whatever_else_it_is_shown(site: Site, tmp_path: Path) -> None:
    trust, issuer = site.authority.trust(now=NOW), Identity.load(site.folder / "authority" / "issuer")
    limits = read({"limit": [HEATER]})

    def signed(version: int, by: Identity = issuer, what: Any = limits) -> bytes:
        return LIMITS.sign(by, site.authority.mesh, what, version=version, now=NOW)

    kept = KeptConfig(tmp_path / "limits.cbor", LIMITS)
    assert kept.config is NONE
    newest = signed(7)
    assert kept.take(newest, trust)
    for old in (newest, signed(6, what=NONE)):
        assert not kept.take(old, trust)
    for at in range(len(newest)):
        with pytest.raises(CredentialError):
            kept.take(newest[:at] + bytes((newest[at] ^ 1,)) + newest[at + 1 :], trust)
    for wrong in (signed(9, Identity.create()), b"", newest[:-1]):
        with pytest.raises(CredentialError):
            kept.take(wrong, trust)
    again = KeptConfig(tmp_path / "limits.cbor", LIMITS)
    again.load(trust)
    assert again.config == kept.config == read({"limit": [HEATER], "version": 7})
    assert again.take(signed(8, what=NONE), trust)
    assert again.config.limits == ()


def kept_limits(tmp_path: Path, trust: Any) -> KeptConfig[Any]:
    kept = KeptConfig(tmp_path / "limits.cbor", LIMITS)
    kept.load(trust)
    return kept


def test_a_write_that_is_cut_anywhere_and_a_copy_that_is_damaged_leave_a_member_limited(
    site: Site, tmp_path: Path
) -> None:
    trust, issuer = site.authority.trust(now=NOW), Identity.load(site.folder / "authority" / "issuer")
    old, new = (
        LIMITS.sign(issuer, site.authority.mesh, read({"limit": [{**HEATER, "high": high}]}), version=high, now=NOW)
        for high in (60, 70)
    )
    first, second = tmp_path / "limits.cbor", tmp_path / "limits.cbor.copy"
    states = [(new[:at], old, 60) for at in range(len(new))] + [(new, old[:at], 70) for at in range(len(old))]
    for at in range(len(new)):
        flipped = new[:at] + bytes((new[at] ^ 0x10,)) + new[at + 1 :]
        states += [(flipped, new, 70), (new, flipped, 70)]
    for one, other, holds in states:
        first.write_bytes(one)
        second.write_bytes(other)
        kept = kept_limits(tmp_path, trust)
        assert (kept.config.version, kept.lost) == (holds, "")
        assert first.read_bytes() == second.read_bytes() == (old if holds == 60 else new), "it is whole again"
    second.unlink()
    assert kept_limits(tmp_path, trust).config.version == 70
    assert second.exists(), "one from before there were two"


def test_limits_of_which_no_copy_is_believed_are_known_to_be_lost_until_they_are_heard(
    site: Site, tmp_path: Path
) -> None:
    trust = site.authority.trust(now=NOW)
    assert kept_limits(tmp_path, trust).lost == "", "who never had any has lost none"
    data = site.authority.set_config(LIMITS, read({"limit": [HEATER]}), now=NOW).data
    assert kept_limits(tmp_path, trust).take(data, trust)
    for name in ("limits.cbor", "limits.cbor.copy"):
        (tmp_path / name).write_bytes(data[:-1])
    kept = kept_limits(tmp_path, trust)
    assert kept.lost.count("is not believed") == 2
    assert kept.config is NONE
    assert kept.take(data, trust)
    assert kept.lost == kept_limits(tmp_path, trust).lost == ""


def test_what_the_disk_does_not_take_is_written_later(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = site.authority.trust(now=NOW)
    data = site.authority.set_config(LIMITS, read({"limit": [HEATER]}), now=NOW).data
    kept = kept_limits(tmp_path, trust)
    with monkeypatch.context() as patched:
        patched.setattr(files, "write", full)
        assert kept.take(data, trust)
        assert not kept.saved
    kept.save()
    assert kept.saved
    assert kept_limits(tmp_path, trust).config == kept.config


def full(path: Path, data: bytes) -> None:
    raise OSError(28, "No space left on device")


def test_where_limits_are_lost_every_actuator_stays_safe() -> None:
    made = build("heater", {"driver": "sim"})
    rule = made.under(lost("limits.cbor is not believed (not a list of limits)"))
    assert rule.barred == (
        "limits of fleet leave it nothing but its fail_safe: a limit of fleet is lost, until the gateway or a "
        "neighbour says it again: limits.cbor is not believed (not a list of limits)"
    )
    guardian = Guardian({"heater": rule})
    guardian.start(0)
    assert guardian.request(command(True)).reason == f"heater: {rule.barred}"
    assert guardian.request(command(False)).accepted


# Held to


def limited(table: dict[str, Any], *limits: dict[str, Any], board: dict[str, Any] | None = None) -> Any:
    sides = [] if board is None else [Side("board sim", understood([{"where": {"driver": "sim"}, **board}]))]
    tables = [{"where": {"name": "heater"}, **limit} for limit in limits]
    made = build("heater", {"driver": "sim", **table}, sides=sides)
    return made.under(Side("fleet 7", understood(tables)))


def command(value: Any, now: int = 0) -> Command:
    return Command(actuator="heater", value=value, owner="anna", now=now)


def refused(table: dict[str, Any], limit: dict[str, Any], value: Any, **more: Any) -> str:
    guardian = Guardian({"heater": limited(table, limit, **more)})
    guardian.start(0)
    return guardian.request(command(value)).reason


def test_a_refusal_says_whose_limit_it_was() -> None:
    own, own_board = {"low": 0, "high": 100}, {"high": 80, "max_step": 70}
    assert refused(own, {"high": 60}, 61, board=own_board) == "heater: must be 0 to 60, not 61 (limit of fleet 7)"
    assert refused(own, {"high": 90}, 85, board=own_board) == "heater: must be 0 to 80, not 85 (limit of board sim)"
    assert refused(own, {"high": 60}, -1, board=own_board) == "heater: must be 0 to 60, not -1"
    step = refused(own, {"max_on": "5s"}, 75, board=own_board)
    assert step == "heater: a change of 75 at once is more than 70 (max_step) (limit of board sim)"
    step = refused(own, {"max_step": 20}, 75, board=own_board)
    assert step == "heater: a change of 75 at once is more than 20 (max_step) (limit of fleet 7)"
    assert refused({}, {"min_off": "5s"}, True).endswith("more (min_off) (limit of fleet 7)")
    assert refused({}, {"values": [False]}, True) == "heater: must be one of False, not True (limit of fleet 7)"


@pytest.mark.parametrize(
    ("table", "limit", "says"),
    [
        ({"min_on": "9s"}, {"max_on": "5s"}, "max_on must be above 0 and not below min_on"),
        ({"low": 5, "high": 9}, {"high": 4}, "low must be below high"),
        ({}, {"high": 4}, "a limit of fleet 7 gives it a range, and it takes no numbers"),
        ({"fail_safe": True}, {"quiet_hours": ["22:00-07:00"]}, "quiet_hours need a fail_safe that they allow"),
        ({}, {"max_tempo": 4}, "a limit of fleet 7 is not understood: max_tempo: unknown key"),
    ],
)
def test_limits_that_cannot_be_held_leave_the_fail_safe_value_alone(table: Any, limit: Any, says: str) -> None:
    rule = limited(table, limit)
    assert rule.barred.startswith(f"limits of fleet 7 leave it nothing but its fail_safe: {says}")
    guardian = Guardian({"heater": rule})
    guardian.start(0)
    safe = rule.limits.safe
    other = 9 if "low" in table else not safe
    assert guardian.request(command(other)).reason == f"heater: {rule.barred}"
    assert guardian.request(command(safe)).accepted


@given(
    min_on=st.integers(0, 9),
    before=st.integers(0, 12),
    own=st.integers(10, 100),
    fleet=st.fixed_dictionaries(
        {},
        optional={
            "high": st.integers(1, 110),
            "min_on": st.integers(0, 12).map(lambda s: f"{s}s"),
            "max_on": st.integers(12, 30).map(lambda s: f"{s}s"),
        },
    ),
)
def test_what_is_outside_of_new_limits_is_made_safe_once_it_may_go_off(
    min_on: int, before: int, own: int, fleet: dict[str, Any]
) -> None:
    table = {"low": 0, "high": 100, "min_on": f"{min_on}s"}
    free, tight = limited(table), limited(table, fleet)
    guardian = Guardian({"heater": free})
    guardian.start(-100 * S)
    assert guardian.request(command(own)).accepted
    guardian.confirmed("heater", 0)
    guardian.restrict({"heater": tight})
    now = before * S
    guardian.tick(now)
    least = tight.limits.min_on
    outside = bool(tight.limits.misfit(own))
    while (due := guardian.deadline) is not None:
        assert outside or guardian.value("heater") == own
        assert not outside or now < least, "it waits for nothing but its min_on"
        now = max(due, now)
        for effect in guardian.tick(now):
            assert (effect.value, now >= least) == (0, True)
            assert effect.reason.endswith("(limit of fleet 7)")
            guardian.confirmed("heater", now)
    went = guardian.value("heater") == 0
    assert went == (outside or tight.limits.max_on is not None)
    assert guardian.request(command(own, now)).accepted is not outside
    guardian.restrict({"heater": free})
    assert guardian.request(command(own, now)).accepted, "what was withdrawn refuses nothing"


def test_what_is_required_stays_on_until_what_requires_it_may_go_off() -> None:
    def rules(*limits: dict[str, Any]) -> dict[str, Any]:
        fleet = Side("fleet 7", understood([{"where": {"name": "fan"}, **limit} for limit in limits]))
        tables = {"fan": {}, "heater": {"requires": ["fan"], "min_on": "60s"}}
        return {name: build(name, {"driver": "sim", **table}).under(fleet) for name, table in tables.items()}

    for limit, reason in (({"max_on": "10s"}, "max_on"), ({"values": [False]}, "must be one of False")):
        guardian = Guardian(rules())
        guardian.start(-100 * S)
        for name in ("fan", "heater"):
            assert guardian.request(Command(actuator=name, value=True, owner="anna", now=0)).accepted
            guardian.confirmed(name, 0)
        guardian.restrict(rules(limit))
        assert guardian.tick(S) == []
        assert guardian.deadline == 60 * S
        effects = guardian.tick(60 * S)
        assert [(each.actuator, each.value) for each in effects] == [("heater", False)]
        guardian.confirmed("heater", 60 * S)
        (effect,) = guardian.tick(60 * S)
        assert effect.actuator == "fan"
        assert reason in effect.reason


#: A house in which what goes off depends on what else is on.
HOUSE: dict[str, dict[str, Any]] = {
    "fan": {"min_on": "2s", "max_on": "15s"},
    "heater": {"requires": ["fan"], "min_on": "9s", "max_on": "12s"},
    "boost": {"requires": ["heater"], "min_on": "1s"},
    "lamp": {"low": 0, "high": 100, "min_on": "3s"},
}
LIMITED = st.fixed_dictionaries(
    {"where": st.fixed_dictionaries({"name": st.sampled_from(list(HOUSE))})},
    optional={
        "max_on": st.integers(1, 20).map(lambda s: f"{s}s"),
        "min_on": st.integers(1, 20).map(lambda s: f"{s}s"),
        "min_off": st.integers(0, 5).map(lambda s: f"{s}s"),
        "high": st.integers(-5, 100),
        "values": st.sampled_from([[False], [True], [False, True]]),
        "max_tempo": st.just(1),
    },
)
DOINGS = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(list(HOUSE)), st.booleans()),
    st.tuples(st.just("limit"), st.lists(LIMITED, max_size=3)),
    st.tuples(st.just("wait"), st.integers(0, 12)),
)


class House:
    """A guardian whose writes all succeed, and what becomes of them."""

    def __init__(self) -> None:
        self.now = 0
        self.made = {name: build(name, {"driver": "sim", **table}) for name, table in HOUSE.items()}
        self.rules = {name: each.rule for name, each in self.made.items()}
        self.guardian = Guardian(self.rules)
        self.guardian.start(-100 * S)
        self.on: dict[str, int] = {}

    def limit(self, tables: list[dict[str, Any]]) -> None:
        fleet = Side("fleet 7", understood(tables))
        self.rules = {name: each.under(fleet) for name, each in self.made.items()}
        self.guardian.restrict(self.rules)
        self.wait(0)

    def ask(self, name: str, on: bool) -> None:
        value = 80 * on if name == "lamp" else on
        asked = Command(actuator=name, value=value, owner="anna", now=self.now)
        decision = self.guardian.request(asked)
        if decision.accepted:
            assert not on or not (self.rules[name].barred or self.rules[name].limits.misfit(value))
            self._told(name, on)

    def wait(self, seconds: int) -> None:
        until, ticks = self.now + seconds * S, 0
        while (due := self.guardian.deadline) is not None and due <= until:
            ticks = 0 if due > self.now else ticks + 1
            assert ticks < 10, "it is asked to tick, and does nothing"
            self.now = max(due, self.now)
            for effect in self.guardian.tick(self.now):
                assert self.now - self.on[effect.actuator] >= self.rules[effect.actuator].limits.min_on, effect
                self._told(effect.actuator, False)
        self.now = until

    def _told(self, name: str, on: bool) -> None:
        self.guardian.confirmed(name, self.now)
        if on:
            self.on.setdefault(name, self.now)
        else:
            self.on.pop(name, None)


@given(st.lists(DOINGS, max_size=14))
def test_limits_that_come_and_go_break_no_minimum_time_and_leave_nothing_outside_of_them(doings: list[Any]) -> None:
    house = House()
    for what, *words in doings:
        getattr(house, what)(*words)
    house.wait(100)
    for name, rule in house.rules.items():
        value = house.guardian.value(name)
        assert not rule.limits.misfit(value)
        assert not (rule.barred and name in house.on)
        if rule.limits.max_on is not None and name in house.on:
            assert house.now - house.on[name] <= rule.limits.max_on


async def test_limits_that_come_hold_at_once_are_listed_with_who_set_them_and_go(tmp_path: Path) -> None:
    actuators = Actuators.from_tables(
        {"heater": {"driver": "sim", "low": 0, "high": 100, "min_on": "1ms"}, "lamp": {"driver": "sim"}},
        sides=[Side("board sim", understood([{"where": {"driver": "sim"}, "max_on": "1h"}]))],
        path=tmp_path / "actuators.json",
    )
    task = asyncio.create_task(actuators.run())
    try:
        await until(lambda: actuators.status(), what="it has started")
        assert (await actuators.actuate("heater", 90, owner="anna")).accepted
        limits = {**HEATER, "quiet_max": 100, "risk": "confirm"}
        del limits["nodes"]
        actuators.restrict(Side("fleet 7", understood([limits])))
        await until(lambda: actuators.value("heater") == 0, what="it was made safe")
        assert actuators.limits() == {
            "heater": {
                "low": {"value": 0, "from": NODE},
                "high": {"value": 60, "from": "fleet 7"},
                "min_on": {"value": 0.001, "from": NODE},
                "max_on": {"value": 300, "from": "fleet 7"},
                "quiet_hours": {"value": ["22:00-07:00"], "from": "fleet 7"},
                "quiet_max": {"value": 100, "from": "fleet 7"},
                "risk": {"value": "confirm", "from": "fleet 7"},
            },
            "lamp": {"max_on": {"value": 3600, "from": "board sim"}, "risk": {"value": "low", "from": NODE}},
        }
        assert actuators.capabilities()["heater"] == {"risk": "confirm", "low": 0, "high": 60}
        assert not (await actuators.actuate("heater", 90, owner="anna")).accepted
        actuators.restrict(Side("fleet 8", []))
        assert actuators.limits()["heater"]["max_on"] == {"value": 3600, "from": "board sim"}
        assert (await actuators.actuate("heater", 90, owner="anna")).accepted
        actuators.restrict(Side("fleet 9", understood([{"where": {"name": "heater"}, "low": 200}])))
        assert list(actuators.barred()) == ["heater"]
        await until(lambda: actuators.value("heater") == 0, what="what cannot be held is made safe")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await actuators.stop()


def test_a_check_counts_one_limit_and_two_limits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "limits.json"
    for count, said in ((1, "1 limit"), (2, "2 limits")):
        file.write_text(json.dumps({"limit": [{**HEATER, "where": {"name": f"heater{i}"}} for i in range(count)]}))
        assert main(["limits", "check", str(file)]) == 0
        assert capsys.readouterr().out == f"{file}: {said}\n"
