/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Topics cache who matches them. The cache of a topic is made again on its first event after a subscription came or
 * went (`version`), and the state of those that stay is carried over.
 */
#include <stdlib.h>
#include <string.h>

#include "ganglion.h"

typedef struct {
    char *text;
    size_t length;
} gg_string;

typedef struct {
    gg_string filter; /* .text is NULL in a free slot */
    gg_where where;
    int32_t priority;
    uint64_t order; /* unique, so a slot that is used again is not mistaken for the one before */
} gg_subscription;

typedef struct { /* the state of one subscription on one topic */
    int32_t subscription;
    uint64_t order;
    int active;      /* the condition holds */
    int waiting;     /* it holds, and fires at `due` unless it ends before */
    int has_fired;
    int64_t due, fired;
} gg_match;

typedef struct {
    gg_string name;
    gg_match *matches;
    int32_t count;
    uint64_t version;
} gg_topic;

struct gg_bus {
    gg_topic *topics;
    int32_t topic_count, topic_room;
    gg_subscription *subscriptions;
    int32_t subscription_count, subscription_room;
    uint64_t version, orders;
    int64_t deadline;
};

static int keep(gg_string *into, const char *text, size_t length) {
    into->text = malloc(length ? length : 1);
    if (!into->text)
        return 0;
    memcpy(into->text, text, length);
    into->length = length;
    return 1;
}

/* Room for one more element; the array at *items may move. */
static int grow(void **items, int32_t count, int32_t *room, size_t size) {
    if (count < *room)
        return 1;
    int32_t wanted = *room ? 2 * *room : 16;
    void *moved = realloc(*items, (size_t)wanted * size);
    if (!moved)
        return 0;
    *items = moved;
    *room = wanted;
    return 1;
}

gg_bus *gg_bus_new(void) {
    gg_bus *bus = calloc(1, sizeof *bus);
    if (bus) {
        bus->version = 1;
        bus->deadline = INT64_MAX;
    }
    return bus;
}

void gg_bus_free(gg_bus *bus) {
    if (!bus)
        return;
    for (int32_t i = 0; i < bus->topic_count; i++) {
        free(bus->topics[i].name.text);
        free(bus->topics[i].matches);
    }
    for (int32_t i = 0; i < bus->subscription_count; i++)
        free(bus->subscriptions[i].filter.text);
    free(bus->topics);
    free(bus->subscriptions);
    free(bus);
}

int32_t gg_bus_topic(gg_bus *bus, const char *name, size_t length) {
    gg_topic topic = {0};
    if (!grow((void **)&bus->topics, bus->topic_count, &bus->topic_room, sizeof topic) ||
        !keep(&topic.name, name, length))
        return -1;
    bus->topics[bus->topic_count] = topic;
    return bus->topic_count++;
}

int32_t gg_bus_subscribe(gg_bus *bus, const char *filter, size_t length, int32_t priority, const gg_where *where) {
    int32_t slot = 0;
    while (slot < bus->subscription_count && bus->subscriptions[slot].filter.text)
        slot++;
    gg_subscription new = {.where = *where, .priority = priority, .order = bus->orders};
    if (!grow((void **)&bus->subscriptions, slot, &bus->subscription_room, sizeof new) ||
        !keep(&new.filter, filter, length))
        return -1;
    bus->subscriptions[slot] = new;
    if (slot == bus->subscription_count)
        bus->subscription_count++;
    bus->orders++;
    bus->version++;
    return slot;
}

void gg_bus_unsubscribe(gg_bus *bus, int32_t subscription) {
    free(bus->subscriptions[subscription].filter.text);
    bus->subscriptions[subscription].filter.text = NULL;
    bus->version++;
}

static int alive(const gg_bus *bus, const gg_match *match) {
    const gg_subscription *subscription = &bus->subscriptions[match->subscription];
    return subscription->filter.text && subscription->order == match->order;
}

static int goes_before(const gg_bus *bus, const gg_match *a, const gg_match *b) {
    int32_t pa = bus->subscriptions[a->subscription].priority, pb = bus->subscriptions[b->subscription].priority;
    return pa != pb ? pa > pb : a->order < b->order;
}

/* Makes the matches of a topic anew; 0 without memory, and then the old ones stay. */
static int refresh(gg_bus *bus, gg_topic *topic) {
    int32_t count = 0;
    gg_match *matches = calloc((size_t)bus->subscription_count + 1, sizeof *matches);
    if (!matches)
        return 0;
    for (int32_t i = 0; i < bus->subscription_count; i++) {
        const gg_subscription *subscription = &bus->subscriptions[i];
        if (!subscription->filter.text || !gg_topic_matches(subscription->filter.text, subscription->filter.length,
                                                            topic->name.text, topic->name.length))
            continue;
        gg_match match = {.subscription = i, .order = subscription->order};
        for (int32_t j = 0; j < topic->count; j++)
            if (topic->matches[j].order == match.order)
                match = topic->matches[j];
        int32_t at = count++;
        for (; at > 0 && goes_before(bus, &match, &matches[at - 1]); at--)
            matches[at] = matches[at - 1];
        matches[at] = match;
    }
    free(topic->matches);
    topic->matches = matches;
    topic->count = count;
    topic->version = bus->version;
    return 1;
}

static int holds(const gg_where *where, int active, double value) {
    double slack = active ? where->hysteresis : 0;
    switch (where->op) {
    case GG_ABOVE:
        return active && slack > 0 ? value >= where->low - slack : value > where->low;
    case GG_BELOW:
        return active && slack > 0 ? value <= where->low + slack : value < where->low;
    case GG_BETWEEN:
        return where->low - slack <= value && value <= where->high + slack;
    case GG_OUTSIDE:
        return value < where->low + slack || value > where->high - slack;
    case GG_EQUALS:
        return value == where->low;
    case GG_NOT_EQUALS:
        return value != where->low;
    default:
        return 1;
    }
}

/* Whether a firing is not too soon after the last one; counts it where it is not. */
static int may_fire(const gg_where *where, gg_match *match, int64_t now) {
    if (where->cooldown && match->has_fired && now - match->fired < where->cooldown)
        return 0;
    match->has_fired = 1;
    match->fired = now;
    return 1;
}

static int feed(gg_bus *bus, gg_match *match, double value, int64_t now) {
    const gg_where *where = &bus->subscriptions[match->subscription].where;
    if (where->op == GG_ALWAYS && !where->cooldown)
        return 1;
    int was = match->active;
    match->active = holds(where, was, value);
    if (!match->active) {
        match->waiting = 0;
        return 0;
    }
    if (!where->edge)
        return may_fire(where, match, now);
    if (!was && where->lasting) {
        match->waiting = 1;
        match->due = now + where->lasting;
        if (match->due < bus->deadline)
            bus->deadline = match->due;
        return 0;
    }
    if (match->waiting && now >= match->due) {
        match->waiting = 0;
        return may_fire(where, match, now);
    }
    return !was && may_fire(where, match, now);
}

int32_t gg_bus_emit(gg_bus *bus, int32_t topic, double value, int64_t now, int32_t *fired, int32_t *matched) {
    gg_topic *at = &bus->topics[topic];
    if (at->version != bus->version && !refresh(bus, at))
        return -1;
    int32_t count = 0;
    for (int32_t i = 0; i < at->count; i++)
        if (feed(bus, &at->matches[i], value, now))
            fired[count++] = at->matches[i].subscription;
    *matched = at->count;
    return count;
}

int64_t gg_bus_deadline(const gg_bus *bus) { return bus->deadline; }

int gg_bus_take_due(gg_bus *bus, int64_t now, int32_t *subscription, int32_t *topic) {
    while (now >= bus->deadline) {
        gg_match *first = NULL;
        int64_t next = INT64_MAX; /* the earliest of the others */
        for (int32_t i = 0; i < bus->topic_count; i++) {
            for (int32_t j = 0; j < bus->topics[i].count; j++) {
                gg_match *match = &bus->topics[i].matches[j];
                if (!match->waiting || !alive(bus, match))
                    continue;
                if (!first || match->due < first->due) {
                    if (first && first->due < next)
                        next = first->due;
                    first = match;
                    *topic = i;
                } else if (match->due < next) {
                    next = match->due;
                }
            }
        }
        if (!first || first->due > now) {
            bus->deadline = first ? first->due : INT64_MAX;
            return 0;
        }
        bus->deadline = next;
        first->waiting = 0;
        *subscription = first->subscription;
        if (may_fire(&bus->subscriptions[first->subscription].where, first, now))
            return 1;
    }
    return 0;
}
