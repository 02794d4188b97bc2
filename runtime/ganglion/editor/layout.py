# SPDX-License-Identifier: GPL-3.0-or-later
"""A document in its one layout, and from one form into the other: text in, text out."""

from typing import Any

from ganglion.editor import form, json_text, json_tree, order, yaml_text, yaml_tree
from ganglion.editor.tree import Collection, Scalar, Style, unfolded
from ganglion.errors import InvalidError
from ganglion.mova.check import check, refuse
from ganglion.mova.diagnostic import DocumentError, Severity
from ganglion.mova.difference import differences
from ganglion.mova.load import Document, is_json, load
from ganglion.mova.model import model
from ganglion.mova.normal import normal
from ganglion.mova.source import Report
from ganglion.mova.vocabulary import DOCUMENTS


def formatted(document: Document, *, to: str = "", drop_comments: bool = False) -> str:
    """The text of a document in its one layout.

    Args:
        to: The form to turn it into, `flat` or `classes`; empty for its own.
        drop_comments: Whether JSON may lose its comments.

    Raises:
        DocumentError: it is not valid, or has names that the other form has no place for; it has all diagnostics.
        InvalidError: comments would be lost, the other form has no place for what the document says, or the layout
            would change that.
    """
    refuse(document)
    to = to or document.form
    text = document.text.replace("\r\n", "\n").replace("\r", "\n")
    as_json = is_json(document.text, document.file)
    if as_json and not drop_comments and json_tree.comments(text):
        raise InvalidError(
            "JSON has no place for its comments, which would be lost: write it as YAML, or give --drop-comments",
            where=document.file,
        )
    root = json_tree.read(text) if as_json else yaml_tree.read(text)
    if to != document.form:
        root = _turned(root, document, text, to)
    _quote_version(root)
    order.arrange(root, DOCUMENTS[to, document.edge])
    made = json_text.write(root) if as_json else yaml_text.write(root)
    _compare(document, load(made, file=document.file), to)
    return made


def _turned(root: Collection, document: Document, text: str, to: str) -> Collection:
    plain = unfolded(root)
    assert isinstance(plain, Collection)  # it was one
    if to == "flat":
        form.to_flat(plain)
        return plain
    report = Report(text)
    form.names(plain, report)
    if report.failed:
        raise DocumentError(document, report.diagnostics)
    form.to_classes(plain)
    return plain


def _quote_version(root: Collection) -> None:
    version = root.get("version")
    if version is not None and isinstance(version.value, Scalar):
        version.value.style = Style.QUOTED


def _compare(before: Document, after: Document, to: str) -> None:
    """Lets a text pass that says what the document says.

    Raises:
        InvalidError: it does not, or the other form has no place for what the document says.
    """
    if before.form == to:
        said, left = _plain(before), _plain(after)
    else:
        wrong = [each for each in check(after) if each.severity is Severity.ERROR]
        if wrong:
            first = f"{wrong[0].path}: {wrong[0].code} {wrong[0].message}"
            raise InvalidError(f"the form {to} has no place for what it says: {first}", where=before.file)
        said, left = normal(model(before)), normal(model(after))
    if next(differences(said, left), None) is not None:
        raise InvalidError("its layout cannot be changed without changing what it says", where=before.file)


def _plain(document: Document) -> dict[str, Any]:
    return {**(document.root or {}), "version": document.version}
