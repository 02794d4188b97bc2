# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m ganglion_tools.audit`: known vulnerabilities of the packages that come with Ganglion, by pip-audit.

All extras count but `dev`, which nobody installs on a device or a gateway. It fails where there is a vulnerability.
Where the index has no advisories, as a mirror has not, or does not answer, it says so, and fails nobody's build.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

#: Seconds that the service of advisories has for all packages.
_PATIENCE = 300


def shipped(root: str = "ganglion", without: Iterable[str] = ("dev",)) -> dict[str, str]:
    """The version of each installed package that some extra of `root` brings, by its name."""
    extras = set(metadata.metadata(root).get_all("Provides-Extra") or ()) - set(without)
    found: dict[str, str] = {}
    waiting = [(root, frozenset(extras))]
    seen = set(waiting)
    while waiting:
        name, wanted = waiting.pop()
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # an extra that this machine has not, or another platform's
        if name != root:
            found[name] = distribution.version
        for text in distribution.requires or ():
            requirement = Requirement(text)
            marker = requirement.marker
            if marker is not None and not any(marker.evaluate({"extra": extra}) for extra in wanted | {""}):
                continue
            following = (re.sub(r"[-_.]+", "-", requirement.name).lower(), frozenset(requirement.extras))
            if following not in seen and following[0] != root:
                seen.add(following)
                waiting.append(following)
    return found


def verdict(report: dict[str, list[dict[str, object]]]) -> tuple[list[str], int, int]:
    """A line for each vulnerability of pip-audit's report; how many packages were judged, and how many were not."""
    lines, judged, unknown = [], 0, 0
    for package in report["dependencies"]:
        if "skip_reason" in package:
            unknown += 1
            continue
        judged += 1
        for vulnerability in package["vulns"]:  # type: ignore[attr-defined]
            fixed = ", ".join(vulnerability["fix_versions"]) or "none yet"
            lines.append(f"{package['name']} {package['version']}: {vulnerability['id']}, mended in {fixed}")
    return lines, judged, unknown


def main() -> int:
    """0 where nothing is known against what comes with Ganglion, 1 where something is."""
    with tempfile.TemporaryDirectory() as folder:
        asked, told = Path(folder, "packages.txt"), Path(folder, "report.json")
        asked.write_text("".join(f"{name}=={version}\n" for name, version in sorted(shipped().items())))
        command = [sys.executable, "-m", "pip_audit", "--progress-spinner=off", "--no-deps", "--disable-pip"]
        command += [f"--requirement={asked}", "--format=json", f"--output={told}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE)  # noqa: S603 - our own
        except subprocess.TimeoutExpired:
            print(f"audit: no advisories came within {_PATIENCE} s: nothing was judged", file=sys.stderr)
            return 0
        if not told.exists():
            said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            print(f"audit: the advisories cannot be had: {said}: nothing was judged", file=sys.stderr)
            return 0
        lines, judged, unknown = verdict(json.loads(told.read_text()))
    for line in lines:
        print(line, file=sys.stderr)
    print(f"audit: {len(lines)} known vulnerabilities in {judged} packages; {unknown} the index knows nothing of")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
