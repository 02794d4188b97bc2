# SPDX-License-Identifier: GPL-3.0-or-later
"""One gateway, put together: opens the state folder, starts the parts in order, ends them in the other."""

import asyncio
import base64
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.mesh import files
from ganglion.mesh.authority import Authority
from ganglion_gateway import lag
from ganglion_gateway.access.accounts import Accounts
from ganglion_gateway.access.bearer import Bearer
from ganglion_gateway.access.limiter import Failures
from ganglion_gateway.access.sessions import Sessions
from ganglion_gateway.access.tokens import Keyring, Role, digest, new_token
from ganglion_gateway.api.idempotency import Idempotency
from ganglion_gateway.approvals import Approvals
from ganglion_gateway.backup.state import STAGE
from ganglion_gateway.cache.opened import cache_of
from ganglion_gateway.consents import Consents
from ganglion_gateway.fleet import Fleet
from ganglion_gateway.groups import GroupRegister
from ganglion_gateway.homeassistant.announcing import Announcing
from ganglion_gateway.intake import Intake
from ganglion_gateway.intents.answers import IntentAnswers
from ganglion_gateway.inventory import Inventory
from ganglion_gateway.jobs import Jobs
from ganglion_gateway.leases import Lease, Leases
from ganglion_gateway.live import Live
from ganglion_gateway.mesh import GatewayMember
from ganglion_gateway.metrics import Metrics
from ganglion_gateway.model.bridge import Bridge
from ganglion_gateway.model.budget import Budgets
from ganglion_gateway.model.ledger import Ledger
from ganglion_gateway.relay import Relay
from ganglion_gateway.release.office import Office
from ganglion_gateway.release.register import Register
from ganglion_gateway.rollout.controller import Controller
from ganglion_gateway.rollout.desk import Desk
from ganglion_gateway.rows import Batch
from ganglion_gateway.scripting.bench import Bench
from ganglion_gateway.services import Services
from ganglion_gateway.settings import Settings, WebhookSettings
from ganglion_gateway.sharing import Sharing
from ganglion_gateway.store import audit, keys, successors, webhooks
from ganglion_gateway.store import leases as lease_store
from ganglion_gateway.store.database import Database, secure
from ganglion_gateway.stored_news import StoredNews
from ganglion_gateway.traces import path_of
from ganglion_gateway.tracing.tracing import opened
from ganglion_gateway.webhook import signature
from ganglion_gateway.webhook.address import check_url
from ganglion_gateway.webhook.courier import DELIVERS, Courier
from ganglion_gateway.webhook.hooks import Hooks
from ganglion_gateway.webhook.schedule import Policy

_log = structlog.get_logger(__name__)

#: Id of the endpoint that the command line names; it keeps its messages when the URL changes.
_COMMAND_LINE = "command-line"


@dataclass(slots=True, kw_only=True)
class Gateway:
    """A gateway that runs.

    Attributes:
        services: Its parts.
        member: Its place in the mesh.
        mesh_id: 13 letters.
        ended: Completes when a part fails that it cannot do without.
    """

    services: Services
    member: GatewayMember
    mesh_id: str
    ended: "asyncio.Task[None]"


@asynccontextmanager
async def open_gateway(
    settings: Settings, *, clock: Callable[[], int] = time.time_ns, policy: Policy | None = None
) -> AsyncIterator[Gateway]:
    """Runs a gateway until the block ends; what came is stored then.

    Raises:
        RefusedError: another gateway uses the state folder, or the database is another mesh's.
        UnreachableError: PostgreSQL does not answer.
        InvalidError: the webhook of the settings cannot be one.
    """
    secure(settings.state)
    with files.held(settings.state, "gateway"):
        if (settings.state / STAGE).exists():
            raise RefusedError(f"a restore into {settings.state} was broken off: do it again, with --force")
        metrics = Metrics(settings.version)
        async with (
            Database.open_(settings.store) as database,
            Leases.open_(database) as leases,
            opened(settings, lambda event: path_of(services, event), metrics=metrics, clock=clock) as tracing,
        ):
            authority = Authority.open(settings.state / "authority", now=clock())
            await _claim(database, authority, settings.state)
            live = Live()
            fleet = Fleet(live.presence)
            courier = Courier(
                database,
                leases,
                mesh=authority.mesh_id,
                metrics=metrics,
                clock=clock,
                agent=f"Ganglion/{settings.version}",
                policy=policy,
                headers=tracing.headers,
            )
            relay = Relay(
                database,
                fleet,
                policy=lambda: member.policy,
                metrics=metrics,
                clock=clock,
                may_read=lambda node, group: member.client.member.groups.is_in(node, group),
            )

            def caused(batch: Batch) -> None:
                courier.wake()
                tracing.stored(row["id"] for row in batch.events if row["cls"] != "episode")
                if batch.relays:
                    relay.wake()

            inventory = Inventory(database, fleet, clock)
            intake = Intake(
                database,
                fleet,
                live,
                inventory,
                metrics=metrics,
                retention=settings.retention,
                on_events=caused,
                clock=clock,
            )
            budgets = Budgets(settings.models, database, clock=clock)
            bridge = Bridge(
                settings.models,
                budgets=budgets,
                ledger=Ledger(database, clock=clock),
                cache=cache_of(settings.models.cache, database, clock=clock),
                metrics=metrics,
                clock=clock,
            )
            intents = IntentAnswers(bridge.prompt, settings.state / "intents.jsonl")
            enrol_keys = keys.EnrolKeys(database, authority)
            approvals = Approvals(database, clock)
            await approvals.load()
            consents = Consents(database, clock)
            consents.on_change = live.consent
            await consents.load()
            news = StoredNews(database, fleet, live)
            releases = Office(database, fleet, Register(database, authority, clock, news.wake), clock)
            releases.listen(lambda _: news.wake())
            releases.listen(lambda _: inventory.reported())
            intake.on_birth = releases.born
            intake.on_logs = courier.on_tried = news.wake
            member = GatewayMember(
                broker=settings.broker,
                links=settings.links,
                state=settings.state,
                name=settings.name,
                version=settings.version,
                authority=authority,
                keys=enrol_keys,
                approvals=approvals,
                reissued=lambda former, new: successors.add(database, former, new, clock(), name=fleet.name(former)),
                intake=intake,
                bridge=bridge,
                intents=intents,
                consents=consents,
                releases=releases,
                metrics=metrics,
                live=live,
                clock=clock,
            )
            fleet.own = (member.node_id, settings.name)
            groups = GroupRegister(
                database,
                fleet,
                member.client.desk.keys,
                member.client.member.groups,
                secret=_secret(settings.state / "group-secret"),
                clock=clock,
            )
            jobs = Jobs(database, fleet, member, metrics=metrics, clock=clock, on_change=news.wake)
            failures = Failures()
            token_secret = _secret(settings.state / "token-secret")
            bearer = Bearer(token_secret, authority.mesh_id)
            keyring = Keyring(bearer, clock)
            accounts = Accounts(database, keyring, bearer, failures, clock)
            services = Services(
                settings=settings,
                database=database,
                leases=leases,
                authority=authority,
                approvals=approvals,
                consents=consents,
                enrol_keys=enrol_keys,
                groups=groups,
                releases=releases,
                rollouts=Desk(
                    database,
                    fleet,
                    releases,
                    Controller(database, fleet, releases, clock=clock, on_note=news.wake),
                ),
                keyring=keyring,
                accounts=accounts,
                idempotency=Idempotency(database, token_secret, clock),
                sessions=Sessions(_secret(settings.state / "session-secret")),
                failures=failures,
                fleet=fleet,
                inventory=inventory,
                jobs=jobs,
                live=live,
                courier=courier,
                hooks=Hooks(database, intake, node=member.node_id, clock=clock),
                mesh=member,
                intents=intents,
                metrics=metrics,
                budgets=budgets,
                bench=Bench(),
                clock=clock,
            )
            await _admit(services)
            await _configure_webhook(services, settings.webhook)
            await intake.load()
            await inventory.load()
            await groups.load()
            # Last: a start that fails would take with it what is shown once
            services.first_password = await accounts.first()
            parts: list[Callable[[], Coroutine[Any, Any, None]]]
            parts = [member.run, intake.run, accounts.run, tracing.run, partial(lag.watch, metrics.lag.observe)]
            parts += [news.run, inventory.run, partial(releases.run, member.request), Sharing(services, intake).run]
            # What only one of several gateways may do
            sole: dict[str, Callable[[Lease], Coroutine[Any, Any, None]]] = {
                f"{DELIVERS}{leases.holder}": courier.run,  # all of them do, and share the endpoints
                "relay": partial(relay.run, member.request),
                "groups": groups.run,
                "jobs": jobs.run,
                "rollouts": services.rollouts.controller.run,
            }
            if settings.home_assistant:
                announcing = Announcing(settings.home_assistant, authority.mesh_id, services)
                sole["home-assistant"] = lambda lease: announcing.run()
            parts += [partial(leases.lead, name, part) for name, part in sole.items()]
            running = asyncio.create_task(_run(parts), name="gateway")
            services.started = True
            try:
                yield Gateway(services=services, member=member, mesh_id=authority.mesh_id, ended=running)
            finally:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running
                await services.bench.aclose()
                await bridge.aclose()


async def _run(parts: Sequence[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    """Runs until cancelled; the error of one part ends all of them."""
    async with asyncio.TaskGroup() as tasks:
        for part in parts:
            tasks.create_task(part())


async def _claim(database: Database, authority: Authority, state: Path) -> None:
    mesh = await database.write(lambda connection: lease_store.claim(connection, authority.mesh_id))
    if mesh != authority.mesh_id:
        raise RefusedError(
            f"the database {database.url} is of the mesh {mesh}, and the keys in {state} are of {authority.mesh_id}: "
            "give this gateway another --database, or restore there the keys of that mesh from a backup"
        )


async def _admit(services: Services) -> None:
    """Loads the API keys, among them the administrator's, whose token is in the file `token`.

    The file is made at the first start. A new one is made where it was deleted, and what it held before is void.
    """
    database, path = services.database, services.settings.state / "token"
    token = (files.read(path) or b"").decode().strip()
    if not token:
        token = new_token()
        files.write(path, token.encode() + b"\n")
    known = {row["digest"] for row in await keys.active_api_keys(database)}
    if digest(token) not in known:
        now = services.clock()

        async def work(connection: AsyncConnection) -> None:
            await keys.revoke_api_keys(connection, name="admin")
            await keys.save_api_key(connection, name="admin", role=Role.ADMIN.value, digest=digest(token), created=now)
            await audit.record(connection, at=now, actor="gateway", action="api_key.create", target="admin", detail={})

        await database.write(work)
    await services.accounts.load()


async def _configure_webhook(services: Services, webhook: WebhookSettings | None) -> None:
    """The command line's endpoint: made, changed, or disabled where it names none any more."""
    database = services.database
    known = await webhooks.find(database, _COMMAND_LINE)
    if webhook is None:
        if known is not None and known["enabled"]:
            row = {**known, "enabled": False}
            await database.write(lambda connection: webhooks.save(connection, row))
        return
    row = {
        "id": _COMMAND_LINE,
        "name": urlsplit(webhook.url).netloc,
        "url": check_url(webhook.url, allow_http=webhook.allow_private),
        "secret": _webhook_secret(services.settings.state, webhook),
        "classes": ["alert"],
        "allow_http": webhook.allow_private,
        "allow_private": webhook.allow_private,
        "enabled": True,
        "created": services.clock(),
    }
    await database.write(lambda connection: webhooks.save(connection, row))


def _webhook_secret(state: Path, webhook: WebhookSettings) -> str:
    path = webhook.secret_file or state / "webhook-secret"
    data = files.read(path)
    if data is None:
        if webhook.secret_file is not None:
            raise NotFoundError(f"--webhook-secret-file: {path} does not exist; without the option one is made")
        data = signature.new_secret().encode()
        files.write(path, data + b"\n")
    secret = data.decode("utf-8", "replace").strip()
    try:
        signature.key_of(secret)
    except InvalidError as error:
        raise InvalidError(str(error), where=str(path)) from None
    return secret


def _secret(path: Path) -> bytes:
    """A key of the gateway's own, as that of the session cookies; made where there is none."""
    data = files.read(path)
    if data is None or len(data) < 32:
        data = base64.b64encode(os.urandom(48))
        files.write(path, data)
    return data
