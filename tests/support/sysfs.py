# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of sysfs as the kernel makes them."""


def converter(root, number, name, **files):
    """An IIO device with its files; a `name` as its driver gives it."""
    folder = root / f"sys/bus/iio/devices/iio:device{number}"
    folder.mkdir(parents=True)
    for file, text in {"name": name, **files}.items():
        (folder / file).write_text(f"{text}\n")
