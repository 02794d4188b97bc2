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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    input in = {data, data + size};
    gg_number number;
    gg_pick(data, size, "a.b", 3, &number);
    gg_bus *bus = gg_bus_new();
    text filters[MOST], names[TOPICS];
    int32_t handles[MOST], standing = 0, known = 0;
    gg_due due;
    int64_t now = 0;

    while (in.at < in.end) {
        uint8_t what = byte(&in);
        now += what >> 4;
        gg_bus_attributes(bus, what >> 2 & 3, what >> 4 & 3);
        switch (what % 4) {
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
                    .op = byte(&in) % 10, .field = byte(&in) % 5, .symbol = byte(&in) % 3,
                    .number = (int8_t)byte(&in), .integer = (int8_t)byte(&in),
                };
            if (standing == MOST || !is_filter(&filter))
                break;
            int32_t handle = gg_bus_subscribe(bus, filter.text, filter.length, byte(&in) % 4, &where, tests, count);
            if ((handle == GG_NO_PREDICATE && count) || handle == GG_NO_WHERE)
                break;
            if (handle < 0 || handle > MOST)
                abort();
            filters[standing] = filter;
            handles[standing++] = handle;
            break;
        }
        case 1:
            if (standing) {
                int gone = byte(&in) % standing;
                gg_bus_unsubscribe(bus, handles[gone]);
                handles[gone] = handles[--standing];
                filters[gone] = filters[standing];
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
                wanted += gg_topic_matches(filters[i].text, filters[i].length, name.text, name.length);
            if (answer >> 32 != wanted || (answer & INT32_MAX) > wanted)
                abort();
            break;
        }
        default:
            while (gg_bus_take_due(bus, now, &due))
                if (due.subscription < 0 || due.subscription > MOST || due.topic < 0 || due.topic >= known ||
                    due.time > now)
                    abort();
            if (gg_bus_deadline(bus) <= now)
                abort();
        }
    }
end:
    gg_bus_free(bus);
    return 0;
}
