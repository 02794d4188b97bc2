/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Sound cut into frames with their features. All memory is taken at the start; firmware/ganglion_micro/sound.py says
 * the same in Python, and why.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ganglion.h"

enum { HALF = GG_SPECTRUM / 2, SECTIONS = 3 };

static const int edges[GG_BANDS + 1] = {2, 3, 6, 12, 23, 46, 91, 182, 257};

/* A-weighting at 16 kHz (IEC 61672-1 annex E) as second-order sections: b0, b1, b2, a1, a2. */
#define LOW 0.9919433348784086
#define MIDDLE 0.9585939585403196
#define HIGH 0.7453512335179067
#define SHELF_POLE -0.18307700877874414
#define SHELF_ZERO -0.2679491924311223
#define GAIN 0.9259951820456302
static const double sections[SECTIONS][5] = {
    {GAIN, -2 * GAIN, GAIN, -2 * LOW, LOW * LOW},
    {1, -2, 1, -(MIDDLE + HIGH), MIDDLE * HIGH},
    {1, -2 * SHELF_ZERO, SHELF_ZERO *SHELF_ZERO, -2 * SHELF_POLE, SHELF_POLE *SHELF_POLE},
};

struct gg_sound {
    uint32_t capacity, first, waiting;
    int weighted, bands;
    size_t part; /* samples of the frame that is not whole yet */
    int sign;    /* of the last sample: -1, 0 before the first, 1 */
    double filter[SECTIONS][2];
    double energy, crossings; /* so far, of that frame */
    int16_t past[GG_SPECTRUM];
    double window[GG_SPECTRUM], cosine[HALF], sine[HALF], real[HALF], imaginary[HALF];
    int16_t *samples; /* of the frames that wait, and of the next */
    double *frames;
};

gg_sound *gg_sound_new(uint32_t capacity, int weighted, int bands) {
    gg_sound *sound = calloc(1, sizeof *sound);
    if (!sound)
        return NULL;
    sound->samples = calloc(capacity, GG_HOP * sizeof *sound->samples);
    sound->frames = calloc(capacity, GG_FRAME * sizeof *sound->frames);
    if (!capacity || !sound->samples || !sound->frames) {
        gg_sound_free(sound);
        return NULL;
    }
    sound->capacity = capacity;
    sound->weighted = weighted;
    sound->bands = bands;
    const double turn = 2 * acos(-1.0) / GG_SPECTRUM;
    for (int i = 0; i < GG_SPECTRUM; i++)
        sound->window[i] = 0.5 - 0.5 * cos(turn * i);
    for (int i = 0; i < HALF; i++) {
        sound->cosine[i] = cos(turn * i);
        sound->sine[i] = sin(turn * i);
    }
    return sound;
}

void gg_sound_free(gg_sound *sound) {
    if (sound) {
        free(sound->samples);
        free(sound->frames);
    }
    free(sound);
}

static double weigh(gg_sound *sound, double value) {
    for (int i = 0; i < SECTIONS; i++) {
        const double *s = sections[i];
        double *state = sound->filter[i], result = s[0] * value + state[0];
        state[0] = s[1] * value - s[3] * result + state[1];
        state[1] = s[2] * value - s[4] * result;
        value = result;
    }
    return value;
}

static void transform(gg_sound *sound) {
    double *real = sound->real, *imaginary = sound->imaginary;
    for (int i = 0; i < HALF; i++) {
        unsigned place = 0;
        for (int bit = 0; bit < 8; bit++)
            place |= ((unsigned)i >> bit & 1) << (7 - bit);
        real[place] = sound->past[2 * i] * sound->window[2 * i];
        imaginary[place] = sound->past[2 * i + 1] * sound->window[2 * i + 1];
    }
    for (int length = 1; length < HALF; length *= 2) {
        int step = HALF / length;
        for (int start = 0; start < HALF; start += 2 * length) {
            for (int i = 0; i < length; i++) {
                double c = sound->cosine[i * step], s = sound->sine[i * step];
                int a = start + i, b = a + length;
                double re = real[b] * c + imaginary[b] * s, im = imaginary[b] * c - real[b] * s;
                real[b] = real[a] - re;
                imaginary[b] = imaginary[a] - im;
                real[a] += re;
                imaginary[a] += im;
            }
        }
    }
}

/* Of one bin of the spectrum of the real samples, out of that of half the length. */
static double power(const gg_sound *sound, int bin) {
    const double *real = sound->real, *imaginary = sound->imaginary;
    if (bin == HALF) {
        double last = real[0] - imaginary[0];
        return last * last / 2; /* it has no other sign */
    }
    double even_re = (real[bin] + real[HALF - bin]) / 2, even_im = (imaginary[bin] - imaginary[HALF - bin]) / 2;
    double odd_re = (imaginary[bin] + imaginary[HALF - bin]) / 2, odd_im = (real[HALF - bin] - real[bin]) / 2;
    double re = even_re + odd_re * sound->cosine[bin] + odd_im * sound->sine[bin];
    double im = even_im + odd_im * sound->cosine[bin] - odd_re * sound->sine[bin];
    return re * re + im * im;
}

static void end_frame(gg_sound *sound, const int16_t *samples, double *frame) {
    frame[0] = sound->energy / GG_HOP;
    frame[1] = sound->crossings;
    sound->energy = sound->crossings = 0;
    memmove(sound->past, sound->past + GG_HOP, (GG_SPECTRUM - GG_HOP) * sizeof *samples);
    memcpy(sound->past + GG_SPECTRUM - GG_HOP, samples, GG_HOP * sizeof *samples);
    if (!sound->bands)
        return;
    transform(sound);
    for (int band = 0; band < GG_BANDS; band++) {
        double sum = 0;
        for (int bin = edges[band]; bin < edges[band + 1]; bin++)
            sum += power(sound, bin);
        frame[2 + band] = sum * (2 / (GG_SPECTRUM * GG_SPECTRUM * 0.375));
    }
}

size_t gg_sound_feed(gg_sound *sound, const int16_t *samples, size_t count) {
    size_t taken = 0;
    while (taken < count && sound->waiting < sound->capacity) {
        uint32_t place = (sound->first + sound->waiting) % sound->capacity;
        int16_t *held = sound->samples + (size_t)place * GG_HOP, sample = samples[taken++];
        double value = sound->weighted ? weigh(sound, sample) : sample;
        int sign = sample < 0 ? -1 : 1;
        held[sound->part++] = sample;
        sound->energy += value * value;
        sound->crossings += sound->sign * sign < 0;
        sound->sign = sign;
        if (sound->part == GG_HOP) {
            end_frame(sound, held, sound->frames + (size_t)place * GG_FRAME);
            sound->part = 0;
            sound->waiting++;
        }
    }
    return taken;
}

int gg_sound_take(gg_sound *sound, uint32_t count, int16_t *samples, double *frames) {
    if (sound->waiting < count)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = (sound->first + i) % sound->capacity;
        memcpy(samples + (size_t)i * GG_HOP, sound->samples + (size_t)place * GG_HOP, GG_HOP * sizeof *samples);
        memcpy(frames + (size_t)i * GG_FRAME, sound->frames + (size_t)place * GG_FRAME, GG_FRAME * sizeof *frames);
    }
    sound->first = (sound->first + count) % sound->capacity;
    sound->waiting -= count;
    return 1;
}
