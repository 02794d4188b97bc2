# SPDX-License-Identifier: GPL-3.0-or-later
"""What a flashing board does, as it does it: lines and a bar for people, lines of JSON for programs."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from ganglion.cli.show import plain
from ganglion.flash.run import Order

_BAR = 30


class Shown:
    """Shows events; it is the `Report` of a run.

    Args:
        as_json: Whether for programs.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._last = ("", -1)
        self._is_open = False  # a bar, that is not at its end
        self._steps: list[dict[str, Any]] = []

    def __call__(self, said: Mapping[str, Any]) -> None:
        """An event; see `ganglion.flash.plan.Report`."""
        if said["event"] == "progress":
            self._progress(said)
            return
        self._close()
        if said["event"] == "step":
            self._steps.append({key: value for key, value in said.items() if key != "event"})
        if self._as_json:
            print(json.dumps(said, ensure_ascii=False), flush=True)
        elif said["event"] == "step":
            print(_step(said), flush=True)
        else:
            print(f"-> {plain(said['text'])}", file=sys.stderr, flush=True)

    def end(self, text: str, *, order: Order, name: str, born: bool | None) -> None:
        """The last line."""
        self._close()
        if self._as_json:
            done = {"event": "end", "board": order.board.name, "name": name, "dry_run": order.dry, "born": born}
            print(json.dumps(done | {"steps": self._steps}, ensure_ascii=False))
        else:
            print(text)

    def _progress(self, said: Mapping[str, Any]) -> None:
        what, done, total = said["what"], said["done"], max(said["total"], 1)
        percent = done * 100 // total
        if self._last == (what, percent):
            return
        self._last = (what, percent)
        if self._as_json:
            print(json.dumps({**said, "percent": percent}), flush=True)
        elif sys.stderr.isatty():
            bar = "#" * (percent * _BAR // 100)
            sys.stderr.write(f"\r[{bar:<{_BAR}}] {percent:3} % {what}, {done} of {said['total']}\x1b[K")
            sys.stderr.flush()
            self._is_open = True

    def _close(self) -> None:
        if self._is_open:
            print(file=sys.stderr, flush=True)
        self._is_open = False
        self._last = ("", -1)


def _step(said: Mapping[str, Any]) -> str:
    size = f", {said['bytes']} bytes" if said["bytes"] else ""
    there = f"; there is {said['there']}" if said["there"] else ""
    if said["does"] == "keep":
        there = f" ({said['there']})" if said["there"] else ""
    return f"{said['does']:<10} {plain(said['what'])}{size}{there}"
