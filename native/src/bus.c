/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A topic keeps the list of those who match it, in the order they are told, with their state. The list is made again on
 * the topic's first event after a subscription came or went (`version`); the state of those that stay is carried over.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* Room for `count` elements; the array at *items may move. */
static int reserve(void *items, int32_t count, int32_t *room, size_t size) {
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
    if (!copy || !reserve(&bus->topics, bus->topic_count + 1, &bus->topic_room, sizeof *bus->topics)) {
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
        if (!copy || !reserve(&bus->type_names, bus->type_count + 1, &bus->type_room, sizeof *bus->type_names)) {
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

/* ---- Those who wait: a binary heap --------------------------------------------------------------------------- */

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

/* Moves a match from `at` to where it belongs, up or down. */
static void settle(gg_bus *bus, int32_t at, gg_match *match) {
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

static void wait_no_more(gg_bus *bus, gg_match *match) {
    gg_match *last = bus->waiting[--bus->waiting_count];
    if (last != match)
        settle(bus, match->waits, last);
}

/* ---- Subscriptions ------------------------------------------------------------------------------------------- */

int32_t gg_bus_subscribe(gg_bus *bus, const char *filter, size_t length, int32_t priority, const gg_where *where,
                         const gg_test *tests, int32_t count) {
    int32_t slot = bus->free == GG_NONE ? bus->subscription_count : bus->free;
    if (!gg_predicate_is_sound(tests, count))
        return GG_NO_PREDICATE;
    if (!gg_where_is_sound(where))
        return GG_NO_WHERE;
    if (!reserve(&bus->subscriptions, slot + 1, &bus->subscription_room, sizeof *bus->subscriptions) ||
        !reserve(&bus->fired, slot + 1, &bus->fired_room, sizeof *bus->fired))
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
    if (!reserve(&bus->lost, room + 1, &bus->lost_room, sizeof *bus->lost) ||
        !reserve(&bus->news, bus->queue_count + 1, &bus->news_room, sizeof *bus->news))
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
        wait_no_more(bus, match);
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

/* Makes the matches of a topic anew; 0 without memory, and then the old ones stay. */
static int refresh(gg_bus *bus, int32_t index) {
    gg_topic *topic = &bus->topics[index];
    const int32_t *nodes;
    int32_t node_count = gg_trie_match(&bus->filters, topic->name, topic->length, &nodes), count = 0;
    for (int32_t n = 0; n < node_count; n++)
        for (int32_t i = bus->filters.nodes[nodes[n]].data; i != GG_NONE; i = bus->subscriptions[i].next)
            count += is_of_type(bus, &bus->subscriptions[i], topic);
    gg_match *matches = malloc((size_t)(count ? count : 1) * sizeof *matches);
    int32_t total = bus->match_count - topic->count + count;
    if (!matches || !reserve(&bus->waiting, total, &bus->waiting_room, sizeof *bus->waiting)) {
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
    /* Both lists are in order: one pass finds those that stay. Those that go are not waiting any more. */
    for (int32_t new = 0, old = 0; old < topic->count;) {
        if (new < count && matches[new].order == topic->matches[old].order) {
            matches[new] = topic->matches[old++];
            if (matches[new].state.due != GG_NEVER)
                bus->waiting[matches[new].waits] = &matches[new];
            new++;
        } else if (new == count || goes_before(&topic->matches[old], &matches[new])) {
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

/* ---- Events -------------------------------------------------------------------------------------------------- */

static int64_t decide(gg_bus *bus, int32_t index, gg_event *event) {
    gg_topic *topic = &bus->topics[index];
    int32_t count = 0;
    bus->sequence++;
    topic->emitted++;
    event->source = bus->source;
    event->priority = bus->priority;
    for (gg_match *match = topic->matches, *end = match + topic->count; match < end; match++) {
        const gg_subscription *subscription = &bus->subscriptions[match->subscription];
        if (!gg_predicate_holds(subscription->tests, subscription->test_count, event))
            continue;
        if (!subscription->where) {
            int32_t how = subscription->queue ? GG_ENQUEUE : GG_TELL;
            bus->fired[count++] = (gg_fired){match->subscription, how, event->number};
            continue;
        }
        int64_t due = match->state.due;
        enum gg_answer answer = gg_state_feed(&match->state, subscription->where, event);
        if (answer != GG_NOTHING) {
            int32_t how = answer == GG_KEPT ? GG_KEEP : subscription->queue ? GG_ENQUEUE : GG_TELL;
            bus->fired[count++] = (gg_fired){match->subscription, how, match->state.number};
        }
        if (due == match->state.due)
            continue;
        if (due != GG_NEVER) /* it waits until another time, or no more; a new time is never the old one */
            wait_no_more(bus, match);
        if (match->state.due != GG_NEVER)
            settle(bus, bus->waiting_count++, match);
    }
    return (int64_t)topic->count << 32 | count;
}

void gg_bus_attributes(gg_bus *bus, int32_t source, int32_t priority) {
    bus->source = source;
    bus->priority = priority;
}

/* Whether an event may be decided about: 0, or why not. */
static int64_t obstacle(gg_bus *bus, int32_t index, int64_t now) {
    if (index < 0 || index >= bus->topic_count)
        return GG_NO_TOPIC;
    if (gg_bus_deadline(bus) <= now && bus->waiting_count)
        return GG_DUE;
    return bus->topics[index].version == bus->version || refresh(bus, index) ? 0 : GG_NO_MEMORY;
}

int64_t gg_bus_emit(gg_bus *bus, int32_t index, double number, int64_t now) {
    int64_t why = obstacle(bus, index, now);
    if (why)
        return why;
    gg_topic *topic = &bus->topics[index];
    int same = topic->has_number && (number == topic->last || (isnan(number) && isnan(topic->last)));
    topic->last = number;
    topic->has_number = 1;
    return decide(bus, index, &(gg_event){.number = number, .changed = !same, .time = now});
}

int64_t gg_bus_emit_symbol(gg_bus *bus, int32_t index, int32_t symbol, int changed, int64_t now) {
    int64_t why = obstacle(bus, index, now);
    if (why)
        return why;
    bus->topics[index].has_number = 0;
    return decide(bus, index, &(gg_event){.number = NAN, .symbol = symbol, .changed = changed, .time = now});
}

/* Puts a number into the queues that it is for; 0 where somebody else wants to know of it, and then nothing is done. */
static int enqueue_all(gg_bus *bus, int32_t topic, int64_t now, int32_t count, gg_sums *sums) {
    for (int32_t i = 0; i < count; i++)
        if (bus->fired[i].how != GG_ENQUEUE)
            return 0;
    for (int32_t i = 0; i < count; i++) {
        gg_record record = {
            .topic = topic, .type = bus->topics[topic].type, .source = bus->source, .sequence = bus->sequence, .wall = now,
            .value = bus->fired[i].number, .confidence = 1, .priority = bus->priority,
        };
        gg_subscription *subscription = &bus->subscriptions[bus->fired[i].subscription];
        if (!subscription->has_news) {
            subscription->has_news = 1;
            bus->news[bus->news_count++] = bus->fired[i].subscription;
        }
        int outcome = gg_bus_enqueue(bus, bus->fired[i].subscription, &record);
        sums->queued += outcome != GG_LOST;
        sums->dropped += outcome != GG_PUT;
    }
    return 1;
}

static int64_t emit_many(gg_bus *bus, const int32_t *topics, const double *numbers, const int64_t *times, int64_t count,
                         gg_sums *sums) {
    for (int64_t i = 0; i < count; i++) {
        int64_t answer = gg_bus_emit(bus, topics[i], numbers[i], times[i]);
        if (answer < 0) {
            sums->fired = answer;
            return i;
        }
        sums->matched += answer >> 32;
        int32_t fired = answer & INT32_MAX;
        if (fired && !enqueue_all(bus, topics[i], times[i], fired, sums)) {
            sums->fired = fired;
            return i + 1;
        }
    }
    return count;
}

int64_t gg_bus_emit_many(gg_bus *bus, const int32_t *topics, const double *numbers, const int64_t *times, int64_t count,
                         gg_sums *sums) {
    while (bus->news_count)
        bus->subscriptions[bus->news[--bus->news_count]].has_news = 0;
    *sums = (gg_sums){0};
    int64_t taken = emit_many(bus, topics, numbers, times, count, sums);
    sums->news = bus->news_count;
    return taken;
}

const int32_t *gg_bus_news(const gg_bus *bus) { return bus->news; }

int64_t gg_bus_deadline(const gg_bus *bus) { return bus->waiting_count ? bus->waiting[0]->state.due : GG_NEVER; }

int gg_bus_take_due(gg_bus *bus, int64_t now, gg_due *due) {
    while (bus->waiting_count && bus->waiting[0]->state.due <= now) {
        gg_match *first = bus->waiting[0];
        wait_no_more(bus, first);
        *due = (gg_due){first->subscription, first->topic, first->state.due};
        if (gg_state_due(&first->state, bus->subscriptions[first->subscription].where, due->time))
            return 1;
    }
    return 0;
}
