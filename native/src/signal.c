/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "ganglion.h"

/* Mean square of a full-scale sine, the 0 dBFS of AES17-2020 section 3.12.3. */
static const double full_scale = 32767.0 * 32767.0 / 2;
static const double floor_db = -120.0;

double gg_audio_level(const int16_t *samples, size_t count) {
    uint64_t energy = 0; /* 2^30 a sample: room for 2^34 samples */
    for (size_t i = 0; i < count; i++)
        energy += (uint64_t)((int32_t)samples[i] * samples[i]);
    if (energy == 0)
        return floor_db;
    double level = 10 * log10((double)energy / (double)count / full_scale);
    return level > floor_db ? level : floor_db;
}

size_t gg_audio_zero_crossings(const int16_t *samples, size_t count) {
    size_t crossings = 0;
    for (size_t i = 1; i < count; i++)
        crossings += (samples[i] < 0) != (samples[i - 1] < 0);
    return crossings;
}

double gg_luma_mean(const uint8_t *plane, size_t count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += plane[i];
    return count ? (double)sum / (double)count : 0.0;
}

size_t gg_luma_motion(const uint8_t *before, const uint8_t *after, size_t count, int threshold) {
    size_t changed = 0;
    for (size_t i = 0; i < count; i++) {
        int difference = before[i] - after[i];
        changed += difference > threshold || -difference > threshold;
    }
    return changed;
}
