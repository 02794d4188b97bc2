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

/* What a subscription asks of a value. A value is a number, or a symbol: what is no number (a text, a map) in the form
 * of an integer that the caller keeps for it. Symbols meet no comparison of numbers but GG_NOT_EQUALS, nor does NaN. */
enum gg_op {
    GG_ALWAYS,     /* every event */
    GG_ABOVE,      /* value > low */
    GG_BELOW,      /* value < low */
    GG_BETWEEN,    /* low <= value <= high */
    GG_OUTSIDE,    /* value < low or value > high */
    GG_EQUALS,     /* value == low; or the symbol, where that is not 0 */
    GG_NOT_EQUALS, /* the opposite of GG_EQUALS */
    GG_CHANGES,    /* the value is not the one before; true of no first value, and not of NaN after NaN */
};

typedef struct {
    int32_t op;        /* enum gg_op */
    int32_t edge;      /* 1: fire when it becomes true, and again only after it was false; 0: on every event */
    double low, high;
    int32_t symbol;    /* for GG_EQUALS and GG_NOT_EQUALS; 0 where they are about the number in low */
    double hysteresis; /* once true, stays true until the value is this far on the other side of the limit */
    int64_t lasting;   /* ns it must be true without a break before it fires; only with edge */
    int64_t cooldown;  /* ns after a firing in which it does not fire again */
} gg_where;

/* What gg_bus_emit returns instead of counts. */
enum gg_failure {
    GG_NO_MEMORY = -1,
    GG_NO_TOPIC = -2, /* not a handle of gg_bus_topic */
};

typedef struct gg_bus gg_bus;

/* A bus without topics and subscriptions, or NULL without memory. */
gg_bus *gg_bus_new(void);
void gg_bus_free(gg_bus *bus);

/* The handle of a topic, counted from 0 in the order they are first asked for; -1 without memory. */
int32_t gg_bus_topic(gg_bus *bus, const char *name, size_t length);

/* Adds a subscription and returns its handle; -1 without memory. A handle is used again after gg_bus_unsubscribe.
 * Higher priorities are told first, equal ones in the order they subscribed. */
int32_t gg_bus_subscribe(gg_bus *bus, const char *filter, size_t length, int32_t priority, const gg_where *where);

/* Takes a subscription away, with its state; what it was waiting for does not come. The handle must be in use. */
void gg_bus_unsubscribe(gg_bus *bus, int32_t subscription);

/* Decides who is told of a number. Writes their handles to `fired`, which must have room for every handle that
 * gg_bus_subscribe has returned, in the order they are to be told.
 *
 * Returns how many filters match the topic, times 2^32, plus how many handles it wrote; or a gg_failure. It allocates
 * only on the first event of a topic after a subscription came or went. */
int64_t gg_bus_emit(gg_bus *bus, int32_t *fired, int32_t topic, double number, int64_t now);

/* The same for what is no number: `symbol` is the one that conditions know it by, or 0; `changed` says whether it
 * differs from the value before. */
int64_t gg_bus_emit_symbol(gg_bus *bus, int32_t *fired, int32_t topic, int32_t symbol, int changed, int64_t now);

/* When the first of the lasting conditions becomes due; INT64_MAX where none is waiting. */
int64_t gg_bus_deadline(const gg_bus *bus);

/* Takes one lasting condition that is due at `now`: its subscription and topic. Returns 1, or 0 when none is left.
 * Those due first come first, then in the order they are to be told, then by topic. */
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
