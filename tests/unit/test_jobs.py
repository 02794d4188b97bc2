# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion_gateway.jobs.job, and tickets of ganglion.mesh.calls: what a restart of the gateway leaves of a command."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.mesh.calls import Calls, NotBegunError, Ticket, UnansweredError
from ganglion.mesh.member import Peer
from ganglion.mova.virtual import VirtualLoop
from ganglion.units import SECOND
from ganglion_gateway.fleet import Fleet, Node
from ganglion_gateway.jobs import Job, State, Target, order
from support.calls import Line, settled
from support.mesh import NOW, Site

MINUTE = 60 * SECOND


def job(*, method: str = "dose", retries: int = 0, nodes: int = 1) -> Job:
    made = Job(
        id="j1", method=method, params={}, deadline=NOW + 10 * MINUTE, timeout=30 * SECOND, retries=retries, wide=4
    )
    for number in range(nodes):
        made.add(Target(job="j1", node=f"n{number}", name=f"n{number}"))
    return made


def sent(of: Job, at: int = NOW) -> Target:
    target = of.targets["n0"]
    of.send(target, "g1", b"12345678", at)
    return target


# Where a job stands


def test_an_attempt_has_an_id_of_its_own_and_never_more_time_than_the_job() -> None:
    made = job()
    target = sent(made, NOW + 10 * MINUTE - 5 * SECOND)
    assert target.ticket == Ticket(target.call, b"12345678", made.deadline, False)
    assert len(target.call) == 16
    assert (target.state, target.attempts) == (State.RUNNING, 1)


def test_one_that_is_resumed_is_the_same_request_and_no_other_attempt() -> None:
    made = job()
    target = sent(made)
    call, until = target.call, target.until
    target.resumed = True
    made.send(target, "g1", b"another.", NOW + MINUTE)
    assert target.ticket == Ticket(call, b"12345678", until, True)
    assert target.attempts == 1


@pytest.mark.parametrize(
    ("error", "resumed", "method", "retries", "state", "attempts"),
    [
        (UnreachableError("was ended"), False, "dose", 0, State.FAILED, 1),
        (UnreachableError("was ended"), False, "dose", 1, State.WAITING, 1),
        (GanglionError("broke"), False, "dose", 1, State.WAITING, 1),
        (RefusedError("no"), False, "dose", 9, State.FAILED, 1),
        (NotFoundError("no"), False, "dose", 9, State.FAILED, 1),
        (InvalidError("no"), False, "dose", 9, State.FAILED, 1),
        (NotBegunError("busy"), False, "dose", 0, State.WAITING, 0),
        (UnansweredError("no answer"), False, "dose", 9, State.UNKNOWN, 1),
        (UnansweredError("no answer"), False, "status", 0, State.WAITING, 1),
        # Of a request of before the restart nobody knows what the node did with it
        (UnreachableError("its time was over"), True, "dose", 9, State.UNKNOWN, 1),
        (NotBegunError("not heard of"), True, "dose", 9, State.UNKNOWN, 1),
    ],
)
def test_it_is_tried_again_where_it_was_surely_not_done(
    error: GanglionError, resumed: bool, method: str, retries: int, state: State, attempts: int
) -> None:
    made = job(method=method, retries=retries)
    target = sent(made)
    target.resumed = resumed
    made.failed(target, error, NOW)
    assert (target.state, target.attempts, target.error) == (state, attempts, str(error))
    assert made.is_over == (state is not State.WAITING)
    if state is State.WAITING:
        assert NOW < target.due <= NOW + MINUTE


def test_who_waits_when_the_time_is_over_has_not_done_it() -> None:
    made = job(nodes=2)
    made.answered(sent(made), {"ml": 3}, NOW)
    assert made.expire(made.deadline - 1) == []
    (late,) = made.expire(made.deadline)
    assert (late.node, late.state, late.error) == ("n1", State.EXPIRED, "its time is over, and it was not sent")
    assert made.is_over
    assert made.targets["n0"].result == '{"ml": 3}'


def test_a_cancel_ends_what_has_not_begun_and_leaves_what_has_to_its_node() -> None:
    made = job(nodes=3)
    running = sent(made)
    assert {target.node for target in made.cancel(NOW)} == {"n1", "n2"}
    assert not made.is_over
    made.withdrawn(running, NOW)
    assert running.state is State.CANCELLED
    assert made.is_over


def test_what_an_order_means_is_said_or_why_it_means_nobody() -> None:
    fleet = Fleet()
    fleet.nodes = {name: Node(id=name, name=name, tags=["cold"]) for name in ("fridge", "hall")}
    fleet.nodes["hall"].revoked = NOW

    def means(selector: str, method: str = "status") -> list[str]:
        wanted = order(
            selector=selector, method=method, params={}, deadline=MINUTE, timeout=SECOND, retries=0, wide=1, by="me"
        )
        return [node.name for node in wanted.means(fleet)[1]]

    assert means("tag=cold") == ["fridge"]
    with pytest.raises(NotFoundError, match="did you mean"):
        means("tag=cald")
    with pytest.raises(InvalidError):
        means("tag=")
    with pytest.raises(RefusedError):
        means("all", "console.open")


@pytest.mark.parametrize("times", [{"timeout": 301 * SECOND}, {"timeout": 0}, {"deadline": 8 * 86400 * SECOND}])
def test_times_that_no_job_can_have_are_refused(times: dict[str, int]) -> None:
    usual: dict[str, Any] = {"deadline": MINUTE, "timeout": SECOND}
    with pytest.raises(InvalidError):
        order(selector="all", method="status", params={}, retries=0, wide=1, by="me", **usual | times)


# The same request again


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def tell(site: Site, story: Callable[[Line], Awaitable[None]], fates: Iterator[list[float]] | None = None) -> None:
    loop = VirtualLoop()

    async def told() -> None:
        line = Line(site, loop, fates)

        async def dose(params: dict[str, Any], peer: Peer) -> Any:
            await asyncio.sleep(2)
            return {"given": params}

        line.serve("dose", dose)
        await story(line)

    with closing(loop):
        loop.run_until_complete(told())


async def ask(line: Line, ticket: Ticket) -> Any:
    find = line.gateway.member.find
    return await line.calls.request(lambda: find("fridge"), "fridge", "dose", {"ml": 3}, 20.0, None, ticket)


def restart(line: Line) -> None:
    """The gateway knows nothing of what it has asked but what it has written down."""
    line.calls = Calls(
        line.gateway.member, publish=line._to_node, clock=line.now, monotonic=lambda: line.loop.time() + 1
    )


@pytest.mark.parametrize("after", [0.5, 5.0], ids=["while it is done", "when it was done"])
def test_a_gateway_that_restarts_makes_the_same_request_and_it_is_done_once(site: Site, after: float) -> None:
    async def story(line: Line) -> None:
        ticket = Ticket("ab" * 8, line.node.member.nonce, line.now() + 20 * SECOND)
        first = asyncio.create_task(ask(line, ticket))
        await asyncio.sleep(after)
        first.cancel()
        restart(line)
        assert await ask(line, ticket._replace(resumed=True)) == {"given": {"ml": 3}}
        assert len(line.begun) == 1
        assert not any("cancel" in body for body in line.asked)

    tell(site, story)


def test_a_request_of_before_is_never_made_to_a_later_boot(site: Site) -> None:
    async def story(line: Line) -> None:
        ticket = Ticket("ab" * 8, line.node.member.nonce, line.now() + 200 * SECOND)
        first = asyncio.create_task(ask(line, ticket))
        await asyncio.sleep(5)
        await line.restart()
        first.cancel()
        restart(line)
        with pytest.raises(UnansweredError, match="whether 'dose' was done is unknown"):
            await ask(line, ticket._replace(resumed=True))
        assert len(line.begun) == 1

    tell(site, story)


def test_one_that_comes_when_its_time_is_over_is_not_begun(site: Site) -> None:
    async def story(line: Line) -> None:
        ticket = Ticket("ab" * 8, line.node.member.nonce, line.now() + SECOND, resumed=True)
        await asyncio.sleep(60)
        with pytest.raises(UnreachableError, match="was over when it arrived"):
            await ask(line, ticket)
        assert line.begun == []

    tell(site, story)


def test_it_ends_on_the_node_only_where_it_is_withdrawn(site: Site) -> None:
    async def story(line: Line) -> None:
        ticket = Ticket("ab" * 8, line.node.member.nonce, line.now() + 20 * SECOND)
        call = asyncio.create_task(ask(line, ticket))
        await settled()
        line.calls.withdraw(ticket)
        with pytest.raises(GanglionError, match="cancelled"):
            await call

    tell(site, story)
