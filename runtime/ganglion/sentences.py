# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences that are told in the reader's language where they are shown, as a refusal is, and are English till then.

Who makes one does not know who will read it, and a log of a gateway is English whoever has asked. `ganglion.words` is
for what is made for one reader at once. Pure.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any


class Sentence(str):
    """In English, and knows what it is made of.

    Args:
        template: With `{names}`, as `str.format` has them: what stands in a catalogue.
        values: For them; sentences among them are translated, too.
    """

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, values: Mapping[str, Any]) -> "Sentence":
        self = super().__new__(cls, template.format(**values))
        self.template, self.values = template, values
        return self

    def __getnewargs__(self) -> tuple[str, Mapping[str, Any]]:  # type: ignore[override]  # a copy is made of the same
        return self.template, self.values

    def translated(self, gettext: Callable[[str], str]) -> str:
        """The same in another language.

        Args:
            gettext: Gives the template in it.
        """
        values = {name: translated(value, gettext) for name, value in self.values.items()}
        return gettext(self.template).format(**values)


def say(template: str, /, **values: Any) -> Sentence:
    """A sentence with values: `say("no node is called {name!r}", name=name)`."""
    return Sentence(template, values)


def said(text: str) -> Sentence:
    """A text that stands in a catalogue as it is, without values."""
    return Sentence(text.replace("{", "{{").replace("}", "}}"), {})


def joined(between: str, parts: Iterable[str]) -> Sentence:
    """Sentences one after the other, with what is the same in each language between them."""
    values = {f"part{number}": part for number, part in enumerate(parts)}
    return Sentence(between.join(f"{{{name}}}" for name in values), values)


def either(parts: Iterable[str]) -> str:
    """`one or two or three`: of at least one."""
    return reduce(lambda one, other: say("{one} or {other}", one=one, other=other), parts)


def translated(value: Any, gettext: Callable[[str], str]) -> Any:
    """A sentence in another language; anything else as it is."""
    return value.translated(gettext) if isinstance(value, Sentence) else value


def of(error: BaseException) -> str:
    """What an error says, still to be translated, where `str` gives English alone."""
    said = error.args[0] if len(error.args) == 1 else None
    return said if isinstance(said, Sentence) else str(error)
