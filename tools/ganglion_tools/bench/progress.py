# SPDX-License-Identifier: GPL-3.0-or-later
"""What a bench is at: a line on stderr for each part as it begins, and nothing on stdout but the figures."""

import sys


def begins(bench: str, part: str) -> None:
    """Says that a part begins: some take a minute and more."""
    print(f"bench {bench}: {part}", file=sys.stderr, flush=True)
