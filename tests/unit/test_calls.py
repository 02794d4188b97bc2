# SPDX-License-Identifier: GPL-3.0-or-later
"""mesh.calls and mesh.methods in virtual time: a command is done at most once, has a deadline, tells how far it is,
can be cancelled, and takes no more memory than it may, whatever the way between the two does.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError, UnreachableError
from ganglion.mesh import methods
from ganglion.mesh.calls import RESEND
from ganglion.mesh.member import Cause, Peer
from ganglion.mesh.parameters import takes
from ganglion.mesh.policy import read
from ganglion.mesh.progress import EVERY, MAX_TEXT, Progress, report
from ganglion.mova.virtual import VirtualLoop
from ganglion.units import SECOND
from ganglion_micro import gl1
from support.calls import Fate, Line, settled
from support.mesh import Site

Story = Callable[[Line], Awaitable[None]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


def tell(site: Site, story: Story, fates: Iterator[Fate] | None = None) -> Line:
    """Has a story happen in virtual time."""
    loop = VirtualLoop()
    line = Line(site, loop, fates)
    line.serve("led", led, summary="a light")
    try:
        loop.run_until_complete(story(line))
    finally:
        loop.run_until_complete(line.methods.aclose())
        loop.close()
    return line


async def led(params: dict[str, Any], peer: Peer) -> Any:
    return {"was": params}


async def forever(params: dict[str, Any], peer: Peer) -> Any:
    await asyncio.Event().wait()


def slow(seconds: float) -> Callable[[dict[str, Any], Peer], Awaitable[Any]]:
    async def work(params: dict[str, Any], peer: Peer) -> Any:
        await asyncio.sleep(seconds)
        return "done"

    return work


# At most once


def test_the_answer_is_kept_for_a_request_that_comes_again(site: Site) -> None:
    async def story(line: Line) -> None:
        for _ in range(4):
            line.hear_request()
            await settled()
        assert line.said == [{"id": "r1", "ok": True, "result": {"was": {}}}] * 4
        assert len(line.begun) == 1

    tell(site, story)


def test_a_copy_that_comes_while_it_is_served_begins_nothing(site: Site) -> None:
    async def story(line: Line) -> None:
        line.serve("slow", slow(12))
        assert await line.ask("slow") == "done"
        assert len(line.asked) == 1 + 12 // RESEND
        assert len(line.begun) == 1

    tell(site, story)


def test_the_same_id_of_two_members_is_two_requests(site: Site) -> None:
    async def story(line: Line) -> None:
        line.hear_request()
        await settled()
        line.gateway = site.member("second", role="gateway")
        line._hear(line.node, line.gateway.birth())
        line.hear_request()
        await settled()
        assert len(line.begun) == 2

    tell(site, story)


def test_a_node_that_restarted_before_it_was_asked_is_asked_again_with_the_new_nonce(site: Site) -> None:
    async def story(line: Line) -> None:
        await line.restart()
        await asyncio.sleep(1)
        assert await line.ask() == {"was": {}}
        assert line.said[0]["error"]["code"] == "stale"
        assert len(line.begun) == 1

    tell(site, story, iter([[]]))  # its birth is lost


@pytest.mark.parametrize("birth", [[], [0.0], [20.0]], ids=["lost", "prompt", "late"])
def test_a_command_is_not_done_again_by_a_node_that_restarted_before_its_answer(site: Site, birth: Fate) -> None:
    async def story(line: Line) -> None:
        line.serve("slow", slow(3))
        call = asyncio.create_task(line.ask("slow", {"n": 1}))
        await asyncio.sleep(2)
        await line.restart()
        with pytest.raises(UnreachableError, match="fridge has restarted since it was asked: whether 'slow' was done"):
            await call
        assert line.begun == [{"n": 1}]
        assert await line.ask("slow", {"n": 2}) == "done", "the next call is to the boot of now"

    tell(site, story, iter([[0.0], birth]))


FATES = st.lists(st.lists(st.sampled_from([0.0, 0.01, 0.5, 3.0, 9.0, 30.0]), max_size=3), max_size=25)


@settings(max_examples=150, deadline=None)
@given(
    fates=FATES,
    restarts=st.lists(st.sampled_from([0.0, 0.02, 0.4, 1.0, 4.9, 5.1, 11.0]), max_size=3),
    takes=st.sampled_from([0.0, 0.3, 2.0, 7.0]),
    cancel=st.sampled_from([None, None, 0.0, 0.01, 1.0, 6.0]),
    gap=st.sampled_from([0.0, 0.2, 6.0]),
)
def test_whatever_is_lost_repeated_late_or_restarted_nothing_is_done_twice(
    site: Site, fates: list[Fate], restarts: list[float], takes: float, cancel: float | None, gap: float
) -> None:
    async def story(line: Line) -> None:
        line.serve("slow", slow(takes))

        async def restart() -> None:
            for pause in restarts:
                await asyncio.sleep(pause)
                await line.restart()

        restarting = asyncio.create_task(restart())
        for n in range(3):
            call = asyncio.create_task(line.ask("slow", {"n": n}, timeout=15))
            if cancel is not None:
                asyncio.get_running_loop().call_later(cancel, call.cancel)
            result, *_ = await asyncio.gather(call, return_exceptions=True)
            assert result == "done" or isinstance(result, UnreachableError | asyncio.CancelledError)
            if result == "done":
                assert {"n": n} in line.begun
            await asyncio.sleep(gap)
        await restarting
        await asyncio.sleep(60)  # copies that are late, too
        done = [params["n"] for params in line.begun]
        assert len(done) == len(set(done))

    tell(site, story, iter(fates))


def test_a_peer_that_says_again_and_again_that_it_restarted_is_asked_twice(site: Site) -> None:
    async def story(line: Line) -> None:
        def lie(received: Any) -> None:
            error = {"code": "stale", "message": "not me"}
            body = {"id": received.body["id"], "ok": False, "error": error, "nonce": bytes(8), "up": 10**9}
            line.methods._reply(received.peer, body)

        line.methods.take = lie  # type: ignore[method-assign]
        with pytest.raises(UnreachableError, match="has restarted since"):
            await line.ask()
        assert len(line.asked) == 2

    tell(site, story)


def test_a_call_stays_with_the_gateway_it_was_sent_to(site: Site) -> None:
    """The one that was born last is the one to ask; a call that waits is not done by both."""

    async def story(line: Line) -> None:
        line.serve("slow", slow(12))
        found = [line.gateway.member.find("fridge")]
        other = site.member("fridge")
        task = asyncio.create_task(line.calls.request(lambda: found[-1], "fridge", "slow", {}, 30))
        await settled()
        line._hear(line.gateway, other.birth())
        found.append(line.gateway.member.peers[other.member.identity.kid])
        assert await task == "done"
        assert len(line.asked) == 1 + 12 // RESEND + 1  # and once as the birth was heard

    tell(site, story)


def test_an_answer_too_many_is_forgotten_and_its_id_is_not(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganglion.mesh.answers.BYTES", 2000)

    async def story(line: Line) -> None:
        for n in range(30):
            line.hear_request(id=f"r{n}")
            await settled()
        assert line.methods._answers.bytes <= 2000
        line.hear_request(id="r0")
        line.hear_request(id="r29")
        await settled()
        gone, kept = line.said[-2:]
        assert gone["error"]["message"].startswith("it was done")
        assert kept["ok"]
        assert len(line.begun) == 30

    tell(site, story)


def test_a_flooder_forgets_its_own_and_nobody_elses(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganglion.mesh.answers.IDS", 20)

    async def story(line: Line) -> None:
        line.hear_request(id="mine")
        await settled()
        mine, line.gateway = line.gateway, site.member("flooder", role="gateway")
        line._hear(line.node, line.gateway.birth())
        for n in range(100):
            line.hear_request(id=f"r{n}")
            await settled()
        assert line.methods._answers.count == 20
        line.gateway = mine
        line.hear_request(id="mine")
        await settled()
        assert len(line.begun) == 101

    tell(site, story)


# Deadline


def test_a_request_whose_time_is_over_is_not_begun(site: Site) -> None:
    async def story(line: Line) -> None:
        line.hear_request(deadline=line.now())
        await settled()
        assert line.said[0]["error"]["code"] == "unreachable"
        assert not line.begun

    tell(site, story)


def test_a_handler_is_ended_when_the_time_of_its_caller_is_over(site: Site) -> None:
    async def story(line: Line) -> None:
        line.serve("forever", forever)
        line.hear_request(method="forever")
        await asyncio.sleep(8.9)
        assert not line.said
        await asyncio.sleep(0.2)
        assert line.said[0]["error"]["code"] == "timeout"

    tell(site, story)


@pytest.mark.parametrize("off", [-(10**18), -20 * SECOND, 10**18], ids=["never set", "behind", "a year ahead"])
def test_a_node_whose_clock_is_wrong_serves_for_the_time_that_the_caller_meant(site: Site, off: int) -> None:
    async def story(line: Line) -> None:
        line.serve("forever", forever)
        line.methods._clock = lambda: max(0, line.now() + off)
        line.methods.take(_request(line, "forever"))
        await asyncio.sleep(8.9)
        assert not line.methods._answers.count
        await asyncio.sleep(0.2)
        assert line.methods._answers.count == 1

    tell(site, story)


def _request(line: Line, method: str) -> Any:
    now = line.now()
    body = {"id": "r1", "method": method, "params": {}, "nonce": line.node.member.nonce, "deadline": now + 9 * SECOND}
    to = line.node.member.identity.node_id
    return line.node.hears(line.gateway.member.seal(gl1.REQUEST, body, now=now, to=to))


# Progress


def test_progress_comes_as_it_is_made_and_the_newest_wins(site: Site) -> None:
    async def work(params: dict[str, Any], peer: Peer) -> Any:
        for done in range(100):
            report(done, total=100, text=f"step {done}")
            await asyncio.sleep(0.01)
        return "done"

    async def story(line: Line) -> None:
        line.serve("work", work)
        heard: list[Progress] = []
        assert await line.ask("work", on_progress=heard.append) == "done"
        assert heard[0] == Progress(0, 100, "step 0")
        assert len(heard) <= 1 + 1 / EVERY
        assert [each.done for each in heard] == sorted(each.done or 0 for each in heard)
        assert heard[-1].done >= 79, "what was said when it could not be sent is sent when it can"
        assert len(line.said) == len(heard) + 1

    tell(site, story)


def test_who_did_not_ask_for_progress_gets_none(site: Site) -> None:
    async def work(params: dict[str, Any], peer: Peer) -> Any:
        report(1)
        return "done"

    async def story(line: Line) -> None:
        line.serve("work", work)
        await line.ask("work")
        assert len(line.said) == 1

    tell(site, story)


def test_progress_keeps_the_caller_patient_and_never_beyond_the_deadline(site: Site) -> None:
    async def work(params: dict[str, Any], peer: Peer) -> Any:
        while True:
            report(text="still at it")
            await asyncio.sleep(RESEND - 1)

    async def story(line: Line) -> None:
        line.serve("work", work)
        began = line.loop.time()
        with pytest.raises(UnreachableError):
            await line.ask("work", timeout=60, on_progress=lambda progress: None)
        assert line.loop.time() - began == pytest.approx(60, abs=0.01)
        assert len(line.asked) == 1, "what is heard of is not asked again"

    tell(site, story)


@pytest.mark.parametrize(
    "progress",
    [None, 7, "x", [], {}, [1, 2], ["x", 1, ""], [True, 1, ""], [1, float("nan"), ""], [2**63, 1, ""], [1, 2, None]],
    ids=str,
)
def test_progress_that_says_nothing_is_dropped_and_counted(site: Site, progress: Any) -> None:
    async def story(line: Line) -> None:
        line.serve("forever", forever)
        heard: list[Progress] = []
        call = asyncio.create_task(line.ask("forever", on_progress=heard.append, timeout=3))
        await settled()
        peer = line.node.member.peers[line.gateway.member.identity.kid]
        line.methods._reply(peer, {"id": line.asked[0]["id"], "progress": progress})
        line.methods._reply(peer, {"id": line.asked[0]["id"], "progress": [None, None, "x" * 9999]})
        await settled()
        assert [len(each.text) for each in heard] == [MAX_TEXT]
        assert line.gateway.member.rejected[Cause.MALFORMED] == 1
        call.cancel()

    tell(site, story)


def test_a_listener_that_fails_does_not_end_the_call(site: Site) -> None:
    async def work(params: dict[str, Any], peer: Peer) -> Any:
        report(1)
        await asyncio.sleep(1)
        return "done"

    async def story(line: Line) -> None:
        line.serve("work", work)

        def fail(progress: Progress) -> None:
            raise RuntimeError("full")

        assert await line.ask("work", on_progress=fail) == "done"

    tell(site, story)


# Cancellation


def test_a_cancelled_call_ends_its_handler_and_the_answer_says_so(site: Site) -> None:
    ended: list[bool] = []

    async def work(params: dict[str, Any], peer: Peer) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1)  # what it does to put things back
            ended.append(True)

    async def story(line: Line) -> None:
        line.serve("work", work)
        call = asyncio.create_task(line.ask("work"))
        await settled()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await settled()
        line.hear_cancel(line.asked[0]["id"])  # a second one does not break what it does at its end
        await asyncio.sleep(2)
        assert ended == [True]
        assert line.said[-1]["error"] == {"code": "cancelled", "message": "'work' was cancelled"}
        line.hear_request(id=line.asked[0]["id"], method="work")
        assert len(line.begun) == 1, "a late copy does not begin it again"

    tell(site, story)


def test_a_policy_ends_what_it_refuses_also_where_another_method_has_begun_it(site: Site) -> None:
    async def line_of(params: dict[str, Any], peer: Peer) -> Any:
        return await methods[0].perform("work", {}, peer)

    async def work(params: dict[str, Any], peer: Peer) -> Any:
        await asyncio.Event().wait()

    methods = []

    async def story(line: Line) -> None:
        methods.append(line.methods)
        line.serve("line", line_of)
        line.serve("work", work)
        line.hear_request(method="line")
        await settled()
        allowed = {"name": "lines", "who": "*", "may": "call", "what": "line"}
        line.rights.adopt(read({"version": 8, "rules": [allowed, {**allowed, "name": "work", "what": "work"}]}))
        await settled()
        assert not line.said
        line.rights.adopt(read({"version": 9, "rules": [allowed]}))
        await settled()
        assert line.said[-1]["error"] == {"code": "cancelled", "message": "'line' was cancelled"}

    tell(site, story)


def test_a_cancel_that_overtakes_its_request_has_it_not_begun(site: Site) -> None:
    async def story(line: Line) -> None:
        line.hear_cancel()
        line.hear_request()
        await settled()
        assert line.said[0]["error"]["code"] == "cancelled"
        assert not line.begun

    tell(site, story)


def test_a_cancel_in_the_moment_of_its_request_ends_it_before_it_begins(site: Site) -> None:
    async def story(line: Line) -> None:
        line.hear_request()
        line.hear_cancel()
        await settled()
        assert line.said[0]["error"]["code"] == "cancelled"
        assert not line.begun

    tell(site, story)


def test_a_cancel_after_the_end_changes_nothing(site: Site) -> None:
    async def story(line: Line) -> None:
        line.hear_request()
        await settled()
        line.hear_cancel()
        line.hear_request()
        await settled()
        assert [each["ok"] for each in line.said] == [True, True]

    tell(site, story)


def test_nobody_cancels_what_another_asked(site: Site) -> None:
    async def story(line: Line) -> None:
        line.serve("slow", slow(1))
        line.hear_request(method="slow")
        mine, line.gateway = line.gateway, site.member("other", role="gateway")
        line._hear(line.node, line.gateway.birth())
        line.hear_cancel()
        line.gateway = mine
        await asyncio.sleep(2)
        assert line.said[0]["ok"] is True

    tell(site, story)


def test_cancels_of_nothing_take_no_more_memory_than_answers(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganglion.mesh.answers.IDS", 50)

    async def story(line: Line) -> None:
        for n in range(500):
            line.hear_cancel(f"r{n}")
        assert line.methods._answers.count == 50
        assert not line.said

    tell(site, story)


def test_a_node_that_stops_tells_who_waits(site: Site) -> None:
    async def story(line: Line) -> None:
        line.serve("forever", forever)
        call = asyncio.create_task(line.ask("forever"))
        await settled()
        await line.methods.aclose()
        with pytest.raises(UnreachableError, match="'forever' was ended: this node stops"):
            await call
        with pytest.raises(UnreachableError, match="is not begun: this node stops"):
            await line.ask("forever")
        assert len(line.begun) == 1

    tell(site, story)


# Bounds, and who may ask


def test_more_requests_than_can_be_served_are_told_to_come_later(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "SERVED", methods.SERVED_OF_ONE + 2)

    async def story(line: Line) -> None:
        line.serve("slow", slow(1))
        for n in range(methods.SERVED_OF_ONE + 1):
            line.hear_request(id=f"r{n}", method="slow")
        await settled()
        assert [each["error"]["code"] for each in line.said] == ["busy"]
        assert "64 requests of gateway" in line.said[0]["error"]["message"]
        mine, line.gateway = line.gateway, site.member("second", role="gateway")
        line._hear(line.node, line.gateway.birth())
        for n in range(3):
            line.hear_request(id=f"s{n}", method="slow")
        line.gateway = mine
        await asyncio.sleep(2)
        assert len(line.begun) == methods.SERVED
        line.hear_request(id=f"r{methods.SERVED_OF_ONE}", method="slow")
        await asyncio.sleep(2)
        assert len(line.begun) == methods.SERVED + 1, "who was sent away may come again under the same id"

    tell(site, story)


@pytest.mark.parametrize(
    "changes", [{"method": 1}, {"params": []}, {"deadline": None}, {"deadline": True}, {"id": "x" * 65}], ids=str
)
def test_a_request_without_what_it_needs_is_dropped_and_counted(site: Site, changes: dict[str, Any]) -> None:
    async def story(line: Line) -> None:
        line.hear_request(**changes)
        await settled()
        assert line.node.member.rejected == {Cause.MALFORMED: 1}
        assert not line.said

    tell(site, story)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("x" * 70_000, r"70\d\d\d bytes, and 65536 is the limit"),
        (json.loads("[" * 20 + "]" * 20), "16"),
        (2**70, "an integer outside"),
    ],
    ids=["large", "deep", "wide"],
)
def test_what_no_message_can_hold_is_refused_on_either_side(site: Site, value: Any, why: str) -> None:
    async def give(params: dict[str, Any], peer: Peer) -> Any:
        return value

    async def story(line: Line) -> None:
        line.serve("give", give)
        with pytest.raises(InvalidError, match=f"the request 'led' cannot be sent: .*{why}"):
            await line.ask("led", {"payload": value})
        with pytest.raises(GanglionError, match="the result of 'give' cannot be sent"):
            await line.ask("give")

    tell(site, story)


def test_a_result_that_just_fits_by_itself_and_not_in_its_envelope_is_an_error(site: Site) -> None:
    async def give(params: dict[str, Any], peer: Peer) -> Any:
        return "x" * (65536 - 60)

    async def story(line: Line) -> None:
        line.serve("give", give)
        with pytest.raises(GanglionError, match="the result of 'give' cannot be sent"):
            await line.ask("give")

    tell(site, story)


def test_an_answer_of_somebody_else_wakes_nobody(site: Site) -> None:
    async def story(line: Line) -> None:
        line.serve("slow", slow(1))
        thief = site.member("thief")
        line._hear(line.gateway, thief.birth())
        call = asyncio.create_task(line.ask("slow"))
        await settled()
        answer = {"id": line.asked[0]["id"], "ok": True, "result": "thief"}
        to = line.gateway.member.identity.node_id
        line._hear(line.gateway, thief.member.seal(gl1.REPLY, answer, now=line.now(), to=to))
        assert await call == "done"

    tell(site, story)


def test_a_member_is_shown_the_methods_that_it_may_ask_for(site: Site) -> None:
    async def story(line: Line) -> None:
        line.serve("hidden", led, roles=["node"], summary="between nodes")
        listed = await line.ask("methods")
        assert listed == {
            "methods": [
                {"name": "led", "summary": "a light", "reads": False},
                {"name": "methods", "summary": "what this member does for who asks", "reads": True},
            ]
        }
        with pytest.raises(NotFoundError, match=r"there is no method .dance.; known are led, methods$"):
            await line.ask("dance")
        with pytest.raises(NotFoundError, match=r"""there is no method 'metods'; did you mean "methods"\?$"""):
            await line.ask("metods")
        with pytest.raises(RefusedError, match="'hidden' is not for members with the roles gateway"):
            await line.ask("hidden")

    tell(site, story)


def test_a_parameter_that_a_method_does_not_read_is_refused_before_anything_is_done(site: Site) -> None:
    done: list[dict[str, Any]] = []

    @takes("value", "heartbeat")
    async def lamp(params: dict[str, Any], peer: Peer) -> None:
        done.append(params)

    @takes()
    async def look(params: dict[str, Any], peer: Peer) -> None:
        done.append(params)

    async def story(line: Line) -> None:
        line.methods.serve("lamp", lamp)
        line.methods.serve("look", look)
        for method, wrong, said in (
            ("lamp", "hartbeat", """unknown parameter 'hartbeat'; did you mean "heartbeat"?"""),
            ("lamp", "foo", "unknown parameter 'foo'; known here: heartbeat, value"),
            ("look", "foo", "unknown parameter 'foo'; look takes none"),
            ("methods", "foo", "unknown parameter 'foo'; methods takes none"),
        ):
            with pytest.raises(InvalidError) as caught:
                await line.ask(method, {"value": True, wrong: "2s"} if method == "lamp" else {wrong: 1})
            assert str(caught.value) == f"fridge: {said}"
        assert not done
        await line.ask("lamp", {"value": True, "heartbeat": "2s"})
        await line.ask("look")
        assert done == [{"value": True, "heartbeat": "2s"}, {}]

    tell(site, story)
