# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks MOVA documents, and runs their protocols on this machine."""

import argparse

from ganglion.cli import (
    language,
    mova_author,
    mova_check,
    mova_fmt,
    mova_intent,
    mova_lsp,
    mova_plan,
    mova_run,
    mova_sessions,
    mova_test,
    mova_trace,
    mova_watch,
)
from ganglion.cli.result import Result


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion mova check|parse|compile|graph|run|trace|test|init|schema|diff|fmt|lsp|watch|sessions|intent`."""
    common = language.option(parser, common)
    mova_run.service_arguments(parser, None)
    mova_sessions.store_argument(parser, None)
    verbs = parser.add_subparsers(required=True, metavar="<verb>", dest="verb")
    mova_check.arguments(verbs, common)
    mova_plan.arguments(verbs, common)
    mova_test.arguments(verbs, common)
    mova_author.arguments(verbs, common)
    mova_fmt.arguments(verbs, common)
    mova_lsp.arguments(verbs, common)
    mova_watch.arguments(verbs, common)
    mova_run.arguments(verbs, common)
    mova_trace.arguments(verbs, common)
    mova_sessions.arguments(verbs, common)
    mova_intent.arguments(verbs, common)


def run(args: argparse.Namespace) -> Result | None:
    """Runs the verb. Exit codes: 0 ok, 1 invalid or failed, 3 no such file."""
    return language.spoken(_verb, args)


def _verb(args: argparse.Namespace) -> Result | None:
    match args.verb:
        case "run":
            return mova_run.performed(args)
        case "trace":
            return mova_trace.shown(args)
        case "parse":
            return mova_plan.parsed(args)
        case "compile":
            return mova_plan.compiled(args)
        case "test":
            return mova_test.tested(args)
        case "watch":
            mova_watch.watched(args)
            return None
        case "intent":
            return mova_intent.recognised(args)
        case "init":
            return mova_author.begun(args)
        case "schema":
            return mova_author.described()
        case "diff":
            return mova_author.compared(args)
        case "fmt":
            return mova_fmt.laid_out(args)
        case "lsp":
            mova_lsp.served()
            return None
        case "graph":
            return mova_plan.drawn(args)
        case "sessions":
            return mova_sessions.managed(args)
    return mova_check.checked(args)
