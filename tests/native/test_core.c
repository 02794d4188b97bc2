/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ganglion.h"

_Static_assert(sizeof(gg_record) == 64 && offsetof(gg_record, sequence) == 16 && offsetof(gg_record, value) == 40 &&
                   offsetof(gg_record, flags) == 56,
               "the layout of a record");

static int failed;
#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            failed = 1;                                                                                                \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                                    \
        }                                                                                                              \
    } while (0)

static int matches(const char *filter, const char *topic) {
    return gg_topic_matches(filter, strlen(filter), topic, strlen(topic));
}

static void topics_match_as_the_standard_says(void) {
    CHECK(matches("sport/#", "sport"));
    CHECK(matches("sport/tennis/+", "sport/tennis/player1"));
    CHECK(!matches("sport/tennis/+", "sport/tennis/player1/ranking"));
    CHECK(matches("sport/+", "sport/"));
    CHECK(!matches("sport/+", "sport"));
    CHECK(matches("+/+", "/finance"));
    CHECK(!matches("#", "$SYS/x"));
    CHECK(matches("$SYS/#", "$SYS/x"));
}

static int count(int64_t answer) { return (int)(answer & INT32_MAX); }
static int kept(const gg_bus *bus, int64_t answer) {
    int found = 0;
    for (int i = 0; i < count(answer); i++)
        found += gg_bus_fired(bus)[i].how == GG_KEEP;
    return found;
}
static int matched(int64_t answer) { return (int)(answer >> 32); }

static void a_lasting_condition_fires_once_and_when_due(void) {
    gg_bus *bus = gg_bus_new();
    gg_where where = {.op = GG_ABOVE, .edge = 1, .low = 8, .hysteresis = 0.5, .lasting = 10};
    int32_t topic = gg_bus_topic(bus, "t", 1), subscription = gg_bus_subscribe(bus, "#", 1, 1, &where, NULL, 0);
    gg_due due;

    int64_t answer = gg_bus_emit(bus, topic, 9, 100);
    CHECK(count(answer) == 1 && kept(bus, answer) == 1 && matched(answer) == 1);
    CHECK(gg_bus_deadline(bus) == 110);
    CHECK(kept(bus, gg_bus_emit(bus, topic, 7.6, 105)) == 1); /* within the hysteresis */
    CHECK(gg_bus_emit(bus, topic, 1, 110) == GG_DUE);
    CHECK(!gg_bus_take_due(bus, 109, &due));
    CHECK(gg_bus_take_due(bus, 110, &due) && due.subscription == subscription && due.topic == topic && due.time == 110);
    CHECK(!gg_bus_take_due(bus, 200, &due));
    CHECK(gg_bus_deadline(bus) == INT64_MAX);
    gg_bus_emit(bus, topic, 1, 210);
    gg_bus_emit(bus, topic, 9, 220);
    CHECK(gg_bus_deadline(bus) == 230);
    gg_bus_unsubscribe(bus, subscription);
    CHECK(gg_bus_deadline(bus) == INT64_MAX);
    CHECK(!gg_bus_take_due(bus, 300, &due));
    gg_bus_free(bus);
}

static void those_due_first_come_first_however_many_wait(void) {
    enum { MANY = 200 };
    gg_bus *bus = gg_bus_new();
    gg_where where = {.op = GG_ABOVE, .edge = 1};
    int32_t topic = gg_bus_topic(bus, "t", 1), taken = 0;
    gg_due due;
    for (int i = 0; i < MANY; i++) {
        where.lasting = 1 + i * 7919 % MANY; /* each time once, in no order */
        gg_bus_subscribe(bus, "t", 1, 1, &where, NULL, 0);
    }
    gg_bus_emit(bus, topic, 1, 0);
    for (int i = 0; i < MANY; i += 2)
        gg_bus_unsubscribe(bus, i);
    for (int64_t last = 0; gg_bus_deadline(bus) != INT64_MAX; taken++) {
        int64_t now = gg_bus_deadline(bus);
        CHECK(now > last);
        CHECK(gg_bus_take_due(bus, now, &due));
        CHECK(due.subscription % 2 == 1 && now == 1 + due.subscription * 7919 % MANY);
        last = now;
    }
    CHECK(taken == MANY / 2);
    gg_bus_free(bus);
}

static void what_waits_is_found_again_when_subscriptions_come_and_go(void) {
    gg_bus *bus = gg_bus_new();
    gg_where lasting = {.op = GG_ABOVE, .edge = 1, .lasting = 10}, always = {.op = GG_ALWAYS};
    int32_t topic = gg_bus_topic(bus, "a/b", 3);
    gg_due due;
    int32_t waits = gg_bus_subscribe(bus, "a/+", 3, 1, &lasting, NULL, 0);
    gg_bus_emit(bus, topic, 1, 0);
    for (int i = 0; i < 30; i++) {
        gg_bus_subscribe(bus, i % 2 ? "a/#" : "+/b", 3, i % 4, &always, NULL, 0);
        int64_t answer = gg_bus_emit(bus, topic, 1, i / 10);
        CHECK(count(answer) == i + 2 && kept(bus, answer) == 1);
    }
    CHECK(gg_bus_deadline(bus) == 10);
    CHECK(gg_bus_take_due(bus, 10, &due) && due.subscription == waits && due.topic == topic);
    gg_bus_free(bus);
}

static void many_come_and_go(void) {
    gg_bus *bus = gg_bus_new();
    gg_where always = {.op = GG_ALWAYS};
    int32_t topic = gg_bus_topic(bus, "a/b", 3);
    for (int i = 0; i < 100; i++)
        CHECK(gg_bus_subscribe(bus, i % 2 ? "a/+" : "a/b", 3, i % 4, &always, NULL, 0) == i);
    CHECK(count(gg_bus_emit(bus, topic, 0, 0)) == 100);
    CHECK(gg_bus_fired(bus)[0].subscription == 3); /* priority 3 first, 0 last, each in order */
    CHECK(gg_bus_fired(bus)[99].subscription == 96);
    for (int i = 0; i < 100; i += 2)
        gg_bus_unsubscribe(bus, i);
    int64_t answer = gg_bus_emit(bus, topic, 0, 0);
    CHECK(count(answer) == 50 && matched(answer) == 50);
    CHECK(gg_bus_subscribe(bus, "a/b", 3, 1, &always, NULL, 0) == 98); /* the handle that was freed last */
    gg_bus_free(bus);
}

static void ten_thousand_filters_are_found_and_forgotten(void) {
    enum { MANY = 10000 };
    static int32_t handles[MANY];
    gg_bus *bus = gg_bus_new();
    gg_where always = {.op = GG_ALWAYS};
    char text[64];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            int length = snprintf(text, sizeof text, "site/%d/+/%d/%s", i % 100, i, i % 3 ? "#" : "temperature");
            handles[i] = gg_bus_subscribe(bus, text, (size_t)length, 1, &always, NULL, 0);
            CHECK(handles[i] >= 0);
        }
        for (int i = 0; i < MANY; i += 97) {
            int length = snprintf(text, sizeof text, "site/%d/room/%d/temperature", i % 100, i);
            int32_t topic = gg_bus_topic(bus, text, (size_t)length);
            CHECK(gg_bus_topic(bus, text, (size_t)length) == topic);
            CHECK(count(gg_bus_emit(bus, topic, 0, 0)) == 1 && gg_bus_fired(bus)[0].subscription == handles[i]);
        }
        for (int i = 0; i < MANY; i++)
            gg_bus_unsubscribe(bus, handles[(i * 7) % MANY]);
        CHECK(matched(gg_bus_emit(bus, 0, 0, 0)) == 0);
    }
    gg_bus_free(bus);
}

static void a_window_tells_its_statistic_once_it_is_full(void) {
    static const struct {
        int32_t statistic, capacity;
        int64_t span;
        double told[6]; /* of 4, 8, 6, -2, 6, 6 at 0, 1, ... 5 s; NaN: not told */
    } cases[] = {
        {GG_COUNT, 3, 0, {1, 2, 3, 3, 3, 3}},
        {GG_MEAN, 3, 0, {NAN, NAN, 6, 4, 10 / 3.0, 10 / 3.0}},
        {GG_LEAST, 3, 0, {NAN, NAN, 4, -2, -2, -2}},
        {GG_GREATEST, 2, 0, {NAN, 8, 8, 6, 6, 6}},
        {GG_DEVIATION, 2, 0, {NAN, 2, 1, 4, 4, 0}},
        {GG_RATE, 3, 0, {NAN, NAN, 1, -5, 0, 4}},
        {GG_MEAN, 100, 2000000000, {NAN, NAN, 7, 2, 2, 6}},
        {GG_COUNT, 100, 2000000000, {1, 2, 2, 2, 2, 2}},
    };
    static const double numbers[] = {4, 8, 6, -2, 6, 6};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gg_bus *bus = gg_bus_new();
        gg_where where = {.statistic = cases[i].statistic,
                          .capacity = cases[i].capacity, .span = cases[i].span};
        int32_t topic = gg_bus_topic(bus, "t", 1), subscription = gg_bus_subscribe(bus, "t", 1, 1, &where, NULL, 0);
        for (int n = 0; n < 6; n++) {
            CHECK(count(gg_bus_emit_symbol(bus, topic, 1, 1, n * 1000000000LL)) == (cases[i].statistic == GG_COUNT));
            if (cases[i].statistic == GG_COUNT)
                break;
            int64_t answer = gg_bus_emit(bus, topic, numbers[n], n * 1000000000LL);
            CHECK(count(answer) == !isnan(cases[i].told[n]));
            CHECK(!count(answer) || gg_bus_fired(bus)[0].number == cases[i].told[n]);
        }
        gg_bus_unsubscribe(bus, subscription);
        gg_bus_emit(bus, topic, 1, 0); /* the window goes here, or with the bus */
        gg_bus_free(bus);
    }
}

static void what_comes_too_often_is_thinned(void) {
    gg_bus *bus = gg_bus_new();
    gg_where moves = {.op = GG_MOVES, .low = 1}, debounce = {.debounce = 10}, sample = {.sample = 10};
    int32_t topic = gg_bus_topic(bus, "t", 1);
    gg_due due;
    gg_bus_subscribe(bus, "t", 1, 1, &moves, NULL, 0);
    gg_bus_subscribe(bus, "t", 1, 1, &debounce, NULL, 0);
    gg_bus_subscribe(bus, "t", 1, 1, &sample, NULL, 0);
    static const struct {
        int64_t now;
        double number;
        int told;
    } steps[] = {{0, 5, 1}, {4, 6, 0}, {8, 6.5, 1}, {9, 5.5, 0}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int64_t answer = gg_bus_emit(bus, topic, steps[i].number, steps[i].now);
        CHECK(kept(bus, answer) == 2 && count(answer) == 2 + steps[i].told);
    }
    CHECK(gg_bus_take_due(bus, 30, &due) && due.subscription == 2 && due.time == 10);
    CHECK(gg_bus_take_due(bus, 30, &due) && due.subscription == 1 && due.time == 19);
    CHECK(!gg_bus_take_due(bus, 30, &due));
    gg_bus_free(bus);
}

static void a_condition_that_contradicts_itself_is_refused(void) {
    static const gg_where wrong[] = {
        {.op = 99}, {.op = -1}, {.statistic = 99}, {.statistic = GG_MEAN}, {.statistic = GG_MEAN, .capacity = GG_WINDOW + 1},
        {.statistic = GG_MEAN, .capacity = 1, .span = -1}, {.lasting = 1}, {.edge = 1, .debounce = 1},
        {.edge = 1, .sample = 1}, {.debounce = 1, .sample = 1}, {.cooldown = -1},
    };
    gg_bus *bus = gg_bus_new();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK(gg_bus_subscribe(bus, "t", 1, 1, &wrong[i], NULL, 0) == GG_NO_WHERE);
    gg_bus_free(bus);
}

static void an_inbox_refuses_what_it_has_no_room_for(void) {
    gg_inbox *inbox = gg_inbox_new(3, -1); /* nobody to wake, which is no matter */
    gg_record records[8] = {0};
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 5; i++)
            CHECK(gg_inbox_put(inbox, &(gg_record){.topic = i, .value = round}) == (i < 4));
        CHECK(gg_inbox_dropped(inbox) == (uint64_t)round + 1);
        CHECK(gg_inbox_take(inbox, records, 3) == 3 && records[2].topic == 2 && records[2].value == round);
        CHECK(gg_inbox_take(inbox, records, 8) == 1 && records[0].topic == 3);
        CHECK(gg_inbox_take(inbox, records, 8) == 0);
    }
    gg_inbox_free(inbox);
    gg_inbox_free(NULL);
}

/* Random puts and takes beside the plainest queue there is: an array in the order of arrival. */
static void a_queue_does_what_a_list_does(int32_t overflow) {
    enum { CAPACITY = 5 };
    gg_queue *queue = gg_queue_new(CAPACITY, overflow);
    gg_record list[CAPACITY + 1], record, lost;
    uint32_t random = 7, waiting = 0, dropped = 0, put = 0;
    for (uint64_t step = 0; step < 20000; step++) {
        random = random * 1664525u + 1013904223u;
        uint32_t pick = random >> 16, found = CAPACITY;
        if (pick % 3 == 0) {
            for (uint32_t i = 0; i < waiting; i++)
                if (found == CAPACITY || list[i].priority > list[found].priority)
                    found = i;
            CHECK(gg_queue_take(queue, &record, 1) == (waiting > 0));
            CHECK(!waiting || record.sequence == list[found].sequence);
        } else {
            gg_record new = {.topic = (int32_t)(pick / 4 % 7), .priority = (int32_t)(pick / 32 % 4), .sequence = step};
            int outcome = gg_queue_put(queue, &new, &lost), is_same = 0, wanted = GG_PUT;
            for (uint32_t i = 0; overflow == GG_LATEST && i < waiting; i++)
                if (list[i].topic == new.topic)
                    found = i, is_same = 1;
            for (uint32_t i = 0; !is_same && waiting == CAPACITY && i < waiting; i++)
                if (found == CAPACITY || list[i].priority < list[found].priority)
                    found = i;
            if (found < CAPACITY) {
                int is_newest = overflow == GG_DROP_NEWEST || overflow == GG_REFUSE;
                wanted = is_newest || (!is_same && list[found].priority > new.priority) ? GG_LOST : GG_REPLACED;
                dropped++;
                CHECK(lost.sequence == (wanted == GG_LOST ? step : list[found].sequence));
            }
            CHECK(outcome == wanted);
            put += wanted != GG_LOST;
            if (wanted != GG_LOST)
                list[waiting++] = new;
            if (wanted != GG_REPLACED)
                found = CAPACITY;
        }
        if (found < CAPACITY && waiting--)
            memmove(list + found, list + found + 1, (waiting - found) * sizeof *list);
        gg_queue_statistics counts = gg_queue_counts(queue);
        CHECK(counts.waiting == (int32_t)waiting && counts.dropped == dropped && counts.put == put);
        CHECK(counts.most <= CAPACITY && counts.capacity == CAPACITY);
    }
    gg_queue_free(queue);
}

static void random_calls_keep_the_counts_right(void) {
    enum { MOST = 60 };
    static const char *const filters[] = {"a", "+", "#", "a/+", "+/b", "a/#", "$x/#", "+/+", "/+", "a/b/c/#", "a/b/c"};
    static const char *const topics[] = {"a", "b", "a/b", "a/", "/b", "$x", "$x/a", "a/b/c", "a/b/c/d"};
    gg_bus *bus = gg_bus_new();
    int32_t handles[MOST];
    gg_due due;
    const char *standing[MOST];
    int count_standing = 0;
    uint32_t random = 1;
    int64_t now = 0;
    for (int step = 0; step < 50000; step++) {
        random = random * 1664525u + 1013904223u;
        uint32_t pick = random >> 16;
        now += pick % 3;
        if (pick % 8 == 0 && count_standing < MOST) {
            gg_where where = {.op = (int32_t)(pick / 8 % 8), .edge = 1, .low = 5, .high = 7, .lasting = pick % 5};
            const char *filter = filters[pick / 64 % 11];
            standing[count_standing] = filter;
            handles[count_standing++] = gg_bus_subscribe(bus, filter, strlen(filter), pick % 4, &where, NULL, 0);
        } else if (pick % 8 == 1 && count_standing) {
            int gone = (int)(pick / 8) % count_standing;
            gg_bus_unsubscribe(bus, handles[gone]);
            handles[gone] = handles[--count_standing];
            standing[gone] = standing[count_standing];
        } else if (pick % 8 == 2) {
            while (gg_bus_take_due(bus, now, &due))
                CHECK(due.subscription <= MOST && due.topic < 9);
            CHECK(gg_bus_deadline(bus) > now);
        } else {
            const char *name = topics[pick / 8 % 9];
            int wanted = 0;
            for (int i = 0; i < count_standing; i++)
                wanted += matches(standing[i], name);
            while (gg_bus_take_due(bus, now, &due))
                ;
            int64_t answer = gg_bus_emit(bus, gg_bus_topic(bus, name, strlen(name)), pick / 128 % 9, now);
            CHECK(matched(answer) == wanted && count(answer) <= wanted);
        }
    }
    gg_bus_free(bus);
}

static void a_predicate_holds_events_back_and_leaves_the_state_alone(void) {
    /* (value > 5 and source is 7) or priority >= 3 */
    gg_test tests[] = {
        {.op = GG_GT, .field = GG_VALUE, .number = 5}, {.op = GG_EQ, .field = GG_SOURCE, .symbol = 7}, {.op = GG_AND},
        {.op = GG_GE, .field = GG_PRIORITY, .integer = 3}, {.op = GG_OR},
    };
    gg_test not_late[] = {{.op = GG_GE, .field = GG_TIME, .integer = INT64_MAX}, {.op = GG_NOT}};
    gg_bus *bus = gg_bus_new();
    gg_where always = {.op = GG_ALWAYS}, changes = {.op = GG_ABOVE, .edge = 1, .low = 8};
    int32_t topic = gg_bus_topic(bus, "t", 1);
    CHECK(gg_bus_subscribe(bus, "t", 1, 1, &always, tests, 5) == 0);
    CHECK(gg_bus_subscribe(bus, "t", 1, 1, &always, not_late, 2) == 1);
    CHECK(gg_bus_subscribe(bus, "t", 1, 1, &changes, tests + 1, 1) == 2);
    CHECK(count(gg_bus_emit(bus, topic, 9, 1)) == 1 && gg_bus_fired(bus)[0].subscription == 1);
    gg_bus_attributes(bus, 7, 0);
    CHECK(count(gg_bus_emit(bus, topic, 9, INT64_MAX)) == 2 && gg_bus_fired(bus)[0].subscription == 0 && gg_bus_fired(bus)[1].subscription == 2);
    CHECK(count(gg_bus_emit(bus, topic, 5, 1)) == 1 && gg_bus_fired(bus)[0].subscription == 1);
    gg_bus_attributes(bus, 0, 3);
    CHECK(count(gg_bus_emit(bus, topic, 5, 1)) == 2);
    CHECK(count(gg_bus_emit_symbol(bus, topic, 1, 1, 1)) == 2);
    CHECK(matched(gg_bus_emit(bus, topic, 9, 1)) == 3);
    gg_bus_free(bus);
}

static void tests_that_are_no_predicate_are_refused(void) {
    gg_bus *bus = gg_bus_new();
    gg_where always = {.op = GG_ALWAYS};
    gg_test two[] = {{.op = GG_EQ}, {.op = GG_EQ}}, early[] = {{.op = GG_EQ}, {.op = GG_AND}}, none[] = {{.op = GG_NOT}};
    gg_test odd[] = {{.op = 99}}, field[] = {{.op = GG_EQ, .field = 4}}, deep[2 * GG_STACK];
    memset(deep, 0, sizeof deep);
    for (int i = GG_STACK + 1; i < 2 * GG_STACK; i++)
        deep[i].op = GG_AND;
    CHECK(gg_bus_subscribe(bus, "t", 1, 1, &always, two, 2) == GG_NO_PREDICATE);
    CHECK(gg_bus_subscribe(bus, "t", 1, 1, &always, early, 2) == GG_NO_PREDICATE);
    CHECK(gg_bus_subscribe(bus, "t", 1, 1, &always, none, 1) == GG_NO_PREDICATE);
    CHECK(gg_bus_subscribe(bus, "t", 1, 1, &always, odd, 1) == GG_NO_PREDICATE);
    CHECK(gg_bus_subscribe(bus, "t", 1, 1, &always, field, 1) == GG_NO_PREDICATE);
    CHECK(gg_bus_subscribe(bus, "t", 1, 1, &always, deep, 2 * GG_STACK) == GG_NO_PREDICATE);
    CHECK(gg_bus_subscribe(bus, "t", 1, 1, &always, deep, GG_TESTS + 1) == GG_NO_PREDICATE);
    CHECK(gg_bus_subscribe(bus, "t", 1, 1, &always, deep, 1) == 0);
    gg_bus_free(bus);
}

static void many_are_emitted_until_somebody_is_told(void) {
    gg_bus *bus = gg_bus_new();
    gg_where above = {.op = GG_ABOVE, .low = 8};
    int32_t topics[5];
    double numbers[5] = {1, 9, 2, 3, 4};
    int64_t times[5] = {0, 1, 2, 3, 4};
    gg_sums sums;
    for (int i = 0; i < 5; i++)
        topics[i] = gg_bus_topic(bus, i % 2 ? "b" : "a", 1);
    int32_t subscription = gg_bus_subscribe(bus, "+", 1, 1, &above, NULL, 0);
    CHECK(gg_bus_emit_many(bus, topics, numbers, times, 5, &sums) == 2);
    CHECK(sums.matched == 2 && sums.fired == 1 && gg_bus_fired(bus)[0].subscription == subscription);
    CHECK(gg_bus_emit_many(bus, topics + 2, numbers + 2, times + 2, 3, &sums) == 3);
    CHECK(sums.matched == 3 && sums.fired == 0);
    topics[3] = 7;
    CHECK(gg_bus_emit_many(bus, topics + 2, numbers + 2, times + 2, 3, &sums) == 1);
    CHECK(sums.matched == 1 && sums.fired == GG_NO_TOPIC);
    CHECK(gg_bus_emit_many(bus, topics, numbers, times, 0, &sums) == 0);
    CHECK(gg_bus_emitted(bus, topics[0]) == 4 && gg_bus_emitted(bus, topics[1]) == 2);
    CHECK(gg_bus_emitted(bus, -1) == 0 && gg_bus_emitted(bus, 2) == 0);
    gg_bus_free(bus);
}

static void many_go_into_a_queue_without_a_stop(void) {
    gg_bus *bus = gg_bus_new();
    gg_queue *queue = gg_queue_new(4, GG_DROP_OLDEST);
    gg_where above = {.op = GG_ABOVE, .low = 8}, always = {.op = GG_ALWAYS};
    int32_t topics[6], queued = gg_bus_subscribe(bus, "t", 1, 1, &above, NULL, 0);
    double numbers[6] = {9, 1, 10, 11, 12, 13};
    int64_t times[6] = {0, 1, 2, 3, 4, 5};
    int32_t slot;
    gg_record records[4];
    gg_sums sums;
    for (int i = 0; i < 6; i++)
        topics[i] = gg_bus_topic(bus, "t", 1);
    CHECK(gg_bus_queue(bus, queued, queue) == 0);
    gg_bus_attributes(bus, 3, 2);
    CHECK(gg_bus_enqueue(bus, queued, &(gg_record){.slot = 77, .flags = GG_IN_SLOT, .priority = 2}) == GG_PUT);
    CHECK(gg_bus_emit_many(bus, topics, numbers, times, 6, &sums) == 6);
    CHECK(sums.matched == 6 && sums.queued == 5 && sums.dropped == 2 && sums.fired == 0);
    CHECK(gg_bus_lost(bus, &slot) && slot == 77);
    CHECK(!gg_bus_lost(bus, &slot));
    CHECK(gg_bus_enqueue(bus, gg_bus_subscribe(bus, "z", 1, 1, &always, NULL, 0), &(gg_record){0}) == GG_LOST);
    CHECK(gg_queue_take(queue, records, 2) == 2 && records[0].value == 10 && records[0].wall == 2);
    CHECK(records[1].source == 3 && records[1].priority == 2 && records[1].topic == topics[0]);
    gg_bus_subscribe(bus, "t", 1, 1, &always, NULL, 0); /* who is told may close the other first */
    CHECK(gg_bus_emit_many(bus, topics, numbers, times, 6, &sums) == 1 && sums.fired == 2 && sums.queued == 0);
    CHECK(gg_bus_fired(bus)[0].how == GG_ENQUEUE && gg_bus_fired(bus)[1].how == GG_TELL);
    gg_bus_unsubscribe(bus, queued);
    gg_queue_free(queue);
    gg_bus_free(bus);
}

static void what_is_no_topic_is_refused(void) {
    gg_bus *bus = gg_bus_new();
    CHECK(gg_bus_emit(bus, 0, 1, 0) == GG_NO_TOPIC);
    CHECK(gg_bus_emit(bus, -1, 1, 0) == GG_NO_TOPIC);
    CHECK(gg_bus_emit_symbol(bus, 7, 1, 1, 0) == GG_NO_TOPIC);
    gg_bus_free(bus);
}

static void times_at_the_end_of_time_do_not_overflow(void) {
    gg_bus *bus = gg_bus_new();
    gg_where where = {.op = GG_ALWAYS, .edge = 1, .lasting = INT64_MAX, .cooldown = INT64_MAX};
    gg_where cooldown = {.op = GG_ALWAYS, .cooldown = 1};
    int32_t topic = gg_bus_topic(bus, "t", 1);
    gg_bus_subscribe(bus, "t", 1, 1, &where, NULL, 0);
    gg_bus_subscribe(bus, "t", 1, 1, &cooldown, NULL, 0);
    CHECK(count(gg_bus_emit(bus, topic, 1, INT64_MIN)) == 2);
    CHECK(gg_bus_emit(bus, topic, 1, INT64_MAX) == GG_DUE);
    gg_due due;
    CHECK(gg_bus_take_due(bus, INT64_MAX, &due) && due.time == -1);
    CHECK(count(gg_bus_emit(bus, topic, 1, INT64_MAX)) == 1);
    gg_bus_free(bus);
}

static void sound_becomes_frames_that_wait(void) {
    static int16_t samples[4 * GG_HOP], taken[2 * GG_HOP];
    double frames[2 * GG_FRAME];
    for (int i = 0; i < 4 * GG_HOP; i++) /* 1 kHz, half of the scale */
        samples[i] = (int16_t)lround(16384 * sin(2 * 3.14159265358979 * i / 16));
    gg_sound *sound = gg_sound_new(3, 0, 1);
    CHECK(gg_sound_feed(sound, samples, 100) == 100 && !gg_sound_take(sound, 1, taken, frames));
    CHECK(gg_sound_feed(sound, samples + 100, 540) == 380); /* three frames, and there is no room for more */
    CHECK(gg_sound_take(sound, 2, taken, frames) && !memcmp(taken, samples, sizeof taken));
    CHECK(fabs(frames[0] - 16384.0 * 16384 / 2) < 1e5 && frames[1] == 19 && frames[GG_FRAME + 1] == 20);
    CHECK(gg_sound_feed(sound, samples + 480, 160) == 160 && gg_sound_take(sound, 2, taken, frames));
    for (int band = 0; band < GG_BANDS; band++) /* the window is full of it: its octave has all */
        CHECK(band == 4 ? fabs(frames[GG_FRAME + 6] / (16384.0 * 16384 / 2) - 1) < 0.01
                        : frames[GG_FRAME + 2 + band] < 1e5);
    gg_sound_free(sound);
    sound = gg_sound_new(4, 1, 0); /* 1 kHz passes the A-weighting as it is, once the filter has settled */
    CHECK(gg_sound_feed(sound, samples, 640) == 640 && gg_sound_take(sound, 2, taken, frames) &&
          gg_sound_take(sound, 2, taken, frames));
    CHECK(fabs(frames[GG_FRAME] / (16384.0 * 16384 / 2) - 1) < 0.02 && frames[6] == 0);
    gg_sound_free(sound);
    CHECK(gg_sound_new(0, 0, 0) == NULL);
}

static void signals_have_known_answers(void) {
    uint8_t before[3] = {0, 100, 200}, after[3] = {30, 100, 170};
    CHECK(gg_luma_mean(before, 3) == 100);
    CHECK(gg_luma_motion(before, after, 3, 29, 0) == 2 && gg_luma_motion(before, after, 3, 30, 0) == 0);
    CHECK(gg_luma_motion(before, after, 3, 29, 30) == 2 && gg_luma_texture(before, 3, 1) == 100);
    uint8_t yuyv[16] = {0, 99, 10, 99, 20, 99, 30, 99, 100, 99, 110, 99, 120, 99, 130, 99}, plane[2];
    gg_picture picture = {.first = yuyv, .width = 4, .height = 2, .pixel = 2, .row = 8};
    gg_luma_reduce(&picture, plane, 2, 1);
    CHECK(plane[0] == 55 && plane[1] == 75);
}

static void what_waits_on_a_topic_that_gets_another_type_waits_no_more(void) {
    gg_bus *bus = gg_bus_new();
    gg_where where = {.op = GG_ALWAYS, .debounce = 5};
    int32_t topic = gg_bus_topic(bus, "t", 1), subscription = gg_bus_subscribe(bus, "t", 1, 1, &where, NULL, 0);
    gg_due due;
    CHECK(gg_bus_type(bus, topic, "a", 1) == 1 && gg_bus_restrict(bus, subscription, "a", 1) == 0);
    CHECK(kept(bus, gg_bus_emit(bus, topic, 1, 0)) == 1 && gg_bus_deadline(bus) == 5);
    CHECK(gg_bus_type(bus, topic, "b", 1) == 2 && gg_bus_type_of(bus, topic) == 2);
    CHECK(gg_bus_emit(bus, topic, 1, 1) == 0);
    CHECK(gg_bus_deadline(bus) == INT64_MAX && !gg_bus_take_due(bus, 9, &due));
    gg_bus_free(bus);
}

static void numbers_are_picked_exactly(void) {
    const struct {
        const char *payload, *path;
        double number;
        int is_whole;
    } known[] = {
        {"{\"unit\": \"\xC2\xB0" "C\", \"reading\": {\"level\": -21.5}}", "reading.level", -21.5, 0},
        {" [1, {}] ", "", 0, -1},
        {"17", "", 17, 1},
        {"0.30000000000000004", "", 0.1 + 0.2, 0},
        {"123456789e-30", "", 123456789e-30, 0},
        {"\xA1" "aa\x19\x01\x00", "a", 0, -1}, /* a byte short: the second `a` is 1 of 2 */
        {"\xA1\x61" "a\xF9\x3E\x00", "a", 1.5, 0},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        gg_number number;
        size_t length = i == 6 ? 6 : strlen(known[i].payload); /* the last one has a NUL */
        int is_there = gg_pick((const uint8_t *)known[i].payload, length, known[i].path, strlen(known[i].path), &number);
        CHECK(is_there == (known[i].is_whole >= 0));
        CHECK(!is_there || (number.number == known[i].number && number.is_whole == known[i].is_whole));
    }
}

int main(void) {
    topics_match_as_the_standard_says();
    a_lasting_condition_fires_once_and_when_due();
    those_due_first_come_first_however_many_wait();
    what_waits_is_found_again_when_subscriptions_come_and_go();
    many_come_and_go();
    ten_thousand_filters_are_found_and_forgotten();
    a_window_tells_its_statistic_once_it_is_full();
    what_comes_too_often_is_thinned();
    a_condition_that_contradicts_itself_is_refused();
    an_inbox_refuses_what_it_has_no_room_for();
    for (int32_t overflow = GG_DROP_OLDEST; overflow <= GG_REFUSE; overflow++)
        a_queue_does_what_a_list_does(overflow);
    CHECK(!gg_queue_new(0, GG_LATEST) && !gg_queue_new(1, 9));
    random_calls_keep_the_counts_right();
    a_predicate_holds_events_back_and_leaves_the_state_alone();
    tests_that_are_no_predicate_are_refused();
    many_are_emitted_until_somebody_is_told();
    many_go_into_a_queue_without_a_stop();
    what_is_no_topic_is_refused();
    times_at_the_end_of_time_do_not_overflow();
    signals_have_known_answers();
    sound_becomes_frames_that_wait();
    what_waits_on_a_topic_that_gets_another_type_waits_no_more();
    numbers_are_picked_exactly();
    return failed;
}
