# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents to begin with: the YAML files beside this module, each a whole script called `my_script`."""

from pathlib import Path

TEMPLATES = ("chat", "classes", "edge", "event", "every", "intent", "mqtt", "schedule", "start", "webhook")


def template(kind: str, name: str) -> str:
    """The text of a document of this kind, one of `TEMPLATES`, for a script of this name."""
    return Path(__file__).with_name(f"{kind}.yaml").read_text(encoding="utf-8").replace("my_script", name)
