# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Ganglion a start of a node runs: real processes without a mesh, so that nobody but the node can help."""

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ganglion import __version__
from ganglion.cli.main import main
from ganglion.mesh.enrol import EnrolKey
from ganglion.release import manifest, wheel
from ganglion.release.boot import DIED, TOLD
from ganglion.release.folder import Folder
from ganglion.release.record import OWN, TRIAL_STARTS, Record
from ganglion.release.trees import Pointer, Trees
from ganglion.release.unpack import unpack
from support.gateway import NO_BROKER
from support.released import CONFIG, serviced
from support.waiting import until
from support.wheels import tiny, whole
from support.wheels import wheel as made

NEWER = "91.2.0"
#: Says what it is, and is a node that lives until it is ended.
SAYS = """
import json, os, sys, time
def main():
    told = json.loads(os.environ["GANGLION_LAUNCHED"])
    import ganglion
    print(json.dumps({"version": ganglion.__version__, "argv": sys.argv[1:], "trial": told["trial"]}), flush=True)
    return 0
"""


class Site:
    """A node's folder, and starts of the node."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.releases = Folder(self.state / "release")
        self.config = folder / "node.toml"
        self.config.write_text('[node]\nname = "fridge"\nboard = "sim"\n')

    def stage(self, name: str, does: str, version: str = NEWER, **more: bytes) -> str:
        """A release whose Ganglion does what its `main` says, whole on the disk."""
        return self.put(name, version, tiny(version, does, **more))

    def put(self, name: str, version: str, content: dict[str, bytes]) -> str:
        """A release with this version, whole on the disk."""
        file, data = made(version, content)
        agent = wheel.read(data, file)
        piece = self.folder / file
        piece.write_bytes(data)
        unpack(Trees.of(self.state), agent, [piece])
        release = manifest.made(name, {}, window=2, agents=[agent])
        self.releases.begin(release.id, b"")
        self.releases.stage(release.id, release, Pointer(agent.id, release.window))
        return release.id

    def record(self, **known: object) -> None:
        """What the node knows."""
        self.releases.save(Record(number=1, **known))  # type: ignore[arg-type]

    @property
    def known(self) -> Record:
        return self.releases.load()

    def start(self, *, before: str = "", seconds: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
        """One start of the node, until it ends; one that lives on is stopped after it has said that it runs."""
        code = f"import sys\n{before}\nfrom ganglion.cli.main import main\nsys.exit(main())"
        command = [sys.executable, "-c", code, "node", "run", str(self.config), "--state", str(self.state)]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        ) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            process.terminate()
            try:
                out, err = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(command, process.returncode, first + out, err)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def says(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """The first line of what ran."""
    found: dict[str, object] = json.loads(done.stdout.splitlines()[0])
    return found


def why(site: Site) -> str:
    assert site.known.last is not None
    return site.known.last.why


def test_a_release_on_trial_runs_by_its_own_ganglion_and_each_start_is_counted_before(site: Site) -> None:
    release = site.stage("newer", SAYS)
    site.record(desired=release, trial=release)
    for number in range(1, TRIAL_STARTS + 1):
        done = site.start()
        words = ["node", "run", str(site.config), "--state", str(site.state)]
        assert says(done) == {"version": NEWER, "argv": words, "trial": True}, done.stderr
        assert (site.known.trial, site.known.starts) == (release, number)
    done = site.start()  # and no more: the installed one runs
    assert site.known.trial is None
    assert (site.known.current, why(site)) == (OWN, f"the node ended {TRIAL_STARTS} times during the trial")
    assert "node" in done.stdout, done.stderr


def test_what_was_committed_before_runs_again_and_then_what_is_installed(site: Site) -> None:
    good = site.stage("good", SAYS, "91.0.0")
    bad = site.stage("bad", "import nothing_of_this_name\n", "92.0.0")
    site.record(desired=bad, current=good, trial=bad)
    done = site.start()
    assert says(done) == {**says(done), "version": "91.0.0", "trial": False}
    assert "ModuleNotFoundError: No module named 'nothing_of_this_name'" in why(site)
    assert (site.known.current, site.known.given_up) == (good, 1)
    Trees.of(site.state).library(site.releases.whole(good).agents[0].id).joinpath("ganglion/cli/main.py").unlink()  # type: ignore[union-attr]
    done = site.start()
    assert site.known.current == OWN
    assert "its Ganglion is not whole: it has not the files that it should have" in why(site)
    assert f"Ganglion {__version__} runs, as it is installed" in done.stderr


BAD = {
    "dies when it is imported": ("raise RuntimeError('no such pin')", "RuntimeError: no such pin"),
    "raises after a while": (
        "import time\ndef main():\n    time.sleep(0.2)\n    raise ValueError('too late')",
        "ValueError: too late",
    ),
    "ends with a code": ("def main():\n    return 7", "it ended with exit code 7"),
}


@pytest.mark.parametrize("case", BAD)
def test_one_that_cannot_run_is_left_at_once_with_what_it_died_of(site: Site, case: str) -> None:
    main, said = BAD[case]
    release = site.stage("bad", main)
    site.record(desired=release, trial=release)
    done = site.start()
    assert said in why(site), done.stderr
    assert (site.known.trial, site.known.current, site.known.given_up) == (None, OWN, 1)
    assert "node" in done.stdout, "the installed one runs in the same process"


KILLED = {
    "is killed": "import os, signal\ndef main():\n    os.kill(os.getpid(), signal.SIGKILL)",
    "hangs": "import time\ndef main():\n    time.sleep(3600)",
}


@pytest.mark.parametrize("case", KILLED)
def test_one_that_dies_without_a_word_is_left_after_its_starts(site: Site, case: str) -> None:
    release = site.stage("bad", KILLED[case])
    site.record(desired=release, trial=release)
    done = site.start(before="import ganglion.release.launch as launch; launch.HANGS = -1.5")
    assert (site.known.trial, site.known.starts) == (release, 1)
    assert ("Timeout" in done.stderr) is (case == "hangs"), done.stderr
    site.record(desired=release, trial=release, starts=TRIAL_STARTS)
    site.start()
    assert (site.known.trial, why(site)) == (None, f"the node ended {TRIAL_STARTS} times during the trial")


async def test_one_that_runs_and_is_never_healthy_goes_back_without_a_gateway(site: Site) -> None:
    content, path = whole(NEWER), "ganglion/node/released.py"
    broken = content[path].replace(b"        found = {}\n", b"        found = {'fridge': 'it broke'}\n", 1)
    assert broken != content[path]
    release = site.put("sick", NEWER, content | {path: broken})
    site.record(desired=release, trial=release, linked=False)
    (site.folder / "enrol.key").write_text(EnrolKey(pin=bytes(16), secret=bytes(16)).text)
    config = CONFIG.format(broker=NO_BROKER)
    async with serviced(site.folder, config) as service:
        await until(lambda: service.record.trial is None, what="it went back")
        assert why(site) == "the sensor fridge does not answer: it broke"
        await until(lambda: f"the release {release[:12]} is left" in service.log.read_text())
        assert (
            f"Ganglion {NEWER} of the release {release[:12]} runs; {__version__} is installed"
            in service.log.read_text()
        )
        assert service.starts == 1, "it went back in its own process"
    assert (site.known.runs, site.known.given_up) == (OWN, 1)


def test_doctor_says_by_what_a_node_runs_and_what_is_wrong_with_it(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    release = site.stage("newer", SAYS)
    site.record(desired=release, current=release)
    (tree,) = Trees.of(site.state).path.iterdir()
    words = ["doctor", "--state", str(site.state)]
    assert main(words) == 0
    assert f"{site.state} runs Ganglion by the wheel {tree.name[:12]} of its release" in capsys.readouterr().out
    (tree / "lib" / "ganglion" / "cli" / "main.py").write_bytes(b"")
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "the Ganglion of its release is not whole: its file ganglion/cli/main.py is damaged" in said
    assert "what is installed runs, and it fetches that again" in said


def test_a_committed_one_that_cannot_be_imported_gives_way_to_what_is_installed(site: Site) -> None:
    release = site.stage("bad", "import nothing_of_this_name\n")
    site.record(desired=release, current=release)
    done = site.start()
    assert "its Ganglion could not run: ModuleNotFoundError" in why(site)
    assert (site.known.current, site.known.last and site.known.last.state) == (OWN, "failed")
    assert "node" in done.stdout


@pytest.mark.parametrize(
    "damage", ["a byte", "a file more", "a link", "the list", "all of it", "the pointer", "record"]
)
def test_what_is_damaged_on_the_disk_is_never_run(site: Site, damage: str) -> None:
    release = site.stage("newer", SAYS)
    site.record(desired=release, current=release)
    (tree,) = Trees.of(site.state).path.iterdir()
    main = tree / "lib" / "ganglion" / "cli" / "main.py"
    if damage == "a byte":
        main.write_bytes(main.read_bytes().replace(b"told", b"tolt", 1))
    elif damage == "a file more":
        (tree / "lib" / "sitecustomize.py").write_text("print('{}')")
    elif damage == "a link":
        (tree / "lib" / "json").symlink_to(site.folder)
    elif damage == "the list":
        (tree / "files").write_bytes(b"{}")
    elif damage == "all of it":
        tree.rename(site.folder / "away")
    elif damage == "the pointer":
        (site.state / "release" / release / "agent").write_bytes(b"../../elsewhere 2")
    else:
        (site.state / "release" / "record").write_bytes(b"damaged")
    done = site.start()
    assert "version" not in done.stdout
    assert "node" in done.stdout, done.stderr
    assert f"Ganglion {__version__} runs, as it is installed" in done.stderr
    assert site.known.runs == OWN


FULL = """
import ganglion.mesh.files as files
def full(*args, **more):
    raise OSError(28, "No space left on device")
files.write = full
"""


def test_where_a_start_cannot_be_counted_there_is_no_trial(site: Site) -> None:
    release = site.stage("newer", SAYS)
    site.record(desired=release, trial=release)
    done = site.start(before=FULL)
    assert "version" not in done.stdout
    assert "the node's disk takes nothing" in done.stderr
    assert says(site.start())["version"] == NEWER


def test_what_stands_in_the_environment_brings_no_other_code(site: Site) -> None:
    """Nobody but the launcher says which tree runs, and what it was not told of the environment its version is not."""
    evil = site.folder / "evil"
    (evil / "ganglion").mkdir(parents=True)
    (evil / "ganglion" / "__init__.py").write_text("raise SystemExit('evil')\n")
    release = site.stage("newer", SAYS)
    site.record(desired=release, current=release)
    for told in ("no JSON", json.dumps({"tree": str(evil), "argv": ["x"], "trial": True})):
        done = site.start(**{TOLD: told})
        assert "evil" not in done.stdout + done.stderr
        assert site.known.runs in (release, OWN)
        site.record(desired=release, current=release)
    assert says(site.start(**{DIED: json.dumps({"release": 5})}))["version"] == NEWER
    before = f"sys.path.append({str(evil)!r})"
    assert says(site.start(before=before))["version"] == NEWER, "its tree is before all else"


def test_an_isolated_start_stays_isolated(site: Site) -> None:
    """As the packages start a node: `python3 -I`, with its own folder first."""
    evil = site.folder / "evil"
    evil.mkdir()
    (evil / "sitecustomize.py").write_text("print('evil')\n")
    release = site.stage(
        "newer",
        SAYS.replace("import json, os", "import evil_or_not\nimport json, os"),
        **{"evil_or_not/__init__.py": b"import sys\nassert sys.flags.isolated, 'not isolated'\n"},
    )
    site.record(desired=release, current=release)
    path = [each for each in sys.path if each]
    code = f"import sys; sys.path[:0] = {path!r}; from ganglion.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-I", "-c", code, "node", "run", str(site.config), "--state", str(site.state)]
    environment = os.environ | {"PYTHONPATH": str(evil)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert says(done)["version"] == NEWER, done.stderr
    assert "evil" not in done.stdout


def test_a_tree_is_for_its_owner_alone_and_programs_in_it_can_run(site: Site) -> None:
    file, data = made(
        NEWER, tiny(NEWER, SAYS, **{"ganglion/_watchdog": b"#!/bin/sh\n"}), modes={"ganglion/_watchdog": 0o100755}
    )
    piece = site.folder / file
    piece.write_bytes(data)
    agent = wheel.read(data, file)
    unpack(Trees.of(site.state), agent, [piece])
    (tree,) = Trees.of(site.state).path.iterdir()
    assert tree.name == hashlib.sha256(data).hexdigest()
    for each in (tree.parent, tree, *tree.rglob("*")):
        assert each.stat().st_mode & 0o077 == 0, each
    assert os.access(tree / "lib" / "ganglion" / "_watchdog", os.X_OK)
    assert list(tree.glob("lib/ganglion/cli/__pycache__/main.*.pyc")), "bytecode is there from the beginning"
    assert not (tree / "lib" / "ganglion_gateway").exists()
    old = time.time() - 10
    os.utime(tree / "lib" / "ganglion" / "__init__.py", (old, old))
    assert Trees.of(site.state).wrong(agent.id) == ""
