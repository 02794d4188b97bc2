/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Every statistic is computed anew from the samples, oldest first: a running sum would drift, and the sum of squares of
 * a running deviation loses its digits where the mean is large. The twin adds in the same order, so both have the same
 * bits (build.zig keeps the compiler from fusing a product into a sum).
 */
#include "window.h"

#include <math.h>
#include <stdlib.h>

gg_window *gg_window_new(const gg_where *where) {
    return calloc(1, sizeof(gg_window) + (size_t)where->capacity * sizeof(gg_sample));
}

static const gg_sample *sample(const gg_window *window, const gg_where *where, int32_t i) {
    int32_t at = window->at + i;
    return &window->samples[at < where->capacity ? at : at - where->capacity];
}

static double mean(const gg_window *window, const gg_where *where) {
    double sum = 0;
    for (int32_t i = 0; i < window->count; i++)
        sum += sample(window, where, i)->number;
    return sum / window->count;
}

static double deviation(const gg_window *window, const gg_where *where) {
    double middle = mean(window, where), sum = 0;
    for (int32_t i = 0; i < window->count; i++) {
        double off = sample(window, where, i)->number - middle;
        sum += off * off;
    }
    return sqrt(sum / window->count);
}

static double extreme(const gg_window *window, const gg_where *where) {
    double found = sample(window, where, 0)->number;
    for (int32_t i = 1; i < window->count; i++) {
        double number = sample(window, where, i)->number;
        if (where->statistic == GG_LEAST ? number < found : number > found)
            found = number;
    }
    return found;
}

/* ns, whatever the times are; 0 where time went back. */
static uint64_t elapsed(int64_t now, int64_t then) { return now > then ? (uint64_t)now - (uint64_t)then : 0; }

static double rate(const gg_window *window, const gg_where *where) {
    const gg_sample *first = sample(window, where, 0), *last = sample(window, where, window->count - 1);
    double seconds = (double)elapsed(last->time, first->time) / 1e9;
    return seconds > 0 ? (last->number - first->number) / seconds : NAN;
}

static int is_full(const gg_window *window, const gg_where *where, int64_t now) {
    return where->span ? elapsed(now, window->began) >= (uint64_t)where->span : window->count == where->capacity;
}

double gg_window_add(gg_window *window, const gg_where *where, double number, int64_t now) {
    while (where->span && window->count && elapsed(now, sample(window, where, 0)->time) >= (uint64_t)where->span) {
        window->at = (window->at + 1) % where->capacity;
        window->count--;
    }
    if (!window->count)
        window->began = now; /* anew, where nothing came for so long that all have gone */
    if (window->count == where->capacity) {
        window->at = (window->at + 1) % where->capacity;
        window->count--;
    }
    *(gg_sample *)sample(window, where, window->count++) = (gg_sample){now, number};
    if (where->statistic == GG_COUNT)
        return window->count;
    if (!is_full(window, where, now))
        return NAN;
    switch (where->statistic) {
    case GG_MEAN:
        return mean(window, where);
    case GG_DEVIATION:
        return deviation(window, where);
    case GG_RATE:
        return rate(window, where);
    default:
        return extreme(window, where);
    }
}
