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
#: esptool's words for chips -> the number of each in an image; the ESP8266 has none.
ESP_CHIPS = {"esp8266": None, "esp32": 0, "esp32s2": 2, "esp32c3": 5, "esp32s3": 9, "esp32c6": 13, "esp32h2": 16}
#: Families of blocks in UF2 files -> whose they are (uf2, utils/uf2families.json).
UF2_FAMILIES = {
    0xE48BFF56: "RP2040",
    0xE48BFF57: "any RP2",
    0xE48BFF59: "RP2350 (Arm, secure)",
    0xE48BFF5A: "RP2350 (RISC-V)",
    0xE48BFF5B: "RP2350 (Arm, non-secure)",
    0xADA52840: "nRF52840",
    0x1C5F21B0: "ESP32",
    0xC47E5767: "ESP32-S3",
    0xBFDD4EEE: "ESP32-S2",
    0x68ED2B88: "SAMD21",
    0x55114460: "SAMD51",
}
#: Chips of the families that can be flashed: the boot loader takes what is for another and does not start it.
UF2_CHIPS = {0xE48BFF56: "rp2040", 0xE48BFF59: "rp2350", 0xE48BFF5A: "rp2350", 0xE48BFF5B: "rp2350"}
