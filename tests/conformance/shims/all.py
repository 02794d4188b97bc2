# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports scripts one after another: the arguments are their names. An error of one is printed."""

import sys

sys.path.append(sys.argv[0].rsplit("/", 1)[0])
for name in sys.argv[1:]:
    print("==", name)
    try:
        __import__(name)
    except Exception as error:
        print("error:", type(error).__name__, error)
