/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * A ring of cells that many may fill and one empties, after Dmitry Vyukov's bounded queue: the number of a cell says
 * whose turn it is. A producer takes a place by one compare-and-swap, and nobody waits for anybody.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "ganglion.h"

typedef struct {
    _Atomic size_t turn;
    gg_record record;
} gg_cell;

struct gg_inbox {
    gg_cell *cells;
    size_t mask, taken;
    _Atomic size_t put, dropped;
    _Atomic int is_awake; /* the consumer has been woken, and will look */
    int wake;
};

gg_inbox *gg_inbox_new(uint32_t capacity, int wake) {
    size_t size = 2; /* with one cell, that it is full in a round would say that it is free in the next */
    while (size < capacity && size < GG_INBOX)
        size *= 2;
    gg_inbox *inbox = calloc(1, sizeof *inbox);
    if (!inbox || !(inbox->cells = calloc(size, sizeof *inbox->cells))) {
        free(inbox);
        return NULL;
    }
    for (size_t i = 0; i < size; i++)
        atomic_init(&inbox->cells[i].turn, i);
    inbox->mask = size - 1;
    inbox->wake = wake;
    return inbox;
}

void gg_inbox_free(gg_inbox *inbox) {
    if (inbox)
        free(inbox->cells);
    free(inbox);
}

int gg_inbox_put(gg_inbox *inbox, const gg_record *record) {
    size_t at = atomic_load_explicit(&inbox->put, memory_order_relaxed);
    gg_cell *cell;
    for (;;) {
        cell = &inbox->cells[at & inbox->mask];
        size_t turn = atomic_load_explicit(&cell->turn, memory_order_acquire);
        if (turn == at) {
            if (atomic_compare_exchange_weak_explicit(&inbox->put, &at, at + 1, memory_order_relaxed,
                                                      memory_order_relaxed))
                break;
        } else if (turn - at > inbox->mask + 1) { /* behind: the record of the round before is still there */
            atomic_fetch_add_explicit(&inbox->dropped, 1, memory_order_relaxed);
            return 0;
        } else {
            at = atomic_load_explicit(&inbox->put, memory_order_relaxed);
        }
    }
    cell->record = *record;
    atomic_store_explicit(&cell->turn, at + 1, memory_order_release);
    if (!atomic_exchange(&inbox->is_awake, 1)) {
        uint64_t one = 1;
        /* An eventfd that is full, the only thing that can be wrong with one, wakes as well. */
        if (write(inbox->wake, &one, sizeof one) < 0)
            return 1;
    }
    return 1;
}

int32_t gg_inbox_take(gg_inbox *inbox, gg_record *records, int32_t most) {
    int32_t count = 0;
    /* Before the look, and read as well as written, so that what was put before an exchange that saw 1 is seen here: who
     * puts after it wakes again. */
    atomic_exchange(&inbox->is_awake, 0);
    while (count < most) {
        gg_cell *cell = &inbox->cells[inbox->taken & inbox->mask];
        if (atomic_load_explicit(&cell->turn, memory_order_acquire) != inbox->taken + 1)
            break;
        records[count++] = cell->record;
        atomic_store_explicit(&cell->turn, inbox->taken + inbox->mask + 1, memory_order_release);
        inbox->taken++;
    }
    return count;
}

uint64_t gg_inbox_dropped(const gg_inbox *inbox) {
    return atomic_load_explicit(&inbox->dropped, memory_order_relaxed);
}
