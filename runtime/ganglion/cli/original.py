# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the first MOVA command line had and that have no meaning here: they are named, with what to use."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from ganglion.errors import UsageError


class Instead(argparse.Action):
    """An option that is refused. `const` is the sentence that says what to use."""

    def __init__(self, option_strings: Sequence[str], dest: str, const: str) -> None:
        super().__init__(
            option_strings, dest, nargs="?", const=const, default=argparse.SUPPRESS, help=argparse.SUPPRESS
        )

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> NoReturn:
        raise UsageError(f"{option_string} is not known here: {self.const}")
