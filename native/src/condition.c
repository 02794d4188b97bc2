/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "condition.h"

#include <math.h>

int gg_where_is_sound(const gg_where *where) {
    int waits = (where->lasting != 0) + (where->debounce != 0) + (where->sample != 0);
    int is_window = where->statistic != GG_NO_WINDOW;
    return where->op >= GG_ALWAYS && where->op <= GG_MOVES && where->statistic >= GG_NO_WINDOW &&
           where->statistic <= GG_RATE && (!is_window || (where->capacity >= 1 && where->capacity <= GG_WINDOW)) &&
           where->span >= 0 && where->lasting >= 0 && where->debounce >= 0 && where->sample >= 0 &&
           where->cooldown >= 0 && waits <= 1 && (where->edge ? !where->debounce && !where->sample : !where->lasting);
}

static int holds(const gg_where *where, const gg_state *state, const gg_event *event) {
    double number = state->number, slack = state->active ? where->hysteresis : 0;
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
    case GG_MOVES:
        return state->has_fired ? fabs(number - state->told) > where->low : !isnan(number);
    default:
        return 1;
    }
}

/* Whether a firing is not too soon after the last one; remembers it where it is not. */
static int may_fire(gg_state *state, const gg_where *where, int64_t now) {
    int64_t elapsed;
    if (where->cooldown && state->has_fired) {
        int is_far = __builtin_sub_overflow(now, state->fired, &elapsed);
        if (is_far ? now < state->fired : elapsed < where->cooldown)
            return 0;
    }
    state->has_fired = 1;
    state->fired = now;
    state->told = state->number;
    return 1;
}

static int64_t later(int64_t now, int64_t time) {
    int64_t sum;
    return __builtin_add_overflow(now, time, &sum) ? GG_NEVER : sum;
}

/* A time, or the end of the cooldown if that is later. */
static int64_t soonest(const gg_state *state, const gg_where *where, int64_t time) {
    int64_t end = where->cooldown && state->has_fired ? later(state->fired, where->cooldown) : time;
    return end > time ? end : time;
}

int gg_state_due(gg_state *state, const gg_where *where, int64_t now) {
    state->due = GG_NEVER;
    return may_fire(state, where, now);
}

enum gg_answer gg_state_feed(gg_state *state, const gg_where *where, const gg_event *event) {
    int64_t now = event->time;
    double number = event->number;
    int was = state->active;
    if (where->statistic) {
        if (isnan(number) && where->statistic != GG_COUNT)
            return GG_NOTHING;
        number = gg_window_add(state->window, where, number, now);
        if (isnan(number))
            return GG_NOTHING;
    }
    double before = state->number;
    state->number = number;
    state->active = (uint8_t)holds(where, state, event);
    state->started = 1;
    if (where->edge) {
        if (!state->active)
            state->due = GG_NEVER;
        else if (!was) {
            int64_t due = soonest(state, where, later(now, where->lasting));
            if (due <= now)
                return may_fire(state, where, now) ? GG_TOLD : GG_NOTHING;
            state->due = due;
        }
        return state->due != GG_NEVER ? GG_KEPT : GG_NOTHING;
    }
    if (!state->active) {
        state->number = before; /* what waits is told as it was */
        if (where->debounce && where->op != GG_CHANGES && where->op != GG_MOVES)
            state->due = GG_NEVER; /* it was no more than a glitch */
        return GG_NOTHING;
    }
    if (where->debounce) {
        state->due = later(now, where->debounce);
        return GG_KEPT;
    }
    if (where->sample) {
        if (state->due == GG_NEVER)
            state->due = later(now, where->sample);
        return GG_KEPT;
    }
    return may_fire(state, where, now) ? GG_TOLD : GG_NOTHING;
}
