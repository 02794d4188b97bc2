# SPDX-License-Identifier: GPL-3.0-or-later
"""The one page that anybody may see: where a name and password, or a token, become a session.

It loads nothing, and needs its few lines of script only for a link that logs in: `/login#token=…`. What is behind `#`
is sent to no server and stands in no log. Where another site has led here, the button is pressed by hand: else that
site could log people in as somebody they are not.

`?next=/fleet` is where a login leads, a path of this gateway alone, and `?why=ended` has it say why there is one.
"""

import hashlib
import html
import math
import re
import time
from base64 import b64encode
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ganglion import sentences
from ganglion.errors import InvalidError
from ganglion.sentences import Sentence
from ganglion.units import SECOND
from ganglion_gateway import languages
from ganglion_gateway.access.entrance import TooOftenError, WrongError
from ganglion_gateway.access.guard import same_origin
from ganglion_gateway.access.limiter import source
from ganglion_gateway.access.sessions import CLOSED, COOKIE, ENDED, LIFETIME
from ganglion_gateway.dashboard import words
from ganglion_gateway.problems import problem
from ganglion_gateway.services import Services

#: Bytes of the form.
_MAX_FORM = 4096
#: Letters of the address that a login leads to.
_MAX_NEXT = 2000

#: Fills in the token of the link, and posts it where the link was opened by the person alone (`_is_own`).
_SCRIPT = """
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const field = document.getElementById("token");
if (token && field) {
  history.replaceState(null, "", location.pathname + location.search);
  field.value = token;
  if (field.form.dataset.own === "yes") field.form.submit();
  else field.form.querySelector("button").focus();
}
"""
_POLICY = (
    f"default-src 'none'; script-src 'sha256-{b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()}'; "
    "style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def routes(services: Services) -> APIRouter:
    """The router."""
    router = APIRouter(include_in_schema=False)

    @router.get("/login")
    async def show(request: Request) -> Response:
        return _page(request, _why(request))

    @router.post("/login")
    async def submit(request: Request) -> Response:
        if not same_origin(request.headers):
            return problem(403, Sentence("a page of another origin asked to log in", {}), instance="/login")
        body = await request.body()
        fields = parse_qs(body[:_MAX_FORM].decode("utf-8", "replace"))
        form = {name: values[0] for name, values in fields.items()}
        if form.get("name"):
            return await _by_password(request, form)
        return _enter(request, form.get("token", ""))

    @router.post("/logout")
    async def leave(request: Request) -> Response:
        if request.state.principal.user:
            await services.accounts.logout(request.state.principal)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return answer

    async def _by_password(request: Request, form: dict[str, str]) -> Response:
        name, password, new = form["name"], form.get("password", ""), form.get("new", "")
        address = request.client.host if request.client else ""
        accounts, say = services.accounts, _say(request)
        try:
            if new:
                await accounts.change_password(name, password, new, address=address)
                password = new
            client = request.headers.get("user-agent", "")
            granted = await accounts.login(name, password, address=address, client=client, holds=LIFETIME * SECOND)
        except TooOftenError as error:
            return _too_often(request, error.wait)
        except WrongError:
            services.metrics.refused.inc()
            return _page(request, say("Name or password is not right."), 401, name=name)
        except InvalidError as error:
            refusal = str(languages.told(sentences.of(error), _language(request)))
            return _page(request, f"{refusal.capitalize()}.", 422, name=name, change=True)
        if granted.must_change:
            message = say("Choose a password of your own: type the one-time password once more, and a new one.")
            return _page(request, message, name=name, change=True)
        return _welcome(request, granted.login)

    def _enter(request: Request, token: str) -> Response:
        say = _say(request)
        address = source(request.client.host) if request.client else ""
        wait = services.failures.wait(address, time.monotonic())
        if wait > 0:
            return _too_often(request, wait)
        principal = services.keyring.who(token.strip())
        if principal is None or principal.user:
            services.failures.add(address, time.monotonic())
            services.metrics.refused.inc()
            unknown = say("This token is not known here. `ganglion up` prints it; it is in the file `token`.")
            return _page(request, unknown, 401)
        return _welcome(request, principal.key)

    def _welcome(request: Request, key: str) -> Response:
        answer = RedirectResponse(_next(request) or "/", 303, {"cache-control": "no-store"})
        answer.set_cookie(
            COOKIE,
            services.sessions.issue(key, now=int(time.time())),
            max_age=LIFETIME,
            path="/",
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    return router


def _say(request: Request) -> words.Say:
    return words.speaking(_language(request))


def _next(request: Request) -> str:
    """The page that was asked for before the login; "" for none, and for what is not on this gateway."""
    wanted = request.query_params.get("next", "")
    # A browser takes `//host`, `/\\host` and what has tabs and line ends between the slashes for another site
    plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted and len(wanted) <= _MAX_NEXT
    if not plain or not wanted.startswith("/") or wanted.startswith("//"):
        return ""
    return "" if urlsplit(wanted).path in ("/login", "/logout") else wanted


def _why(request: Request) -> str:
    """Why somebody who was logged in is here again."""
    say = _say(request)
    known = {
        ENDED: say("Your session is over. Log in to go on where you were."),
        CLOSED: say("You were logged out: the session was ended, or the password or the account is another now."),
    }
    return known.get(request.query_params.get("why", ""), "")


def _is_own(request: Request) -> bool:
    """Whether no other site led here, as the browser says; one that does not say so has the button pressed."""
    return request.headers.get("sec-fetch-site") in ("none", "same-origin")


def _language(request: Request) -> str:
    return words.chosen(request.cookies, request.headers.get("accept-language", ""))


def _too_often(request: Request, wait: float) -> Response:
    say, seconds = _say(request), max(1, math.ceil(wait))
    message = say("Too many attempts. Try again in {seconds} s.").format(seconds=seconds)
    return _page(request, message, 429, {"retry-after": str(seconds)})


def _page(
    request: Request,
    message: str = "",
    status: int = 200,
    headers: dict[str, str] | None = None,
    *,
    name: str = "",
    change: bool = False,
) -> HTMLResponse:
    """The page.

    Args:
        name: What stands in the field of the name already.
        change: Asks for a new password, too.
    """
    say = _say(request)
    notice = f'<p class="notice" role="alert">{html.escape(message)}</p>' if message else ""
    own = "yes" if request.method == "GET" and _is_own(request) else "no"
    onward = _next(request)
    action = html.escape(f"/login?{urlencode({'next': onward})}" if onward else "/login", quote=True)
    second = _SECOND_FORM.format(action=action, own=own, token=say("Or the gateway's token"), use=say("Use the token"))
    other = "" if change else second
    new = _CHANGE_FIELD.format(new=say("New password, 12 letters at least")) if change else ""
    parts = {"LANGUAGE": _language(request), "NOTICE": notice, "CHANGE": new, "TOKEN": other}
    parts["SCRIPT"] = _SCRIPT
    parts |= {"ENTER": say("Log in"), "WELCOME": say("Log in to the gateway.")}
    password = say("One-time password") if change else say("Password")
    parts |= {"NAMED": say("User name"), "PASSWORD": password, "NAME": html.escape(name, quote=True), "ACTION": action}
    return HTMLResponse(
        re.sub(r"\b[A-Z]{4,}\b", lambda found: parts[found[0]], _TEMPLATE),
        status,
        headers={"cache-control": "no-store", "content-security-policy": _POLICY, **(headers or {})},
    )


_CHANGE_FIELD = """\
<label for="new">{new}</label>
<input id="new" name="new" type="password" autocomplete="new-password" minlength="12" required>
"""
_SECOND_FORM = """\
<form method="post" action="{action}" class="other" data-own="{own}">
<label for="token">{token}</label>
<input id="token" name="token" type="password" autocomplete="off" required>
<button type="submit">{use}</button>
</form>
"""
_TEMPLATE = """\
<!doctype html>
<html lang="LANGUAGE">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>ENTER · Ganglion</title>
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
input { margin-bottom: .75rem }
.other { margin-top: 1.5rem; padding-top: 1.25rem; border-top: 1px solid var(--line) }
.notice { color: var(--bad); font-weight: 600 }
</style>
</head>
<body>
<main>
<h1>Ganglion</h1>
<p>WELCOME</p>
NOTICE
<form method="post" action="ACTION">
<label for="name">NAMED</label>
<input id="name" name="name" value="NAME" autocomplete="username" maxlength="64" required autofocus>
<label for="password">PASSWORD</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
CHANGE<button type="submit">ENTER</button>
</form>
TOKEN</main>
<script>SCRIPT</script>
</body>
</html>
"""
