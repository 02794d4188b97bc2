/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What an event must be like, whatever came before it.
 */
#ifndef GANGLION_PREDICATE_H
#define GANGLION_PREDICATE_H
#include "ganglion.h"

typedef struct {
    double number;    /* NaN where the value is a symbol */
    int32_t symbol;   /* 0 where it is a number, or a value that nobody names */
    int32_t source;   /* a symbol; 0 for one that nobody names */
    int32_t priority;
    int32_t changed;  /* the value is not the one that the topic had before */
    int64_t time;
} gg_event;

/* 1 if the tests leave one answer and need no more room for others than there is. */
int gg_predicate_is_sound(const gg_test *tests, int32_t count);

/* 1 if a sound predicate holds for the event. */
int gg_predicate_holds(const gg_test *tests, int32_t count, const gg_event *event);

#endif
