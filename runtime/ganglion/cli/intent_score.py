# SPDX-License-Identifier: GPL-3.0-or-later
"""How well intents are recognised: texts whose intent is known, beside what was said of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganglion.errors import InvalidError, NotFoundError

if TYPE_CHECKING:
    from ganglion.intent.recognition import Intents, Recognition

#: Stands for the intent of a text that has none of them.
_NONE = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The outcome.

    Attributes:
        asked: Who was, in order.
        accuracy: Share of all texts.
        of_intents: Share of the texts that have an intent, for which it was found.
        of_none: Share of those that have none, for which none was found.
            Any share is None where there is no such text.
        wrong: Texts to which an intent was given that they do not have.
        confusions: (right, said, how often), the most frequent first; None is no intent.
    """

    asked: list[str]
    accuracy: float | None
    of_intents: float | None
    of_none: float | None
    wrong: int
    confusions: list[tuple[str | None, str | None, int]]

    def data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "asked": self.asked,
            "accuracy": self.accuracy,
            "of_intents": self.of_intents,
            "of_none": self.of_none,
            "wrong": self.wrong,
            "confusions": [{"right": want, "said": got, "count": count} for want, got, count in self.confusions],
        }


def examples(path: Path, intents: "Intents") -> list[tuple[str, str | None]]:
    """Texts and their intents from lines of an intent, a tab and a text; `-` stands for none of them.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: a line is something else, names an intent that the document has not, or there is no line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise NotFoundError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidError("the set is not UTF-8 text", where=str(path)) from None
    found: list[tuple[str, str | None]] = []
    for i, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, tab, text = line.partition("\t")
        if not tab or (name != _NONE and name not in intents.by_name):
            raise InvalidError(f"write an intent of the document or {_NONE}, a tab, and a text", where=f"{path}:{i}")
        found.append((text, None if name == _NONE else name))
    if not found:
        raise InvalidError("there is nothing to measure on", where=str(path))
    return found


def scored(asked: list[str], wanted: "Sequence[str | None]", found: "Sequence[Recognition]") -> Score:
    """Compares."""
    pairs = [(want, each.intent) for want, each in zip(wanted, found, strict=True)]
    missed = Counter((want, got) for want, got in pairs if want != got)
    return Score(
        asked=asked,
        accuracy=_share(pairs),
        of_intents=_share([pair for pair in pairs if pair[0] is not None]),
        of_none=_share([pair for pair in pairs if pair[0] is None]),
        wrong=sum(got is not None and got != want for want, got in pairs),
        confusions=[(want, got, count) for (want, got), count in missed.most_common()],
    )


def _share(pairs: "Sequence[tuple[str | None, str | None]]") -> float | None:
    """Of those that are the same; None where there are none."""
    return round(sum(want == got for want, got in pairs) / len(pairs), 4) if pairs else None
