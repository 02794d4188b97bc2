# SPDX-License-Identifier: GPL-3.0-or-later
"""What pages are made of: headings, buttons, states, tables that change in place."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from nicegui import ui

from ganglion_gateway.dashboard.words import Say

Action = Callable[[], Awaitable[Any] | Any]

#: Letters of a text, and of a single word, that a cell of a table does not break.
_SHORT, _WORD = 12, 24


def attribute(value: str) -> str:
    """A text inside a double-quoted attribute of `props`."""
    return "".join(letter if letter.isprintable() and letter not in '"\\' else " " for letter in value)


def tagged(tag: str, caption: str) -> ui.label:
    """A text in an element of a name."""
    label = ui.label(caption)
    label.tag = tag
    return label


def button(caption: str, action: Action | None = None, *, kind: str = "button", main: bool = False) -> ui.element:
    """A button.

    Args:
        kind: `button`, or `submit` in a form.
        main: It is what the page is there for.
    """
    made = ui.element("button").classes("g-button g-main-button" if main else "g-button").props(f'type="{kind}"')
    if action is not None:
        made.on("click", action)
    with made:
        ui.label(caption)
    return made


def card(heading: str = "") -> ui.element:
    """A section with a heading; a context manager."""
    made = ui.element("section").classes("g-card g-section")
    if heading:
        made.props(f'aria-label="{attribute(heading)}"')
        with made:
            tagged("h2", heading)
    return made


def choice(label: str, options: dict[Any, str], value: Any, changed: Callable[[Any], Any]) -> ui.select:
    """One of a few.

    Args:
        options: What each is called.
        changed: Is called with another one.
    """
    made = ui.select(options, value=value, on_change=lambda event: changed(event.value))
    made.props(f'dense outlined options-dense aria-label="{attribute(label)}"').classes("g-field")
    return made


def field(
    label: str,
    value: str = "",
    changed: Callable[[str], Any] | None = None,
    *,
    find: bool = False,
    secret: bool = False,
) -> ui.input:
    """A line to write in.

    Args:
        changed: Is called with what is written, a moment after the last letter.
        find: The key `/` goes there.
        secret: It is a password.
    """
    on_change = None if changed is None else (lambda event: changed((event.value or "").strip()))
    made = ui.input(label, value=value, password=secret, on_change=on_change)
    made.props(f'dense outlined debounce="300" aria-label="{attribute(label)}"').classes("g-field")
    if find:
        made.props('clearable type="search" data-find')
    return made


class Cell(NamedTuple):
    """What stands in a cell.

    Attributes:
        text: As people read it.
        state: `good`, `warn` or `bad` for a coloured dot before it; "" for none.
        link: Where it leads.
        hint: What a pointer over it tells.
        more: A second, fainter line.
    """

    text: str
    state: str = ""
    link: str = ""
    hint: str = ""
    more: str = ""


class Row(NamedTuple):
    """A line of a table.

    Attributes:
        key: What it is about; a line with another key is another line.
        cells: One for each column.
        actions: Captions and what they do; they are taken when the line is made, so they may depend on the key alone.
    """

    key: str
    cells: Sequence[Cell]
    actions: Sequence[tuple[str, Action]] = ()


class Table:
    """A table that changes in place; on a phone each line is a card.

    Args:
        columns: Headings, in the reader's language.
        empty: What is said where no line is.
    """

    def __init__(self, columns: Sequence[str], *, empty: str, label: str = "") -> None:
        self._columns = columns
        self._shown: list[Row] = []
        self._lines: dict[str, list[ShownCell]] = {}
        with ui.element("div").classes("g-table-frame"):
            self._table = ui.element("table").classes("g-table")
            if label:
                self._table.props(f'aria-label="{attribute(label)}"')
            with self._table:
                with ui.element("thead"), ui.element("tr"):
                    for column in columns:
                        tagged("th", column).props('scope="col"')
                    ui.element("td")  # above what a line can be asked to do
                self._body = ui.element("tbody")
            self._empty = ui.label(empty).classes("g-faint g-empty").props('data-role="empty"')
        self.update([])

    def update(self, rows: Sequence[Row]) -> None:
        """Shows these lines; cells whose content is the same are left alone."""
        as_before = [(row.key, [each[0] for each in row.actions]) for row in rows] == [
            (row.key, [each[0] for each in row.actions]) for row in self._shown
        ]
        if as_before:
            for row in rows:
                for shown, cell in zip(self._lines[row.key], row.cells, strict=True):
                    shown.update(cell)
        else:
            self._body.clear()
            with self._body:
                self._lines = {row.key: self._line(row) for row in rows}
        self._shown = list(rows)
        self._table.set_visibility(bool(rows))
        self._empty.set_visibility(not rows)

    def _line(self, row: Row) -> "list[ShownCell]":
        with ui.element("tr").props(f'data-key="{attribute(row.key)}"'):
            cells = []
            for column, cell in zip(self._columns, row.cells, strict=False):
                with ui.element("td").props(f'data-label="{attribute(column)}"') as place:
                    cells.append(ShownCell(cell, place))
            if row.actions:
                with ui.element("td").classes("g-actions"):
                    for caption, action in row.actions:
                        button(caption, action).props(f'aria-label="{attribute(f"{caption} {row.key}")}"')
        return cells


def _is_short(caption: str) -> bool:
    """Whether it stays on one line where there is room: a name, a time, a word; broken it would be read twice."""
    return len(caption) <= _SHORT or (len(caption) <= _WORD and " " not in caption)


class ShownCell:
    """A cell that is shown."""

    def __init__(self, cell: Cell, place: ui.element) -> None:
        self._cell = Cell("")
        self._place = place.classes("g-none")  # where a phone shows no empty one
        self._element = ui.element("a" if cell.link else "span").classes("g-cell")
        with self._element:
            self._dot = ui.element("span").classes("g-dot").props('aria-hidden="true"')
            self._text = ui.label("")
            self._more = ui.label("").classes("g-more")
        self._dot.set_visibility(False)
        self._more.set_visibility(False)
        self.update(cell)

    def update(self, cell: Cell) -> None:
        before, self._cell = self._cell, cell
        if cell.text != before.text:
            self._text.set_text(cell.text)
            self._text.classes("g-short-text") if _is_short(cell.text) else self._text.classes(remove="g-short-text")
            self._place.classes(remove="g-none") if cell.text else self._place.classes("g-none")
        if cell.state != before.state:
            self._dot.classes(remove=f"g-{before.state}" if before.state else None, add=f"g-{cell.state}")
            self._dot.set_visibility(bool(cell.state))
        if cell.link != before.link:
            self._element.tag = "a" if cell.link else "span"
            self._element.props["href"] = cell.link
        if cell.hint != before.hint:
            self._element.props["title"] = cell.hint
        if cell.more != before.more:
            self._more.set_text(cell.more)
            self._more.set_visibility(bool(cell.more))


class Pages:
    """The way through a list that the API gives a page at a time.

    Args:
        turned: Is called when another page is asked for.
    """

    def __init__(self, say: Say, turned: Action) -> None:
        self.cursor: str | None = None
        self._before: list[str | None] = []
        self._next: str | None = None
        self._turned = turned
        self._bar = ui.element("div").classes("g-bar")
        with self._bar:
            self._back = button(say("Earlier"), self._go_back)
            self._on = button(say("More"), self._go_on)
        self.update(None)

    def update(self, following: str | None) -> None:
        """Takes `next` of the page that is shown."""
        self._next = following
        self._bar.set_visibility(bool(self._before or following))
        self._back.set_visibility(bool(self._before))
        self._on.set_visibility(bool(following))

    def begin(self) -> None:
        """Goes to the first page: what is asked for is another."""
        self.cursor = None
        self._before.clear()

    async def _go_on(self) -> None:
        self._before.append(self.cursor)
        self.cursor = self._next
        await self._turned()

    async def _go_back(self) -> None:
        self.cursor = self._before.pop()
        await self._turned()
