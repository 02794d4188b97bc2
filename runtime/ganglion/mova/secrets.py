# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of an operator: where they come from, and how they get into one request and into nothing else."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from ganglion.errors import GanglionError, InvalidError, NotFoundError, RefusedError
from ganglion_micro.secret_text import SecretText

_PREFIX = "GANGLION_SECRET_"
#: Letters of a secret below which it is not looked for in what comes back: it would be found everywhere.
_SHORT = 4


@dataclass(frozen=True, slots=True)
class Secrets:
    """What `{secret.NAME}` stands for.

    Attributes:
        values: Name to text.
        place: Where more would be put, for the sentence that says that one is missing.
    """

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    place: str = "give HttpTools the secrets"


def from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The secrets in `GANGLION_SECRET_<NAME>`."""
    return {name.removeprefix(_PREFIX): value for name, value in environment.items() if name.startswith(_PREFIX)}


def from_file(path: Path) -> dict[str, str]:
    """The secrets of a TOML file, each `NAME = "text"`.

    Raises:
        NotFoundError: there is no such file.
        RefusedError: others on this machine may read it.
        InvalidError: it is no TOML, or has more in it than names and texts. No value is ever shown.
    """
    import tomllib

    try:
        with path.open("rb") as file:
            mode, data = os.fstat(file.fileno()).st_mode, file.read()
    except FileNotFoundError:
        raise NotFoundError(f'{path} does not exist; write each secret there as NAME = "text"') from None
    except OSError as error:
        raise InvalidError(str(error.strerror), where=str(path)) from None
    if stat.S_IMODE(mode) & 0o077:
        raise RefusedError(f"{path}: others can read these secrets; run chmod 600 {path}")
    try:
        table = tomllib.loads(data.decode())
    except ValueError as error:
        # What stands there is not shown: only the place, which ends the decoder's sentence.
        at = str(error).rpartition("(")[2].removesuffix(")") if "(at " in str(error) else "not UTF-8"
        raise InvalidError(f'not TOML ({at}); write each secret as NAME = "text"', where=str(path)) from None
    for name, value in table.items():
        if not isinstance(value, str):
            raise InvalidError("a secret is text in quotes", where=f"{path}: {name}")
    return table


class Filling:
    """One request: fills its secrets in, and takes them out of whatever is said of it afterwards."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._shown: dict[str, str] = {}

    def fill(self, value: Any) -> Any:
        """The value with its secrets, at any depth.

        Raises:
            InvalidError: there is no such secret; the sentence says where to put it.
        """
        if isinstance(value, SecretText):
            return "".join(self._secret(part) if i % 2 else part for i, part in enumerate(value.parts))
        if isinstance(value, dict):
            return {key: self.fill(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.fill(each) for each in value]
        return value

    def fill_url(self, value: str | SecretText) -> str:
        """The URL with its secrets, each encoded so that it stays within its part of the URL (RFC 3986, 2.1)."""
        if isinstance(value, str):
            return value
        parts = enumerate(value.parts)
        return "".join(quote(self._secret(part), safe=":") if i % 2 else part for i, part in parts)

    def keep(self, text: str, shown: str = "(hidden)") -> str:
        """The text itself, which nobody is to see from now on."""
        if len(text) >= _SHORT:
            for form in (text, quote(text, safe=""), quote(text, safe=":"), quote_plus(text)):
                self._shown.setdefault(form, shown)
        return text

    def hide(self, value: Any) -> Any:
        """The value without any of the secrets that were filled in, at any depth."""
        if isinstance(value, str):
            for text in sorted(self._shown, key=len, reverse=True):
                value = value.replace(text, self._shown[text])
            return value
        if isinstance(value, dict):
            return {self.hide(key): self.hide(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.hide(each) for each in value]
        return value

    def hidden(self, error: GanglionError) -> GanglionError:
        """The error, whose sentence has no secret in it."""
        error.args = tuple(self.hide(each) for each in error.args)
        return error

    def _secret(self, name: str) -> str:
        value = self._secrets.values.get(name)
        if value is None:
            raise InvalidError(f"there is no secret {name}: {self._secrets.place}")
        return self.keep(value, f"{{secret.{name}}}")
