/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trie.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hashed(int32_t parent, const char *level, size_t length) { /* FNV-1a */
    uint32_t hash = 2166136261u ^ (uint32_t)parent * 0x9e3779b1u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (uint8_t)level[i]) * 16777619u;
    return hash;
}

static const char *text_of(const gg_node *node) {
    return node->length > sizeof node->level.near ? node->level.far : node->level.near;
}

static int32_t *bucket(gg_trie *trie, uint32_t hash) { return &trie->buckets[hash & (uint32_t)(trie->room - 1)]; }

static int resize(gg_trie *trie, int32_t room) {
    if (room > GG_MOST)
        return 0;
    gg_node *nodes = realloc(trie->nodes, (size_t)room * sizeof *nodes);
    if (!nodes)
        return 0;
    trie->nodes = nodes;
    int32_t *buckets = malloc((size_t)room * sizeof *buckets), *scratch = malloc(3 * (size_t)room * sizeof *scratch);
    if (!buckets || !scratch) {
        free(buckets);
        free(scratch);
        return 0;
    }
    free(trie->buckets);
    free(trie->scratch);
    trie->buckets = buckets;
    trie->scratch = scratch;
    trie->room = room;
    memset(buckets, 0xff, (size_t)room * sizeof *buckets); /* GG_NONE */
    for (int32_t i = 1; i < trie->count; i++) {
        gg_node *node = &nodes[i];
        if (node->parent == GG_NONE || nodes[node->parent].plus == i || nodes[node->parent].rest == i)
            continue;
        int32_t *head = bucket(trie, node->hash);
        node->next = *head;
        *head = i;
    }
    return 1;
}

int gg_trie_init(gg_trie *trie) {
    *trie = (gg_trie){.free = GG_NONE};
    if (!resize(trie, 16))
        return 0;
    trie->nodes[0] = (gg_node){.parent = GG_NONE, .plus = GG_NONE, .rest = GG_NONE, .data = GG_NONE};
    trie->count = 1;
    return 1;
}

void gg_trie_free(gg_trie *trie) {
    for (int32_t i = 1; i < trie->count; i++)
        if (trie->nodes[i].length > sizeof trie->nodes[i].level.near)
            free(trie->nodes[i].level.far);
    free(trie->nodes);
    free(trie->buckets);
    free(trie->scratch);
}

/* The child for a level that is met literally. */
static int32_t child(const gg_trie *trie, int32_t parent, const char *level, size_t length) {
    uint32_t hash = hashed(parent, level, length);
    int32_t i = trie->buckets[hash & (uint32_t)(trie->room - 1)];
    for (; i != GG_NONE; i = trie->nodes[i].next) {
        const gg_node *node = &trie->nodes[i];
        if (node->hash == hash && node->parent == parent && node->length == length &&
            memcmp(text_of(node), level, length) == 0)
            break;
    }
    return i;
}

/* Where a parent keeps the child of a wildcard; NULL for other levels. */
static int32_t *wildcard(gg_trie *trie, int32_t parent, const char *level, size_t length) {
    if (length != 1 || (*level != '+' && *level != '#'))
        return NULL;
    return *level == '+' ? &trie->nodes[parent].plus : &trie->nodes[parent].rest;
}

static int32_t added(gg_trie *trie, int32_t parent, const char *level, size_t length) {
    if (trie->free == GG_NONE && trie->count == trie->room && !resize(trie, 2 * trie->room))
        return GG_NONE;
    gg_node new = {
        .length = (uint32_t)length, .hash = hashed(parent, level, length), .parent = parent,
        .plus = GG_NONE, .rest = GG_NONE, .next = GG_NONE, .data = GG_NONE,
    };
    if (length > sizeof new.level.near && !(new.level.far = malloc(length)))
        return GG_NONE;
    memcpy(length > sizeof new.level.near ? new.level.far : new.level.near, level, length);
    int32_t i = trie->free;
    if (i == GG_NONE)
        i = trie->count++;
    else
        trie->free = trie->nodes[i].next;
    trie->nodes[i] = new;
    int32_t *own = wildcard(trie, parent, level, length);
    if (own) {
        *own = i;
    } else {
        int32_t *head = bucket(trie, trie->nodes[i].hash);
        trie->nodes[i].next = *head;
        *head = i;
    }
    trie->nodes[parent].children++;
    return i;
}

/* Length of the level that starts at `at`. */
static size_t level_length(const char *at, const char *end) {
    const char *slash = memchr(at, '/', (size_t)(end - at));
    return (size_t)((slash ? slash : end) - at);
}

int32_t gg_trie_node(gg_trie *trie, const char *filter, size_t length) {
    const char *at = filter, *end = filter + length;
    int32_t node = 0;
    for (;;) {
        size_t level = level_length(at, end);
        int32_t *own = wildcard(trie, node, at, level);
        int32_t found = own ? *own : child(trie, node, at, level);
        if (found == GG_NONE && (found = added(trie, node, at, level)) == GG_NONE) {
            gg_trie_prune(trie, node);
            return GG_NONE;
        }
        node = found;
        if (at + level == end)
            return node;
        at += level + 1;
    }
}

void gg_trie_prune(gg_trie *trie, int32_t i) {
    while (i != 0 && trie->nodes[i].data == GG_NONE && trie->nodes[i].children == 0) {
        gg_node *node = &trie->nodes[i];
        int32_t parent = node->parent, *link = wildcard(trie, parent, text_of(node), node->length);
        if (link) {
            *link = GG_NONE;
        } else {
            for (link = bucket(trie, node->hash); *link != i;)
                link = &trie->nodes[*link].next;
            *link = node->next;
        }
        trie->nodes[parent].children--;
        if (node->length > sizeof node->level.near)
            free(node->level.far);
        *node = (gg_node){.parent = GG_NONE, .next = trie->free, .data = GG_NONE};
        trie->free = i;
        i = parent;
    }
}

static int32_t with_data(const gg_trie *trie, int32_t node, int32_t *found, int32_t count) {
    if (node != GG_NONE && trie->nodes[node].data != GG_NONE)
        found[count++] = node;
    return count;
}

int32_t gg_trie_match(gg_trie *trie, const char *name, size_t length, const int32_t **matches) {
    /* Each node has one parent, so it is reached once: no array can overflow. */
    int32_t *here = trie->scratch, *below = here + trie->room, *found = below + trie->room;
    int32_t here_count = 1, found_count = 0;
    const char *at = name, *end = name + length;
    int hidden = length && *name == '$'; /* 4.7.2: from wildcards in the first level */

    here[0] = 0;
    for (;;) {
        size_t level = level_length(at, end);
        int32_t below_count = 0;
        for (int32_t i = 0; i < here_count; i++) {
            const gg_node *node = &trie->nodes[here[i]];
            if (!node->children)
                continue;
            if (!hidden)
                found_count = with_data(trie, node->rest, found, found_count);
            if (node->plus != GG_NONE && !hidden)
                below[below_count++] = node->plus;
            int32_t next = child(trie, here[i], at, level);
            if (next != GG_NONE)
                below[below_count++] = next;
        }
        hidden = 0;
        int32_t *swap = here;
        here = below;
        below = swap;
        here_count = below_count;
        if (at + level == end || !here_count)
            break;
        at += level + 1;
    }
    for (int32_t i = 0; i < here_count; i++) {
        found_count = with_data(trie, here[i], found, found_count);
        /* 4.7.1.2: "sport/#" matches "sport" too */
        found_count = with_data(trie, trie->nodes[here[i]].rest, found, found_count);
    }
    *matches = found;
    return found_count;
}
