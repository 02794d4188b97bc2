# SPDX-License-Identifier: GPL-3.0-or-later
"""What one release has that another has not."""

from collections.abc import Mapping
from difflib import unified_diff
from typing import Any

from ganglion.release.manifest import Manifest

#: Bytes of the files that are compared line by line; of larger ones it is said that they differ.
_LARGE = 256 * 1024


def changed_files(before: Manifest, after: Manifest) -> set[bytes]:
    """SHA-256 of what has to be read to say what is otherwise."""
    old, new = ({each.path: each.sha256 for each in one.files} for one in (before, after))
    paths = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    return {each for path in paths for each in (old.get(path), new.get(path)) if each is not None}


def diff(before: Manifest, after: Manifest, content: Mapping[bytes, bytes]) -> dict[str, Any]:
    """`{"files": [{"path", "change", "unified"}], "requires": […], "window": […], "agent": […]}`.

    What is as it was is left out.

    Args:
        content: By SHA-256, of `changed_files`.
    """
    old, new = ({each.path: each for each in one.files} for one in (before, after))
    files = []
    for path in sorted(old.keys() | new.keys()):
        was, is_ = old.get(path), new.get(path)
        if was is not None and is_ is not None and was.sha256 == is_.sha256:
            continue
        change = "added" if was is None else "removed" if is_ is None else "changed"
        texts = [b"" if each is None else content.get(each.sha256, b"") for each in (was, is_)]
        files.append({"path": path, "change": change, "unified": _unified(path, *texts)})
    found: dict[str, Any] = {"files": files}
    for name in ("requires", "window"):
        pair = [getattr(each, name) for each in (before, after)]
        if pair[0] != pair[1]:
            found[name] = [getattr(each, "document", each) for each in pair]
    before_agents, after_agents = ([f"{one.name} {one.id[:12]}" for one in each.agents] for each in (before, after))
    if before_agents != after_agents:
        found["agent"] = [before_agents, after_agents]
    return found


def _unified(path: str, before: bytes, after: bytes) -> str | None:
    """None where it is no text, or too long to compare."""
    if len(before) + len(after) > _LARGE:
        return None
    try:
        old, new = (each.decode().splitlines(keepends=True) for each in (before, after))
    except UnicodeDecodeError:
        return None
    lines = unified_diff(old, new, f"a/{path}", f"b/{path}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
