# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node runs at a start: its own configuration, or that with a release over it.

    begun = begin(folder, path, clock)      # begun.config is what to run
    begun.broke(error)                      # whether the next start runs something else

A start of a trial is counted before it is tried, and nothing here needs a network: a release on trial that cannot run
is left. One that was kept stands in the place of the node's own file: an error in it later ends the node as one there
does, but where its files are damaged the node's own configuration runs until they are fetched anew.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganglion import config
from ganglion.config import Config
from ganglion.errors import GanglionError
from ganglion.release import overlay
from ganglion.release.folder import Folder
from ganglion.release.launch import Launched, ended_often
from ganglion.release.manifest import LIMITS, OVERLAY, Manifest
from ganglion.release.record import OWN, TRIAL_STARTS, Record
from ganglion.release.trees import pointed

_log = logging.getLogger(__name__)

#: Seconds of the trial of a node's own configuration, in whose place a release was.
OWN_WINDOW = 10


@dataclass(slots=True, kw_only=True)
class Begun:
    """One start of a node.

    Attributes:
        config: What it runs.
        release: The release in it; None for its own configuration alone.
        record: As it is on the disk.
        relinked: What is on trial says otherwise than what ran before how the others are reached.
        settled: Called when what runs is on trial no more.
        launched: By which Ganglion it runs.
    """

    folder: Folder
    clock: Callable[[], int]
    config: Config
    release: Manifest | None
    record: Record
    relinked: bool = False
    settled: Callable[[], None] = lambda: None
    launched: Launched = field(default_factory=Launched)

    @property
    def window(self) -> int:
        """Seconds of its trial."""
        return OWN_WINDOW if self.release is None else self.release.window

    @property
    def trial(self) -> bool:
        """Whether what runs has yet to prove itself."""
        return self.record.trial is not None

    def save(self, record: Record) -> None:
        """Has this be known from now on; it is on the disk when this returns. The same again writes nothing."""
        if record != self.record:
            was_trial = self.trial
            self.folder.save(record)
            self.record = record
            if was_trial and not self.trial:
                self.settled()

    def broke(self, error: Exception) -> bool:
        """What runs ended by an error. Whether it was on trial, and the next start runs what was before it."""
        if not self.trial:
            return False
        self.save(self.record.reverted(f"the node ended: {_said(error)}", self.clock()))
        return True


def begin(
    folder: Folder,
    path: Path,
    clock: Callable[[], int],
    launched: Launched = Launched(),  # noqa: B008 - frozen
) -> Begun:
    """The next start, counted.

    Args:
        folder: The node's releases.
        path: The node's own configuration.
        clock: Nanoseconds since the Unix epoch.
        launched: By which Ganglion it runs, and what was counted already.

    Raises:
        OtherError: what is to run is to be run by another Ganglion than this one.
        GanglionError: the node's own configuration is wrong, and nothing else is there to run.
    """
    known = folder.load()
    if known.number == 0:
        settings = config.load(path)
        return Begun(folder=folder, clock=clock, config=settings, release=None, record=known, launched=launched)
    record = known
    if record.trial is not None and record.trial != launched.counted:
        if record.starts >= TRIAL_STARTS:
            record = record.reverted(ended_often(folder.path.parent), clock())
        record = record.started()
    known = _written(folder, known, record)
    while True:
        try:
            if launched.unfit == known.runs:
                raise _DamagedError(launched.why)
            release = _whole(folder, known.runs)
            if _agent(folder, known.runs) != launched.agent:
                if launched.agent or known.trial is None:
                    raise OtherError("another Ganglion is to run than this one")
                raise _DamagedError("its Ganglion is another than the installed one, and does not run")
            settings = config.load(path, None if release is None else _over(folder, known.runs, release))
        except OtherError:
            raise
        except GanglionError as error:
            is_damaged = isinstance(error, _DamagedError)
            if known.trial is None and not is_damaged:
                raise
            _log.error("the release %s is left: %s", known.runs[:12] or "none", error)
            left = known.lost(str(error), clock()) if known.trial is None else known.reverted(str(error), clock())
            known = _written(folder, known, left)
        else:
            relinked = known.trial is not None and _relinks(folder, path, known, settings)
            return Begun(
                folder=folder,
                clock=clock,
                config=settings,
                release=release,
                record=known,
                relinked=relinked,
                launched=launched,
            )


def _relinks(folder: Folder, path: Path, known: Record, tried: Config) -> bool:
    """Whether what is on trial reaches the others in another way than what ran before; also where nobody can say."""
    try:
        release = _whole(folder, known.current)
        before = config.load(path, None if release is None else _over(folder, known.current, release))
    except GanglionError:
        return True
    return before.brokers != tried.brokers or "mesh" in config.changed(before, tried)


class OtherError(GanglionError):
    """The next start runs another Ganglion."""


class _DamagedError(GanglionError):
    """A release is not on the disk as it should be."""


def _written(folder: Folder, known: Record, record: Record) -> Record:
    """The record that holds: where the disk takes nothing a trial could not be counted, so there is none."""
    if record == known:
        return record
    try:
        folder.save(record)
    except OSError as error:
        _log.error("%s cannot be written: %s", folder.path, error.strerror)
        if record.trial is not None:
            return record.reverted("the node's disk takes nothing", 0)
    return record


def _whole(folder: Folder, release: str) -> Manifest | None:
    if release == OWN:
        return None
    found = folder.whole(release)
    if found is None:
        raise _DamagedError(f"the files of the release {release[:12]} on this node are damaged")
    return found


def _agent(folder: Folder, release: str) -> str:
    if release == OWN:
        return ""
    try:
        return pointed(folder.path / release).id
    except ValueError as error:
        raise _DamagedError(str(error)) from None


def _over(folder: Folder, release: str, found: Manifest) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def tables(name: str) -> dict[str, Any]:
        if found.find(name) is None:
            return {}
        return overlay.parse(folder.file(release, name).read_bytes(), f"{name} of the release {found.name}")

    over, limited = tables(OVERLAY), tables(LIMITS)
    overlay.check(over, f"{OVERLAY} of the release {found.name}")
    limit = overlay.limits(limited, LIMITS) if limited else []
    scripts = [str(folder.file(release, each.path)) for each in found.scripts]
    return lambda own: overlay.laid(own, over, limit, scripts)


def _said(error: BaseException) -> str:
    """The first of what went wrong."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, GanglionError):
        return str(error)
    return f"{type(error).__name__}: {error}".rstrip(": ")  # as `'x'` of a KeyError says nothing alone
