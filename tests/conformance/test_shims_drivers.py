# SPDX-License-Identifier: GPL-3.0-or-later
"""ganglion.shims under what others wrote for MicroPython, unchanged: drivers from PyPI, its examples, its `requests`.

The drivers know nothing of the models that they meet, so each also says that the model is the chip.
"""

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from ganglion.shims import board
from ganglion.shims.board.sim import SimBoard
from ganglion.shims.run import run
from ganglion.sim import aht20, bme280, ds3231, ina219, mpu6050, pcf8574, ssd1306, vl53l0x
from ganglion_tools import micropython
from support.netns import namespace
from support.pypi_drivers import drivers

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "upstream"
SOURCE = ROOT / ".cache" / "micropython-source"
SHIMS = [sys.executable, "-m", "ganglion.shims"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'runtime'}:{ROOT / 'firmware'}"}


@pytest.fixture
def sim() -> Iterator[SimBoard]:
    before, mine = board.current(), SimBoard()
    board.use(mine)
    yield mine
    board.use(before)


def test_drivers_of_others_read_what_is_around_the_chips(sim: SimBoard, capsys: pytest.CaptureFixture[str]) -> None:
    now = time.monotonic_ns
    chips: dict[int, Any] = {
        0x76: bme280.ChipModel(now=now),
        0x77: bme280.BMP280Model(now=now),
        0x38: aht20.ChipModel(now=now),
        0x69: mpu6050.ChipModel(now=now),
        0x40: ina219.ChipModel(now=now),
        0x68: ds3231.ChipModel(now=now),
        0x29: vl53l0x.ChipModel(now=now),
        0x20: pcf8574.ChipModel(now=now),
        0x3C: ssd1306.ChipModel(now=now),
    }
    chips[0x76].set(celsius=4.5, percent=81.0, hectopascal=987.6)
    chips[0x77].set(celsius=-7.25, hectopascal=1030.5)
    chips[0x38].set(celsius=31.5, percent=12.5)
    chips[0x69].set(acceleration_x=1.5, acceleration_y=-2.5, rotation_z=90.0, celsius=30.0)
    chips[0x40].set(volts=5.2, millivolts=25.0)
    chips[0x68].set(celsius=18.25)
    chips[0x29].set(millimetres=321.0)
    chips[0x20].set(p2=False)
    for address, chip in chips.items():
        sim.attach(chip, address)

    run(SCRIPTS / "chips.py", [str(drivers())])
    said = json.loads(capsys.readouterr().out)

    assert said["found"] == sorted(chips)
    assert said["bme280"] == pytest.approx([4.5, 81.0, 987.6, 0x60], abs=0.05)
    assert said["bmp280"] == pytest.approx([-7.25, 1030.5, 0x58], abs=0.05)
    assert said["aht20"] == pytest.approx({"temperature_c": 31.5, "humidity_pct": 12.5, "crc_ok": True}, abs=0.01)
    acceleration, rotation, celsius = said["mpu6050"]
    assert acceleration == pytest.approx([1.5, -2.5, 9.80665], abs=0.01)
    assert rotation == pytest.approx([0.0, 0.0, math.pi / 2], abs=0.001)
    assert celsius == pytest.approx(30.0, abs=0.01)
    assert said["ina219"] == pytest.approx([5.2, 0.025, 0.25, 1.3], abs=0.01)
    assert said["ds3231"] == [True, 18.25, [2026, 11, 21, 6, 22, 30, 15]]
    assert said["vl53l0x"] == [321, True, 0xEE]
    assert said["pcf8574"] == 0b10100001  # a button holds P2 low
    assert said["nobody"] == 19
    picture = chips[0x3C].picture()
    assert {picture[0], picture[63]} == {"#" * 128}
    assert {row.replace(".", "") for row in picture[1:63]} == {"##", "###"}
    assert picture[5][3] == "#"


@contextmanager
def running(*command: str | Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen([*command], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_an_example_serves() -> None:
    script = micropython.source(SOURCE) / "examples" / "network" / "http_server.py"
    with namespace() as enter, running(*enter, *SHIMS, script) as server:
        assert server.stdout is not None
        while not server.stdout.readline().startswith("Listening"):
            assert server.poll() is None
        for number in range(2):
            ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080/').read().decode())"
            done = subprocess.run([*enter, sys.executable, "-c", ask], capture_output=True, text=True, timeout=60)
            assert done.stdout.strip() == f"Hello #{number} from MicroPython!"


class Server(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({**asked, "by": self.headers["Authorization"]}).encode()
        self.send_response(201)
        self.send_header("X-Told", f"{self.headers['X-Who']}: {self.path}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Nothing."""


def test_micropythons_own_requests_asks_a_server() -> None:
    library = micropython.source(SOURCE) / "lib" / "micropython-lib" / "micropython" / "requests"
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        done = subprocess.run(
            [*SHIMS, SCRIPTS / "fetching.py", library, f"http://127.0.0.1:{server.server_port}/a/b?c=d"],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert not done.stderr, done.stderr
    where, answer = done.stdout.splitlines()
    assert Path(where).is_relative_to(library)
    assert answer == "201 b'Created' me: /a/b?c=d {'asked': [1, 'two'], 'by': 'Basic bWU6d29yZA=='}"


def test_an_example_dims_a_light(tmp_path: Path) -> None:
    examples = micropython.source(SOURCE) / "examples" / "hwapi"
    (tmp_path / "hwconfig.py").symlink_to(examples / "hwconfig_console.py")
    (tmp_path / "dim.py").symlink_to(examples / "soft_pwm_asyncio.py")
    with running(*SHIMS, tmp_path / "dim.py") as light:
        assert light.stdout is not None
        assert [light.stdout.readline().strip() for _ in range(4)] == ["LED(1): 1", "LED(1): 0"] * 2
