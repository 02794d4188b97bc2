# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what, who did what, and who waits for somebody to say so."""

from typing import Any, Literal, TypedDict

Document = dict[str, Any]
Role = Literal["viewer", "operator", "debug", "admin"]


class EnrolKey(TypedDict):
    """A key that lets nodes join."""

    id: str
    name: str
    tags: list[str]
    uses: int
    uses_left: int
    created: int
    expires: int
    revoked: bool


class NewEnrolKey(EnrolKey):
    """One that was made now: `key` is shown this once."""

    key: str
    mesh: str


class EnrolKeys(TypedDict):
    """A page of them, the newest first."""

    enrol_keys: list[EnrolKey]
    next: str | None


class Asking(TypedDict):
    """A node that waits to be let in."""

    id: str
    fingerprint: str
    name: str
    taken: bool
    first: int
    last: int


class Pending(TypedDict):
    """A page of nodes that wait, and the mesh that they name."""

    mesh: str
    root: str
    pending: list[Asking]
    next: str | None


class Consent(TypedDict):
    """A command that waits for a person, or did."""

    id: str
    node: str
    name: str
    actuator: str
    value: Any
    owner: str
    run: str
    why: str
    asked: int
    expires: int
    state: str
    by: str


class Decided(Consent):
    """One that somebody has decided on; `told`: the node has heard it."""

    told: bool


class Consents(TypedDict):
    """A page of those that wait."""

    consents: list[Consent]
    next: str | None


class Entry(TypedDict):
    """Who did what."""

    at: int
    actor: str
    action: str
    target: str
    detail: Document


class Audit(TypedDict):
    """A page of it, the newest first."""

    entries: list[Entry]
    next: str | None


class User(TypedDict):
    """Who may log in."""

    id: str
    name: str
    role: Role
    must_change: bool
    created: int
    changed: int


class NewUser(User):
    """One with a password for one login, which is shown this once."""

    password: str


class Users(TypedDict):
    """A page of users, by name."""

    users: list[User]
    next: str | None


class ApiKey(TypedDict):
    """By which a program asks."""

    id: str
    name: str
    created: int
    expires: int | None
    revoked: bool
    creator: str
    role: Role | None
    scopes: list[str]


class NewApiKey(ApiKey):
    """One that was made now: `token` is shown this once."""

    token: str


class ApiKeys(TypedDict):
    """A page of API keys."""

    api_keys: list[ApiKey]
    next: str | None


class Granted(TypedDict):
    """What a login gives."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str
    session: str
    must_change: bool


class Me(TypedDict):
    """Who asks."""

    name: str
    kind: Literal["user", "api_key"]
    role: Role | None
    scopes: list[str]
    must_change: bool


class Login(TypedDict):
    """Where one is logged in."""

    id: str
    created: int
    used: int
    expires: int
    address: str
    client: str
    this: bool


class Logins(TypedDict):
    """A page of them."""

    sessions: list[Login]
    next: str | None


class Approved(Asking):
    """A node that was let in, under the name and with the tags that it was given."""

    tags: list[str]
