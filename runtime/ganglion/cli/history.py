# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what a node has read before, as its own disk has it, and what can be said of it."""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from ganglion.cli import gateway_flags, option
from ganglion.cli.result import Result, table
from ganglion.cli.show import ago, plain
from ganglion.errors import NotFoundError, UsageError
from ganglion.units import SECOND

#: Seconds that the node has for a page.
_PAGE = 60.0
#: Lines of anomalies and of changes for people.
_SHOWN = 10
_NAMES = {"forecast": "Holt-Winters", "naive": "the last value", "seasonal_naive": "that of a season ago"}


#: Options that say nothing where no topic is asked for.
_OF_READINGS = ("analyse", "season", "since", "until", "every", "newest", "limit", "csv")


def arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """`ganglion history NODE [TOPIC]`."""
    parser.add_argument("node", metavar="NODE", help="its name or id")
    parser.add_argument("topic", metavar="TOPIC", nargs="?", help="an MQTT topic filter; without one: what is kept")
    parser.add_argument("--since", metavar="TIME", help="how long ago it begins; default: 1h, or all to --analyse")
    parser.add_argument("--until", metavar="TIME", help="how long ago it ends; default: now")
    parser.add_argument("--every", metavar="TIME", help="mean, least and greatest of each interval, as in 1m")
    parser.add_argument("--newest", action="store_true", help="the last first")
    parser.add_argument("--limit", type=int, metavar="N", help="so many at most")
    parser.add_argument("--csv", action="store_true", help="comma-separated values, as they come")
    parser.add_argument("--analyse", action="store_true", help="anomalies, changes, and with --season a forecast")
    parser.add_argument("--season", metavar="TIME", help="the time after which the course repeats, as in 1d")
    gateway_flags.arguments(parser)


def run(args: argparse.Namespace) -> Result | None:
    """Exit codes: 0 ok, 2 usage, 3 no such node, or it keeps no history, 4 refused, 5 no answer."""
    if args.csv and (args.json or args.analyse):
        raise UsageError("--csv shows readings: not with --json and not with --analyse")
    if args.limit is not None and args.limit < 1:
        raise UsageError(f"--limit {args.limit}: at least 1")
    for name in ("since", "until"):
        if (text := getattr(args, name)) is not None:
            option.duration(text, f"--{name}")
    if args.every is not None and not option.duration(args.every, "--every"):
        raise UsageError(f"--every {args.every}: an interval takes time, as 1m does; leave it out for each reading")
    if args.topic is None:
        if given := [name for name in _OF_READINGS if getattr(args, name) not in (None, False)]:
            which = "one series" if args.analyse else "a TOPIC, such as sensor/#"
            raise UsageError(f"--{given[0]} is for readings: name {which}; without one there is only what is kept")
        return _kept(args)
    if args.analyse:
        return _analysis(args)
    if args.season is not None:
        raise UsageError("--season is for --analyse")
    rows = islice(_rows(args, args.since or "1h", newest=args.newest), args.limit)
    columns = _columns(args)
    if args.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        for time, topic, *rest in rows:
            writer.writerow([_stamp(time), plain(topic), *map(_cell, rest)])
        return None
    found = list(rows)
    return Result(
        data={"columns": columns, "rows": found},
        text=lambda: table(columns, [[_moment(row[0]), *map(plain, row[1:])] for row in found]) if found else "nothing",
    )


def _columns(args: argparse.Namespace) -> list[str]:
    return ["time", "topic", *(["count", "mean", "least", "greatest"] if args.every else ["value"])]


def _rows(args: argparse.Namespace, since: str | None, *, newest: bool) -> Iterator[list[Any]]:
    """All rows, page after page, with the names of their topics."""
    params: dict[str, Any] = {"topic": args.topic, "order": "newest" if newest else "oldest"}
    times = {"since": since, "until": args.until, "every": args.every}
    params |= {key: text for key, text in times.items() if text is not None}
    while True:
        page = _asked(args, "history.query", params)
        for row in page["rows"]:
            yield [row[0], page["topics"][row[1]], *row[2:]]
        if page["next"] is None:
            return
        params["at"] = page["next"]


def _asked(args: argparse.Namespace, method: str, params: dict[str, Any]) -> dict[str, Any]:
    from ganglion.cli import gateway_client

    try:
        result: dict[str, Any] = gateway_client.find(args).command(args.node, method, params, timeout=_PAGE)["result"]
    except NotFoundError as error:
        if method in str(error):
            raise NotFoundError(f"{args.node} keeps no history: write [history] into its configuration") from None
        raise
    return result


def _kept(args: argparse.Namespace) -> Result:
    told = _asked(args, "history.stats", {})
    return Result(data=told, text=lambda: table(("what", "figure"), list(_figures(told))))


def _figures(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    now = int(datetime.now(UTC).timestamp()) * SECOND
    yield "topics", plain(", ".join(told["topics"]))
    yield "age", f"{told['age'] / (86400 * SECOND):g} d of running"
    yield "readings", plain(told["readings"])
    for name in ("earliest", "latest"):
        if told[name] is not None:
            yield name, f"{_moment(told[name])} ({ago(told[name], now)})"
    yield "bytes", f"{plain(told['bytes'])} of {plain(told['limit'])}, in {plain(told['segments'])} files"
    written = told["written"]
    yield "written since the start", f"{plain(written['bytes'])} bytes, {plain(written['syncs'])} syncs"
    if written["bytes_per_reading"] is not None:
        yield "bytes per reading", plain(written["bytes_per_reading"])
    yield "waiting", plain(told["waiting"])
    yield "lost", plain(told["lost"])
    yield "refused", plain(told["refused"])
    if told["error"]:
        yield "error", plain(told["error"])


def _analysis(args: argparse.Namespace) -> Result:
    from ganglion.analytics.analyser import Terms
    from ganglion.analytics.report import Report

    every = 0 if args.every is None else option.duration(args.every, "--every")
    season = 0 if args.season is None else option.duration(args.season, "--season")
    if season and (not every or season % every or season < 2 * every):
        raise UsageError("--season has steps: give --every too, of which it is a multiple, as in --every 10m")
    if args.newest or args.limit is not None:
        raise UsageError("--analyse looks at all of it, in its order: not with --newest or --limit")
    report = Report(Terms(every=every, season=season // every if season else 0))
    topics: set[str] = set()
    for time, topic, *rest in _rows(args, args.since, newest=False):
        topics.add(topic)
        if len(topics) > 1:
            raise UsageError(f"--analyse takes one series, and there are {', '.join(map(plain, sorted(topics)))}, …")
        value = rest[1] if every else rest[0]  # of an interval the mean
        if isinstance(value, int | float):
            report.take(time, float(value))
    if not topics:
        raise NotFoundError(f"{args.node} has nothing on {plain(args.topic)} in that time")
    found = {"topic": topics.pop(), **report.document()}
    return Result(data=found, text=lambda: "\n".join(_told(found)))


def _told(found: dict[str, Any]) -> Iterator[str]:
    steps = f"{plain(found['topic'])}: {plain(found['steps'])} steps"
    yield steps if found["from"] is None else f"{steps}, {_moment(found['from'])} to {_moment(found['to'])}"
    if found["missing"]:
        yield f"{found['missing']} more are needed to say anything"
        return
    for what in ("anomalies", "changes"):
        newest: Sequence[dict[str, Any]] = found[what]["newest"]
        yield f"\n{what}: {found[what]['count']}"
        for each in newest[-_SHOWN:]:
            yield f"  {_moment(each['time'])}  {_line(each)}"
    if (forecast := found["forecast"]) is not None:
        yield f"\nnext step: {forecast['next']:.4g}; errors of {forecast['steps']} forecasts of one step:"
        rows = [
            (_NAMES[name], f"{each['mae']:.3f}", "" if each["mase"] is None else f"{each['mase']:.3f}")
            for name, each in forecast["errors"].items()
        ]
        yield table(("forecast", "MAE", "MASE"), rows)


def _line(each: dict[str, Any]) -> str:
    if "zscore" in each:
        return f"{each['value']:.4g}, {each['zscore']:+.1f} deviations"
    return f"{'up' if each['up'] else 'down'}, since {_moment(each['since'])}"


def _cell(value: Any) -> Any:
    return value if type(value) in (int, float) else plain(value)


def _moment(at: int) -> str:
    """Day and time of this machine's zone, to the second."""
    return f"{datetime.fromtimestamp(at // SECOND, UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def _stamp(at: int) -> str:
    """ISO 8601 in UTC, to the microsecond."""
    seconds, rest = divmod(at, SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06}Z"
