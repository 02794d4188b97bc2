# SPDX-License-Identifier: GPL-3.0-or-later
"""system: the parsers on texts recorded from real machines, then this machine itself."""

from pathlib import Path

import pytest

from ganglion.errors import InvalidError
from ganglion.sensors import build
from ganglion.sensors.system import (
    CpuTime,
    Memory,
    cpu_percent,
    disk_percent,
    parse_loadavg,
    parse_meminfo,
    parse_millidegrees,
    parse_stat,
    parse_uptime,
    thermometer,
)

# A Linux 6.1 virtual machine, two processors
STAT = """\
cpu  95524 0 12587 1423943 3446 0 1231 50 0 0
cpu0 33309 0 4994 729206 430 0 325 18 0 0
cpu1 62215 0 7593 694737 3015 0 905 31 0 0
intr 2409031 0 0 0
ctxt 8262141
"""
MEMINFO = """\
MemTotal:       24684084 kB
MemFree:        24254684 kB
MemAvailable:   24322020 kB
Buffers:            1808 kB
Cached:            99440 kB
SwapCached:            0 kB
HugePages_Total:       0
Hugepagesize:       2048 kB
"""
# Linux 2.6.36 on a router: no MemAvailable, and four columns of times in the oldest /proc/stat
OLD_MEMINFO = """\
MemTotal:          61168 kB
MemFree:            8320 kB
Buffers:            5004 kB
Cached:            18336 kB
"""


def test_waiting_for_a_disk_is_not_busy():
    assert parse_stat(STAT) == CpuTime(busy=95524 + 12587 + 1231 + 50, total=95524 + 12587 + 1423943 + 3446 + 1231 + 50)


def test_the_oldest_kernels_four_columns_are_enough():
    assert parse_stat("cpu  10 1 5 84\n") == CpuTime(busy=16, total=100)


def test_cpu_is_what_was_busy_between_two_readings():
    assert cpu_percent(CpuTime(100, 1000), CpuTime(150, 1200)) == 25.0
    assert cpu_percent(CpuTime(100, 1000), CpuTime(100, 1000)) is None
    assert cpu_percent(CpuTime(100, 1000), CpuTime(90, 1010)) == 0.0


def test_memory_is_in_bytes_and_counts_what_can_be_had():
    assert parse_meminfo(MEMINFO) == Memory(24684084 * 1024, 24322020 * 1024)
    assert parse_meminfo(OLD_MEMINFO) == Memory(61168 * 1024, (8320 + 5004 + 18336) * 1024)


def test_load_uptime_and_millidegrees():
    assert parse_loadavg("0.01 0.19 0.24 1/88 5766\n") == 0.01
    assert parse_uptime("7706.68 14239.44\n") == 7706.68
    assert parse_millidegrees("48312\n") == 48.312


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_stat, ""),
        (parse_stat, "cpu0 1 2 3 4\n"),
        (parse_stat, "cpu one 2 3 4\n"),
        (parse_meminfo, "MemTotal: 5 kB\n"),
        (parse_meminfo, ""),
    ],
)
def test_a_text_that_is_cut_off_is_a_value_error(parse, text):
    with pytest.raises(ValueError, match=r".+"):
        parse(text)


def tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_the_processors_thermometer_is_preferred(tmp_path):
    tree(
        tmp_path,
        {
            "sys/class/thermal/thermal_zone0/temp": "31000\n",
            "sys/class/thermal/thermal_zone0/type": "acpitz\n",
            "sys/class/thermal/thermal_zone1/temp": "55000\n",
            "sys/class/thermal/thermal_zone1/type": "x86_pkg_temp\n",
            "sys/class/hwmon/hwmon0/temp1_input": "40000\n",
            "sys/class/hwmon/hwmon0/name": "nvme\n",
        },
    )
    assert thermometer(tmp_path) == tmp_path / "sys/class/thermal/thermal_zone1/temp"


def test_hwmon_serves_where_there_is_no_zone_and_a_machine_without_has_none(tmp_path):
    assert thermometer(tmp_path) is None
    tree(tmp_path, {"sys/class/hwmon/hwmon3/temp1_input": "40000\n", "sys/class/hwmon/hwmon3/name": "k10temp\n"})
    assert thermometer(tmp_path) == tmp_path / "sys/class/hwmon/hwmon3/temp1_input"


def test_a_raspberry_pi_has_all_channels(tmp_path):
    """Texts of a Raspberry Pi 4, Linux 6.6."""
    tree(
        tmp_path,
        {
            "proc/stat": "cpu  13071 12 6025 1583221 2151 0 411 0 0 0\n",
            "proc/meminfo": "MemTotal:        3885396 kB\nMemFree:         2958440 kB\nMemAvailable:    3469616 kB\n",
            "proc/loadavg": "0.08 0.03 0.01 1/166 2412\n",
            "proc/uptime": "4021.05 15832.21\n",
            "sys/class/thermal/thermal_zone0/temp": "42355\n",
            "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
        },
    )
    sensor = build("pi", {"kind": "system", "root": str(tmp_path)})
    sensor.source.open()
    tree(tmp_path, {"proc/stat": "cpu  13121 12 6025 1583271 2151 0 411 0 0 0\n"})
    values = sensor.sample()
    assert values["cpu"] == 50.0
    assert values["memory"] == pytest.approx(10.7, abs=0.01)
    assert values["memory_available"] == 3469616 * 1024
    assert values["temperature"] == 42.355
    assert values["load"] == 0.08
    assert values["uptime"] == 4021.05
    assert set(values) == set(sensor.channels)


def test_this_machine_reads_as_itself():
    sensor = build("host", {"kind": "system"})
    sensor.source.open()
    deadline = 2_000_000  # busy until a jiffy has passed
    values = sensor.sample()
    while "cpu" not in values and deadline:
        deadline -= 1
        values = sensor.sample()
    assert 0 <= values["cpu"] <= 100
    assert 0 < values["memory"] < 100
    assert 0 < values["memory_available"] < 1 << 50
    assert 0 <= values["disk"] <= 100
    assert 0 < values["disk_available"] < 1 << 60
    assert values["load"] >= 0
    assert values["uptime"] == pytest.approx(float(Path("/proc/uptime").read_text().split()[0]), abs=5)
    assert set(values) == set(sensor.channels)


def test_a_file_system_without_blocks_is_empty():
    assert disk_percent("/proc") == 0.0


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"root": "/nowhere"}, "sensor.host.root: /nowhere/proc/stat does not exist: this kind needs Linux"),
        ({"disk": "/nowhere"}, "sensor.host.disk: /nowhere does not exist"),
    ],
)
def test_a_path_that_is_not_there_is_named(table, says):
    with pytest.raises(InvalidError) as caught:
        build("host", {"kind": "system", **table})
    assert str(caught.value) == says
