/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * CBOR (RFC 8949) as far as a number is to be picked out of it: items of definite length that JSON could say, too.
 * Whatever this is not sure of, Python reads.
 */
#include <math.h>
#include <string.h>

#include "pick.h"

enum { UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };
enum { FALSE = 20, TRUE = 21, NIL = 22, HALF = 25, SINGLE = 26, DOUBLE = 27 };

/* Whole numbers up to it are exact in binary64. */
static const uint64_t exact = (uint64_t)1 << 53;

/* An item's head (section 3): its major type, its additional information, and the argument. */
static int head(gg_reader *reader, int *major, int *info, uint64_t *argument) {
    if (reader->at == reader->end)
        return 0;
    *major = *reader->at >> 5;
    *info = *reader->at++ & 31;
    *argument = (uint64_t)*info;
    if (*info < 24)
        return 1;
    if (*info > 27 || reader->end - reader->at < 1 << (*info - 24))
        return 0;
    *argument = 0;
    for (int i = 1 << (*info - 24); i--;)
        *argument = *argument << 8 | *reader->at++;
    return 1;
}

/* Binary16, by appendix D. */
static double half(uint64_t bits) {
    int exponent = (int)(bits >> 10 & 31), mantissa = (int)(bits & 0x3FF);
    double made = exponent == 0    ? ldexp(mantissa, -24)
                  : exponent != 31 ? ldexp(mantissa + 1024, exponent - 25)
                                   : (mantissa ? NAN : INFINITY);
    return bits & 0x8000 ? -made : made;
}

static double single(uint64_t bits) {
    uint32_t low = (uint32_t)bits;
    float made;
    memcpy(&made, &low, sizeof made);
    return made;
}

static double binary64(uint64_t bits) {
    double made;
    memcpy(&made, &bits, sizeof made);
    return made;
}

/* The number of a head; 0 where it is none that binary64 has, or not finite. */
static int number(int major, int info, uint64_t argument, gg_number *made) {
    double number;
    if (major == UNSIGNED || major == NEGATIVE) {
        if (argument >= exact)
            return 0;
        number = major == UNSIGNED ? (double)argument : -1 - (double)argument;
    } else if (major == SIMPLE && info >= HALF) {
        number = info == HALF ? half(argument) : info == SINGLE ? single(argument) : binary64(argument);
    } else {
        return 0;
    }
    *made = (gg_number){number, major != SIMPLE};
    return isfinite(number);
}

/* The inside of a text whose head was read. */
static int string(gg_reader *reader, uint64_t length, const uint8_t **start) {
    if (length > (uint64_t)(reader->end - reader->at))
        return 0;
    *start = reader->at;
    reader->at += length;
    return gg_is_utf8(*start, (size_t)length);
}

static int map(gg_reader *reader, uint64_t count, gg_path path, int depth) {
    while (count--) {
        int major, info;
        uint64_t argument;
        const uint8_t *key;
        if (!head(reader, &major, &info, &argument) || major != TEXT || !string(reader, argument, &key))
            return 0;
        gg_path behind = gg_path_behind(path, key, (size_t)argument);
        if (behind.at)
            reader->found = 0; /* of two keys that are the same the last one counts */
        if (!gg_cbor_value(reader, behind, depth - 1))
            return 0;
    }
    return 1;
}

int gg_cbor_value(gg_reader *reader, gg_path path, int depth) {
    int major, info, is_end = path.at && path.at == path.end, is_beside = !path.at;
    uint64_t argument;
    const uint8_t *start;
    gg_number read;
    if (!depth || !head(reader, &major, &info, &argument))
        return 0;
    if (is_end) {
        reader->found = number(major, info, argument, reader->number);
        return reader->found;
    }
    if (major == MAP)
        return map(reader, argument, path, depth);
    if (!is_beside)
        return 0;
    switch (major) {
    case UNSIGNED:
    case NEGATIVE:
        return argument <= INT64_MAX;
    case TEXT:
        return string(reader, argument, &start);
    case ARRAY:
        while (argument--)
            if (!gg_cbor_value(reader, path, depth - 1))
                return 0;
        return 1;
    case SIMPLE:
        return info == FALSE || info == TRUE || info == NIL || number(major, info, argument, &read);
    default:
        return 0;
    }
}
