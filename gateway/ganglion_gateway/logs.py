# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs on stderr: structlog for the gateway, the standard library's records of everything else in the same form.

No token, key, secret or credential is ever given to a logger. As a second line, what looks like one is blacked out.
"""

import logging
import sys
from io import StringIO
from typing import Any, TextIO

import structlog
from structlog.dev import plain_traceback
from structlog.typing import ExcInfo

from ganglion.redacted import redacted


def configure(level: str, *, as_json: bool) -> None:
    """Sets logging up for the process.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        as_json: One JSON document a line, for a collector; else lines for people.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    shown: list[Any] = (
        [structlog.processors.format_exc_info, _black_out, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if as_json
        else [
            _black_out,
            _printable,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_traceback),
        ]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for quiet in ("httpx", "httpcore", "uvicorn.access", "alembic", "sqlalchemy", "engineio", "socketio"):
        logging.getLogger(quiet).setLevel(logging.WARNING)


def _traceback(to: TextIO, error: ExcInfo) -> None:
    """A plain traceback: that of `rich`, where it is installed, shows every local variable, passwords too."""
    written = StringIO()
    plain_traceback(written, error)
    to.write(redacted(written.getvalue()).translate(_CONTROLS))


def _printable(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Has no text command the terminal that it is shown on: nodes and strangers have a say in some."""
    return {name: value.translate(_CONTROLS) if isinstance(value, str) else value for name, value in event.items()}


#: But for tabs and line breaks, which values in quotes have as `\t` and `\n`.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code not in (9, 10)}


def _black_out(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Replaces what looks like a secret, in any text of the record."""
    return {name: redacted(value) if isinstance(value, str) else value for name, value in event.items()}
