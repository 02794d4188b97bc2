# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway has stored of why something is so, as a page tells it: made by those who make it, and read back."""

from collections import Counter

import pytest

from ganglion.errors import RefusedError
from ganglion.release.requires import Requires, lacking
from ganglion_gateway.dashboard import reasons, words
from ganglion_gateway.dashboard.rollouts.story import translated
from ganglion_gateway.jobs.job import Job
from ganglion_gateway.jobs.job import Target as JobTarget
from ganglion_gateway.rollout.bounds import Watch
from ganglion_gateway.rollout.contract import Report, Reported
from ganglion_gateway.rollout.happening import Alerted, Crashed
from ganglion_gateway.rollout.planning import Candidate, misfit
from ganglion_gateway.rollout.tally import Tally, overdue
from ganglion_gateway.rollout.target import At, Target, Want
from ganglion_gateway.rollout.terms import Bound, Share
from ganglion_gateway.webhook.address import check_address
from ganglion_gateway.webhook.attempt import _verdict
from support.rollout_drive import START, Drive, terms
from support.rollouts import Field, Kind

UKRAINIAN, ENGLISH = words.speaking("uk"), words.speaking("en")


def told(reason: str) -> str:
    """In Ukrainian, and the same in English."""
    assert reasons.told(reason, ENGLISH) == reason
    return reasons.told(reason, UKRAINIAN)


def test_why_a_stage_failed_ends_with_what_was_said_most_often() -> None:
    tally = Tally(size=10, bad=5, why=Counter({"stays at downloading and says no more": 5}))
    said = translated(tally.excess(terms(tolerate_stage=Share(1)), "stage 1"), UKRAINIAN)
    assert said.startswith("етап 1: схибили 5 вузлів з 10, а можна щонайбільше 1")
    assert said.endswith("; найчастіше: застряг у стані «завантажується» і мовчить")


@pytest.mark.parametrize(
    ("state", "online", "told_as"),
    [
        (At.WAITING, True, "на зв’язку, але не почав: чи знає його програма про випуски?"),
        (At.COMMITTED, False, "закріпив випуск і більше не озивався"),
        (At.TRIAL, True, "застряг у стані «випробування» і мовчить"),
        (At.STAGED, False, "після стану «готовий до запуску» більше не озивався"),
    ],
)
def test_why_a_node_was_given_up(state: At, online: bool, told_as: str) -> None:
    target = Target(node="n", stage=0, rank=0, state=state, want=Want.RELEASE)
    assert told(overdue(target, now=10**12, patience=1, since=0, began=0, online=online)) == told_as


def test_why_a_node_that_runs_it_failed() -> None:
    made = terms(100, alerts=0, tolerate_stage=Share(3), tolerate=Share(3))
    drive = Drive(Field({f"n{i}": Kind.GOOD for i in range(20)}), made)
    drive.run(3)
    one, two, three, four = drive.cohort(0)[:4]
    drive.happen(Crashed(one, "out of memory"), Crashed(two, ""), Alerted(three))
    drive.happen(Report(four, "r1", Reported.TRIAL, "", drive.now))
    assert told(drive.node(one).why) == "збій: out of memory"
    assert told(drive.node(two).why) == "стався збій"
    assert told(drive.node(three).why) == "здійняв тривогу"
    assert told(drive.node(four).why) == "йому доручили щось інше"
    watch = Watch([Bound(sensor="fridge.temperature", order="<", value=8.0, lasting=1)])
    target = Target(node="n", stage=0, rank=0, state=At.TRIAL, want=Want.RELEASE)
    watch.read("n", "fridge.temperature", 9.5, START)
    ((_, why),) = watch.broken({"n": target}, START + 2)
    assert told(why) == "fridge.temperature не тримається < 8"


def test_why_a_node_was_left_out() -> None:
    wanted = Requires(board=("esp32",), agent=">=2", capabilities=("sensor:fridge",))
    lacks = tuple(map(str, lacking(wanted, board="pi", agent="1.0", capabilities=())))
    why = told(str(misfit(Candidate(node="n", name="n", lacks=lacks), 0)))
    assert why.startswith(
        "він для плати esp32, а плата цього вузла — pi; він потребує Ganglion >=2, а цей вузол мав би 1.0"
    )
    assert why.endswith("; цей вузол не має sensor fridge")
    assert told(str(misfit(Candidate(node="n", name="n", free=1), 2))) == "вільно 1 байтів, а випуск займе 2"


def test_why_a_node_did_not_do_a_job() -> None:
    job = Job(id="j", method="led.on", params={}, deadline=10, timeout=5, retries=0, wide=1)
    for node in "abcd":
        job.add(JobTarget(job="j", node=node, name=node))
    job.targets["a"].error = "HTTP status 500"
    job.expire(20)
    assert told(job.targets["a"].error) == "час вийшов; остання спроба: статус HTTP 500"
    assert told(job.targets["b"].error) == "час вийшов, а надіслати не вдалося"
    job = Job(id="j", method="led.on", params={}, deadline=10, timeout=5, retries=0, wide=1)
    for node in "ab":
        job.add(JobTarget(job="j", node=node, name=node))
    job.send(job.targets["b"], "g", b"n", 1)
    job.cancel(2)
    job.withdrawn(job.targets["b"], 3)
    assert told(job.targets["a"].error) == "скасовано до надсилання"
    assert told(job.targets["b"].error) == "скасовано, коли вузол уже виконував"
    assert told("it is in the mesh no more") == "у мережі його вже немає"


def test_why_a_delivery_failed() -> None:
    assert told(_verdict(503)) == "статус HTTP 503"
    assert told(_verdict(302)) == "статус HTTP 302, а переадресування не виконується"
    with pytest.raises(RefusedError) as caught:
        check_address("shop.test", "10.0.0.1")
    assert told(str(caught.value)).startswith("shop.test має адресу 10.0.0.1, а вона не публічна")
    assert told("no answer within 10 s") == "немає відповіді за 10 с"
    assert told("the name shop.test cannot be resolved") == "адресу імені shop.test не вдалося визначити"


def test_what_others_say_stays_as_it_is() -> None:
    for reason in ("no sensors", "crashed twice", "stage 1 smells", "{why}", ""):
        assert told(reason) == reason
    assert translated("by olena: crashed", UKRAINIAN) == "за рішенням olena: crashed"
