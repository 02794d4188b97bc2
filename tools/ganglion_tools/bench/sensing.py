# SPDX-License-Identifier: GPL-3.0-or-later
"""`ganglion bench sensing`: what hearing and seeing take of a processor, how well they do, and what sensors weigh.

The goals are those of "What it must reach" of shared/design/sensing.md.
"""

import sys
from importlib.util import find_spec

from ganglion.errors import UsageError
from ganglion_tools.bench import sensing_motion as motion
from ganglion_tools.bench import sensing_rate as rate
from ganglion_tools.bench import sensing_weigh as weigh
from ganglion_tools.bench.figure import Figure, figure
from ganglion_tools.bench.progress import begins
from ganglion_tools.bench.timing import nanoseconds

#: Percent of a core for sound with voice activity and 10 pictures a second.
SHARE_GOAL = 25.0
#: Pictures a second that `SHARE_GOAL` is about; and times that a picture is looked into for the figure beside OpenCV.
RATE, ROUNDS = 10.0, 300
#: Seconds that are listened; voices that say each wake word, and at which ratios of speech to noise, in dB.
SECONDS, VOICES, RATIOS = 10.0, 12, (None, 20, 10, 5, 0)


def figures() -> list[Figure]:
    """All of them; takes three minutes.

    Raises:
        GanglionError: a contestant lost a sample.
    """
    if find_spec("cv2") is None or find_spec("pymicro_vad") is None:  # OpenCV brings NumPy, which scenes are made with
        raise UsageError("bench sensing: needs OpenCV and a detector of voices: pip install 'ganglion[audio,opencv]'")
    return [*_both(), *_motion(), *_sound(), *_rate(), *_weights()]


def _both() -> list[Figure]:
    from ganglion_tools.bench.audio_speech import listening_share

    name = f"sound with voice activity, and motion in {RATE:g} pictures a second"
    begins("sensing", name)
    share = listening_share(SECONDS, voice="on") + 100 * motion.share_of_a_core(RATE)
    return [figure(name=name, unit="% of a core", value=share, more_is_better=False, goal=SHARE_GOAL)]


def _sound() -> list[Figure]:
    from ganglion_tools.bench import audio_speech, speech

    begins("sensing", f"sound, {SECONDS:g} s of it")
    found = audio_speech.cost_figures(SECONDS)
    begins("sensing", "speech in noise")
    try:
        clips = list(speech.clips(voices=VOICES, ratios=RATIOS))
    except UsageError as error:
        print(f"bench sensing: without speech: {error}", file=sys.stderr)
        return found
    return [*found, *audio_speech.speech_figures(audio_speech.evaluate(clips))]


def _motion() -> list[Figure]:
    begins("sensing", "motion in pictures")
    costs = nanoseconds(motion.contestants(), rounds=ROUNDS)
    found = motion.found()
    return [
        figure(
            name="motion in pictures of 640 by 480",
            unit="1/s",
            value=1e9 / costs[motion.GANGLION],
            more_is_better=True,
            peer=motion.OPENCV,
            peer_value=1e9 / costs[motion.OPENCV],
        ),
        figure(name="motion, precision", unit="%", value=100 * found.precision, more_is_better=True),
        figure(name="motion, recall", unit="%", value=100 * found.recall, more_is_better=True),
    ]


def _rate() -> list[Figure]:
    name = f"a chip that measures {rate.RATE} times a second, over I2C"
    begins("sensing", name)
    read = rate.read()
    return [
        figure(name=f"{name}, read", unit="1/s", value=read.rate, more_is_better=True),
        figure(name=f"{name}, lost", unit="samples", value=read.lost, more_is_better=False, goal=0),
        figure(name=f"{name}, events through a deadband", unit="1/s", value=read.events, more_is_better=True),
        figure(name=f"{name}, with its model", unit="% of a core", value=100 * read.share, more_is_better=False),
    ]


def _weights() -> list[Figure]:
    begins("sensing", "memory of sensors, kind by kind")
    made = []
    for kind, weight in weigh.weights().items():
        for which, value in (("the first", weight.first), ("each one more", weight.more)):
            made.append(figure(name=f"a sensor of kind {kind}, {which}", unit="KiB", value=value, more_is_better=False))
    return made
