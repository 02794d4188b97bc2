/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "ganglion.h"

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

static void a_lasting_condition_fires_once_and_when_due(void) {
    gg_bus *bus = gg_bus_new();
    gg_where where = {.op = GG_ABOVE, .edge = 1, .low = 8, .hysteresis = 0.5, .lasting = 10};
    int32_t topic = gg_bus_topic(bus, "t", 1), subscription = gg_bus_subscribe(bus, "#", 1, 1, &where);
    int32_t fired[1], matched, due_topic, due;

    CHECK(gg_bus_emit(bus, topic, 9, 100, fired, &matched) == 0 && matched == 1);
    CHECK(gg_bus_deadline(bus) == 110);
    CHECK(gg_bus_emit(bus, topic, 7.6, 105, fired, &matched) == 0); /* within the hysteresis */
    CHECK(!gg_bus_take_due(bus, 109, &due, &due_topic));
    CHECK(gg_bus_take_due(bus, 110, &due, &due_topic) && due == subscription && due_topic == topic);
    CHECK(!gg_bus_take_due(bus, 200, &due, &due_topic));
    CHECK(gg_bus_deadline(bus) == INT64_MAX);
    gg_bus_emit(bus, topic, 1, 210, fired, &matched);
    gg_bus_emit(bus, topic, 9, 220, fired, &matched);
    gg_bus_unsubscribe(bus, subscription);
    CHECK(!gg_bus_take_due(bus, 300, &due, &due_topic));
    gg_bus_free(bus);
}

static void many_come_and_go(void) {
    gg_bus *bus = gg_bus_new();
    gg_where always = {.op = GG_ALWAYS};
    int32_t fired[100], matched, topic = gg_bus_topic(bus, "a/b", 3);
    for (int i = 0; i < 100; i++)
        CHECK(gg_bus_subscribe(bus, i % 2 ? "a/+" : "a/b", 3, i % 4, &always) == i);
    CHECK(gg_bus_emit(bus, topic, 0, 0, fired, &matched) == 100);
    CHECK(fired[0] == 3 && fired[99] == 96); /* priority 3 first, 0 last, each in order */
    for (int i = 0; i < 100; i += 2)
        gg_bus_unsubscribe(bus, i);
    CHECK(gg_bus_emit(bus, topic, 0, 0, fired, &matched) == 50 && matched == 50);
    gg_bus_free(bus);
}

static void signals_have_known_answers(void) {
    int16_t square[4] = {32767, -32767, 32767, -32767};
    uint8_t before[3] = {0, 100, 200}, after[3] = {30, 100, 170};
    CHECK(gg_audio_level(square, 4) > 3.0 && gg_audio_level(square, 4) < 3.02);
    CHECK(gg_audio_level(square, 0) == -120);
    CHECK(gg_audio_zero_crossings(square, 4) == 3);
    CHECK(gg_luma_mean(before, 3) == 100);
    CHECK(gg_luma_motion(before, after, 3, 29) == 2 && gg_luma_motion(before, after, 3, 30) == 0);
}

int main(void) {
    topics_match_as_the_standard_says();
    a_lasting_condition_fires_once_and_when_due();
    many_come_and_go();
    signals_have_known_answers();
    return failed;
}
