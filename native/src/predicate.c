/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "predicate.h"

int gg_predicate_is_sound(const gg_test *tests, int32_t count) {
    int32_t depth = 0;
    if (count < 0 || count > GG_TESTS)
        return 0;
    for (int32_t i = 0; i < count; i++) {
        int32_t op = tests[i].op;
        if (op < GG_EQ || op > GG_NOT || tests[i].field < GG_VALUE || tests[i].field > GG_SOURCE)
            return 0;
        if ((op == GG_ALL_SET || op == GG_ANY_SET) && tests[i].field != GG_VALUE)
            return 0;
        if (depth < (op == GG_NOT ? 1 : op >= GG_AND ? 2 : 0))
            return 0;
        depth += op == GG_NOT ? 0 : op >= GG_AND ? -1 : 1;
        if (depth > GG_STACK)
            return 0;
    }
    return count == 0 || depth == 1;
}

#define COMPARE(op, left, right)                                                                                       \
    ((op) == GG_EQ   ? (left) == (right)                                                                               \
     : (op) == GG_NE ? (left) != (right)                                                                               \
     : (op) == GG_LT ? (left) < (right)                                                                                \
     : (op) == GG_LE ? (left) <= (right)                                                                               \
     : (op) == GG_GT ? (left) > (right)                                                                                \
                     : (left) >= (right))

static uint32_t has_bits(const gg_test *test, double number) {
    if (!(number >= 0 && number < 0x1p53) || number != (double)(uint64_t)number)
        return 0;
    uint64_t mask = (uint64_t)test->integer, set = (uint64_t)number & mask;
    return test->op == GG_ALL_SET ? set == mask : set != 0;
}

static uint32_t compared(const gg_test *test, const gg_event *event) {
    switch (test->field) {
    case GG_TIME:
        return COMPARE(test->op, event->time, test->integer);
    case GG_PRIORITY:
        return COMPARE(test->op, event->priority, test->integer);
    case GG_SOURCE:
        return COMPARE(test->op, event->source, test->symbol);
    default:
        if (test->op > GG_GE)
            return has_bits(test, event->number);
        return test->symbol ? COMPARE(test->op, event->symbol, test->symbol)
                            : COMPARE(test->op, event->number, test->number);
    }
}

int gg_predicate_holds(const gg_test *tests, int32_t count, const gg_event *event) {
    uint32_t stack = 0; /* the last answer is the lowest bit */
    for (int32_t i = 0; i < count; i++) {
        switch (tests[i].op) {
        case GG_AND:
            stack = (stack >> 1) & (stack | ~1u);
            break;
        case GG_OR:
            stack = (stack >> 1) | (stack & 1u);
            break;
        case GG_NOT:
            stack ^= 1u;
            break;
        default:
            stack = stack << 1 | compared(&tests[i], event);
        }
    }
    return count == 0 || (stack & 1u);
}
