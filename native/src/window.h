/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The newest numbers of one subscription on one topic, and what they have in common.
 */
#ifndef GANGLION_WINDOW_H
#define GANGLION_WINDOW_H
#include "ganglion.h"

typedef struct {
    int64_t time;
    double number;
} gg_sample;

typedef struct {
    int64_t began;     /* time of the first sample since it was empty */
    int32_t at, count; /* of a ring: place of the oldest, and how many there are */
    gg_sample samples[]; /* where->capacity of them */
} gg_window;

/* An empty window, or NULL without memory; free() ends it. */
gg_window *gg_window_new(const gg_where *where);

/* Takes a number and returns the statistic of those that are in the window now; NaN where there is none. */
double gg_window_add(gg_window *window, const gg_where *where, double number, int64_t now);

#endif
