/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A fixed array of entries, each in one of four lines (by priority) or in the list of the free ones. Where only the
 * latest of each topic counts, a table of chains finds the entry of a topic.
 */
#include <stdlib.h>

#include "ganglion.h"

enum { LINES = 4, NONE = -1 };

typedef struct {
    gg_record record;
    int32_t previous, next; /* in its line; `next` also among the free */
    int32_t chained;        /* the next of the same chain */
} gg_entry;

struct gg_queue {
    gg_entry *entries;
    int32_t *chains; /* GG_LATEST only: the first entry of each */
    int32_t chain_mask;
    int32_t first[LINES], last[LINES];
    int32_t free, overflow;
    gg_queue_statistics statistics;
};

gg_queue *gg_queue_new(int32_t capacity, int32_t overflow) {
    if (capacity < 1 || capacity > GG_QUEUE || overflow < GG_DROP_OLDEST || overflow > GG_REFUSE)
        return NULL;
    gg_queue *queue = calloc(1, sizeof *queue);
    int32_t chains = 1;
    while (chains < capacity)
        chains *= 2;
    if (!queue || !(queue->entries = calloc((size_t)capacity, sizeof *queue->entries)) ||
        (overflow == GG_LATEST && !(queue->chains = malloc((size_t)chains * sizeof *queue->chains)))) {
        gg_queue_free(queue);
        return NULL;
    }
    for (int32_t i = 0; queue->chains && i < chains; i++)
        queue->chains[i] = NONE;
    for (int32_t i = 0; i < LINES; i++)
        queue->first[i] = queue->last[i] = NONE;
    for (int32_t i = 0; i < capacity; i++)
        queue->entries[i].next = i + 1 < capacity ? i + 1 : NONE;
    queue->chain_mask = chains - 1;
    queue->overflow = overflow;
    queue->statistics.capacity = capacity;
    return queue;
}

void gg_queue_free(gg_queue *queue) {
    if (!queue)
        return;
    free(queue->entries);
    free(queue->chains);
    free(queue);
}

static int32_t line_of(const gg_record *record) {
    return record->priority < 0 ? 0 : record->priority >= LINES ? LINES - 1 : record->priority;
}

static int32_t *chain_of(gg_queue *queue, int32_t topic) { return &queue->chains[topic & queue->chain_mask]; }

static gg_record leave(gg_queue *queue, int32_t at) {
    gg_entry *entry = &queue->entries[at];
    int32_t line = line_of(&entry->record);
    *(entry->previous == NONE ? &queue->first[line] : &queue->entries[entry->previous].next) = entry->next;
    *(entry->next == NONE ? &queue->last[line] : &queue->entries[entry->next].previous) = entry->previous;
    if (queue->chains) {
        int32_t *link = chain_of(queue, entry->record.topic);
        while (*link != at)
            link = &queue->entries[*link].chained;
        *link = entry->chained;
    }
    entry->next = queue->free;
    queue->free = at;
    queue->statistics.waiting--;
    return entry->record;
}

static void enter(gg_queue *queue, const gg_record *record) {
    gg_queue_statistics *counts = &queue->statistics;
    int32_t at = queue->free, line = line_of(record), before = queue->last[line];
    gg_entry *entry = &queue->entries[at];
    queue->free = entry->next;
    *entry = (gg_entry){.record = *record, .previous = before, .next = NONE, .chained = NONE};
    *(before == NONE ? &queue->first[line] : &queue->entries[before].next) = at;
    queue->last[line] = at;
    if (queue->chains) {
        int32_t *chain = chain_of(queue, record->topic);
        entry->chained = *chain;
        *chain = at;
    }
    counts->put++;
    if (++counts->waiting > counts->most)
        counts->most = counts->waiting;
}

static int32_t of_same_topic(gg_queue *queue, int32_t topic) {
    int32_t at = queue->chains ? *chain_of(queue, topic) : NONE;
    while (at != NONE && queue->entries[at].record.topic != topic)
        at = queue->entries[at].chained;
    return at;
}

int gg_queue_put(gg_queue *queue, const gg_record *record, gg_record *lost) {
    gg_queue_statistics *counts = &queue->statistics;
    int32_t at = of_same_topic(queue, record->topic), least = 0;
    if (at == NONE && counts->waiting < counts->capacity) {
        enter(queue, record);
        return GG_PUT;
    }
    counts->dropped++;
    while (at == NONE && least < LINES && (at = queue->first[least]) == NONE)
        least++;
    int gives_way = queue->overflow == GG_DROP_NEWEST || queue->overflow == GG_REFUSE || least > line_of(record);
    if (gives_way) {
        *lost = *record;
        return GG_LOST;
    }
    *lost = leave(queue, at);
    enter(queue, record);
    return GG_REPLACED;
}

int32_t gg_queue_take(gg_queue *queue, gg_record *records, int32_t most) {
    int32_t count = 0;
    for (int32_t line = LINES; line--;)
        while (count < most && queue->first[line] != NONE)
            records[count++] = leave(queue, queue->first[line]);
    return count;
}

gg_queue_statistics gg_queue_counts(const gg_queue *queue) { return queue->statistics; }
