# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of sound and pictures: from the native core where it is built, from its Python twin elsewhere.

`BACKEND` says which. A test holds the two to the same results.
"""

from ganglion_micro import signal as twin

audio_level = twin.audio_level
audio_zero_crossings = twin.audio_zero_crossings
luma_mean = twin.luma_mean
luma_motion = twin.luma_motion
BACKEND = "python"
