# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound cut into frames of 10 ms with their features, bounded: the specification that the native core is held to.

Sound is signed 16-bit PCM in the machine's byte order, one channel, 16 kHz. A frame is a list of ten numbers: the
mean square of its 160 samples (A-weighted if that is asked), how often the sign changed, and the mean squares of eight
octaves in the 512 samples (32 ms, Hann window) that end with it. `decibels` makes a level of a mean square.
"""

import math
from array import array

RATE = 16_000  # Hz
HOP = 160  # samples of a frame
WINDOW = 512  # samples of a spectrum, 31.25 Hz from bin to bin
FRAME = 10  # numbers of a frame

#: Nominal middle of each octave in Hz (IEC 61260-1). The last one ends at 8 kHz, half the rate, and not at 11 kHz.
BANDS = (63, 125, 250, 500, 1000, 2000, 4000, 8000)

#: The first bin of each octave, and the bin after the last: edges are at the middle times or by the root of two.
_EDGES = (2, 3, 6, 12, 23, 46, 91, 182, 257)

#: What silence reads as, in dBFS. A single ±1 in 100 ms is -119; below that there is nothing to tell apart.
FLOOR = -120.0

#: Mean square of a full-scale sine: the reference of dBFS (AES17-2020 section 3.12.3), so that one reads 0 dBFS.
_FULL_SCALE = 32767.0 * 32767.0 / 2

# A-weighting (IEC 61672-1 annex E: zeros at 0, poles at 20.6 Hz twice, 107.7 Hz, 737.9 Hz and 12194 Hz twice). The low
# poles by the bilinear transform, each at its own frequency; 12194 Hz is above half the rate, and a pole and a zero
# stand for it that have its magnitude at 0, 4 and 8 kHz. 1 kHz is let through as it is.
_LOW, _MIDDLE, _HIGH = 0.9919433348784086, 0.9585939585403196, 0.7453512335179067
_SHELF_POLE, _SHELF_ZERO = -0.18307700877874414, -0.2679491924311223
_GAIN = 0.9259951820456302

#: Second-order sections (b0, b1, b2, a1, a2), b0 of the first with the gain.
_SECTIONS = (
    (_GAIN, -2 * _GAIN, _GAIN, -2 * _LOW, _LOW * _LOW),
    (1.0, -2.0, 1.0, -(_MIDDLE + _HIGH), _MIDDLE * _HIGH),
    (1.0, -2 * _SHELF_ZERO, _SHELF_ZERO * _SHELF_ZERO, -2 * _SHELF_POLE, _SHELF_POLE * _SHELF_POLE),
)


def decibels(mean_square: float) -> float:
    """Level of a mean square in dBFS, at least -120. A full-scale sine reads 0, a full-scale square +3.01."""
    return max(FLOOR, 10 * math.log10(mean_square / _FULL_SCALE)) if mean_square > 0 else FLOOR


class AWeighting:
    """The filter of IEC 61672-1 that hears as people do, within 0.4 dB of the standard's table up to 6.3 kHz."""

    def __init__(self) -> None:
        self._state = [[0.0, 0.0] for _ in _SECTIONS]

    def add(self, value: float) -> float:
        """One more sample, filtered (transposed direct form II)."""
        for (b0, b1, b2, a1, a2), state in zip(_SECTIONS, self._state):  # noqa: B905 - no `strict` in MicroPython
            result = b0 * value + state[0]
            state[0] = b1 * value - a1 * result + state[1]
            state[1] = b2 * value - a2 * result
            value = result
        return value


class Spectrum:
    """Mean squares of the octaves of `BANDS` in 512 samples under a Hann window."""

    def __init__(self) -> None:
        self._window = [0.5 - 0.5 * math.cos(2 * math.pi * i / WINDOW) for i in range(WINDOW)]
        self._cos = [math.cos(2 * math.pi * i / WINDOW) for i in range(WINDOW // 2)]
        self._sin = [math.sin(2 * math.pi * i / WINDOW) for i in range(WINDOW // 2)]

    def bands(self, samples: "array[int]") -> "list[float]":
        """Of 512 samples."""
        # two real samples are one complex: a transform of half the length does, and its halves are parted below
        half = WINDOW // 2
        real, imaginary = [0.0] * half, [0.0] * half
        for i in range(half):
            place = _reversed(i)
            real[place] = samples[2 * i] * self._window[2 * i]
            imaginary[place] = samples[2 * i + 1] * self._window[2 * i + 1]
        self._transform(real, imaginary)
        bands = [0.0] * len(BANDS)
        for band in range(len(BANDS)):
            for bin in range(_EDGES[band], _EDGES[band + 1]):
                bands[band] += self._power(real, imaginary, bin)
            # both signs of a frequency, over the length and the sum of the window's squares, 3/8 of the length
            bands[band] *= 2 / (WINDOW * WINDOW * 0.375)
        return bands

    def _transform(self, real: "list[float]", imaginary: "list[float]") -> None:
        half = WINDOW // 2
        length = 1
        while length < half:
            step = half // length
            for start in range(0, half, 2 * length):
                for i in range(length):
                    cos, sin = self._cos[i * step], self._sin[i * step]
                    a, b = start + i, start + i + length
                    re = real[b] * cos + imaginary[b] * sin
                    im = imaginary[b] * cos - real[b] * sin
                    real[b], imaginary[b] = real[a] - re, imaginary[a] - im
                    real[a] += re
                    imaginary[a] += im
            length *= 2

    def _power(self, real: "list[float]", imaginary: "list[float]", bin: int) -> float:
        half = WINDOW // 2
        if bin == half:
            last = real[0] - imaginary[0]
            return last * last / 2  # it has no other sign
        even_re, even_im = (real[bin] + real[half - bin]) / 2, (imaginary[bin] - imaginary[half - bin]) / 2
        odd_re, odd_im = (imaginary[bin] + imaginary[half - bin]) / 2, (real[half - bin] - real[bin]) / 2
        re = even_re + odd_re * self._cos[bin] + odd_im * self._sin[bin]
        im = even_im + odd_im * self._cos[bin] - odd_re * self._sin[bin]
        return re * re + im * im


def _reversed(place: int) -> int:
    """The eight bits of a place, last first."""
    result = 0
    for _ in range(8):
        result = result << 1 | place & 1
        place >>= 1
    return result


class Sound:
    """Frames that wait to be taken, with their samples; what does not fit is not taken in.

    Args:
        capacity: Frames that may wait.
        weighted: Whether the mean square is A-weighted.
        bands: Whether the octaves are worked out; they are 0 otherwise.
    """

    def __init__(self, capacity: int, weighted: bool = False, bands: bool = False) -> None:
        self._capacity = capacity
        self._weighting = AWeighting() if weighted else None
        self._spectrum = Spectrum() if bands else None
        self._part = array("h")
        self._past = array("h", [0] * WINDOW)
        self._negative: "bool | None" = None
        self._waiting: "list[tuple[bytes, list[float]]]" = []

    def feed(self, pcm: "bytes | memoryview") -> int:
        """Takes sound in; how many bytes of it, which is fewer than all where the frames that wait are too many."""
        samples = array("h", pcm)
        taken = 0
        while taken < len(samples) and len(self._waiting) < self._capacity:
            some = samples[taken : taken + HOP - len(self._part)]
            self._part.extend(some)
            taken += len(some)
            if len(self._part) == HOP:
                self._waiting.append((bytes(self._part), self._frame(self._part)))
                self._part = array("h")
        return 2 * taken

    def take(self, count: int) -> "tuple[bytes, list[list[float]]] | None":
        """Samples and frames of the oldest `count`; None while fewer wait."""
        if len(self._waiting) < count:
            return None
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return b"".join([pcm for pcm, _ in taken]), [frame for _, frame in taken]

    def _frame(self, samples: "array[int]") -> "list[float]":
        energy, crossings, negative = 0.0, 0, self._negative
        for sample in samples:
            value = sample if self._weighting is None else self._weighting.add(sample)
            energy += value * value
            if negative is not None and (sample < 0) != negative:
                crossings += 1
            negative = sample < 0
        self._negative = negative
        self._past = self._past[HOP:]
        self._past.extend(samples)
        bands = [0.0] * len(BANDS) if self._spectrum is None else self._spectrum.bands(self._past)
        return [energy / HOP, float(crossings)] + bands
