# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m ganglion.shims [--board sim|linux] [--config FILE] script.py [arguments]` runs a MicroPython script."""

import os
import sys

import ganglion

# The folder that it is called in is not CPython's to look in: a script's select.py is not the host's
if sys.path[0] == os.getcwd() and not ganglion.__path__[0].startswith(sys.path[0]):
    del sys.path[0]

import argparse
import threading
from pathlib import Path

from ganglion.errors import GanglionError
from ganglion.shims import board, restart, traces
from ganglion.shims.board.made import made
from ganglion.shims.run import run


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m ganglion.shims", description="Runs a MicroPython script.")
    parser.add_argument("--board", choices=["sim", "linux"], help="what is under `machine`; simulated without it")
    parser.add_argument("--config", type=Path, metavar="FILE", help="which pins, buses and chips the board has: TOML")
    parser.add_argument("script", type=Path)
    # None are needed, which CPython before 3.13 has to be told
    parser.add_argument("arguments", nargs=argparse.REMAINDER).required = False
    options = parser.parse_args(words)
    restart.by([sys.executable, *(["-P"] if sys.flags.safe_path else []), "-m", "ganglion.shims", *words])
    # What a callback or a thread of the script's does not catch is told as what the script does not
    sys.excepthook = lambda kind, error, trace: _tell(error)
    threading.excepthook = lambda said: _tell(said.exc_value)
    try:
        board.use(made(options.board, options.config))
        run(options.script, options.arguments)
    except GanglionError as error:
        print(f"ganglion.shims: {error}", file=sys.stderr)
        return error.exit_code
    except SystemExit:
        raise
    except BaseException as error:
        sys.stdout.flush()
        _tell(error)
        return 1
    return 0


def _tell(error: BaseException | None) -> None:
    if error is not None and not isinstance(error, SystemExit):
        sys.stderr.write(traces.text(error))
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
