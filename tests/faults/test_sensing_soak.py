# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten minutes of sound, pictures and samples, one after the other without a pause: nothing of it is kept in memory."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.untraced

#: In a process of its own, without what measures which lines are run. It says what it has at first and at last, in KiB.
_SOAK = """
import gc, json, random
from array import array
from ganglion.bus import Bus, Op, Where
from ganglion.clock import Clock
from ganglion.sensors import build
from ganglion.sensors.audio_section import AudioSection
from ganglion.sensors.frames.frame import Frame
from ganglion.sensors.listening import Listening
from ganglion.sensors.running import Running
from ganglion.sensors.scene import Scene
from ganglion.sensors.sound import HOP, Sound

def own():
    gc.collect()
    with open("/proc/self/smaps_rollup") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))

dice = random.Random(1)
pictures = [dice.randbytes(640 * 480) for _ in range(4)]
noise = [array("h", [dice.randrange(-3000, 3000) for _ in range(HOP)]).tobytes() for _ in range(8)]
scene = Scene(threshold=25, moving=0.2, hold=0)
sound = Sound(10, bands=True)
listening = Listening(
    AudioSection(kind="audio", source="", voice="off", bands=True), loud=None, silence=None, voice=False
)
listening.open()
bus = Bus()
bus.subscribe("sensor/#", lambda event: None, where=Where(op=Op.MOVES, low=0.5))
now = 0
sensor = Running(build("fridge", {"kind": "bme280", "bus": "sim"}), bus, Clock(), lambda: now)

def seconds(count):
    global now
    for second in range(count):
        for step in range(100):
            now += 10_000_000
            sound.feed(noise[step % 8])
            while (taken := sound.take(1)) is not None:
                listening.add(*taken)
            sensor._tell({"temperature": 20 + step / 50, "humidity": 40.0, "pressure": 1000.0}, now, now)
            if step % 10 == 0:
                scene.add(Frame(buffer=pictures[step // 10 % 4], width=640, height=480, row=640).plane())

seconds(30)
before = own()
seconds(570)
print(json.dumps([before, own()]))
"""


def test_ten_minutes_leave_nothing_behind() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run([sys.executable, "-c", _SOAK], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    before, after = json.loads(done.stdout)
    assert after - before < 256
