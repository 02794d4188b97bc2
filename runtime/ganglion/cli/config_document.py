# SPDX-License-Identifier: GPL-3.0-or-later
"""A document that holds for a whole mesh, as people write it: YAML, JSON or TOML, and each error at its place."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ganglion.cli.document import loaded
from ganglion.errors import InvalidError, NotFoundError
from ganglion.mesh.signed_config import D, Form
from ganglion.mova.diagnostic import Severity
from ganglion.mova.load import Document

#: What the reader says of a text that is no map: it speaks of another kind of document.
_NO_MAP = "MV108"
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


def read(
    file: Path, form: Form[D], *, prepared: Callable[[dict[str, Any]], Any], verify: Callable[[D], None]
) -> tuple[D, bool]:
    """The document in a file, and whether it names a version: then it is one that was shown, and changed since.

    Args:
        prepared: Makes plain values of what people write.
        verify: Looks further than the form does. Raises InvalidError.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it is none; `where` is `FILE:LINE:COLUMN`, or in TOML `FILE: KEY`.
    """
    root, place = _toml(file) if file.suffix == ".toml" else _marked(file, form)
    try:
        made = form.parse(prepared(root))
        verify(made)
        form.fits(made)
    except InvalidError as error:
        message = str(error).removeprefix(f"{error.where}: ")
        raise InvalidError(message, where=place(error.where)) from None
    return made, "version" in root


def written(document: dict[str, Any]) -> str:
    """The same as YAML, for people to change."""
    import yaml

    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)).rstrip("\n")


def _toml(file: Path) -> tuple[dict[str, Any], Callable[[str], str]]:
    try:
        root = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"{file}: there is no such file") from None
    except ValueError as error:  # no TOML, or no UTF-8
        raise InvalidError(str(error), where=str(file)) from None
    return root, lambda where: f"{file}: {where.partition('.')[2] or where}"


def _marked(file: Path, form: Form[D]) -> tuple[dict[str, Any], Callable[[str], str]]:
    document = loaded(file)
    for found in document.report.diagnostics:
        if found.severity is Severity.ERROR and found.code != _NO_MAP:
            raise InvalidError(found.message, where=f"{document.file}:{found.line}:{found.column}")
    if document.root is None:
        raise InvalidError(f"a {form.title} is a map with a list of `{form.key}`", where=f"{document.file}:1:1")
    return document.root, lambda where: _place(document, where)


def _place(document: Document, where: str) -> str:
    """The file, line and column of what `policy.rules[0].who` names; of what is around it, where it is missing."""
    container: Any = document.root
    offset = container.offset
    for name, index in _STEP.findall(where):
        key: Any = int(index) if index else name
        places = getattr(container, "values_at", None)
        try:
            offset = places[key]  # type: ignore[index]
            container = container[key]
        except (LookupError, TypeError):
            break
    line, column = document.report.position(offset)
    return f"{document.file}:{line}:{column}"
