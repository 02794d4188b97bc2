/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Several threads put, one takes: nothing is lost but what was refused, nothing comes twice, and the records of one
 * thread keep their order. The consumer sleeps on the descriptor alone, so a wake that were lost would hang it.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ganglion.h"

enum { THREADS = 4, EACH = 50000, CAPACITY = 256 };

static gg_inbox *inbox;
static uint64_t refused[THREADS];

static void *produce(void *argument) {
    int32_t me = (int32_t)(intptr_t)argument;
    for (uint64_t i = 1; i <= EACH; i++)
        if (!gg_inbox_put(inbox, &(gg_record){.topic = me, .sequence = i, .value = (double)i}))
            refused[me]++;
    return NULL;
}

int main(void) {
    int wake[2];
    pthread_t threads[THREADS];
    uint64_t seen[THREADS] = {0}, last[THREADS] = {0}, total = 0, dropped = 0;
    gg_record records[100];
    if (pipe(wake) || !(inbox = gg_inbox_new(CAPACITY, wake[1])))
        return 2;
    for (intptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, produce, (void *)i))
            return 2;
    for (;;) {
        struct pollfd ready = {.fd = wake[0], .events = POLLIN};
        char bytes[4096];
        /* Those who produce may all be through; the last of them has left a wake behind then. */
        if (poll(&ready, 1, 500) <= 0)
            break;
        if (read(wake[0], bytes, sizeof bytes) <= 0)
            return 2;
        for (int32_t count; (count = gg_inbox_take(inbox, records, 100));)
            for (int32_t i = 0; i < count; i++) {
                int32_t who = records[i].topic;
                if (records[i].sequence <= last[who] || records[i].value != (double)records[i].sequence)
                    return fprintf(stderr, "out of order, or torn\n"), 1;
                last[who] = records[i].sequence;
                seen[who]++;
                total++;
            }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        if (seen[i] + refused[i] != EACH)
            return fprintf(stderr, "thread %d: %llu seen, %llu refused\n", i, (unsigned long long)seen[i],
                           (unsigned long long)refused[i]), 1;
        dropped += refused[i];
    }
    if (gg_inbox_dropped(inbox) != dropped || !total)
        return 1;
    gg_inbox_free(inbox);
    return 0;
}
