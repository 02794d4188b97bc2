# SPDX-License-Identifier: GPL-3.0-or-later
"""The README, done as it says: in a fresh clone with a fresh home, each command letter by letter."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.netns import namespace
from support.started import Started, started

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()

pytestmark = pytest.mark.timeout(900)

STAGES = ["sensor", "trigger", "prompt", "condition", "guardian", "actuator", "mesh", "gateway", "webhook"]
#: Seconds in which an installation is done.
INSTALLED = 600.0


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.replace("\\\n", " ").splitlines()]


def one(words: str) -> str:
    """The command of the README that begins with these words."""
    (found,) = {command for command in commands() if command.startswith(words)}
    return found


class Person:
    """Somebody with a clone and a home, who types."""

    def __init__(self, folder: Path, prefix: Sequence[str] = ()) -> None:
        self.folder = folder / "ganglion"
        self.home = folder / "home"
        self._prefix = prefix
        kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "LANG"))}
        # The home is fresh. What was fetched or compiled for another is not so again: it would take most of the time.
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        kept |= {"PIP_CACHE_DIR": str(cache / "pip"), "ZIG_GLOBAL_CACHE_DIR": str(cache / "zig"), "PIP_NO_COMPILE": "0"}
        # The interpreter that runs the tests comes first, as on a machine where it is the only one
        path = os.pathsep.join([str(Path(sys.executable).resolve().parent), "/usr/local/bin", "/usr/bin", "/bin"])
        self._environment = {**kept, "HOME": str(self.home), "PATH": path}

    def in_network(self, prefix: list[str]) -> "Person":
        """The same, at a machine whose commands start with these words."""
        return Person(self.folder.parent, prefix)

    def types(self, command: str, *, activated: bool = True, within: float = 60) -> str:
        """Runs a command to its end; returns what it printed on stdout.

        Raises:
            AssertionError: it failed; the message has all it said.
        """
        done = subprocess.run(
            self._line(command, activated),
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=within,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def starts(self, stack: ExitStack, command: str, *, activated: bool = True) -> Started:
        return stack.enter_context(started(self._line(command, activated), self.folder, self._environment))

    def _line(self, command: str, activated: bool) -> list[str]:
        activate = one(". .venv") + "; " if activated else ""
        return [*self._prefix, "sh", "-ec", activate + command]


def clone(folder: Path) -> Person:
    """Somebody with what `git clone` would bring of the tree as it is now."""
    made = Person(folder)
    made.home.mkdir()
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file():
            (made.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, made.folder / name)
    return made


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    made = clone(tmp_path_factory.mktemp("laptop"))
    made.types(f"{one('make demo')} ARGS=--exit-after-first-alert", activated=False, within=INSTALLED)
    yield made
    shutil.rmtree(made.folder.parent)


@pytest.fixture
def owner_of_a_pi(tmp_path: Path) -> Iterator[Person]:
    yield clone(tmp_path)
    shutil.rmtree(tmp_path)


def test_the_script_at_the_top_is_one(tmp_path: Path) -> None:
    (script,) = blocks("yaml")
    path = tmp_path / "fridge.yaml"
    path.write_text(script)
    words = [sys.executable, "-m", "ganglion", "mova", "check", path]
    checked = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "1 valid\n"), checked.stdout


def test_every_command_is_run_here() -> None:
    run = re.findall(r"one\(\"(.+?)\"\)", Path(__file__).read_text())
    assert {one(words) for words in run} | {one("make test")} == set(commands())  # `make test` is what runs this


def test_the_demo_and_what_to_try_beside_it(person: Person) -> None:
    with ExitStack() as stack:
        demo = person.starts(stack, one("make demo"), activated=False)
        demo.until_it_says("Ctrl-C stops everything.", within=60)
        demo.until_it_says("alert delivered to the webhook: alert/fridge", within=60)
        nodes = person.types(one("ganglion devices list"))
        assert [line.split()[0] for line in nodes.splitlines()[1:]] == ["fridge", "host", "room"]
        lines = [line.split() for line in person.types(one("ganglion trace --last")).splitlines()]
        stages = [next(word for word in line if word.isalpha() and word != "ms") for line in lines[-len(STAGES) :]]
        assert stages == STAGES
        person.types(one("ganglion sim set fridge"))
        warm = person.types(one("ganglion watch")).splitlines()
        assert len(warm) == 3
        assert all("fridge/" in line for line in warm)
        assert "The fridge is at 1" in person.types(one("ganglion say fridge"))
        assert "sensor/fridge/temperature" in person.types(one("ganglion bus stats"))
        flowing = person.types(one("ganglion bus watch")).splitlines()
        assert len(flowing) == 3
        assert all("sensor/fridge/" in line for line in flowing)
        assert person.types(one("ganglion mova check")) == "1 valid\n"
        assert person.types(one("ganglion mova test")).endswith("3 passed\n")
        assert "native bus" in person.types(one("ganglion doctor"))
        demo.interrupt()
        assert "Traceback" not in demo.text


def test_a_node_on_a_machine_of_its_own(person: Person, owner_of_a_pi: Person) -> None:
    """In a network namespace that has the README's address; only the chip and the LED are missing."""
    with ExitStack() as stack:
        network = stack.enter_context(namespace("192.0.2.10/32"))
        there, pi = person.in_network(network), owner_of_a_pi.in_network(network)
        (there.home / "broker.conf").write_text(
            f'server_name: readme\njetstream {{ store_dir: "{there.home}/broker" }}\nmqtt {{ port: 1883 }}\n'
        )
        broker = there.starts(stack, "exec nats-server -c ~/broker.conf")
        broker.until_it_says("Server is ready", within=60)
        gateway = there.starts(stack, "exec " + one("ganglion gateway"))
        gateway.until_it_says('"ready": true', within=60)
        (pi.folder / "enrol.key").write_text(there.types(one("ganglion enrol-key create")))

        (config,) = blocks("toml")
        (pi.folder / "node.toml").write_text(config)
        pi.types(one("python3 -m venv"), activated=False)
        owner_of_a_pi.types(one("pip install"), within=INSTALLED)
        pi.types(one("cp "))
        node = pi.starts(stack, "exec " + one("ganglion node run"))
        node.until_it_says('"ready": true', within=60)
        ours = "--gateway http://127.0.0.1:8470 --token-file ~/.local/state/ganglion/gateway/token"
        assert "fridge" in there.types(f"ganglion devices list {ours}")
        assert node.interrupt() == 0, node.text
        assert gateway.interrupt() == 0, gateway.text
