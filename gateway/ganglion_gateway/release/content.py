# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the files of a release are right, as far as that can be said without a node."""

from collections.abc import Mapping

from ganglion.errors import InvalidError
from ganglion.guardian.restriction import Restriction
from ganglion.mova.compile import compile
from ganglion.mova.load import load
from ganglion.release import overlay
from ganglion.release.manifest import LIMITS, OVERLAY, SCRIPTS
from ganglion.sentences import say
from ganglion.settings import read


def check(files: Mapping[str, bytes]) -> None:
    """Returns where every file is what its name says.

    Raises:
        InvalidError: one is not; file, line and column are named, or the key.
    """
    names: dict[str, str] = {}
    for path, data in sorted(files.items()):
        if path.endswith(SCRIPTS):
            plan = compile(load(data, file=path))
            if (other := names.setdefault(plan.name, path)) != path:
                raise InvalidError(
                    say("the script {name!r} is in {other} already", name=plan.name, other=other), where=path
                )
        elif path == OVERLAY:
            overlay.check(overlay.parse(data, path), path)
        elif path == LIMITS:
            for i, table in enumerate(overlay.limits(overlay.parse(data, path), path)):
                read(Restriction, table, f"{path}: limit[{i}]")
