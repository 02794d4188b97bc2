# SPDX-License-Identifier: GPL-3.0-or-later
"""What a page costs and outlives: one that no browser comes for, one whose connection breaks, one of who is let out."""

import asyncio
from pathlib import Path

import httpx
from nicegui import Client, ui

from ganglion_gateway.api.app import application, guarded
from ganglion_gateway.dashboard import dialogs, late, unseen
from support.gateway import here
from support.waiting import until


async def ask(page: Client) -> bool:
    with page:
        return await dialogs.confirmed(str, "Do it?", "Do it")


async def test_pages_end_with_who_looks_at_them(tmp_path: Path) -> None:
    async with here(tmp_path) as site:
        app = application(site.services)
        guard = guarded(app, site.services)
        made = (await site.http.post("/api/v1/api-keys", json={"name": "v", "role": "viewer"})).json()
        headers = {"authorization": f"Bearer {made['token']}"}
        transport = httpx.ASGITransport(guard)
        async with (
            late.mounted(app, site.services, guard),
            httpx.AsyncClient(transport=transport, base_url="http://gateway.test", headers=headers) as viewer,
        ):
            for _ in range(unseen.MOST + 3):
                assert (await viewer.get("/logs")).status_code == 200
            assert len(Client.instances) == unseen.MOST
            followed = site.services.metrics.followers._value.get
            assert followed() == 0  # nobody is there yet

            seen = next(iter(Client.instances.values()))
            assert seen.page.resolve_reconnect_timeout() >= 30
            await seen.handle_handshake("test-1", "tab", None, "document", None)
            await until(lambda: followed() == 1)
            for _ in range(unseen.MOST + 3):
                assert (await viewer.get("/audit")).status_code == 200
            asked = asyncio.create_task(ask(seen))
            await until(lambda: any(isinstance(each, ui.dialog) for each in seen.elements.values()))
            assert not seen.is_deleted
            assert len(Client.instances) == unseen.MOST + 1

            assert (await site.http.post(f"/api/v1/api-keys/{made['id']}/revoke")).is_success
            await until(lambda: seen.is_deleted)
            async with asyncio.timeout(60):
                assert await asked is False  # and nothing is raised
            await until(lambda: followed() == 0)
