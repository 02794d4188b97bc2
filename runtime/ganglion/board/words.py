# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that a board's file may use."""

#: What a plan may use -> what there must be for it, in words; the others ask for nothing but the engine.
CAPABILITIES = {
    "logic": "",
    "sense": "",
    "actuate": "",
    "prompt": "a mesh, and a gateway with a model",
    "tool_api": "a network",
    "publish": "a mesh",
    "mqtt": "a broker",
    "schedule": "a clock that is set",
    "intent": "a mesh, and a gateway that people speak to",
    "webhook": "a mesh, and a gateway that others reach",
}
RUNS = ("cpython", "micropython")
PROFILES = ("full", "leaf", "none")
METHODS = ("esptool", "uf2", "daplink", "ssh", "none")
PACKAGES = ("deb", "ipk", "apk", "tar")
#: What `build.zig` and `native/hatch_build.py` build the C core for.
ZIG_TARGETS = (
    "x86_64-linux-gnu.2.17",
    "aarch64-linux-gnu.2.17",
    "arm-linux-gnueabihf.2.17",
    "x86_64-linux-musl",
    "aarch64-linux-musl",
    "arm-linux-musleabihf",
    "mipsel-linux-musleabi",
    "riscv64-linux-musl",
)
#: Kind of a bus -> its signals, and those that the board drives.
SIGNALS = {"i2c": ("sda", "scl"), "spi": ("sck", "mosi", "miso", "cs"), "uart": ("tx", "rx")}
DRIVEN = {"sda", "scl", "sck", "mosi", "cs", "tx"}
#: What a pin can do besides.
PLAIN = ("in", "out", "pwm", "adc", "dac", "touch")
#: esptool's own words (docs.espressif.com/projects/esptool, "Advanced Options").
BEFORE = ("default-reset", "usb-reset", "no-reset", "no-reset-no-sync")
AFTER = ("hard-reset", "soft-reset", "no-reset", "no-reset-stub", "watchdog-reset")
