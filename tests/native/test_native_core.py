# SPDX-License-Identifier: GPL-3.0-or-later
"""native: the C tests under sanitizers, on every device's processor, and a fuzzer that makes up programmes of calls."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: What `zig build cross` makes, with the ELF header's class and e_machine, and what runs it here.
DEVICES = {
    "x86_64-linux-musl": (64, 62, []),
    "aarch64-linux-musl": (64, 183, ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]),
    "arm-linux-musleabihf": (32, 40, ["qemu-arm", "-L", "/usr/arm-linux-gnueabihf"]),
    "mipsel-linux-musleabi": (32, 8, ["qemu-mipsel"]),
    "riscv64-linux-musl": (64, 243, ["qemu-riscv64", "-L", "/usr/riscv64-linux-gnu"]),
}
#: Seconds that the fuzzer has.
FUZZ = 15


def zig(*arguments: str) -> None:
    command = [sys.executable, "-m", "ziglang", "build", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_core_does_what_its_header_says_and_nothing_undefined():
    zig("test")


@pytest.fixture(scope="module")
def cross(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `zig build cross` makes, a folder a device."""
    made = tmp_path_factory.mktemp("cross")
    zig("cross", "--prefix", str(made))
    return made


def test_the_core_is_built_for_every_device(cross):
    assert {path.name for path in cross.iterdir()} == set(DEVICES)
    for device, (bits, machine, _) in DEVICES.items():
        objects = (cross / device / "libganglion.a").read_bytes().split(b"\x7fELF")[1:]
        assert len(objects) >= len(list((ROOT / "native" / "src").glob("*.c")))
        for header in objects:
            assert (header[0] * 32, int.from_bytes(header[14:16], "little")) == (bits, machine)


@pytest.mark.parametrize("device", DEVICES)
def test_the_c_tests_pass_on_a_devices_processor(cross, device):
    done = subprocess.run([*DEVICES[device][2], cross / device / "test_core"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def clang(*words: str | Path, folder: Path) -> None:
    """With libFuzzer, AddressSanitizer and UndefinedBehaviourSanitizer; Debian's clang has all three, zig has one."""
    command = ["clang", "-g", "-O1", "-std=c11", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
    done = subprocess.run(
        [*command, f"-I{ROOT / 'native' / 'include'}", *words], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The fuzzer, and all of the core but `topic.c`, compiled."""
    made = tmp_path_factory.mktemp("objects")
    sources = [path for path in sorted((ROOT / "native" / "src").glob("*.c")) if path.name != "topic.c"]
    clang("-c", *sources, ROOT / "tests" / "native" / "fuzz_core.c", folder=made)
    return sorted(made.iterdir())


def fuzzer(folder: Path, objects: list[Path], *, topic: Path = ROOT / "native" / "src" / "topic.c") -> Path:
    """The fuzzer, linked with a matcher of topics."""
    program = folder / "fuzz_core"
    clang(*objects, topic, "-lm", "-o", program, folder=folder)
    return program


def fuzz(folder: Path, program: Path, *limits: str) -> subprocess.CompletedProcess[str]:
    command = [program, *limits, f"-artifact_prefix={folder}/"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")


def test_no_programme_of_calls_breaks_the_core(tmp_path, objects):
    done = fuzz(tmp_path, fuzzer(tmp_path, objects), f"-max_total_time={FUZZ}", "-max_len=2000")
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Done " in done.stderr


def test_threads_that_put_at_the_same_time_lose_nothing(tmp_path):
    """Under ThreadSanitizer, which sees an access that is not ordered though it did no harm this time."""
    program = tmp_path / "race_inbox"
    command = ["clang", "-g", "-O1", "-std=gnu11", "-fsanitize=thread", f"-I{ROOT / 'native' / 'include'}"]
    sources = [ROOT / "native" / "src" / "inbox.c", ROOT / "tests" / "native" / "race_inbox.c"]
    built = subprocess.run([*command, *sources, "-o", program], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    done = subprocess.run([program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


#: Tests of the bus and of what feeds it, which call all of native/python.
_LANE = ("bus", "bus_lane", "bus_many", "bus_queue", "bus_operators", "bus_types", "bus_programme")
_INTAKE = ("inbox", "mqtt_packet", "pick", "plain", "codec")


def test_the_fast_lane_uses_no_memory_that_is_not_its_own(tmp_path):
    """Under AddressSanitizer and UndefinedBehaviourSanitizer, with each object of Python in memory of its own."""
    glue, module = tmp_path / "glue.c", tmp_path / "_native.so"
    native = ROOT / "native"
    sources = ["read-sources", "ganglion._native", native / "ganglion.cdef", native / "include" / "ganglion.h", glue]
    subprocess.run([sys.executable, "-m", "cffi.gen_src", *sources], check=True)
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-shared-libsan"]
    command = ["clang", "-g", "-O1", "-fPIC", "-shared", *sanitizers, "-DPy_LIMITED_API=0x030b0000"]
    command += [f"-I{native / 'python'}", f"-I{native / 'include'}"]
    alone = ["-w", "-DPyInit__native=gg_cffi_module", "-c", glue, "-o", tmp_path / "glue.o"]
    rest = [tmp_path / "glue.o", *sorted(native.glob("python/*.c")), *sorted(native.glob("src/*.c"))]
    for more in (alone, [*rest, "-lm", "-o", module]):
        built = subprocess.run([*command, *more], capture_output=True, text=True)
        assert built.returncode == 0, built.stderr
    library = subprocess.run(
        ["clang", f"-print-file-name=libclang_rt.asan-{platform.machine()}.so"], capture_output=True, text=True
    )
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COV_")},
        "LD_PRELOAD": library.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter leaves much behind
        "PYTHONMALLOC": "malloc",
    }
    tests = [str(ROOT / "tests" / "unit" / f"test_{name}.py") for name in _LANE + _INTAKE]
    words = [sys.executable, str(ROOT / "tests/support/sanitized.py"), str(module), "-q", "-s", "--no-cov", *tests]
    done = subprocess.run([*words, "-p", "no:cacheprovider"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert "passed" in done.stdout


def test_the_fuzzer_sees_a_wrong_match(tmp_path, objects):
    """With a matcher that knows no wildcards it ends at once."""
    topic = tmp_path / "topic.c"
    topic.write_text(
        '#include <string.h>\n#include "ganglion.h"\n'
        "int gg_topic_matches(const char *filter, size_t n, const char *topic, size_t m) {\n"
        "    return n == m && !memcmp(filter, topic, n);\n}\n"
    )
    done = fuzz(tmp_path, fuzzer(tmp_path, objects, topic=topic), "-runs=5000000", "-max_len=100")
    assert done.returncode != 0
    assert "deadly signal" in done.stderr
