# SPDX-License-Identifier: GPL-3.0-or-later
"""Which intent a text has where no pattern says so: sentence embeddings, and what is near in meaning."""

import os

# Read when NumPy is first imported. Two threads gain little on one short text, and on a machine that has other work
# they wait for one another in busy loops: three times the processor time was measured.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
