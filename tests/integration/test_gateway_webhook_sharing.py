# SPDX-License-Identifier: GPL-3.0-or-later
"""Two gateways beside one PostgreSQL share the endpoints of webhooks: each is one's at a time, and in order still."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ganglion.units import MILLISECOND
from ganglion_gateway.backup.making import make
from ganglion_gateway.backup.restoring import restore_keys
from ganglion_gateway.store.url import DatabaseUrl
from ganglion_gateway.store.webhooks import lease_of, message_id
from ganglion_gateway.webhook.schedule import Policy
from ganglion_gateway.webhook.signature import new_secret
from support.gateway import Here, happen, here
from support.postgres import PostgresServer
from support.receiver import Receiver, receiver
from support.waiting import until

FAST = Policy(first=MILLISECOND, longest=2 * MILLISECOND, rest=MILLISECOND)
WHOSE = "n" * 26


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[DatabaseUrl]:
    made = postgres.database(migrated=True)
    yield made
    postgres.drop(made)


async def add(site: Here, hook: Receiver) -> str:
    body = {"url": hook.url, "secret": hook.secret, "allow_http": True, "allow_private": True}
    return str((await site.post("/webhooks", body))["id"])


def taken(hook: Receiver, endpoint: str, events: list[str]) -> list[str]:
    """The events that went to an endpoint, in order, each once."""
    of = {message_id(event, endpoint): event for event in events}
    return list(dict.fromkeys(of[each.message] for each in hook.attempts if each.message in of))


async def test_each_endpoint_is_one_gateways_and_goes_to_the_other_when_it_is_gone(
    url: DatabaseUrl, tmp_path: Path
) -> None:
    events = [f"{WHOSE}-1-{seq}" for seq in range(1, 9)]
    async with receiver(new_secret()) as hook, here(tmp_path / "one", database=url, policy=FAST) as one:
        endpoints = {await add(one, hook) for _ in range(4)}

        def held(site: Here) -> set[str]:
            return {each for each in endpoints if site.services.leases.holds(lease_of(each))}

        await until(lambda: held(one) == endpoints, what="all are of who is alone")
        await make(tmp_path / "one", url, tmp_path / "backup", passphrase=None)
        restore_keys(tmp_path / "backup", tmp_path / "other", passphrase=None)
        async with here(tmp_path / "other", database=url, name="b", policy=FAST) as other:
            await until(lambda: len(held(one)) == len(held(other)) == 2, what="each has its share")
            assert held(one) | held(other) == endpoints
            await happen(one, 1, 2, 3)
            await happen(other, 4, 5)
            for endpoint in endpoints:
                await until(lambda endpoint=endpoint: len(taken(hook, endpoint, events)) == 5, what="all delivered")
            for site in (one, other):
                shown = (await site.get("/webhooks"))["webhooks"]
                assert [each["state"]["circuit"] for each in shown] == ["closed"] * 4, "whoever delivers"
        await until(lambda: held(one) == endpoints, what="all are of who is left")
        removed = endpoints.pop()
        assert (await one.http.delete(f"/api/v1/webhooks/{removed}")).status_code == 204
        await happen(one, 6, 7, 8)
        for endpoint in endpoints:
            await until(lambda endpoint=endpoint: taken(hook, endpoint, events) == events, what="in order")
        assert taken(hook, removed, events) == events[:5]
