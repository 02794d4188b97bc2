/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GANGLION_PICK_H
#define GANGLION_PICK_H

#include "ganglion.h"

/* Levels of a document; Python sees to what is deeper. */
enum { GG_DEPTH = 16 };

/* The way of a reader through a document. */
typedef struct {
    const uint8_t *at, *end;
    gg_number *number;
    int found;
} gg_reader;

/* What is left of a path at a value: NULL where the value is beside it, and nothing where the value is its end. */
typedef struct {
    const char *at, *end;
} gg_path;

/* Reads one value with all that is in it. 0 where it is not surely a document, or not surely a number at the end of
 * the path. */
int gg_json_value(gg_reader *reader, gg_path path, int depth);
int gg_cbor_value(gg_reader *reader, gg_path path, int depth);

/* What is left of a path behind a key; NULL where the key is not its next one. */
gg_path gg_path_behind(gg_path path, const uint8_t *key, size_t length);

/* Whether bytes are UTF-8 (RFC 3629 section 4). */
int gg_is_utf8(const uint8_t *bytes, size_t length);

#endif
