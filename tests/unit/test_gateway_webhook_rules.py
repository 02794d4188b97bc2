# SPDX-License-Identifier: GPL-3.0-or-later
"""What webhooks are decided by, without a network: when to try, what to sign, whom to knock at."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from ganglion.errors import InvalidError, RefusedError
from ganglion.units import SECOND
from ganglion_gateway.webhook import cloudevent, signature
from ganglion_gateway.webhook.address import check_address, check_url, is_public
from ganglion_gateway.webhook.schedule import Circuit, Fate, Policy, Schedule
from support.mesh import NOW

EVENT = {
    "id": "n-1-7",
    "node": "n",
    "node_name": "Бровари",
    "cls": "alert",
    "topic": "alert/fridge",
    "value": {"celsius": 8.5},
    "timestamp": 1_767_225_600_123_456_789,
    "source": "fridge",
    "run": "r1",
}


def schedule(policy: Policy | None = None, *, lot: float = 0.0) -> Schedule:
    return Schedule(policy or Policy(), lot=lambda: lot)


def fail(schedule: Schedule, times: int, *, now: int = NOW, **more: Any) -> list[Fate]:
    return [schedule.failed(attempts=i, created=now, now=now, **more) for i in range(1, times + 1)]


def test_pauses_double_up_to_the_longest() -> None:
    policy = Policy(first=SECOND, longest=10 * SECOND, breaker=100, attempts=100)
    tried = schedule(policy)
    pauses = []
    for i in range(1, 8):
        tried.failed(attempts=i, created=NOW, now=NOW)
        pauses.append((tried.due - NOW) // SECOND)
    assert pauses == [1, 2, 4, 8, 10, 10, 10]


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_pause_is_never_nothing_and_never_beyond_the_longest(failures: int, lot: float) -> None:
    policy = Policy()
    assert policy.first * (1 - policy.jitter) <= policy.pause(failures, lot) <= policy.longest


def test_the_lot_spreads_endpoints_that_fell_together() -> None:
    assert Policy().pause(3, 0.0) == 4 * SECOND
    assert Policy().pause(3, 1.0) == 3 * SECOND


def test_what_the_endpoint_asks_for_is_waited_where_it_is_longer() -> None:
    tried = schedule()
    fail(tried, 1, retry_after=90 * SECOND)
    assert tried.due == NOW + 90 * SECOND
    fail(tried, 1, retry_after=0)
    assert tried.due == NOW + 2 * SECOND


def test_an_endpoint_cannot_ask_for_a_year() -> None:
    tried = schedule()
    fail(tried, 1, retry_after=365 * 86400 * SECOND)
    assert tried.due == NOW + Policy().longest


def test_after_the_last_attempt_a_message_is_dead() -> None:
    assert fail(schedule(Policy(attempts=3)), 3) == [Fate.AGAIN, Fate.AGAIN, Fate.DEAD]


def test_a_message_that_is_too_old_is_dead_after_its_next_failure() -> None:
    tried = schedule(Policy(age=SECOND))
    assert tried.failed(attempts=1, created=NOW, now=NOW + SECOND) is Fate.DEAD


def test_the_pause_outlives_the_message_that_caused_it() -> None:
    tried = schedule(Policy(attempts=1))
    fail(tried, 1)
    assert tried.due == NOW + SECOND


def test_failures_in_a_row_open_the_circuit_and_one_success_closes_it() -> None:
    tried = schedule()
    fail(tried, 4)
    assert tried.circuit(NOW) is Circuit.CLOSED
    fail(tried, 1)
    assert tried.circuit(NOW) is Circuit.OPEN
    assert tried.circuit(tried.due) is Circuit.HALF_OPEN
    assert tried.delivered() is Fate.DELIVERED
    assert (tried.circuit(NOW), tried.due) == (Circuit.CLOSED, 0)


def test_behind_an_open_circuit_old_messages_are_given_up_untried() -> None:
    tried = schedule(Policy(age=SECOND))
    assert not tried.expired(NOW, NOW + SECOND)
    fail(tried, 5)
    assert tried.expired(NOW, NOW + SECOND)
    assert not tried.expired(NOW + SECOND, NOW + SECOND)


def test_a_restart_does_not_make_it_impatient() -> None:
    again = Schedule(Policy(), failures=3, due=NOW + 4 * SECOND)
    assert again.due == NOW + 4 * SECOND


def signed(secret: str, body: bytes, **changes: str) -> dict[str, str]:
    seconds = int(datetime.now(UTC).timestamp())
    return signature.headers([signature.key_of(secret)], "msg_1", body, seconds=seconds) | changes


def test_what_is_signed_here_is_verified_by_the_fields_library() -> None:
    secret, body = signature.new_secret(), cloudevent.body(EVENT, mesh="m")
    assert Webhook(secret).verify(body, signed(secret, body)) == json.loads(body)


@pytest.mark.parametrize(
    "change",
    [{"webhook-id": "msg_2"}, {"webhook-timestamp": "1767225600"}, {"webhook-signature": "v1,AAAA"}],
)
def test_what_is_changed_on_the_way_is_noticed(change: dict[str, str]) -> None:
    secret = signature.new_secret()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(b"{}", signed(secret, b"{}", **change))


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "hunter2hunter2hunter2hunter2hunter2", "whsec_!!!!"])
def test_what_is_no_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(InvalidError) as caught:
        signature.key_of(secret)
    assert secret.removeprefix("whsec_") == "" or secret not in str(caught.value)


def test_the_body_is_a_cloud_event() -> None:
    document = json.loads(cloudevent.body(EVENT, mesh="mesh"))
    assert document["specversion"] == "1.0"
    assert document["id"] == "n-1-7"
    assert document["type"] == "ganglion.event.alert"
    assert document["time"] == "2026-01-01T00:00:00.123456Z"
    assert document["data"]["value"] == {"celsius": 8.5}
    assert document["data"]["node"] == {"id": "n", "name": "Бровари"}


def test_the_body_is_the_same_at_every_attempt() -> None:
    assert cloudevent.body(EVENT, mesh="m") == cloudevent.body(dict(reversed(EVENT.items())), mesh="m")


@given(st.integers(0, 2**63 - 1))
def test_every_time_that_a_node_can_claim_has_a_date(nanoseconds: int) -> None:
    assert datetime.fromisoformat(cloudevent.rfc3339(nanoseconds)).tzinfo is UTC


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "not an address",
    ],
)
def test_an_address_that_is_not_the_whole_internets_is_private(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


def test_what_is_at_a_private_address_is_refused_by_name() -> None:
    with pytest.raises(RefusedError, match=r"hook\.example is at 10\.0\.0\.1"):
        check_address("hook.example", "10.0.0.1")
    check_address("hook.example", "1.1.1.1")


@pytest.mark.parametrize(
    "url",
    [
        "http://hook.example/",
        "ftp://hook.example/",
        "https://",
        "https:///path",
        "https://user:word@hook.example/",
        "https://hook.example/#x",
        "https://hook.example:0/",
        "https://hook.example:99999/",
        "https://hook.example/a b",
        "https://hook.example\\b/",
        "https://hook..example/",
        "https://.hook.example/",
        f"https://{'x' * 64}.example/",
        "https://[::1]hook.example/",
        "https://hook.example[::1]/",
        "https://hook.example/\r\nX: y",
        "https://hook.example/" + "x" * 2000,
    ],
)
def test_what_is_no_url_of_a_webhook_is_refused(url: str) -> None:
    with pytest.raises(InvalidError):
        check_url(url, allow_http=False)


@pytest.mark.parametrize("url", ["https://hook.example./", f"https://{'x' * 63}.example/", "https://[2606:4700::1]/"])
def test_a_host_with_labels_that_dns_knows_is_one(url: str) -> None:
    assert check_url(url, allow_http=False) == url


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/", "https://localhost:9/x", "https://[::1]/", "https://192.168.1.7/", "https://a.localhost/"],
)
def test_an_address_that_is_private_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(InvalidError, match=r"which is no public address: .* allow_private"):
        check_url(url, allow_http=False, allow_private=False)
    assert check_url(url, allow_http=False, allow_private=True) == url
    assert check_url("https://hook.example/", allow_http=False, allow_private=False) == "https://hook.example/"


def test_plain_http_needs_a_word_for_it() -> None:
    assert check_url("http://127.0.0.1:9/x", allow_http=True) == "http://127.0.0.1:9/x"
