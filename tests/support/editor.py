# SPDX-License-Identifier: GPL-3.0-or-later
"""An editor for tests: a client of the Language Server Protocol, with `ganglion mova lsp` in a process of its own."""

import json
import re
import subprocess
import sys
from typing import Any

CURSOR = "|"


class RequestError(Exception):
    """The server answered with an error."""


class Editor:
    """A session from `initialize` on. Positions are in UTF-16, or in what `encodings` asks for.

    Args:
        encodings: What the client says it knows; nothing said means UTF-16.
    """

    def __init__(self, *encodings: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ganglion", "mova", "lsp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._last = 0
        self._versions: dict[str, int] = {}
        self.messages: list[dict[str, Any]] = []
        self.diagnostics: dict[str, list[dict[str, Any]]] = {}
        general = {"general": {"positionEncodings": list(encodings)}} if encodings else {}
        params = {"processId": None, "rootUri": None, "capabilities": general}
        self.capabilities = self.request("initialize", params)["capabilities"]
        self.notify("initialized", {})

    def raw(self, data: bytes) -> None:
        """Sends bytes as they are."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message: dict[str, Any]) -> None:
        """Sends one message."""
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.raw(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def notify(self, method: str, params: Any) -> None:
        """Sends what needs no answer."""
        self.send({"method": method, "params": params})

    def request(self, method: str, params: Any) -> Any:
        """The answer to a request; what the server says until then is kept."""
        self._last += 1
        self.send({"id": self._last, "method": method, "params": params})
        while (message := self._receive()).get("id") != self._last:
            if message.get("method") == "textDocument/publishDiagnostics":
                self.diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
            else:
                self.messages.append(message)
        if "error" in message:
            raise RequestError(message["error"]["message"])
        return message["result"]

    def _receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        length = 0
        while line := self.process.stdout.readline().strip():
            if found := re.fullmatch(rb"Content-Length: (\d+)", line):
                length = int(found[1])
        assert length, "the server went away"
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return message

    def open(self, text: str, uri: str = "file:///x.yaml", language: str = "") -> None:
        """Opens a document."""
        self._versions[uri] = 1
        item = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def change(self, text: str, uri: str = "file:///x.yaml") -> None:
        """Gives a document another text."""
        self._versions[uri] += 1
        document = {"uri": uri, "version": self._versions[uri]}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]})

    def ask(self, method: str, line: int = 0, character: int = 0, uri: str = "file:///x.yaml", **more: Any) -> Any:
        """The answer to a request about a place in a document."""
        place = {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
        return self.request(f"textDocument/{method}", {**place, **more})

    def found(self, uri: str = "file:///x.yaml") -> list[dict[str, Any]]:
        """The diagnostics of a document as it is now."""
        self.ask("documentSymbol", uri=uri)  # whose answer comes after them
        return self.diagnostics[uri]

    def close(self, *, politely: bool = True) -> tuple[int, str]:
        """Ends the session, and returns the exit code and what was written to stderr."""
        if politely:
            self.request("shutdown", None)
        self.notify("exit", None)
        code = self.process.wait(30)
        assert self.process.stderr is not None
        said = self.process.stderr.read().decode()
        self.__exit__()
        return code, said

    def __enter__(self) -> "Editor":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None  # all three are pipes
            stream.close()


def cursor(text: str) -> tuple[str, int, int]:
    """A text without its `|`, and the line and character of UTF-16 where that was."""
    before, _, after = text.partition(CURSOR)
    last = before.rpartition("\n")[2]
    return before + after, before.count("\n"), len(last.encode("utf-16-le")) // 2


def cut(text: str, span: dict[str, Any]) -> str:
    """The text of a range in UTF-16."""
    lines = text.split("\n")
    start, end = span["start"], span["end"]

    def at(place: dict[str, int]) -> int:
        line = lines[place["line"]].encode("utf-16-le")[: 2 * place["character"]].decode("utf-16-le")
        return sum(len(each) + 1 for each in lines[: place["line"]]) + len(line)

    return text[at(start) : at(end)]
