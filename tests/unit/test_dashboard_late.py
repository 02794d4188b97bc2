# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboard is opened by who asks first, and again by who asks next where it could not be opened."""

from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from ganglion_gateway.dashboard import late


async def test_an_opening_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[FastAPI] = []

    def load(name: str) -> Any:
        if not opened:
            opened.append(FastAPI())
            raise OSError("no space left on device")
        return SimpleNamespace(mount=lambda app, *_: app.add_api_route("/", lambda: "there"))

    monkeypatch.setattr(late, "import_module", load)
    app = FastAPI()
    transport = httpx.ASGITransport(app)
    async with (
        late.mounted(app, cast(Any, None), app),
        httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as http,
    ):
        with pytest.raises(OSError, match="no space"):
            await http.get("/")
        assert (await http.get("/")).json() == "there"
