/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the parts of the bus share: bus.c has topics and subscriptions, matches.c who matches a topic, and emit.c events.
 */
#ifndef GANGLION_BUS_H
#define GANGLION_BUS_H
#include "condition.h"
#include "trie.h"

typedef struct {
    gg_where *where; /* NULL: always */
    char *type;      /* filter, terminated; NULL: of any type, and of none */
    gg_queue *queue; /* NULL: it is told */
    uint64_t order; /* unique, so a slot that is used again is not mistaken for the one before */
    int32_t priority;
    int32_t node;           /* of its filter; GG_NONE in a free slot */
    int32_t previous, next; /* among those of one filter; `next` also in the list of free slots */
    int32_t test_count;
    int32_t has_news; /* it is in bus->news */
    gg_test *tests;
} gg_subscription;

typedef struct {
    char *text;
    size_t length;
} gg_text;

typedef struct { /* one subscription on one topic */
    gg_state state;
    uint64_t order;
    int32_t priority;
    int32_t subscription, topic;
    int32_t waits; /* its place in bus->waiting while state.due is not GG_NEVER */
} gg_match;

typedef struct {
    char *name;
    size_t length;
    int32_t type; /* handle; 0 where it has none */
    gg_match *matches;
    int32_t count;
    uint64_t version, emitted;
    double last; /* the value before, if it was a number; else NaN */
    int has_number;
} gg_topic;

struct gg_bus {
    gg_topic *topics;
    gg_subscription *subscriptions;
    gg_match **waiting; /* a heap, by `sooner`; there is room for every match of every topic */
    gg_trie filters;    /* data: the first subscription */
    gg_trie names;      /* data: the topic */
    gg_trie types;      /* data: the handle */
    gg_text *type_names;
    int32_t type_count, type_room;
    int32_t topic_count, topic_room;
    int32_t subscription_count, subscription_room, free;
    int32_t waiting_count, waiting_room, match_count;
    int32_t source, priority; /* of the events to come */
    gg_fired *fired;          /* room for every subscription */
    int32_t fired_room;
    int32_t *lost; /* slots; room for every record of every queue, and one that comes */
    int32_t lost_count, lost_room, queue_room;
    int32_t *news; /* subscriptions; room for every one that has a queue */
    int32_t news_count, news_room, queue_count;
    uint64_t version, orders, sequence;
};

/* Room for `count` elements; the array at *items may move. 0 without memory. */
int gg_reserve(void *items, int32_t count, int32_t *room, size_t size);

/* Makes the matches of a topic anew; 0 without memory, and then the old ones stay. */
int gg_refresh(gg_bus *bus, int32_t index);

/* Moves a match that waits, or begins to, from place `at` of bus->waiting to where it belongs, up or down. */
void gg_settle(gg_bus *bus, int32_t at, gg_match *match);

/* Takes a match out of bus->waiting, in which it is. */
void gg_wait_no_more(gg_bus *bus, gg_match *match);

#endif
