# SPDX-License-Identifier: GPL-3.0-or-later
"""The language server of MOVA: what comes from an editor over stdin goes to the module that knows an answer."""

import logging
from collections.abc import Callable
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from ganglion import __version__
from ganglion.editor import renaming
from ganglion.editor.buffer import Buffer
from ganglion.editor.completion import complete
from ganglion.editor.findings import findings
from ganglion.editor.hover import hover
from ganglion.editor.layout import formatted
from ganglion.editor.names import Mention
from ganglion.editor.symbols import symbols
from ganglion.errors import InvalidError
from ganglion.mova.diagnostic import DocumentError

_SUFFIXES = (".json", ".json5", ".yaml", ".yml")


class _Server(LanguageServer):
    """One editor, and what it has open."""

    def __init__(self) -> None:
        # Whole texts: they are small, and nobody has to agree on what ends a line.
        super().__init__("ganglion-mova", __version__, text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.asked_to_end = False
        self._buffers: dict[str, Buffer] = {}
        for method, (answer, options) in _FEATURES.items():
            self.feature(method, options)(answer)

    def read(self, uri: str) -> None:
        """Takes a document as it is now, and tells the editor what is wrong with it."""
        document = self.workspace.get_text_document(uri)
        file = to_fs_path(uri) or uri
        if not file.endswith(_SUFFIXES) and document.language_id:
            file += ".json" if document.language_id.startswith("json") else ".yaml"
        units = self.workspace.position_codec.client_num_units
        buffer = Buffer(file, document.source, units, self._buffers.get(uri))
        self._buffers[uri] = buffer
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri, findings(buffer), version=document.version)
        )

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._buffers.pop(uri, None)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def buffer(self, uri: str) -> Buffer:
        """A document that is open.

        Raises:
            JsonRpcException: it is not.
        """
        if uri not in self._buffers:
            raise JsonRpcException(f"{uri} is not open", code=types.ErrorCodes.InvalidParams)
        return self._buffers[uri]

    def place(self, document: types.TextDocumentIdentifier, position: types.Position) -> tuple[Buffer, int]:
        """A document and the offset in it that a request speaks of."""
        buffer = self.buffer(document.uri)
        return buffer, buffer.positions.offset(position)


def serve() -> bool:
    """Answers an editor on stdin and stdout until it goes. Returns whether it asked for the end before (`shutdown`)."""
    logging.getLogger("pygls.protocol.json_rpc").addFilter(_is_failure)
    server = _Server()
    server.start_io()
    return server.asked_to_end


def _is_failure(record: logging.LogRecord) -> bool:
    """Whether a line of the log is worth one: a refusal is an answer, and no failure of ours."""
    return record.exc_info is None or not isinstance(record.exc_info[1], JsonRpcException)


def _opened(server: _Server, params: types.DidOpenTextDocumentParams) -> None:
    server.read(params.text_document.uri)


def _changed(server: _Server, params: types.DidChangeTextDocumentParams) -> None:
    server.read(params.text_document.uri)


def _saved(server: _Server, params: types.DidSaveTextDocumentParams) -> None:
    server.read(params.text_document.uri)


def _closed(server: _Server, params: types.DidCloseTextDocumentParams) -> None:
    server.forget(params.text_document.uri)


def _ended(server: _Server, params: None) -> None:
    server.asked_to_end = True


def _complete(server: _Server, params: types.CompletionParams) -> types.CompletionList:
    return types.CompletionList(
        is_incomplete=False, items=complete(*server.place(params.text_document, params.position))
    )


def _hover(server: _Server, params: types.HoverParams) -> types.Hover | None:
    return hover(*server.place(params.text_document, params.position))


def _definition(server: _Server, params: types.DefinitionParams) -> list[types.Location]:
    buffer, offset = server.place(params.text_document, params.position)
    return _locations(buffer, params.text_document.uri, renaming.definitions(buffer, offset))


def _references(server: _Server, params: types.ReferenceParams) -> list[types.Location]:
    buffer, offset = server.place(params.text_document, params.position)
    found = renaming.references(buffer, offset)
    if not params.context.include_declaration:
        found = [each for each in found if each.given is None]
    return _locations(buffer, params.text_document.uri, found)


def _locations(buffer: Buffer, uri: str, mentions: list[Mention]) -> list[types.Location]:
    return [types.Location(uri, buffer.positions.range(*renaming.span(buffer, each))) for each in mentions]


def _may_rename(server: _Server, params: types.PrepareRenameParams) -> types.Range | None:
    buffer, offset = server.place(params.text_document, params.position)
    mention = renaming.under(buffer.mentions, offset)
    return None if mention is None else buffer.positions.range(*renaming.span(buffer, mention))


def _rename(server: _Server, params: types.RenameParams) -> types.WorkspaceEdit:
    buffer, offset = server.place(params.text_document, params.position)
    try:
        edits = list(renaming.renamed(buffer, offset, params.new_name))
    except InvalidError as error:
        raise JsonRpcException(str(error), code=types.LSPErrorCodes.RequestFailed) from None
    made = [types.TextEdit(buffer.positions.range(start, end), text) for start, end, text in edits]
    return types.WorkspaceEdit(changes={params.text_document.uri: made})


def _symbols(server: _Server, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
    return symbols(server.buffer(params.text_document.uri))


def _format(server: _Server, params: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
    buffer = server.buffer(params.text_document.uri)
    try:
        made = formatted(buffer.document)
    except DocumentError:
        return None  # the diagnostics say why
    except InvalidError as error:
        server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, str(error)))
        return None
    whole = buffer.positions.range(0, len(buffer.text))
    return [] if made == buffer.text else [types.TextEdit(whole, made)]


_FEATURES: dict[str, tuple[Callable[..., Any], Any]] = {
    types.TEXT_DOCUMENT_DID_OPEN: (_opened, None),
    types.TEXT_DOCUMENT_DID_CHANGE: (_changed, None),
    types.TEXT_DOCUMENT_DID_SAVE: (_saved, None),
    types.TEXT_DOCUMENT_DID_CLOSE: (_closed, None),
    types.SHUTDOWN: (_ended, None),
    types.TEXT_DOCUMENT_COMPLETION: (
        _complete,
        types.CompletionOptions(trigger_characters=["{", ".", '"', " ", "-", "["]),
    ),
    types.TEXT_DOCUMENT_HOVER: (_hover, None),
    types.TEXT_DOCUMENT_DEFINITION: (_definition, None),
    types.TEXT_DOCUMENT_REFERENCES: (_references, None),
    types.TEXT_DOCUMENT_PREPARE_RENAME: (_may_rename, None),
    types.TEXT_DOCUMENT_RENAME: (_rename, types.RenameOptions(prepare_provider=True)),
    types.TEXT_DOCUMENT_DOCUMENT_SYMBOL: (_symbols, None),
    types.TEXT_DOCUMENT_FORMATTING: (_format, None),
}
