# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a script, with what is wrong with it underlined where it stands."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from nicegui import ui

from ganglion.client import documents
from ganglion_gateway.api.scripting import MAX_TEXT
from ganglion_gateway.dashboard import style
from ganglion_gateway.dashboard.visit import Visit

_SCRIPT = (Path(style.__file__).parent / "static" / "scripts.js").read_text(encoding="utf-8")
#: What a file may be called, and what it may not have.
_FILE = re.compile(r"[A-Za-z0-9_-]{1,50}\.(yaml|yml|json)")
_OTHER = re.compile(r"[^A-Za-z0-9_-]")
#: The rest of a word or of a text in quotes, which is underlined.
_WORD = re.compile(r"""("[^"\n]*"|'[^'\n]*'|[^\s,:\]\[{}]+|\S)""")
#: Findings that are underlined; more would make the editor slow.
_MOST = 200


class Editor:
    """The editor, and the name of the file in it.

    Nothing of the element is set from here once it is shown, but by its methods: with each of its properties the text
    as it is known here goes along, and undoes what was written there meanwhile.

    Args:
        changed: Is called when the text or its name is another.
        chosen: Is called when a file of the visitor's computer is open.
        keys: What keys of the editor do.
    """

    def __init__(
        self,
        visit: Visit,
        text: str,
        file: str,
        *,
        changed: Callable[[], None],
        chosen: Callable[[], None],
        keys: dict[str, Callable[[], Any]],
    ) -> None:
        self._visit = visit
        self._changed = changed
        self._chosen = chosen
        self._file = file
        self._language: Literal["JSON", "YAML"] = "YAML"
        self._area = ui.codemirror(
            text,
            language=self._language,
            theme="githubDark" if visit.dark else "githubLight",
            indent="  ",
            line_wrapping=True,
            keymap={key: lambda _, act=act: act() for key, act in keys.items()},
            on_change=lambda _: changed(),
        ).classes("g-editor")
        self._area.on("update:value", js_handler="() => window.ganglion.script.keep()")
        ui.add_head_html(f"<script>{_SCRIPT}</script>")
        ui.on("script-chosen", lambda event: self._choose(str(event.args)))
        ui.on("script-large", lambda _: self._large())

    @property
    def text(self) -> str:
        """What is written."""
        return self._area.value or ""

    @property
    def file(self) -> str:
        """What it is called."""
        return self._file

    async def begin(self) -> bool:
        """Takes what the browser has kept of before; whether there was something."""
        label = self._visit.say("The script; Esc and then Tab leave it")
        call = f"window.ganglion.script.begin({self._area.id}, {json.dumps(label)}, {json.dumps(self._file)})"
        found = await ui.run_javascript(f"return {call}", timeout=30)
        if found["dark"] != bool(self._visit.dark):
            self._area.run_method("setTheme", "githubDark" if found["dark"] else "githubLight")
        if found["file"] is not None:
            self.rename(_clean(found["file"]))
        return found["file"] is not None

    def open(self, text: str, file: str, *, is_of_address: bool = False) -> None:
        """Has another text be written.

        Args:
            is_of_address: The address names it, so that it need not be kept.
        """
        self.rename(_clean(file))
        of_address = json.dumps(is_of_address)
        ui.run_javascript(f"window.ganglion.script.open({json.dumps(text)}, {of_address})")

    def rename(self, file: str) -> bool:
        """Gives it another name; False where none can be of that."""
        if not _FILE.fullmatch(file):
            return False
        self._file = file
        language: Literal["JSON", "YAML"] = "JSON" if file.endswith(".json") else "YAML"
        if self._language != language:
            self._language = language
            self._area.run_method("setLanguage", language)
        ui.run_javascript(f"window.ganglion.script.named({json.dumps(file)})")
        self._changed()
        return True

    def jump(self, line: int, column: int) -> None:
        """Goes to a place, both from 1."""
        ui.run_javascript(f"window.ganglion.script.jump({int(line)}, {int(column)})")

    def mark(self, findings: list[documents.ScriptFinding]) -> None:
        """Underlines these, and tells them where a pointer is over their line."""
        text = self.text
        starts = [0, *(match.end() for match in re.finditer("\n", text))]
        marks: dict[tuple[int, int], dict[str, Any]] = {}
        tips: dict[int, str] = {}
        for each in findings[:_MOST]:
            line = min(each["line"], len(starts))
            start = min(starts[line - 1] + each["column"] - 1, len(text))
            word = _WORD.match(text, start)
            if word is None and start:
                start, word = start - 1, _WORD.match(text, start - 1)
            told = f"{each['message']} ({each['code']})"
            tips[line] = f"{tips[line]}\n{told}" if line in tips else told
            if word is not None:
                spec = {"kind": "mark", "from": start, "to": word.end(), "class": f"g-mark-{each['severity']}"}
                marks.setdefault((start, word.end()), spec)
        self._area.run_method("setDecorations", list(marks.values()))
        self._area.run_method("setLineTooltips", tips)

    def _choose(self, file: str) -> None:
        self.rename(_clean(file))
        self._chosen()

    def _large(self) -> None:
        most = f"{MAX_TEXT:,}".replace(",", " ")
        self._visit.complain(self._visit.say("A script has at most {most} letters.").format(most=most))


def _clean(file: str) -> str:
    """A name that a script may have, for one that it has elsewhere."""
    stem, _, end = file.rpartition(".")
    return f"{_OTHER.sub('_', stem)[:50] or 'script'}.{end}"
