/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"

int gg_reserve(void *items, int32_t count, int32_t *room, size_t size) {
    void *moved;
    if (count <= *room)
        return 1;
    if (count > GG_MOST)
        return 0;
    int32_t wanted = *room ? *room : 16;
    while (wanted < count)
        wanted *= 2;
    memcpy(&moved, items, sizeof moved);
    if (!(moved = realloc(moved, (size_t)wanted * size)))
        return 0;
    memcpy(items, &moved, sizeof moved);
    *room = wanted;
    return 1;
}

gg_bus *gg_bus_new(void) {
    gg_bus *bus = calloc(1, sizeof *bus);
    if (!bus)
        return NULL;
    bus->version = 1;
    bus->free = GG_NONE;
    if (!gg_trie_init(&bus->filters) || !gg_trie_init(&bus->names) || !gg_trie_init(&bus->types)) {
        gg_bus_free(bus);
        return NULL;
    }
    return bus;
}

void gg_bus_free(gg_bus *bus) {
    if (!bus)
        return;
    for (int32_t i = 0; i < bus->topic_count; i++) {
        for (int32_t m = 0; m < bus->topics[i].count; m++)
            free(bus->topics[i].matches[m].state.window);
        free(bus->topics[i].name);
        free(bus->topics[i].matches);
    }
    for (int32_t i = 0; i < bus->subscription_count; i++) {
        free(bus->subscriptions[i].tests);
        free(bus->subscriptions[i].type);
        free(bus->subscriptions[i].where);
    }
    for (int32_t i = 0; i < bus->type_count; i++)
        free(bus->type_names[i].text);
    gg_trie_free(&bus->filters);
    gg_trie_free(&bus->names);
    gg_trie_free(&bus->types);
    free(bus->type_names);
    free(bus->topics);
    free(bus->subscriptions);
    free(bus->waiting);
    free(bus->fired);
    free(bus->lost);
    free(bus->news);
    free(bus);
}

static void *copied(const void *bytes, size_t size) {
    void *copy = malloc(size ? size : 1);
    return copy ? memcpy(copy, bytes, size) : NULL;
}

int32_t gg_bus_topic(gg_bus *bus, const char *name, size_t length) {
    int32_t node = gg_trie_node(&bus->names, name, length);
    if (node == GG_NONE)
        return -1;
    int32_t *data = &bus->names.nodes[node].data;
    if (*data != GG_NONE)
        return *data;
    char *copy = copied(name, length);
    if (!copy || !gg_reserve(&bus->topics, bus->topic_count + 1, &bus->topic_room, sizeof *bus->topics)) {
        free(copy);
        gg_trie_prune(&bus->names, node);
        return -1;
    }
    bus->topics[bus->topic_count] = (gg_topic){.name = copy, .length = length, .last = NAN};
    return *data = bus->topic_count++;
}

int32_t gg_bus_type(gg_bus *bus, int32_t topic, const char *type, size_t length) {
    if (topic < 0 || topic >= bus->topic_count)
        return GG_NO_TOPIC;
    int32_t node = gg_trie_node(&bus->types, type, length);
    if (node == GG_NONE)
        return GG_NO_MEMORY;
    int32_t *data = &bus->types.nodes[node].data;
    if (*data == GG_NONE) {
        char *copy = copied(type, length);
        if (!copy || !gg_reserve(&bus->type_names, bus->type_count + 1, &bus->type_room, sizeof *bus->type_names)) {
            free(copy);
            gg_trie_prune(&bus->types, node);
            return GG_NO_MEMORY;
        }
        bus->type_names[bus->type_count] = (gg_text){copy, length};
        *data = ++bus->type_count;
    }
    bus->topics[topic].version = 0; /* other subscriptions may match it now */
    return bus->topics[topic].type = *data;
}

int32_t gg_bus_type_of(const gg_bus *bus, int32_t topic) {
    return topic < 0 || topic >= bus->topic_count ? 0 : bus->topics[topic].type;
}

const gg_fired *gg_bus_fired(const gg_bus *bus) { return bus->fired; }

uint64_t gg_bus_sequence(const gg_bus *bus) { return bus->sequence; }

uint64_t gg_bus_emitted(const gg_bus *bus, int32_t topic) {
    return topic >= 0 && topic < bus->topic_count ? bus->topics[topic].emitted : 0;
}

/* ---- Subscriptions ------------------------------------------------------------------------------------------- */

int32_t gg_bus_subscribe(gg_bus *bus, const char *filter, size_t length, int32_t priority, const gg_where *where,
                         const gg_test *tests, int32_t count) {
    int32_t slot = bus->free == GG_NONE ? bus->subscription_count : bus->free;
    if (!gg_predicate_is_sound(tests, count))
        return GG_NO_PREDICATE;
    if (!gg_where_is_sound(where))
        return GG_NO_WHERE;
    if (!gg_reserve(&bus->subscriptions, slot + 1, &bus->subscription_room, sizeof *bus->subscriptions) ||
        !gg_reserve(&bus->fired, slot + 1, &bus->fired_room, sizeof *bus->fired))
        return GG_NO_MEMORY;
    int waits = where->lasting || where->debounce || where->sample || where->cooldown;
    int is_plain = where->op == GG_ALWAYS && !where->edge && !where->statistic && !waits;
    gg_test *copy = count ? copied(tests, (size_t)count * sizeof *copy) : NULL;
    gg_where *condition = is_plain ? NULL : copied(where, sizeof *where);
    int32_t node = (count && !copy) || (!is_plain && !condition) ? GG_NONE : gg_trie_node(&bus->filters, filter, length);
    if (node == GG_NONE) {
        free(copy);
        free(condition);
        return GG_NO_MEMORY;
    }
    if (slot == bus->subscription_count)
        bus->subscription_count++;
    else
        bus->free = bus->subscriptions[slot].next;
    int32_t *first = &bus->filters.nodes[node].data;
    bus->subscriptions[slot] = (gg_subscription){
        .where = condition, .order = bus->orders++, .priority = priority,
        .node = node, .previous = GG_NONE, .next = *first, .tests = copy, .test_count = count,
    };
    if (*first != GG_NONE)
        bus->subscriptions[*first].previous = slot;
    *first = slot;
    bus->version++;
    return slot;
}

int32_t gg_bus_restrict(gg_bus *bus, int32_t slot, const char *type, size_t length) {
    char *copy = malloc(length + 1);
    if (!copy)
        return GG_NO_MEMORY;
    memcpy(copy, type, length);
    copy[length] = 0;
    free(bus->subscriptions[slot].type);
    bus->subscriptions[slot].type = copy;
    bus->version++;
    return 0;
}

int32_t gg_bus_queue(gg_bus *bus, int32_t slot, gg_queue *queue) {
    int32_t room = bus->queue_room + gg_queue_counts(queue).capacity;
    if (!gg_reserve(&bus->lost, room + 1, &bus->lost_room, sizeof *bus->lost) ||
        !gg_reserve(&bus->news, bus->queue_count + 1, &bus->news_room, sizeof *bus->news))
        return GG_NO_MEMORY;
    bus->queue_room = room;
    bus->queue_count++;
    bus->subscriptions[slot].queue = queue;
    return 0;
}

int gg_bus_enqueue(gg_bus *bus, int32_t slot, const gg_record *record) {
    gg_record lost = {0};
    if (!bus->subscriptions[slot].queue)
        return GG_LOST;
    int outcome = gg_queue_put(bus->subscriptions[slot].queue, record, &lost);
    if (lost.flags & GG_IN_SLOT && bus->lost_count < bus->lost_room)
        bus->lost[bus->lost_count++] = lost.slot;
    return outcome;
}

int gg_bus_lost(gg_bus *bus, int32_t *slot) {
    if (!bus->lost_count)
        return 0;
    *slot = bus->lost[--bus->lost_count];
    return 1;
}

void gg_bus_unsubscribe(gg_bus *bus, int32_t slot) {
    gg_subscription *subscription = &bus->subscriptions[slot];
    if (subscription->next != GG_NONE)
        bus->subscriptions[subscription->next].previous = subscription->previous;
    if (subscription->previous != GG_NONE) {
        bus->subscriptions[subscription->previous].next = subscription->next;
    } else {
        bus->filters.nodes[subscription->node].data = subscription->next;
        gg_trie_prune(&bus->filters, subscription->node);
    }
    for (int32_t i = 0; i < bus->waiting_count; i++) {
        gg_match *match = bus->waiting[i];
        if (match->order != subscription->order)
            continue;
        gg_wait_no_more(bus, match);
        match->state.due = GG_NEVER;
        i = -1; /* the others may have moved */
    }
    free(subscription->tests);
    free(subscription->type);
    free(subscription->where);
    if (subscription->queue) {
        bus->queue_room -= gg_queue_counts(subscription->queue).capacity;
        bus->queue_count--;
    }
    subscription->queue = NULL;
    subscription->has_news = 0;
    subscription->tests = NULL;
    subscription->type = NULL;
    subscription->where = NULL;
    subscription->node = GG_NONE;
    subscription->next = bus->free;
    bus->free = slot;
    bus->version++;
}
