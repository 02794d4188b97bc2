# SPDX-License-Identifier: GPL-3.0-or-later
"""How `ganglion mesh` shows what members say of the mesh, whatever they say, and where a trace ends."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.cli import mesh_graph, mesh_peers
from ganglion.cli.main import main
from ganglion.cli.mesh_ping import Rounds
from ganglion.cli.mesh_trace import LONGEST, Answer, Hop, follow
from ganglion.errors import GanglionError, InvalidError, NotFoundError, UnreachableError
from ganglion.mesh.looking import MAX_COUNT, MAX_SIZE, Looking, summary
from ganglion.mesh.methods import Handler
from ganglion.mesh.transport import NoBroker
from ganglion.mesh.ways import Ways
from ganglion_gateway import graph
from ganglion_gateway.fleet import Node
from ganglion_micro import cbor
from support.mesh import Enrolled, Site

HERE = Answer(True, 5_000_000)
NAMES = {"idg": "gateway", "ida": "a", "idb": "b", "idc": "c"}


def route(to: str, hop: str, link: str = "lan/eth0", metric: int | None = 96) -> dict[str, Any]:
    return {"id": to, "name": "", "next": {"id": hop, "name": NAMES[hop]}, "link": link, "metric": metric}


def walk(
    table: Mapping[str, list[dict[str, Any]] | Exception],
    answers: Mapping[str, Answer] | None = None,
    *,
    source: str = "idg",
    target: str = "idc",
) -> list[Hop | str]:
    """The steps of a trace through members with these routes."""

    def routes(at: str, to: str) -> dict[str, Any]:
        told = table[at]
        if isinstance(told, Exception):
            raise told
        return {"member": {"id": at, "name": NAMES[at]}, "routes": told}

    return list(follow(routes, lambda to: (answers or {}).get(to, HERE), source, target, gateway="idg"))


def test_a_trace_goes_from_hop_to_hop() -> None:
    steps = walk({"idg": [route("idc", "ida")], "ida": [route("idc", "idb")], "idb": [route("idc", "idc")]})
    assert steps == [
        *(Hop(hop, NAMES[hop], "lan/eth0", 96, HERE) for hop in ("ida", "idb", "idc")),
        "",
    ]
    back = walk({"idc": [route("gateway", "idg", "broker", None)]}, source="idc", target="idg")
    assert back == [Hop("idg", "gateway", "broker", None, HERE), ""], "members call it `gateway` in their routes"
    assert walk({}, source="ida", target="ida") == [""]


def test_a_trace_says_where_it_ends() -> None:
    to_a = {"idg": [route("idc", "ida")]}
    for table, answers, hops, why in (
        ({"idg": []}, {}, 0, "gateway has no way there"),
        (
            {"idg": [{"id": "idc", "next": {"id": 7}}, {"id": "idc", "next": None}, 5]},
            {},
            0,
            "gateway has no way there",
        ),
        ({**to_a, "ida": []}, {}, 1, "a has no way there"),
        (
            {**to_a, "ida": UnreachableError("no\x1banswer")},
            {},
            1,
            "a does not say its next hop: no\N{REPLACEMENT CHARACTER}answer",
        ),
        ({**to_a, "ida": [route("idc", "idb")], "idb": [route("idc", "ida")]}, {}, 3, "a loop, a was passed before"),
        ({**to_a, "ida": [route("idc", "idg")]}, {}, 2, "a loop, gateway was passed before"),
        ({**to_a, "ida": [route("idc", "idc")]}, {"idc": Answer(False, None)}, 2, "c does not answer"),
    ):
        steps = walk(table, answers)
        assert (len(steps) - 1, steps[-1]) == (hops, why)
    with pytest.raises(UnreachableError):
        walk({"idg": UnreachableError("away")})


def test_a_trace_goes_on_past_a_hop_that_does_not_answer_a_ping() -> None:
    steps = walk({"idg": [route("idc", "ida")], "ida": [route("idc", "idc")]}, {"ida": Answer(False, None)})
    assert [step.answer.came for step in steps if isinstance(step, Hop)] == [False, True]
    assert steps[-1] == ""


def test_a_trace_does_not_go_on_for_ever() -> None:
    numbers = iter(range(1000))

    def routes(at: str, to: str) -> dict[str, Any]:
        hop = {"id": f"x{next(numbers)}", "name": ""}
        return {"member": {}, "routes": [{"id": to, "next": hop, "link": "l"}]}

    *hops, why = follow(routes, lambda to: HERE, "s", "t", gateway="g")
    assert (len(hops), why) == (LONGEST, f"after {LONGEST} hops it is not there")


def test_the_rounds_of_a_ping_are_told_once_each(capsys: pytest.CaptureFixture[str]) -> None:
    rounds = Rounds(as_json=False)
    rounds.begin()
    rounds.progress({"done": 1, "total": 3, "text": "4.125 ms"})
    rounds.progress({"done": 1, "total": 3, "text": "4.125 ms"})  # again: it is known
    rounds.progress({"done": 3, "total": 3, "text": "6.000 ms"})  # of the second no word came
    rounds.progress({"done": "x"})
    rounds.rest({"rounds": [4_125_000, None, 6_000_000]})
    rounds.begin()
    rounds.progress({"done": 1, "total": 1, "text": "c does not\x1b answer"})
    rounds.rest({"rounds": [None]})
    assert rounds.end()
    assert capsys.readouterr().out.splitlines() == [
        "seq=1 time=4.125 ms",
        "seq=2 no answer",
        "seq=3 time=6.000 ms",
        "seq=4 c does not\N{REPLACEMENT CHARACTER} answer",
        "4 sent, 2 received, 50% lost",
        "min/avg/max 4.125/5.062/6.000 ms",
    ]
    for nonsense in (None, {}, {"rounds": "x"}, {"rounds": ["x"]}, {"rounds": [1.5]}):
        with pytest.raises(GanglionError, match=r"the answer to mesh\.ping is none"):
            rounds.rest(nonsense)


def test_a_ping_without_an_answer_has_failed(capsys: pytest.CaptureFixture[str]) -> None:
    rounds = Rounds(as_json=True)
    rounds.rest({"rounds": [None]})
    assert not rounds.end()
    first, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"seq": 1, "rtt": None}
    assert last == summary([None]) == {"sent": 1, "received": 0, "loss": 1.0, "min": None, "avg": None, "max": None}


@pytest.mark.parametrize("words", [["--interval", "50ms"], ["--size", "9000"], ["--count", "0"], ["--interval", "2m"]])
def test_a_ping_out_of_bounds_is_no_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mesh", "ping", "fridge", *words]) == 2
    assert words[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--mesh", "x", "--interface", "lo"], ["--broker", "mqtt://127.0.0.1:1", "--count", "0"], []]
)
def test_sniff_needs_something_to_hear(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GANGLION_BROKER", raising=False)
    assert main(["mesh", "sniff", *words]) == 2
    assert "ganglion: " in capsys.readouterr().err


def test_sniff_names_an_interface_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mesh", "sniff", "--interface", "nowhere0", "--mesh", "aaaaaaaaaaaaa"]) == 3
    assert "nowhere0" in capsys.readouterr().err


# The graph

OWN = {
    "member": {"id": "idg", "name": "gateway", "broker": True},
    "peers": [{"id": "ida", "name": "a", "neighbour": [{"link": "lan/x", "cost": 96, "up": True}]}],
}
SEES_GATEWAY = {"link": "lan/y", "cost": 100, "up": True}


def nodes(*names: str) -> list[Node]:
    return [Node(id=f"id{name}", name=name, online=name != "c") for name in names]


def test_links_have_the_costs_that_both_ends_say() -> None:
    views = {
        "ida": {
            "member": {"broker": False},
            "peers": [
                {"id": "idg", "name": "gateway", "neighbour": [SEES_GATEWAY, {**SEES_GATEWAY, "link": "lan/z"}]},
                {"id": "idb", "name": "b", "neighbour": [{"link": "lan/y", "cost": 300, "up": True}]},
                {"id": "idc", "name": "c", "neighbour": [{"link": "lan/y", "cost": None, "up": False}]},
            ],
        },
        "idb": "b: no answer",
    }
    told = graph.merge(OWN, nodes("a", "b", "c"), views)
    assert [(each["name"], each["online"], each["broker"]) for each in told["members"]] == [
        *(("gateway", True, True), ("a", True, False), ("b", True, None), ("c", False, None)),
    ]
    assert told["silent"] == [{"id": "idb", "name": "b", "why": "b: no answer"}]
    assert mesh_graph.text(told) == "\n".join(
        [
            "member   id   role     presence  broker",
            "gateway  idg  gateway  online    yes",
            "a        ida  node     online    no",
            "b        idb  node     online    ?",
            "c        idc  node     offline   ?",
            "",
            "one      other  cost there  cost back",
            "gateway  a      lan/x 96    lan/y 100, lan/z 100",
            "a        b      lan/y 300   ?",
            "",
            "b could not be asked: b: no answer",
        ]
    )


def test_a_name_does_not_leave_its_quotation_marks() -> None:
    view = {"peers": [{"id": "idx", "name": '"]; x\\ <b>\x1b&', "neighbour": [SEES_GATEWAY]}]}
    told = graph.merge(OWN, nodes("a"), {"ida": view})
    assert r'label="\"]; x\\ <b>�&"' in mesh_graph.dot(told)
    assert '("&quot;]; x\\ &lt;b&gt;�&amp;")' in mesh_graph.mermaid(told)
    assert mesh_graph.dot(graph.merge(OWN, [], {})).splitlines() == [
        "graph mesh {",
        '  m0 [label="gateway", shape=box];',
        '  m1 [label="a", shape=ellipse];',
        '  m0 -- m1 [label="lan/x 96 / ?"];',
        "}",
    ]
    assert mesh_graph.mermaid(graph.merge(OWN, [], {})).splitlines() == [
        "graph LR",
        '  m0["gateway"]',
        '  m1("a")',
        '  m0 ---|"lan/x 96 / ?"| m1',
    ]


#: What nodes put into their answers.
KEYS = ("member", "peers", "routes", "id", "name", "neighbour", "link", "cost", "up", "next", "over", "rtt", "silence")
KEYS += ("rx", "tx", "metric", "broker", "born", "epoch", "role", "left_out", "address")
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just("ida")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=20,
)


@given(ANYTHING, ANYTHING)
def test_whatever_nodes_say_is_shown(first: Any, second: Any) -> None:
    told = graph.merge(OWN, nodes("a", "b"), {"ida": first, "idb": second})
    for drawn in (mesh_graph.text(told), mesh_graph.dot(told), mesh_graph.mermaid(told)):
        assert all(line.isprintable() for line in drawn.splitlines())


@given(st.lists(ANYTHING, max_size=3), ANYTHING)
def test_whatever_a_node_lists_is_shown(listed: list[Any], rest: Any) -> None:
    for name, text in (("peers", mesh_peers._peers), ("routes", mesh_peers._routes)):
        assert all(line.isprintable() for line in text({"member": {}, name: listed, "left_out": rest}).splitlines())


async def test_who_does_not_answer_in_time_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "ALL", 0.05)
    monkeypatch.setattr(graph, "WIDE", 2)
    asked: list[str] = []

    async def peers(node: Node) -> Any:
        asked.append(node.name)
        if node.name == "b":
            raise UnreachableError("b: busy")
        if node.name != "a":
            await asyncio.Event().wait()
        return {"peers": []}

    views = await graph.ask(nodes("a", "b", "c", "d", "e"), peers)
    assert views == {"ida": {"peers": []}, "idb": "b: busy", **dict.fromkeys(("idc", "idd", "ide"), views["idc"])}
    assert views["idc"] == "no answer within 0.05 s"
    assert asked == ["a", "b", "c", "d"], "two at a time"


# What a member answers


class Eyes:
    """A member without a broker that has heard of others, and what it serves."""

    def __init__(self, site: Site, *others: Enrolled) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.served: dict[str, tuple[Handler, list[str]]] = {}
        self.replies: list[Any] = []
        own = site.member("own")
        for other in others:
            own.hears(other.birth())
        self.looking = Looking(
            own.member,
            Ways(own.member, NoBroker()),
            credential=lambda: None,
            request=self._request,
            serve=self._serve,
        )

    def _serve(self, method: str, handler: Handler, *, roles: list[str], summary: str) -> None:
        assert summary
        self.served[method] = handler, roles

    async def _request(
        self, method: str, params: dict[str, Any], *, to: str = "", called: str = "", timeout: float = 0.0
    ) -> Any:
        self.asked.append((method, params))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return params if reply is None else reply

    async def call(self, method: str, **params: Any) -> Any:
        return await self.served[method][0](params, None)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


async def test_an_answer_of_a_node_fits_into_a_message(site: Site) -> None:
    eyes = Eyes(site, *(site.member(f"{'n' * 50}{i}") for i in range(400)))
    whole, answer = eyes.looking.peers(), await eyes.call("mesh.peers")
    assert (len(whole["peers"]), whole["left_out"]) == (400, 0)
    assert len(answer["peers"]) + answer["left_out"] == 400
    assert 0 < answer["left_out"] < 300
    assert len(cbor.encode(answer)) < 60_000
    assert {row["over"] for row in whole["peers"]} == {"nowhere"}, "there is neither a broker nor a neighbour"
    assert (await eyes.call("mesh.routes"))["routes"] == []


async def test_every_member_may_ping_and_gateways_alone_look(site: Site) -> None:
    eyes = Eyes(site)
    assert {method: roles for method, (_, roles) in eyes.served.items()} == {
        "ping": ["node", "gateway"],
        **{method: ["gateway"] for method in ("mesh.peers", "mesh.routes", "mesh.ping")},
    }
    assert await eyes.call("ping") == {"data": b""}
    assert await eyes.call("ping", data=b"x") == {"data": b"x"}
    for data in (bytes(MAX_SIZE + 1), "x", None):
        with pytest.raises(InvalidError, match="data: must be at most"):
            await eyes.call("ping", data=data)


async def test_a_ping_counts_what_is_lost_or_false(site: Site) -> None:
    eyes = Eyes(site, site.member("fridge"))
    eyes.replies = [None, UnreachableError("fridge does not answer"), {"data": b"else"}, 5]
    answer = await eyes.call("mesh.ping", to="fridge", count=4, size=9, interval=0.2)
    assert [took is not None for took in answer["rounds"]] == [True, False, False, False]
    assert (answer["sent"], answer["received"], answer["loss"]) == (4, 1, 0.75)
    assert [method for method, _ in eyes.asked] == ["ping"] * 4
    assert len({params["data"] for _, params in eyes.asked}) == 4, "random each time"
    for params in (
        *({"count": 0}, {"count": MAX_COUNT + 1}, {"count": True}, {"size": -1}, {"size": "x"}, {"interval": 0.1}),
        *({"interval": float("nan")}, {"to": 5}),
    ):
        with pytest.raises(InvalidError, match="must be"):
            await eyes.call("mesh.ping", **{"to": "fridge", **params})
    for who in ("attic", "gateway"):
        with pytest.raises(NotFoundError, match="was not heard of here"):
            await eyes.call("mesh.ping", to=who)
    with pytest.raises(NotFoundError, match="its id is always understood"):
        await eyes.call("mesh.routes", to="attic")
