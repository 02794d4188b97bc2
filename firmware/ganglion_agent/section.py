# SPDX-License-Identifier: GPL-3.0-or-later
"""A table of a device's configuration: each key is taken once, by its type, and what nobody takes is named."""

TYPE_CHECKING = False  # MicroPython has no `typing`
if TYPE_CHECKING:
    from typing import Any

_UNITS = (("ms", 1000000), ("s", 1000000000), ("m", 60000000000), ("h", 3600000000000))
_NAMES = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "a table",
    list: "a list",
}


class ConfigError(Exception):
    """The configuration is not one to start with; the message names the key and the remedy."""


def missing(kind: str, name: "Any", known: "Any") -> str:
    """What to say of a name that nothing has."""
    return "there is no {} {}; known are {}".format(kind, name, ", ".join(sorted(known)) or "none")


class Section:
    """A table, whose keys are taken out of it.

    Args:
        where: What begins its complaints: `agent.json`, then the keys that lead to it.

    Raises:
        ConfigError: it is no table.
    """

    def __init__(self, where: str, table: "Any") -> None:
        if type(table) is not dict:
            raise ConfigError("{}: must be a table, in braces".format(where))
        self.where = where
        self._left = dict(table)
        self._known = []  # type: list[str]

    def error(self, key: str, message: str) -> ConfigError:
        """What is wrong with a key."""
        return ConfigError("{}.{}: {}".format(self.where, key, message))

    def has(self, key: str) -> bool:
        """Whether a key is there and not taken."""
        return key in self._left

    def value(self, key: str, otherwise: "Any" = None) -> "Any":
        """Whatever is there."""
        self._known.append(key)
        return self._left.pop(key, otherwise)

    def take(self, key: str, kind: type, otherwise: "Any" = None, low: "Any" = None, high: "Any" = None) -> "Any":
        """A value of this type within bounds; `otherwise` where it is not there, unless that is None: it must be.

        Raises:
            ConfigError: it is missing, of another type, or out of bounds.
        """
        value = self.value(key, otherwise)
        if value is None:
            raise self.error(key, "is missing; write {}".format(_NAMES[kind]))
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind or (kind is str and not value):
            raise self.error(key, "must be {}, not {!r}".format(_NAMES[kind], value))
        if (low is not None and value < low) or (high is not None and value > high):
            raise self.error(key, "must be {} to {}, not {!r}".format(low, high, value))
        return value

    def number(self, key: str) -> "float | None":
        """A number, or None where it is not there."""
        found = self.take(key, float) if self.has(key) else self.value(key)
        return found if type(found) is float else None

    def one(self, key: str, words: "Any", otherwise: str = "") -> str:
        """One of these words."""
        word = self.take(key, str, otherwise or None)
        if word not in words:
            raise self.error(key, "must be one of {}, not {!r}".format(", ".join(sorted(words)), word))
        return str(word)

    def duration(self, key: str, otherwise: str, low: int = 0) -> int:
        """Nanoseconds of a duration such as `250ms`, `10s`, `5m`, of at least `low`."""
        text = self.take(key, str, otherwise)
        for unit, size in _UNITS:
            if text.endswith(unit):
                try:
                    ns = int(float(text[: -len(unit)]) * 1000) * (size // 1000)
                except (ValueError, OverflowError):
                    continue
                if ns < low:
                    raise self.error(key, "must be at least {:g}s".format(low / 1000000000))
                return ns
        raise self.error(key, "{!r} is not a duration: write a number with ms, s, m or h, as in 10s".format(text))

    def section(self, key: str) -> "Section":
        """A table in it; an empty one where it is not there."""
        return Section(self.where + "." + key, self.value(key, {}))

    def sections(self, key: str) -> "list[tuple[str, Section]]":
        """Tables in a table, with their names."""
        tables = self.section(key)
        return [(name, Section(tables.where + "." + name, tables._left[name])) for name in sorted(tables._left)]

    def rest(self) -> "dict[str, Any]":
        """All keys that are left."""
        left, self._left = self._left, {}
        return left

    def close(self) -> None:
        """Refuses keys that nobody has taken.

        Raises:
            ConfigError: there is one; it is named, with those that are known.
        """
        for key in sorted(self._left):
            raise self.error(key, "there is no such key; known are {}".format(", ".join(sorted(self._known))))
