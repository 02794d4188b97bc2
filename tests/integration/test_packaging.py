# SPDX-License-Identifier: GPL-3.0-or-later
"""packaging: wheels are built from a fresh tree without a system compiler, installed into a fresh venv, and loaded."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ["pyproject.toml", "README.md", "LICENSE", "build.zig", "boards", "firmware", "gateway", "native", "runtime"]
PARTS += ["tests/native", "tools"]

#: What a wheel is for, by the ELF header's e_machine.
MACHINES = {62: "x86_64", 183: "aarch64", 40: "arm", 243: "riscv"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """The sources and nothing that was built from them."""
    tree = tmp_path_factory.mktemp("tree")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(
                ROOT / part, tree / part, ignore=shutil.ignore_patterns("*.so", "_watchdog", "*.mo", "__pycache__")
            )
        else:
            shutil.copy(ROOT / part, tree / part)
    return tree


@pytest.fixture
def venv(tmp_path) -> Path:
    """A fresh one without pip; `environment` lends it what builds need, and not our own tree."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    return tmp_path / "venv"


def environment(tmp_path: Path, **switches: str) -> dict[str, str]:
    """No program can be found by name, so neither can a compiler; PYTHONPATH does not follow the .pth of our tree."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GANGLION_", "PYTHON"))}
    return kept | {"PATH": str(tmp_path / "nothing"), "PYTHONPATH": sysconfig.get_path("purelib")} | switches


def pip(tmp_path: Path, *arguments: str | Path, **switches: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", *map(str, arguments), "--no-deps", "--no-index"]
    return subprocess.run(command, env=environment(tmp_path, **switches), capture_output=True, text=True)


def wheel(tree: Path, tmp_path: Path, **switches: str) -> tuple[Path, str]:
    """Builds one; returns it and the log of its build."""
    done = pip(tmp_path, "wheel", "-v", "--no-build-isolation", "-w", tmp_path / "dist", tree, **switches)
    log = done.stdout + done.stderr
    assert done.returncode == 0, log
    (built,) = (tmp_path / "dist").iterdir()
    return built, log


def backend(venv: Path, tmp_path: Path, **switches: str) -> list[str]:
    """What the installed package says: the bus's backend, why it is not the native one, where it was loaded from."""
    says = "import ganglion.bus as b; print(b.Bus().backend, b.WHY_NOT, b.__file__, sep='\\n')"
    command = [venv / "bin" / "python", "-c", says]
    done = subprocess.run(command, env=environment(tmp_path, **switches), capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def ukrainian(venv: Path, tmp_path: Path) -> str:
    """The word for `error` of the installed package."""
    says = "from ganglion.words import _, speaking\nwith speaking('uk'): print(_('error'))"
    command = [venv / "bin" / "python", "-X", "utf8", "-c", says]
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, encoding="utf-8", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def install(venv: Path, tmp_path: Path, *what: str | Path) -> None:
    done = pip(tmp_path, "--python", venv / "bin" / "python", "install", "--no-build-isolation", *what)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wheel_is_built_without_a_compiler_and_its_native_module_loads(tree, venv, tmp_path):
    built, _ = wheel(tree, tmp_path)
    assert "-cp311-abi3-linux_" in built.name
    install(venv, tmp_path, built)
    says, why_not, where = backend(venv, tmp_path)
    assert (says, why_not) == ("native", "")
    assert where.startswith(str(venv))
    assert (venv / "bin" / "ganglion").exists()
    (watchdog,) = venv.glob("lib/python*/site-packages/ganglion/_watchdog")
    assert subprocess.run([watchdog, "9"], stdin=subprocess.DEVNULL, check=False, timeout=9).returncode == 0


def test_a_wheel_carries_all_packages_and_boards_and_nothing_else(tree, tmp_path):
    built, _ = wheel(tree, tmp_path)
    names = zipfile.ZipFile(built).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"ganglion", "ganglion_agent", "ganglion_micro", "ganglion_gateway", "ganglion_tools"}
    assert [name for name in names if name.endswith(".so")] == ["ganglion/_native.abi3.so"]
    assert [name for name in names if name.endswith(".mo")] == ["ganglion/locale/uk.mo"]
    catalogues = {name.rpartition("/")[0] for name in names if name.endswith(".po")}  # read as they are
    assert catalogues == {"ganglion_gateway/locale/uk", "ganglion_gateway/locale/uk/refusals"}
    for board in (ROOT / "boards").iterdir():
        assert f"ganglion/boards/{board.name}" in names


def test_a_pure_wheel_runs_on_the_twin_and_says_why(tree, venv, tmp_path):
    built, _ = wheel(tree, tmp_path, GANGLION_PURE="1")
    assert built.name.endswith("-py3-none-any.whl")
    install(venv, tmp_path, built)
    says, why_not, _ = backend(venv, tmp_path)
    assert (says, why_not) == ("python", "built without the native core: GANGLION_PURE=1 was asked for")
    assert ukrainian(venv, tmp_path) == "помилка"


def test_where_there_is_no_zig_the_wheel_is_pure_and_says_so(tree, venv, tmp_path):
    """sysconfig takes the platform from this variable, as it does in a cross build."""
    built, log = wheel(tree, tmp_path, _PYTHON_HOST_PLATFORM="linux-riscv64")
    reason = "PyPI has no zig and cffi for linux-riscv64"
    assert built.name.endswith("-py3-none-any.whl")
    assert f"pure Python, without the native core: {reason}" in log
    install(venv, tmp_path, built)
    assert backend(venv, tmp_path)[:2] == ["python", f"built without the native core: {reason}"]


def test_the_twin_can_be_asked_for_where_the_native_core_is(tree, venv, tmp_path):
    install(venv, tmp_path, wheel(tree, tmp_path)[0])
    says, why_not, _ = backend(venv, tmp_path, GANGLION_BACKEND="python")
    assert says == "python"
    assert "GANGLION_BACKEND=python" in why_not


def test_a_core_that_does_not_compile_fails_the_build(tree, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(tree, broken, ignore=shutil.ignore_patterns(".zig-cache", "zig-out"))
    with (broken / "native" / "src" / "bus.c").open("a") as source:
        source.write("int gg_no_value(void) { }\nthis is not C\n")
    done = pip(tmp_path, "wheel", "--no-build-isolation", "-w", tmp_path / "dist", broken)
    assert done.returncode != 0
    assert "bus.c" in done.stdout + done.stderr
    assert not (tmp_path / "dist").exists() or not list((tmp_path / "dist").iterdir())


@pytest.mark.parametrize(
    ("switches", "says"),
    [
        ({"GANGLION_WHEEL": "linux_vax"}, "GANGLION_WHEEL=linux_vax is not a platform"),
        ({"GANGLION_PURE": "1", "GANGLION_NATIVE": "1"}, "GANGLION_PURE=1 leaves the native core out"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(tree, tmp_path, switches, says):
    done = pip(tmp_path, "wheel", "--no-build-isolation", "-w", tmp_path / "dist", tree, **switches)
    assert done.returncode != 0
    assert says in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("tag", "machine", "bits"),
    [
        ("musllinux_1_2_aarch64", "aarch64", 64),
        ("musllinux_1_2_armv7l", "arm", 32),
        ("musllinux_1_2_riscv64", "riscv", 64),
    ],
)
def test_a_wheel_for_a_router_is_built_here(tree, tmp_path, tag, machine, bits):
    built, _ = wheel(tree, tmp_path, GANGLION_WHEEL=tag)
    assert built.name.endswith(f"-cp311-abi3-{tag}.whl")
    header = zipfile.ZipFile(built).read("ganglion/_native.abi3.so")[:20]
    assert header[:5] == b"\x7fELF" + bytes([bits // 32])
    assert MACHINES[int.from_bytes(header[18:20], "little")] == machine


def test_an_editable_install_is_native_and_runs_from_the_tree(tree, venv, tmp_path):
    checkout = tmp_path / "checkout"
    shutil.copytree(tree, checkout, ignore=shutil.ignore_patterns(".zig-cache", "zig-out"))
    install(venv, tmp_path, "-e", checkout)
    says, _, where = backend(venv, tmp_path)
    assert says == "native"
    assert where.startswith(str(checkout))
    assert ukrainian(venv, tmp_path) == "помилка"
