# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m ganglion` is the `ganglion` command."""

import sys

from ganglion.cli.main import main

sys.exit(main())
