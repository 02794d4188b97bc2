/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * libFuzzer's way into the core: its input is a programme of calls, with topics and filters of its own invention. Who
 * matches is counted a second time by gg_topic_matches, which knows nothing of the tree.
 *
 *     clang -fsanitize=fuzzer,address,undefined -Inative/include tests/native/fuzz_core.c native/src/x.c ... -lm
 */
#include <stdlib.h>
#include <string.h>

#include "ganglion.h"

enum { MOST = 64, TOPICS = 64, TEXT = 24 };

typedef struct {
    const uint8_t *at, *end;
} input;

typedef struct {
    char text[TEXT];
    size_t length;
} text;

static uint8_t byte(input *in) { return in->at < in->end ? *in->at++ : 0; }

static text some_text(input *in) {
    text made = {.length = byte(in) % TEXT};
    for (size_t i = 0; i < made.length; i++)
        made.text[i] = (char)byte(in);
    return made;
}

/* MQTT 3.1.1 section 4.7: what callers check before the core sees it. */
static int is_filter(const text *filter) {
    for (size_t i = 0; i < filter->length; i++) {
        char c = filter->text[i];
        int starts = i == 0 || filter->text[i - 1] == '/', ends = i + 1 == filter->length || filter->text[i + 1] == '/';
        if ((c == '#' && !(starts && i + 1 == filter->length)) || (c == '+' && !(starts && ends)))
            return 0;
    }
    return filter->length > 0;
}

static int is_name(const text *name) {
    return name->length > 0 && !memchr(name->text, '#', name->length) && !memchr(name->text, '+', name->length);
}

/* A subscription, as it was asked for. */
typedef struct {
    text filter, type; /* no length: of any type */
    int32_t handle;
    gg_queue *queue; /* NULL: none */
} standing_one;

static int concerns(const standing_one *one, const text *name, const text *type) {
    if (!gg_topic_matches(one->filter.text, one->filter.length, name->text, name->length))
        return 0;
    return !one->type.length ||
           (type->length && gg_topic_matches(one->type.text, one->type.length, type->text, type->length));
}

/* Puts what was emitted into the queues that it is for, with a slot; what is lost for it must have been put before. */
static void enqueue(gg_bus *bus, int32_t topic, int32_t count, int32_t *slots) {
    for (int32_t i = 0; i < count; i++) {
        int32_t lost;
        gg_fired fired = gg_bus_fired(bus)[i];
        if (fired.how != GG_ENQUEUE)
            continue;
        gg_record record = {.topic = topic, .slot = (*slots)++, .flags = GG_IN_SLOT, .priority = i % 5 - 1};
        int outcome = gg_bus_enqueue(bus, fired.subscription, &record);
        while (gg_bus_lost(bus, &lost))
            if (outcome == GG_PUT || lost < 0 || lost >= *slots || (outcome == GG_LOST && lost != record.slot))
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, data + size};
    gg_number number;
    gg_pick(data, size, "a.b", 3, &number);
    gg_bus *bus = gg_bus_new();
    standing_one all[MOST];
    text names[TOPICS], types[TOPICS] = {0};
    int32_t standing = 0, known = 0, slots = 0;
    gg_due due;
    int64_t now = 0;

    while (in.at < in.end) {
        uint8_t what = byte(&in);
        now += what >> 4;
        gg_bus_attributes(bus, what >> 2 & 3, what >> 4 & 3);
        switch (what % 6) {
        case 0: {
            text filter = some_text(&in);
            gg_where where = {
                .op = byte(&in) % 10, .edge = byte(&in) % 2, .low = (int8_t)byte(&in), .high = (int8_t)byte(&in),
                .symbol = byte(&in) % 3, .hysteresis = byte(&in) % 4, .lasting = byte(&in) % 8, .cooldown = byte(&in) % 8,
                .debounce = byte(&in) % 8, .sample = byte(&in) % 8, .statistic = byte(&in) % 8,
                .capacity = byte(&in) % 8, .span = byte(&in) % 16,
            };
            switch (byte(&in) % 4) { /* most of these would be refused */
            case 0: where.lasting = where.debounce = where.statistic = 0; break;
            case 1: where.lasting = where.sample = where.edge = 0; break;
            case 2: where.debounce = where.sample = 0; break;
            }
            gg_test tests[8];
            int32_t count = byte(&in) % 9;
            for (int32_t i = 0; i < count; i++)
                tests[i] = (gg_test){
                    .op = byte(&in) % 12, .field = byte(&in) % 5, .symbol = byte(&in) % 3,
                    .number = (int8_t)byte(&in), .integer = (int8_t)byte(&in),
                };
            if (standing == MOST || !is_filter(&filter))
                break;
            int32_t handle = gg_bus_subscribe(bus, filter.text, filter.length, byte(&in) % 4, &where, tests, count);
            if ((handle == GG_NO_PREDICATE && count) || handle == GG_NO_WHERE)
                break;
            if (handle < 0 || handle > MOST)
                abort();
            standing_one *one = &all[standing++];
            *one = (standing_one){.filter = filter, .handle = handle};
            if (byte(&in) % 3 == 0) {
                one->queue = gg_queue_new(1 + byte(&in) % 4, byte(&in) % 4);
                if (gg_bus_queue(bus, handle, one->queue))
                    abort();
            }
            text type = some_text(&in);
            if (is_filter(&type) && !memchr(type.text, 0, type.length)) {
                one->type = type;
                if (gg_bus_restrict(bus, handle, type.text, type.length))
                    abort();
            }
            break;
        }
        case 1:
            if (standing) {
                int gone = byte(&in) % standing;
                gg_bus_unsubscribe(bus, all[gone].handle);
                gg_queue_free(all[gone].queue);
                all[gone] = all[--standing];
            }
            break;
        case 2: {
            text name = some_text(&in);
            if (!is_name(&name))
                break;
            int32_t handle = gg_bus_topic(bus, name.text, name.length);
            if (handle == known && known < TOPICS)
                names[known++] = name;
            else if (handle >= known)
                goto end; /* no room for another one here */
            if (names[handle].length != name.length || memcmp(names[handle].text, name.text, name.length))
                abort();
            while (byte(&in) % 8 && gg_bus_take_due(bus, now, &due))
                ;
            int is_due = gg_bus_deadline(bus) <= now;
            int64_t answer = byte(&in) % 4
                ? gg_bus_emit(bus, handle, (int8_t)byte(&in), now)
                : gg_bus_emit_symbol(bus, handle, byte(&in) % 3, byte(&in) % 2, now);
            if (is_due != (answer == GG_DUE))
                abort();
            if (is_due)
                break;
            int wanted = 0;
            for (int i = 0; i < standing; i++)
                wanted += concerns(&all[i], &name, &types[handle]);
            if (answer >> 32 != wanted || (answer & INT32_MAX) > wanted)
                abort();
            enqueue(bus, handle, answer & INT32_MAX, &slots);
            break;
        }
        case 3: {
            text type = some_text(&in);
            int32_t topic = byte(&in) % TOPICS;
            if (topic >= known || !is_name(&type))
                break;
            types[topic] = type;
            int32_t handle = gg_bus_type(bus, topic, type.text, type.length);
            if (handle < 1 || gg_bus_type_of(bus, topic) != handle)
                abort();
            break;
        }
        case 4: {
            int32_t topics[8], at = 0, count = byte(&in) % 9;
            double numbers[8];
            int64_t times[8];
            for (int32_t i = 0; i < count; i++) {
                topics[i] = byte(&in) % (known + 2) - 1;
                numbers[i] = (int8_t)byte(&in);
                times[i] = now += byte(&in) % 4;
            }
            while (at < count) {
                gg_sums sums;
                int64_t taken = gg_bus_emit_many(bus, topics + at, numbers + at, times + at, count - at, &sums);
                if (taken < 0 || taken > count - at || sums.news > standing)
                    abort();
                for (int64_t i = 0; i < sums.news; i++)
                    if (gg_bus_news(bus)[i] < 0 || gg_bus_news(bus)[i] > MOST)
                        abort();
                for (int32_t lost; gg_bus_lost(bus, &lost);)
                    if (lost < 0 || lost >= slots)
                        abort();
                at += (int32_t)taken;
                if (sums.fired == GG_DUE)
                    gg_bus_take_due(bus, times[at], &due);
                else if (sums.fired < 0)
                    break;
                else if (sums.fired)
                    enqueue(bus, topics[at - 1], (int32_t)sums.fired, &slots);
            }
            break;
        }
        default:
            for (int i = 0; i < standing; i++) {
                gg_record records[3];
                int32_t most = byte(&in) % 4, waiting = all[i].queue ? gg_queue_counts(all[i].queue).waiting : 0;
                if (all[i].queue && gg_queue_take(all[i].queue, records, most) != (most < waiting ? most : waiting))
                    abort();
            }
            while (gg_bus_take_due(bus, now, &due))
                if (due.subscription < 0 || due.subscription > MOST || due.topic < 0 || due.topic >= known ||
                    due.time > now)
                    abort();
            if (gg_bus_deadline(bus) <= now)
                abort();
        }
    }
end:
    for (int i = 0; i < standing; i++)
        gg_queue_free(all[i].queue);
    gg_bus_free(bus);
    return 0;
}
