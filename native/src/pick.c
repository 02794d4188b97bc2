/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "pick.h"

gg_path gg_path_behind(gg_path path, const uint8_t *key, size_t length) {
    gg_path none = {0};
    size_t left = (size_t)(path.end - path.at);
    if (!path.at || left < length || memcmp(path.at, key, length) || (length && memchr(key, '.', length)))
        return none;
    if (left == length)
        return (gg_path){path.end, path.end};
    return path.at[length] == '.' ? (gg_path){path.at + length + 1, path.end} : none;
}

/* Well-formed sequences are those of table 3-7 of Unicode: by the first byte, how many follow, and where the second
 * may begin and end. */
int gg_is_utf8(const uint8_t *bytes, size_t length) {
    const uint8_t *at = bytes, *end = bytes + length;
    while (at < end) {
        uint8_t first = *at++, low = 0x80, high = 0xBF;
        int more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
        if ((first >= 0x80 && first < 0xC2) || first > 0xF4 || end - at < more)
            return 0;
        if (first == 0xE0)
            low = 0xA0;
        else if (first == 0xED)
            high = 0x9F;
        else if (first == 0xF0)
            low = 0x90;
        else if (first == 0xF4)
            high = 0x8F;
        for (; more--; low = 0x80, high = 0xBF)
            if (*at < low || *at++ > high)
                return 0;
    }
    return 1;
}

int gg_pick(const uint8_t *payload, size_t length, const char *path, size_t path_length, gg_number *number) {
    gg_reader reader = {payload, payload + length, number, 0};
    gg_path whole = {path, path + path_length};
    /* The first byte of a map in CBOR continues a sequence of UTF-8, so that nothing which begins with it is text. */
    int is_map = length && *payload >= 0xA0 && *payload <= 0xBF;
    int is_well = is_map ? gg_cbor_value(&reader, whole, GG_DEPTH) : gg_json_value(&reader, whole, GG_DEPTH);
    return is_well && reader.at == reader.end && reader.found;
}
