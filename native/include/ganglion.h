/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Ganglion's native core: C11, no globals, no Python, no clock of its own (time comes in as an argument). Everything
 * here has a twin in firmware/ganglion_micro, and one suite of tests holds both to the same results.
 *
 * Strings are UTF-8 with a length, without a terminating NUL. Times are nanoseconds, the same clock in every call.
 */
#ifndef GANGLION_H
#define GANGLION_H
#include <stddef.h>
#include <stdint.h>

/* ---- Topics: MQTT 3.1.1 section 4.7 ------------------------------------------------------------------------- */

/* 1 if the topic name matches the topic filter, else 0. Both must be well formed. */
int gg_topic_matches(const char *filter, size_t filter_length, const char *topic, size_t topic_length);

/* ---- The bus: who must know of an event --------------------------------------------------------------------- */

/* What a subscription asks of a value. Comparisons with NaN are false, but for GG_NOT_EQUALS. */
enum gg_op {
    GG_ALWAYS,     /* every event */
    GG_ABOVE,      /* value > low */
    GG_BELOW,      /* value < low */
    GG_BETWEEN,    /* low <= value <= high */
    GG_OUTSIDE,    /* value < low or value > high */
    GG_EQUALS,     /* value == low */
    GG_NOT_EQUALS, /* value != low */
};

typedef struct {
    int32_t op;        /* enum gg_op */
    int32_t edge;      /* 1: fire when it becomes true, and again only after it was false; 0: on every event */
    double low, high;
    double hysteresis; /* once true, stays true until the value is this far on the other side of the limit */
    int64_t lasting;   /* ns it must be true without a break before it fires; only with edge */
    int64_t cooldown;  /* ns after a firing in which it does not fire again */
} gg_where;

typedef struct gg_bus gg_bus;

/* A bus without topics and subscriptions, or NULL without memory. */
gg_bus *gg_bus_new(void);
void gg_bus_free(gg_bus *bus);

/* Adds a topic and returns its handle, counted from 0; -1 without memory. The caller adds each name once. */
int32_t gg_bus_topic(gg_bus *bus, const char *name, size_t length);

/* Adds a subscription and returns its handle; -1 without memory. A handle is used again after gg_bus_unsubscribe.
 * Higher priorities are told first, equal ones in the order they subscribed. */
int32_t gg_bus_subscribe(gg_bus *bus, const char *filter, size_t length, int32_t priority, const gg_where *where);
void gg_bus_unsubscribe(gg_bus *bus, int32_t subscription);

/* Decides who is told of a value. Writes their handles to `fired`, which must have room for every subscription there
 * is, in the order they are to be told.
 *
 * Returns the number written, and in *matched how many filters match the topic; -1 without memory. It allocates only
 * on the first event of a topic after a subscription came or went. */
int32_t gg_bus_emit(gg_bus *bus, int32_t topic, double value, int64_t now, int32_t *fired, int32_t *matched);

/* The time at which a lasting condition becomes due, INT64_MAX where none is waiting. */
int64_t gg_bus_deadline(const gg_bus *bus);

/* Takes one lasting condition that is due at `now`: its subscription and topic. Returns 1, or 0 when none is left;
 * those due first come first, then by topic, then in the order they are to be told. */
int gg_bus_take_due(gg_bus *bus, int64_t now, int32_t *subscription, int32_t *topic);

/* ---- Sound and pictures ------------------------------------------------------------------------------------- */

/* Root-mean-square level of 16-bit samples in dBFS (a full-scale sine is 0, AES17), at least -120. */
double gg_audio_level(const int16_t *samples, size_t count);

/* How often the sign changes from one sample to the next; zero counts as positive. */
size_t gg_audio_zero_crossings(const int16_t *samples, size_t count);

/* Mean of the bytes of a luma plane, 0 to 255; 0 of an empty one. */
double gg_luma_mean(const uint8_t *plane, size_t count);

/* How many bytes of two planes differ by more than `threshold`. */
size_t gg_luma_motion(const uint8_t *before, const uint8_t *after, size_t count, int threshold);

#endif
