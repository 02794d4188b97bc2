# SPDX-License-Identifier: GPL-3.0-or-later
"""A document that is open in an editor: its text, and what can be read of it now."""

from collections.abc import Callable
from functools import cached_property

import yaml

from ganglion.editor import json_tree, lenient, yaml_tree
from ganglion.editor.names import Mention, mentions
from ganglion.editor.positions import Positions
from ganglion.editor.tree import Collection
from ganglion.mova.check import check
from ganglion.mova.diagnostic import Diagnostic
from ganglion.mova.load import is_json, load


class Buffer:
    """One version of a text.

    Args:
        file: Its path, whose end says whether it is JSON.
        units: See `Positions`.
        before: The version before it, whose names are remembered while this one is broken.
    """

    def __init__(self, file: str, text: str, units: Callable[[str], int], before: "Buffer | None" = None) -> None:
        self.file = file
        self.text = text
        self.positions = Positions(text, units)
        self.document = load(text, file=file)
        self.is_json = is_json(text, file)
        exact = self._exact()
        #: Whether all of the text could be read.
        self.whole = exact is not None
        self.tree = lenient.read(text, as_json=self.is_json) if exact is None else exact
        self._remembered = before.names if before is not None and exact is None else []

    def _exact(self) -> Collection | None:
        if self.document.root is None:
            return None
        try:
            return json_tree.read(self.text) if self.is_json else yaml_tree.read(self.text)
        except (yaml.YAMLError, ValueError):
            return None

    @cached_property
    def diagnostics(self) -> list[Diagnostic]:
        """What `ganglion mova check` says."""
        return check(self.document)

    @cached_property
    def mentions(self) -> list[Mention]:
        """Every name, and where it stands."""
        return mentions(self.tree)

    @cached_property
    def names(self) -> list[tuple[str, str]]:
        """What is named and its name: those of the last version that could be read, too, while this one cannot."""
        given = [(each.what, each.name) for each in self.mentions if each.given is not None]
        return list(dict.fromkeys([*given, *self._remembered]))
