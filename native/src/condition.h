/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The condition of a subscription, and its state on one topic.
 */
#ifndef GANGLION_CONDITION_H
#define GANGLION_CONDITION_H
#include "predicate.h"

#define GG_NEVER INT64_MAX

typedef struct {
    int64_t due;     /* when it fires unless the condition ends before; GG_NEVER where it is not waiting */
    int64_t fired;   /* the last time, if has_fired */
    uint8_t active;  /* the condition holds */
    uint8_t started; /* there was a value before */
    uint8_t has_fired;
} gg_state;

/* 1 if the subscription is told of this event. */
int gg_state_feed(gg_state *state, const gg_where *where, const gg_event *event);

/* 1 if a condition that is due at `now` is told; it waits no longer. */
int gg_state_due(gg_state *state, const gg_where *where, int64_t now);

#endif
