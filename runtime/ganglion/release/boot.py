# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a version of Ganglion that a release has brought: a script of the installed one, started by `launch` alone.

It has the last word where that version cannot: of what it dies on trial, or before it has even begun, it tells the
installed one, which starts again in the same process and leaves the release. One that hangs on trial is ended.
"""

import faulthandler
import json
import os
import sys
import traceback
from importlib import import_module
from typing import Any, NoReturn

#: What `launch` tells, which is also the guard against launching twice; and how the version ended, told to `launch`.
TOLD, DIED = "GANGLION_LAUNCHED", "GANGLION_DIED"
#: Letters of what it died of, and what a shell and Ctrl-C say.
_WHY, _STOPPED = 400, (0, 130)


def run() -> int:
    """Imports that version and has it do what the command line says; its exit code."""
    told = json.loads(os.environ[TOLD])
    sys.dont_write_bytecode = True
    sys.path[:] = [told["tree"], *told["path"]]
    if told["seconds"]:
        faulthandler.dump_traceback_later(told["seconds"], exit=True)
    is_imported, code = False, 0
    try:
        main = import_module("ganglion.cli.main").main  # of that version, which is on the path since just now
        is_imported = True
        code = int(main())
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException as error:
        traceback.print_exc()
        if is_imported and not told["trial"]:
            return 1
        again(told, "".join(traceback.format_exception_only(error)).strip())
    if told["trial"] and code not in _STOPPED:
        again(told, f"it ended with exit code {code}, and its log says why")
    return code


def again(told: dict[str, Any], why: str) -> NoReturn:
    """Starts the installed one, and tells it why."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.environ.pop(TOLD, None)
    os.environ[DIED] = json.dumps({"release": told["release"], "why": why[-_WHY:]})
    os.execve(told["argv"][0], told["argv"], dict(os.environ))  # noqa: S606 - what was started first


if __name__ == "__main__":
    sys.exit(run())
