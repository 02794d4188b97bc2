# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two forms of a document call the same, and what one needs that the other need not say."""

from typing import Any, NamedTuple


class Part(NamedTuple):
    """One kind of object.

    Attributes:
        what: What messages call it.
        flat: Its list in the flat form.
        one: Its key in `classes`.
        name: The key of its name in the flat form.
        renamed: Key of the flat form -> key in `classes`, where they differ.
    """

    what: str
    flat: str
    one: str
    name: str
    renamed: dict[str, str]

    @property
    def class_name(self) -> str:
        """The key of its name in `classes`."""
        return self.renamed.get(self.name, self.name)


PARTS = (
    Part("protocol", "protocols", "protocol", "name", {}),
    Part("tool", "tools", "tool_api", "id", {"endpoint": "url"}),
    Part("intent", "intents", "intent", "name", {}),
    Part("instruction", "instructions", "instruction", "id", {"content": "text"}),
    Part("profile", "profiles", "profile", "user_id", {}),
    Part("session", "sessions", "session", "session_id", {}),
    Part("contract", "contracts", "contract", "contract_id", {"contract_id": "name"}),
)

_NO_TIME = "1970-01-01T00:00:00Z"


def unsaid(what: str, name: str, number: int) -> dict[str, Any]:
    """Keys that the flat form needs, with what they are in `classes` where nothing is said of them.

    Args:
        name: Of the object.
        number: Its number among those of its kind, from 1.
    """
    match what:
        case "tool":
            return {"name": name}
        case "session":
            return {"user_id": "anonymous", "start_time": _NO_TIME}
        case "contract":
            return {"parties": [], "terms": "", "valid_from": _NO_TIME}
        case "instruction":
            return {"id": f"instruction_{number}", "title": ""}
    return {}
