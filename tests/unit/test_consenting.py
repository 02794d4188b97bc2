# SPDX-License-Identifier: GPL-3.0-or-later
"""A node asks for consent: bounded, for one command alone, and again where the gateway was away; time is the test's."""

import asyncio

import pytest

from ganglion.errors import NotFoundError, RefusedError, UnreachableError
from ganglion.guardian import Actuators, Command
from ganglion.node.consenting import Consenting

S = 1_000_000_000
COMMAND = Command(actuator="lock", value=True, owner="watch", run="r-1", why="a model has answered yes", now=0)
AWAY = UnreachableError("gateway does not answer 'consent' within 10 s: it has not been heard of")


class Gateway:
    """Answers what it is given, one after the other; the last one for ever. Its time is everybody's.

    Attributes:
        asked: Method and parameters of each question.
    """

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []
        self.now = 1000.0
        self.nonces = iter("abcdef")

    async def request(self, method, params, *, timeout):
        self.asked.append(params)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            self.now += timeout
            raise answer
        self.now += params["hold"] / S
        said = {key: params[key] for key in ("nonce", "actuator", "value", "owner", "run")}
        return said | {"id": "00c0ffee", "by": "", "state": "waiting"} | answer

    async def sleep(self, seconds):
        self.now += seconds

    async def ask(self, command=COMMAND, within=120):
        node = Consenting(self.request, monotonic=lambda: self.now, sleep=self.sleep, nonce=lambda: next(self.nonces))
        return await node.ask(command, within * S)


GRANTED = {"state": "granted", "by": "anna"}


async def test_who_has_agreed_is_named_with_the_number():
    gateway = Gateway({}, GRANTED)
    assert await gateway.ask() == "anna (consent 00c0ffee)"
    first, second = gateway.asked
    assert (first["hold"], first["wait"], second["hold"]) == (0, 120 * S, 60 * S)
    assert first["nonce"] == second["nonce"]
    assert first["why"] == "a model has answered yes"


async def test_each_question_has_a_nonce_of_its_own():
    gateway = Gateway(GRANTED)
    await gateway.ask()
    await gateway.ask()
    assert [params["nonce"] for params in gateway.asked] == ["a", "b"]


@pytest.mark.parametrize(
    ("answers", "says", "took"),
    [
        (({},), "nobody has consented within 120 s", 120),
        (({}, {"state": "refused", "by": "anna"}), "anna has refused consent (consent 00c0ffee)", 60),
        (({}, {"state": "expired"}), "nobody has consented within 120 s", 60),
        ((AWAY,), f"nobody can be asked for consent: {AWAY}", 11),
        (
            (NotFoundError("gateway: there is no method 'consent'"),),
            "nobody can be asked for consent: gateway: there",
            10,
        ),
        (({}, AWAY), "nobody has consented within 120 s", 130),
        (({"state": "granted", "by": ""},), "the gateway says 'granted', which is no consent", 0),
        (({"state": "maybe"},), "the gateway says 'maybe', which is no consent", 0),
    ],
)
async def test_everything_else_is_a_refusal_in_bounded_time(answers, says, took):
    gateway = Gateway(*answers)
    with pytest.raises(RefusedError) as caught:
        await gateway.ask()
    assert str(caught.value).startswith(says)
    assert gateway.now - 1000 <= took


@pytest.mark.parametrize(
    "other",
    [{"nonce": "z"}, {"actuator": "door"}, {"value": 1}, {"value": False}, {"run": "r-2"}, {"owner": "other"}],
)
async def test_a_grant_of_another_command_is_none(other):
    with pytest.raises(RefusedError, match="has answered another question"):
        await Gateway(GRANTED | other).ask()


@pytest.mark.parametrize("answer", [None, [], "granted", {}])
async def test_an_answer_without_shape_is_none(answer):
    async def request(method, params, *, timeout):
        return answer

    with pytest.raises(RefusedError, match="has answered another question"):
        await Consenting(request).ask(COMMAND, S)


async def test_a_gateway_that_restarts_is_asked_again_with_the_same_nonce():
    gateway = Gateway({}, UnreachableError("gateway has restarted since it was asked"), GRANTED)
    assert await gateway.ask() == "anna (consent 00c0ffee)"
    assert {params["nonce"] for params in gateway.asked} == {"a"}
    waits = [params["wait"] for params in gateway.asked]
    assert waits == sorted(waits, reverse=True)
    assert waits[-1] < waits[0]


TABLE = {"driver": "sim", "risk": "confirm", "consent_within": "30s"}


async def test_the_actuator_waits_and_says_who_has_agreed():
    asked = []

    async def consent(command, within_ns):
        asked.append((command.run, command.why, within_ns))
        return "anna (consent 00c0ffee)"

    actuators = Actuators.from_tables({"lock": TABLE})
    actuators.consent = consent
    decision = await actuators.actuate("lock", True, owner="watch", advised=True, run="r-1", why="yes")
    assert (decision.accepted, decision.value) == (True, True)
    assert decision.reason == "lock: with the consent of anna (consent 00c0ffee)"
    assert asked == [("r-1", "yes", 30 * S)]
    assert (await actuators.actuate("lock", False, owner="boris")).reason == "lock: taken over from watch"
    assert len(asked) == 1, "only what a model has caused asks"
    await actuators.stop()


async def test_the_limits_are_judged_again_when_it_is_granted():
    going = asyncio.Event()
    answer = asyncio.get_running_loop().create_future()

    async def consent(command, within_ns):
        going.set()
        return await answer

    actuators = Actuators.from_tables({"lock": {**TABLE, "excludes": ["door"]}, "door": {"driver": "sim"}})
    actuators.consent = consent
    asking = asyncio.create_task(actuators.actuate("lock", True, owner="watch", advised=True))
    await going.wait()
    assert (await actuators.actuate("door", True, owner="boris")).accepted, "nobody is held up meanwhile"
    answer.set_result("anna")
    decision = await asking
    assert (decision.accepted, decision.value) == (False, False)
    assert decision.reason == "lock: it may not be on while door is; anna had agreed to it"
    await actuators.stop()


async def test_what_is_cancelled_while_it_waits_does_nothing():
    going = asyncio.Event()

    async def consent(command, within_ns):
        going.set()
        await asyncio.Event().wait()

    actuators = Actuators.from_tables({"lock": TABLE})
    actuators.consent = consent
    asking = asyncio.create_task(actuators.actuate("lock", True, owner="watch", advised=True))
    await going.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert actuators.value("lock") is False
    await actuators.stop()


async def test_a_node_without_a_mesh_says_so():
    actuators = Actuators.from_tables({"lock": TABLE})
    decision = await actuators.actuate("lock", True, owner="watch", advised=True)
    assert decision.reason == "lock: nobody can be asked for consent: this node is in no mesh"
    await actuators.stop()


@pytest.mark.parametrize("within", ["0s", "61m"])
def test_the_time_for_it_is_bounded(within):
    with pytest.raises(ValueError, match=r"actuator.lock.consent_within: must be above 0, and an hour at most"):
        Actuators.from_tables({"lock": {**TABLE, "consent_within": within}})
