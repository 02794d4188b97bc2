# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a script before a node has it. Lines and columns are counted from 1."""

from typing import Any, Literal, TypedDict


class ScriptTemplate(TypedDict):
    """A script to begin with."""

    name: str
    text: str


class ScriptTemplates(TypedDict):
    """All of them."""

    templates: list[ScriptTemplate]


class ScriptFinding(TypedDict):
    """What is wrong, or could be better; `about` is what its code says."""

    code: str
    severity: Literal["error", "warning", "hint"]
    path: str
    line: int
    column: int
    message: str
    hint: str
    about: str


class ScriptCheck(TypedDict):
    """A script that was checked; `tests` is how many it has."""

    file: str
    form: str | None
    version: str | None
    valid: bool
    diagnostics: list[ScriptFinding]
    name: str
    protocols: list[str]
    tests: int


class ScriptPlace(TypedDict):
    """Where something stands."""

    line: int
    column: int


class ScriptGraph(TypedDict):
    """A protocol as a flowchart of Mermaid; `boxes` says where the step of each box stands."""

    protocol: str
    mermaid: str
    boxes: dict[str, ScriptPlace]


class ScriptGraphs(TypedDict):
    """Those of a script."""

    graphs: list[ScriptGraph]


class ScriptHappening(TypedDict):
    """What was done, so many virtual milliseconds after the beginning."""

    at_ms: int
    kind: Literal["actuated", "published", "emitted", "ran"]
    name: str
    value: Any


class ScriptTest(TypedDict):
    """A test that was run; `episodes` are its first runs, step by step."""

    name: str
    line: int
    column: int
    passed: bool
    failures: list[str]
    happened: list[ScriptHappening]
    episodes: list[dict[str, Any]]
    began: int
    virtual_s: float


class ScriptTests(TypedDict):
    """Those of a script."""

    passed: bool
    tests: list[ScriptTest]


class ScriptPlan(TypedDict):
    """A script that was compiled; `plan` is in base64url."""

    name: str
    hash: str
    bytes: int
    plan: str


class NodeScript(TypedDict):
    """The text of a script that a node runs; `file` is what it is called there."""

    node: str
    name: str
    hash: str
    file: str
    text: str


class ScriptRun(TypedDict):
    """One run; `session` is null where it was ended before its end."""

    episode: dict[str, Any]
    session: dict[str, Any] | None
    happened: list[ScriptHappening]
    began: int
    virtual_s: float
