# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs on stderr: structlog for the gateway, the standard library's records of everything else in the same form.

No token, key, secret or credential is ever given to a logger. As a second line, what looks like one is blacked out.
"""

import logging
import sys
from typing import Any

import structlog
from structlog.dev import plain_traceback

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
        # A plain traceback: the one of `rich`, where that is installed, shows every local variable, passwords too
        else [
            _black_out,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain_traceback),
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


def _black_out(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Replaces what looks like a secret, in any text of the record."""
    return {name: redacted(value) if isinstance(value, str) else value for name, value in event.items()}
