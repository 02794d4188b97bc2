# SPDX-License-Identifier: GPL-3.0-or-later
"""Has an edit live on a node: each time a document is saved it is checked, tested, and put on the node."""

import argparse
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

from ganglion.cli import gateway_flags, saves
from ganglion.cli.show import plain


def arguments(verbs: Any, common: argparse.ArgumentParser) -> None:
    """`ganglion mova watch FILE --node NODE`."""
    verb = verbs.add_parser("watch", parents=[common], help="have each edit live on a node, once it passes its tests")
    verb.add_argument("file", type=Path, metavar="FILE", help="a document, JSON or YAML")
    verb.add_argument("--node", required=True, metavar="NODE", help="its name or id; PARENT/LEAF for a leaf of it")
    verb.add_argument("--once", action="store_true", help="put it there as it is now, and end")
    gateway_flags.arguments(verb)


def watched(args: argparse.Namespace) -> None:
    """Follows the file until Ctrl-C; see `Live`. What runs then stays, under the name that the document has now.

    Raises:
        GanglionError: with `--once`, what is wrong; there is no such file.
    """
    from ganglion.cli import gateway_client
    from ganglion.cli.live import Live
    from ganglion.cli.script_file import compiled
    from ganglion.cli.scripts_node import scripts_of

    tell = partial(say, args)
    if args.once:
        plan = compiled(args.file)  # what is wrong with it, nobody has to be asked
        answer = scripts_of(gateway_client.find(args), args.node).put(plan)
        tell({"live": True, **answer}, f"live on {args.node}: {plain(answer['name'])} {plain(answer['hash'])[:12]}")
        return
    edited = saves.Saves(args.file)
    first = edited.first()
    live = Live(scripts_of(gateway_client.find(args), args.node), args.node, args.file, tell)
    live.save(first)
    while True:
        if (data := edited.look()) is not None:
            live.save(data)
        live.look()
        time.sleep(saves.LOOK)


def say(args: argparse.Namespace, document: dict[str, Any], text: str) -> None:
    """A line: a document with `--json`, else text for people."""
    print(json.dumps(document, ensure_ascii=False) if args.json else text, flush=True)
