/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "condition.h"

static int holds(const gg_where *where, const gg_state *state, const gg_event *event) {
    double number = event->number, slack = state->active ? where->hysteresis : 0;
    switch (where->op) {
    case GG_ABOVE:
        return slack > 0 ? number >= where->low - slack : number > where->low;
    case GG_BELOW:
        return slack > 0 ? number <= where->low + slack : number < where->low;
    case GG_BETWEEN:
        return where->low - slack <= number && number <= where->high + slack;
    case GG_OUTSIDE:
        return number < where->low + slack || number > where->high - slack;
    case GG_EQUALS:
        return where->symbol ? event->symbol == where->symbol : number == where->low;
    case GG_NOT_EQUALS:
        return where->symbol ? event->symbol != where->symbol : number != where->low;
    case GG_CHANGES:
        return state->started && event->changed;
    default:
        return 1;
    }
}

/* Whether a firing is not too soon after the last one; remembers it where it is not. */
static int may_fire(gg_state *state, const gg_where *where, int64_t now) {
    int64_t elapsed;
    if (where->cooldown && state->has_fired && !__builtin_sub_overflow(now, state->fired, &elapsed) &&
        elapsed < where->cooldown)
        return 0;
    state->has_fired = 1;
    state->fired = now;
    return 1;
}

int gg_state_due(gg_state *state, const gg_where *where, int64_t now) {
    state->due = GG_NEVER;
    return may_fire(state, where, now);
}

int gg_state_feed(gg_state *state, const gg_where *where, const gg_event *event) {
    int64_t now = event->time;
    int was = state->active;
    state->active = (uint8_t)holds(where, state, event);
    state->started = 1;
    if (!state->active) {
        state->due = GG_NEVER;
        return 0;
    }
    if (!where->edge)
        return may_fire(state, where, now);
    if (!was && where->lasting) {
        if (__builtin_add_overflow(now, where->lasting, &state->due))
            state->due = GG_NEVER;
        return 0;
    }
    if (now >= state->due && state->due != GG_NEVER)
        return gg_state_due(state, where, now);
    return !was && may_fire(state, where, now);
}
