# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/dashboard.md: it has every page of the menu and of a node, by its title and address, and no other."""

import re
from pathlib import Path

from ganglion_gateway.dashboard.page import PAGES

PAGE = Path(__file__).parents[2] / "docs" / "dashboard.md"


def test_the_table_has_the_pages_and_no_others() -> None:
    rows = re.findall(r"^\| ([^|]+) \| `(/[^`]*)` \|", PAGE.read_text(), re.MULTILINE)
    said = {re.sub(r"[A-Z]+", "", path): title for title, path in rows}
    there = {re.sub(r"\{\w+\}", "", page.path): page for page in PAGES if page.key or "{node}" in page.path}
    assert set(said) == set(there)
    for path, page in there.items():
        if page.key:
            assert said[path] == page.title
