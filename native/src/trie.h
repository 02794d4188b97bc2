/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Topic filters and names as a tree of their levels. A node stands for a filter, and carries one number of its user's.
 */
#ifndef GANGLION_TRIE_H
#define GANGLION_TRIE_H
#include <stddef.h>
#include <stdint.h>

enum {
    GG_NONE = -1,
    GG_MOST = 1 << 28 /* of anything: beyond any memory that this is made for, and far from where int32_t overflows */
};

typedef struct {
    union {
        char *far; /* the level's bytes, not terminated */
        char near[8]; /* the bytes themselves, where there are so few */
    } level;
    uint32_t length, hash; /* of the level's bytes, and of them with the parent */
    int32_t parent;        /* GG_NONE of the root, and of a free node */
    int32_t plus, rest;    /* the children `+` and `#`, or GG_NONE; the others are in the buckets */
    int32_t children;      /* how many, of all kinds */
    int32_t next;          /* in the bucket, or in the list of free nodes */
    int32_t data;          /* the user's; GG_NONE where the node is only on the way to others */
} gg_node;

typedef struct {
    gg_node *nodes; /* nodes[0] is the root */
    int32_t count, room, free;
    int32_t *buckets; /* as many as there is room for nodes, a power of two */
    int32_t *scratch; /* three times as many: what `match` works with and returns */
} gg_trie;

/* 0 without memory. A trie that is all zero may be freed. */
int gg_trie_init(gg_trie *trie);
void gg_trie_free(gg_trie *trie);

/* The node of a filter, made where there is none; GG_NONE without memory, and then nothing has changed. */
int32_t gg_trie_node(gg_trie *trie, const char *filter, size_t length);

/* Takes a node away, and those above it, as far as they have neither data nor children. */
void gg_trie_prune(gg_trie *trie, int32_t node);

/* The nodes with data whose filters match a topic name; returns how many. They stay where they are until the next
 * call. The work is bounded by the nodes that share a beginning with the name; nothing is allocated. */
int32_t gg_trie_match(gg_trie *trie, const char *name, size_t length, const int32_t **matches);

#endif
