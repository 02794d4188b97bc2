# SPDX-License-Identifier: GPL-3.0-or-later
"""MicroPython's modules on CPython, for scripts written for MicroPython and for them alone.

`python -m ganglion.shims script.py` runs an unchanged script; `import ganglion.shims.install` puts the names in place
for the module that says so. docs/shims.md has the list of modules and how it works.
"""
