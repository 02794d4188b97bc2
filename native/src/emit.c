/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdlib.h>

#include "bus.h"

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
            gg_wait_no_more(bus, match);
        if (match->state.due != GG_NEVER)
            gg_settle(bus, bus->waiting_count++, match);
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
    return bus->topics[index].version == bus->version || gg_refresh(bus, index) ? 0 : GG_NO_MEMORY;
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
        gg_wait_no_more(bus, first);
        *due = (gg_due){first->subscription, first->topic, first->state.due};
        if (gg_state_due(&first->state, bus->subscriptions[first->subscription].where, due->time))
            return 1;
    }
    return 0;
}
