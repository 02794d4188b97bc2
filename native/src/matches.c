/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A topic keeps the list of those who match it, in the order they are told, with their state. The list is made again on
 * the topic's first event after a subscription came or went (`version`); the state of those that stay is carried over.
 * Those that wait are in a binary heap besides, the first that is due at its top.
 */
#include <stdlib.h>
#include <string.h>

#include "bus.h"

static int goes_before(const gg_match *a, const gg_match *b) {
    return a->priority != b->priority ? a->priority > b->priority : a->order < b->order;
}

static int sooner(const gg_match *a, const gg_match *b) {
    if (a->state.due != b->state.due)
        return a->state.due < b->state.due;
    return a->order != b->order ? goes_before(a, b) : a->topic < b->topic;
}

static void put(gg_bus *bus, int32_t at, gg_match *match) {
    bus->waiting[at] = match;
    match->waits = at;
}

void gg_settle(gg_bus *bus, int32_t at, gg_match *match) {
    for (; at > 0 && sooner(match, bus->waiting[(at - 1) / 2]); at = (at - 1) / 2)
        put(bus, at, bus->waiting[(at - 1) / 2]);
    for (int32_t child; (child = 2 * at + 1) < bus->waiting_count; at = child) {
        if (child + 1 < bus->waiting_count && sooner(bus->waiting[child + 1], bus->waiting[child]))
            child++;
        if (!sooner(bus->waiting[child], match))
            break;
        put(bus, at, bus->waiting[child]);
    }
    put(bus, at, match);
}

void gg_wait_no_more(gg_bus *bus, gg_match *match) {
    gg_match *last = bus->waiting[--bus->waiting_count];
    if (last != match)
        gg_settle(bus, match->waits, last);
}

static int by_turn(const void *a, const void *b) { return goes_before(a, b) ? -1 : 1; }

/* Windows for those that are new on a topic; 0 without memory, and then there are none. */
static int make_windows(gg_bus *bus, const gg_topic *topic, gg_match *matches, int32_t count) {
    int32_t old = 0;
    for (int32_t i = 0; i < count; i++) {
        const gg_where *where = bus->subscriptions[matches[i].subscription].where;
        while (old < topic->count && goes_before(&topic->matches[old], &matches[i]))
            old++;
        if (!where || !where->statistic || (old < topic->count && topic->matches[old].order == matches[i].order))
            continue;
        if (!(matches[i].state.window = gg_window_new(where))) {
            while (i--)
                free(matches[i].state.window);
            return 0;
        }
    }
    return 1;
}

/* Whether the type of a topic is one that a subscription asks for. */
static int is_of_type(const gg_bus *bus, const gg_subscription *subscription, const gg_topic *topic) {
    if (!subscription->type)
        return 1;
    if (!topic->type)
        return 0;
    const gg_text *type = &bus->type_names[topic->type - 1];
    return gg_topic_matches(subscription->type, strlen(subscription->type), type->text, type->length);
}

int gg_refresh(gg_bus *bus, int32_t index) {
    gg_topic *topic = &bus->topics[index];
    const int32_t *nodes;
    int32_t node_count = gg_trie_match(&bus->filters, topic->name, topic->length, &nodes), count = 0;
    for (int32_t n = 0; n < node_count; n++)
        for (int32_t i = bus->filters.nodes[nodes[n]].data; i != GG_NONE; i = bus->subscriptions[i].next)
            count += is_of_type(bus, &bus->subscriptions[i], topic);
    gg_match *matches = malloc((size_t)(count ? count : 1) * sizeof *matches);
    int32_t total = bus->match_count - topic->count + count;
    if (!matches || !gg_reserve(&bus->waiting, total, &bus->waiting_room, sizeof *bus->waiting)) {
        free(matches);
        return 0;
    }
    int32_t at = 0;
    for (int32_t n = 0; n < node_count; n++)
        for (int32_t i = bus->filters.nodes[nodes[n]].data; i != GG_NONE; i = bus->subscriptions[i].next)
            if (is_of_type(bus, &bus->subscriptions[i], topic))
                matches[at++] = (gg_match){
                    .state = {.due = GG_NEVER}, .order = bus->subscriptions[i].order,
                    .priority = bus->subscriptions[i].priority, .subscription = i, .topic = index,
                };
    qsort(matches, (size_t)count, sizeof *matches, by_turn);
    if (!make_windows(bus, topic, matches, count)) {
        free(matches);
        return 0;
    }
    /* Both lists are in order: one pass finds those that stay. */
    for (int32_t new = 0, old = 0; old < topic->count;) {
        if (new < count && matches[new].order == topic->matches[old].order) {
            matches[new] = topic->matches[old++];
            if (matches[new].state.due != GG_NEVER)
                bus->waiting[matches[new].waits] = &matches[new];
            new++;
        } else if (new == count || goes_before(&topic->matches[old], &matches[new])) {
            if (topic->matches[old].state.due != GG_NEVER)
                gg_wait_no_more(bus, &topic->matches[old]); /* its type has changed: who is closed waits no more */
            free(topic->matches[old++].state.window);
        } else {
            new++;
        }
    }
    free(topic->matches);
    topic->matches = matches;
    topic->count = count;
    topic->version = bus->version;
    bus->match_count = total;
    return 1;
}
