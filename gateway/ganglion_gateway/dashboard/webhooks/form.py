# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of an endpoint: its URL, its name, which events, and what is allowed."""

from collections.abc import Mapping
from typing import Any

from nicegui import ui

from ganglion_gateway.dashboard.parts import field
from ganglion_gateway.dashboard.visit import Visit

_NOTHING: Mapping[str, Any] = {"url": "", "name": "", "classes": ["alert"], "allow_http": False, "allow_private": False}


class Form:
    """The fields.

    Args:
        known: An endpoint that there is.
        new: There is none yet, so its secret may be given.

    Attributes:
        trouble: Where a refusal stands.
    """

    def __init__(self, visit: Visit, known: Mapping[str, Any] = _NOTHING, *, new: bool = False) -> None:
        say = visit.say
        with ui.element("div").classes("g-fields"):
            self._url = field(say("URL, as https://example.org/hook"), known["url"])
            self._name = field(say("Name"), known["name"])
            self._classes = field(say("Classes of events, as alert, crash; * for all"), ", ".join(known["classes"]))
            self._secret = field(say("Secret, whsec_…; empty: one is made"), secret=True) if new else None
        with ui.element("div").classes("g-bar"):
            self._http = ui.checkbox(say("Allow http"), value=known["allow_http"])
            self._private = ui.checkbox(say("Allow addresses of private networks"), value=known["allow_private"])
            self._enabled = None if new else ui.checkbox(say("Events are for it"), value=known["enabled"])
        self.trouble = ui.label("").classes("g-trouble").props('role="alert"')
        self.trouble.set_visibility(False)

    def body(self) -> dict[str, Any]:
        """What is written, as the API takes it."""
        found = {
            "url": (self._url.value or "").strip(),
            "name": (self._name.value or "").strip(),
            "classes": [each.strip() for each in (self._classes.value or "").split(",") if each.strip()],
            "allow_http": bool(self._http.value),
            "allow_private": bool(self._private.value),
        }
        return found if self._enabled is None else {**found, "enabled": bool(self._enabled.value)}

    @property
    def secret(self) -> str | None:
        """What is to sign; None where one is to be made."""
        return (self._secret.value or "").strip() or None if self._secret is not None else None

    def clear(self) -> None:
        """As it was."""
        self._url.value = self._name.value = ""
        if self._secret is not None:
            self._secret.value = ""
