# SPDX-License-Identifier: GPL-3.0-or-later
"""The one page that anybody may see: where a token becomes a session. It needs no script and loads nothing."""

import html
import math
import time
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ganglion_gateway.access.guard import same_origin
from ganglion_gateway.access.sessions import COOKIE, LIFETIME
from ganglion_gateway.problems import problem
from ganglion_gateway.services import Services

#: Bytes of the form.
_MAX_FORM = 4096

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(include_in_schema=False)

    @router.get("/login")
    async def show(request: Request, token: str | None = None) -> Response:
        if token is None:
            return _page()
        return _enter(request, token)

    @router.post("/login")
    async def submit(request: Request) -> Response:
        if not same_origin(request.headers):
            return problem(403, "a page of another origin asked to log in", instance="/login")
        body = await request.body()
        form = parse_qs(body[:_MAX_FORM].decode("utf-8", "replace"))
        return _enter(request, form.get("token", [""])[0])

    @router.post("/logout")
    async def leave() -> Response:
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return answer

    def _enter(request: Request, token: str) -> Response:
        address = request.client.host if request.client else ""
        wait = services.failures.wait(address, time.monotonic())
        if wait > 0:
            return _page(f"Too many attempts. Try again in {math.ceil(wait)} s.", 429, {"retry-after": f"{wait:.0f}"})
        principal = services.keyring.who(token.strip())
        if principal is None:
            services.failures.add(address, time.monotonic())
            services.metrics.refused.inc()
            return _page("This token is not known here. `ganglion up` prints it; it is in the file `token`.", 401)
        answer = RedirectResponse("/", 303, {"cache-control": "no-store"})
        answer.set_cookie(
            COOKIE,
            services.sessions.issue(principal.key, now=int(time.time())),
            max_age=LIFETIME,
            path="/",
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    return router


def _page(message: str = "", status: int = 200, headers: dict[str, str] | None = None) -> HTMLResponse:
    notice = f'<p class="notice" role="alert">{html.escape(message)}</p>' if message else ""
    return HTMLResponse(
        _TEMPLATE.replace("NOTICE", notice),
        status,
        headers={"cache-control": "no-store", "content-security-policy": _POLICY, **(headers or {})},
    )


_TEMPLATE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Log in · Ganglion</title>
<style>
:root { --ground: #f4f6f8; --card: #fff; --ink: #16202b; --faint: #5b6875; --line: #d7dee5;
  --accent: #0f766e; --bad: #b3261e }
@media (prefers-color-scheme: dark) {
  :root { --ground: #0e1419; --card: #161e26; --ink: #e6edf3; --faint: #93a1ae; --line: #2a3641;
    --accent: #2dd4bf; --bad: #ff8a80 }
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
  font: 16px/1.5 system-ui, sans-serif; background: var(--ground); color: var(--ink) }
main { width: 100%; max-width: 24rem; padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 14px }
h1 { margin: 0 0 .25rem; font-size: 1.4rem } p { margin: 0 0 1.25rem; color: var(--faint) }
label { display: block; font-weight: 600; margin-bottom: .35rem }
input { width: 100%; padding: .65rem .75rem; font: inherit; color: inherit; background: var(--ground);
  border: 1px solid var(--line); border-radius: 8px }
button { width: 100%; margin-top: 1rem; padding: .7rem; font: inherit; font-weight: 600; border: 0; border-radius: 8px;
  background: var(--accent); color: var(--card); cursor: pointer }
input:focus-visible, button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
.notice { color: var(--bad); font-weight: 600 }
</style>
</head>
<body>
<main>
<h1>Ganglion</h1>
<p>Log in with the gateway's token.</p>
NOTICE
<form method="post" action="/login">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button type="submit">Log in</button>
</form>
</main>
</body>
</html>
"""
