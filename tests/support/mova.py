# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents for tests, and what was found in them."""

from pathlib import Path

from ganglion.mova.check import check
from ganglion.mova.diagnostic import Diagnostic
from ganglion.mova.load import load

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors" / "mova"
DOCUMENTS = sorted(VECTORS.glob("*/*.json"))


def edge(steps: str = "- {id: done, action: end}", *, head: str = "", protocol: str = "") -> str:
    """A document of the edge dialect with one protocol `main` of these steps; `head` goes to the top level."""
    indented = "\n".join("      " + line for line in steps.strip().splitlines())
    return (
        f'version: "2.2"\ndialect: edge/1\nname: trial\n{head}\n'
        f"protocols:\n  - name: main\n    {protocol}\n    steps:\n{indented}\n"
    )


def found(text: str, file: str = "x.yaml") -> list[Diagnostic]:
    """The diagnostics of a text."""
    return check(load(text, file=file))


def codes(text: str, file: str = "x.yaml") -> list[str]:
    """Their codes."""
    return [each.code for each in found(text, file)]
