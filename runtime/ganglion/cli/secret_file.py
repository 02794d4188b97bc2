# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of webhooks: out of a file, as the list of processes shows everybody the words of a command; and said."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganglion.cli.show import moment, plain
from ganglion.errors import InvalidError, NotFoundError, unread


def secret_in(path: Path | None) -> str | None:
    """The secret in a file; None where no file is named.

    Raises:
        NotFoundError: there is no such file.
        InvalidError: it cannot be read, or is no text.
    """
    if path is None:
        return None
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist; without --secret-file a secret is made") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(unread(error), where=str(path)) from None


def rotated(one: Mapping[str, Any], does: str) -> str:
    """What is said of a secret that was replaced. `does`: what the one before does for a while, as in `signs`."""
    until = one["former_until"]
    both = f"\nthe one before {does}, too, until {moment(until)}" if until else ""
    return f"secret of {plain(one['id'])}, shown this once: {plain(one['secret'])}{both}"
