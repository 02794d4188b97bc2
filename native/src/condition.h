/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The condition of a subscription, and its state on one topic.
 */
#ifndef GANGLION_CONDITION_H
#define GANGLION_CONDITION_H
#include "predicate.h"
#include "window.h"

#define GG_NEVER INT64_MAX

typedef struct {
    int64_t due;     /* when it fires, unless something happens before; GG_NEVER where it is not waiting */
    int64_t fired;   /* the last time, if has_fired */
    double number;   /* what it fires with */
    double told;     /* what it has fired with the last time, if has_fired */
    gg_window *window;
    uint8_t active;  /* the condition holds */
    uint8_t started; /* there was a value before */
    uint8_t has_fired;
} gg_state;

enum gg_answer { GG_NOTHING, GG_TOLD, GG_KEPT };

/* Whether a condition makes sense: otherwise it must not be fed. */
int gg_where_is_sound(const gg_where *where);

/* Whether the subscription is told of this event, or keeps it until it is due. state->number is what it is told. */
enum gg_answer gg_state_feed(gg_state *state, const gg_where *where, const gg_event *event);

/* 1 if what is due at `now` is told; it waits no longer. */
int gg_state_due(gg_state *state, const gg_where *where, int64_t now);

#endif
