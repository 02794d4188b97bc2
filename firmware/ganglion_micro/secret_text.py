# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that has secrets in it, of which the engine knows the names alone.

It is a type of its own, and no text with a mark in it: what an event or a model says can hold any text, but never this.
"""


class SecretText:
    """Text that only who sends it completes.

    Attributes:
        parts: Text, and names of secrets, in turn; the first and the last are text.
    """

    __slots__ = ("parts",)

    def __init__(self, parts: "list[str]") -> None:
        self.parts = parts

    def __repr__(self) -> str:
        """As the document has it."""
        return "".join(["{{secret.{}}}".format(part) if i % 2 else part for i, part in enumerate(self.parts)])
