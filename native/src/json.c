/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * JSON (RFC 8259) as far as a number is to be picked out of it. Whatever this is not sure of, Python reads: it is never
 * wrong, and never as lenient as a parser may be.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pick.h"

/* Whole numbers up to it, and powers of ten up to the last one here, are exact in binary64; so is the rounding of one
 * product or quotient of both (Clinger, "How to read floating point numbers accurately", 1990). */
static const int64_t exact = (int64_t)1 << 53;
enum { POWERS = 23, LONGEST = 63 };
static const double powers[POWERS] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

static int peek(const gg_reader *reader) { return reader->at < reader->end ? *reader->at : -1; }

static int is_digit(int c) { return c >= '0' && c <= '9'; }

static int next_is(gg_reader *reader, char c) {
    int is = peek(reader) == c;
    reader->at += is;
    return is;
}

static void skip_space(gg_reader *reader) {
    for (int c = peek(reader); c == ' ' || c == '\n' || c == '\r' || c == '\t'; c = peek(reader))
        reader->at++;
}

static int word(gg_reader *reader, const char *text, size_t length) {
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, text, length))
        return 0;
    reader->at += length;
    return 1;
}

/* A string's inside; `is_plain` says that it is what it stands for. */
static int string(gg_reader *reader, const uint8_t **start, size_t *length, int *is_plain) {
    *is_plain = 1;
    if (!next_is(reader, '"'))
        return 0;
    *start = reader->at;
    for (int c; (c = peek(reader)) != '"'; reader->at++) {
        if (c < ' ')
            return 0;
        if (c != '\\')
            continue;
        *is_plain = 0;
        reader->at++;
        if (peek(reader) < 0 || !memchr("\"\\/bfnrt", peek(reader), 8))
            return 0; /* \u, and what is wrong */
    }
    *length = (size_t)(reader->at++ - *start);
    return gg_is_utf8(*start, *length);
}

/* Digits into `number`, which stays where another one would not be exact; how many there are. */
static int digits(gg_reader *reader, int64_t *number, int *is_exact) {
    int count = 0;
    for (; is_digit(peek(reader)); count++) {
        int digit = *reader->at++ - '0';
        if (*number >= exact / 10)
            *is_exact = 0;
        else
            *number = 10 * *number + digit;
    }
    return count;
}

/* What the C library makes of a number; 0 where it has another decimal point than JSON, or the number is too long or
 * not finite. */
static int by_library(const uint8_t *start, const uint8_t *end, double *made) {
    char text[LONGEST + 1], *stop;
    size_t length = (size_t)(end - start);
    if (length > LONGEST)
        return 0;
    memcpy(text, start, length);
    text[length] = 0;
    *made = strtod(text, &stop);
    return stop == text + length && isfinite(*made);
}

static int number(gg_reader *reader, gg_number *made) {
    const uint8_t *start = reader->at;
    int is_negative = next_is(reader, '-'), is_whole = 1, is_exact = 1, tens = 0, count;
    int64_t mantissa = 0, power = 0;
    int is_zero = peek(reader) == '0';
    if (!(count = digits(reader, &mantissa, &is_exact)) || (is_zero && count > 1))
        return 0;
    if (next_is(reader, '.')) {
        is_whole = 0;
        if (!(count = digits(reader, &mantissa, &is_exact)))
            return 0;
        tens = -count;
    }
    if (next_is(reader, 'e') || next_is(reader, 'E')) {
        int is_down = next_is(reader, '-');
        is_whole = 0;
        if (!is_down)
            next_is(reader, '+');
        if (!digits(reader, &power, &is_exact))
            return 0;
        if (power >= POWERS)
            is_exact = 0, power = 0;
        tens += is_down ? -(int)power : (int)power;
    }
    made->is_whole = is_whole;
    if (is_exact && tens > -POWERS && tens < POWERS) {
        double size = tens < 0 ? (double)mantissa / powers[-tens] : (double)mantissa * powers[tens];
        made->number = is_negative && !(is_whole && !mantissa) ? -size : size;
        return 1;
    }
    return !is_whole && by_library(start, reader->at, &made->number);
}

static int object(gg_reader *reader, gg_path path, int depth) {
    skip_space(reader);
    if (next_is(reader, '}'))
        return 1;
    do {
        const uint8_t *key;
        size_t length;
        int is_plain;
        skip_space(reader);
        if (!string(reader, &key, &length, &is_plain) || !is_plain)
            return 0;
        gg_path behind = gg_path_behind(path, key, length);
        if (behind.at)
            reader->found = 0; /* of two keys that are the same the last one counts */
        skip_space(reader);
        if (!next_is(reader, ':') || !gg_json_value(reader, behind, depth - 1))
            return 0;
    } while (next_is(reader, ','));
    return next_is(reader, '}');
}

static int array(gg_reader *reader, int depth) {
    skip_space(reader);
    if (next_is(reader, ']'))
        return 1;
    do {
        if (!gg_json_value(reader, (gg_path){0}, depth - 1))
            return 0;
    } while (next_is(reader, ','));
    return next_is(reader, ']');
}

int gg_json_value(gg_reader *reader, gg_path path, int depth) {
    int is_well = 0, is_end = path.at && path.at == path.end, is_beside = !path.at, is_plain;
    const uint8_t *start;
    size_t length;
    gg_number read;
    if (!depth)
        return 0;
    skip_space(reader);
    int c = peek(reader);
    if (c == '{' && !is_end) {
        reader->at++;
        is_well = object(reader, path, depth);
    } else if (c == '[' && is_beside) {
        reader->at++;
        is_well = array(reader, depth);
    } else if (c == '"' && is_beside) {
        is_well = string(reader, &start, &length, &is_plain);
    } else if ((c == '-' || is_digit(c)) && (is_end || is_beside)) {
        is_well = number(reader, &read);
        if (is_well && is_end) {
            *reader->number = read;
            reader->found = 1;
        }
    } else if (is_beside) {
        is_well = word(reader, "true", 4) || word(reader, "false", 5) || word(reader, "null", 4);
    }
    skip_space(reader);
    return is_well;
}
