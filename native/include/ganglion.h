/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Ganglion's native core: C11, no globals, no Python, no clock of its own (time comes in as an argument). The bus has a
 * twin in firmware/ganglion_micro, queue and inbox have theirs in runtime/ganglion, and one suite of tests holds both to
 * the same results.
 *
 * Strings are UTF-8 with a length, without a terminating NUL. Times are nanoseconds, the same clock in every call.
 */
#ifndef GANGLION_H
#define GANGLION_H
#include <stddef.h>
#include <stdint.h>

/* ---- Topics: MQTT 3.1.1 section 4.7 ------------------------------------------------------------------------- */

/* 1 if the topic name matches the topic filter, else 0. Both must be well formed. */
int gg_topic_matches(const char *filter, size_t filter_length, const char *topic, size_t topic_length);

/* ---- Events -------------------------------------------------------------------------------------------------- */

/* The fixed part of an event: 64 bytes, little-endian wherever it leaves the machine. */
typedef struct {
    int32_t topic;      /*  0: handle of gg_bus_topic */
    int32_t type;       /*  4: handle of the type; 0 where there is none */
    int32_t source;     /*  8: symbol; 0 where there is none */
    int32_t slot;       /* 12: where the owner of the bus keeps a value that is no number, if GG_IN_SLOT */
    uint64_t sequence;  /* 16: among the events of its maker */
    int64_t wall;       /* 24: ns since 1970 */
    int64_t monotonic;  /* 32: ns since some moment of this boot; 0 where its maker did not look */
    double value;       /* 40 */
    float confidence;   /* 48: 0 to 1 */
    int32_t priority;   /* 52: 0 to 3 */
    uint32_t flags;     /* 56 */
    uint32_t reserved;  /* 60: 0 */
} gg_record;

enum { GG_IN_SLOT = 1 };

/* ---- Queues: events that wait for who takes them in their own time -------------------------------------------- */

/* What gives way where a queue is full. */
enum gg_overflow {
    GG_DROP_OLDEST, /* the oldest of the least urgent; what comes, where it is less urgent than all that wait */
    GG_DROP_NEWEST, /* what comes */
    GG_LATEST,      /* the record before on the same topic, full or not; beyond that as GG_DROP_OLDEST */
    GG_REFUSE,      /* what comes: who emits is expected to look first */
};

/* What became of a record. */
enum gg_outcome { GG_PUT, GG_REPLACED, GG_LOST };

typedef struct {
    int32_t capacity, waiting;
    int32_t most; /* that ever waited */
    uint64_t put, dropped;
} gg_queue_statistics;

/* Records in a queue, at most. */
enum { GG_QUEUE = 1 << 20 };

typedef struct gg_queue gg_queue;

/* An empty queue; NULL without memory, or if the capacity is not 1 to GG_QUEUE or the overflow none. */
gg_queue *gg_queue_new(int32_t capacity, int32_t overflow);
void gg_queue_free(gg_queue *queue);

/* Puts a copy of a record in. Where that loses one, it or another, `lost` becomes a copy of that. */
int gg_queue_put(gg_queue *queue, const gg_record *record, gg_record *lost);

/* Takes up to `most`, the most urgent first and of those the oldest; returns how many. */
int32_t gg_queue_take(gg_queue *queue, gg_record *records, int32_t most);

gg_queue_statistics gg_queue_counts(const gg_queue *queue);

/* ---- The bus: who must know of an event --------------------------------------------------------------------- */

/* What a subscription asks of a value. A value is a number, or a symbol: what is no number (a text, a map) in the form
 * of an integer that the caller keeps for it. Symbols meet no comparison of numbers but GG_NOT_EQUALS, nor does NaN. */
enum gg_op {
    GG_ALWAYS,     /* every event */
    GG_ABOVE,      /* value > low */
    GG_BELOW,      /* value < low */
    GG_BETWEEN,    /* low <= value <= high */
    GG_OUTSIDE,    /* value < low or value > high */
    GG_EQUALS,     /* value == low; or the symbol, where that is not 0 */
    GG_NOT_EQUALS, /* the opposite of GG_EQUALS */
    GG_CHANGES,    /* the value is not the one before; true of no first value, and not of NaN after NaN */
    GG_MOVES,      /* the number is more than `low` away from the one that was told last; true of the first one */
};

/* What a window says of the numbers in it. */
enum gg_statistic {
    GG_NO_WINDOW,
    GG_COUNT,     /* how many there are; of symbols, too */
    GG_MEAN,
    GG_LEAST,
    GG_GREATEST,
    GG_DEVIATION, /* the standard deviation of these numbers, not an estimate for more: divided by their count */
    GG_RATE,      /* how much the last is more than the first, by the second */
};

/* A condition with a window is about its statistic, and that is what is told. The window is full when it has `capacity`
 * numbers, or where it has a span when the first one since it was empty is that old; before, there is no statistic but
 * GG_COUNT. What is NaN or a symbol does not go in. An event that leaves the window without a statistic, or does not go in, is none.
 *
 * At most one of lasting, debounce and sample: they keep the latest event for which the condition is true, and tell it
 * when it is due. An event is fed only when nothing is due before it: see GG_DUE. */
typedef struct {
    int32_t op;        /* enum gg_op */
    int32_t edge;      /* 1: fire when it becomes true, and again only after it was false; 0: on every event */
    double low, high;
    int32_t symbol;    /* for GG_EQUALS and GG_NOT_EQUALS; 0 where they are about the number in low */
    int32_t statistic; /* enum gg_statistic: of a window */
    int32_t capacity;  /* the most numbers that are in it, 1 to GG_WINDOW */
    int64_t span;      /* ns that they stay in it; 0: until there are too many */
    double hysteresis; /* once true, stays true until the value is this far on the other side of the limit */
    int64_t lasting;   /* ns it must be true without a break before it fires; only with edge */
    int64_t debounce;  /* ns without an event for which it is true before it fires; one for which it is false ends that,
                          but for GG_CHANGES and GG_MOVES; only without edge */
    int64_t sample;    /* ns from such an event until it fires with the latest one; only without edge */
    int64_t cooldown;  /* ns after a firing in which it does not fire again; with edge, what is still true then fires */
} gg_where;

/* What a test looks at. */
enum gg_field {
    GG_VALUE,    /* a number, or a symbol */
    GG_TIME,     /* the `now` of gg_bus_emit */
    GG_PRIORITY, /* of the event */
    GG_SOURCE,   /* a symbol */
};

/* A predicate is an array of tests in postfix order: a comparison puts its answer on a stack, GG_AND and GG_OR take two
 * and put one, GG_NOT turns the last. It holds if the one answer that is left at the end is true. */
enum gg_test_op {
    GG_EQ,
    GG_NE, /* true of what is not comparable, too */
    GG_LT,
    GG_LE,
    GG_GT,
    GG_GE,
    GG_ALL_SET, /* a value that is a whole number from 0 to 2^53 has all bits of `integer`; of values alone */
    GG_ANY_SET, /* it has one of them at least */
    GG_AND,
    GG_OR,
    GG_NOT,
};

typedef struct {
    int32_t op;      /* enum gg_test_op */
    int32_t field;   /* enum gg_field */
    int32_t symbol;  /* what GG_EQ and GG_NE compare a value or a source with; 0 where it is a number */
    double number;   /* what a value is compared with */
    int64_t integer; /* what time or priority are compared with; the bits of GG_ALL_SET and GG_ANY_SET */
} gg_test;

/* Tests of one predicate, and answers on its stack. */
enum { GG_TESTS = 512, GG_STACK = 32 };

/* Numbers in a window. */
enum { GG_WINDOW = 65536 };

/* What is returned instead of a handle or counts. */
enum gg_failure {
    GG_NO_MEMORY = -1,
    GG_NO_TOPIC = -2,     /* not a handle of gg_bus_topic */
    GG_NO_PREDICATE = -3, /* the tests leave another number of answers than one, or are too many */
    GG_DUE = -4,          /* something is due at this time or before: it is taken first */
    GG_NO_WHERE = -5,     /* the condition contradicts itself */
};

/* What is to be done for a subscription. */
enum gg_how {
    GG_TELL,
    GG_KEEP,    /* until gg_bus_take_due names it */
    GG_ENQUEUE, /* by gg_bus_enqueue */
};

/* One subscription that an event concerns. */
typedef struct {
    int32_t subscription;
    int32_t how;   /* enum gg_how */
    double number; /* what it is told: the event's, or that of its window */
} gg_fired;

/* What became of many events. */
typedef struct {
    int64_t matched, queued, dropped;
    int64_t fired; /* of the last one that was taken; or the gg_failure of the one after it */
    int64_t news;  /* how many queues got some of them */
} gg_sums;

/* One subscription of which something is due on a topic. */
typedef struct {
    int32_t subscription, topic;
    int64_t time;
} gg_due;

typedef struct gg_bus gg_bus;

/* A bus without topics and subscriptions, or NULL without memory. */
gg_bus *gg_bus_new(void);
void gg_bus_free(gg_bus *bus);

/* The handle of a topic, counted from 0 in the order they are first asked for; -1 without memory. */
int32_t gg_bus_topic(gg_bus *bus, const char *name, size_t length);

/* Says of what type the events of a topic are, from now on. Types are written as topics are, with a slash for each dot.
 * Returns the handle of the type, counted from 1 in the order they are first named; or a gg_failure. */
int32_t gg_bus_type(gg_bus *bus, int32_t topic, const char *type, size_t length);

/* The handle of the type of a topic's events; 0 where they have none. */
int32_t gg_bus_type_of(const gg_bus *bus, int32_t topic);

/* How many events of a topic there were; 0 of what is no topic. */
uint64_t gg_bus_emitted(const gg_bus *bus, int32_t topic);

/* Adds a subscription and returns its handle, or a gg_failure. A handle is used again after gg_bus_unsubscribe.
 * Higher priorities are told first, equal ones in the order they subscribed. Events for which the predicate of `count`
 * tests does not hold are none to it: they leave the state of `where` as it is; but GG_CHANGES is about the topic's value
 * before, whoever was told of it. Without tests every event counts. `where` is not NULL; GG_ALWAYS is no condition. */
int32_t gg_bus_subscribe(gg_bus *bus, const char *filter, size_t length, int32_t priority, const gg_where *where,
                         const gg_test *tests, int32_t count);

/* Has a subscription be told of topics only whose type matches a filter, which is written as one of topics and has
 * no NUL. 0, or a gg_failure. */
int32_t gg_bus_restrict(gg_bus *bus, int32_t subscription, const char *type, size_t length);

/* Has a subscription that has no queue put its events into one, which must outlive it. 0, or a gg_failure. */
int32_t gg_bus_queue(gg_bus *bus, int32_t subscription, gg_queue *queue);

/* Puts a record into the queue of a subscription; what became of it, as of gg_queue_put, and GG_LOST where it has none.
 * Who puts records with a slot calls gg_bus_lost after each: there is room for as many as wait in all queues, and one. */
int gg_bus_enqueue(gg_bus *bus, int32_t subscription, const gg_record *record);

/* Takes the slot of a record that a queue has lost, which its owner may use again. 1, or 0 when none is left. */
int gg_bus_lost(gg_bus *bus, int32_t *slot);

/* Takes a subscription away; what it was waiting for does not come. The handle must be in use. Its windows are freed with
 * the next event of their topics. */
void gg_bus_unsubscribe(gg_bus *bus, int32_t subscription);

/* The symbol of the source and the priority of all events from now on; 0 and 0 at first. */
void gg_bus_attributes(gg_bus *bus, int32_t source, int32_t priority);

/* Decides who is told of a number; gg_bus_fired has them in the order they are to be told.
 *
 * Returns how many filters match the topic, times 2^32, plus how many gg_fired there are; or a gg_failure. It allocates
 * only on the first event of a topic after a subscription came or went. */
int64_t gg_bus_emit(gg_bus *bus, int32_t topic, double number, int64_t now);

/* The same for what is no number: `symbol` is the one that conditions know it by, or 0; `changed` says whether it
 * differs from the value before. */
int64_t gg_bus_emit_symbol(gg_bus *bus, int32_t topic, int32_t symbol, int changed, int64_t now);

/* Emits numbers one after the other until somebody is told of one or keeps it, or all are through. Returns how many it
 * took. Events that go into queues alone do not stop it: their records have no slot, and the source and priority of
 * gg_bus_attributes. */
int64_t gg_bus_emit_many(gg_bus *bus, const int32_t *topics, const double *numbers, const int64_t *times, int64_t count,
                         gg_sums *sums);

/* Whose queues the last gg_bus_emit_many gave something to; good until the next one, or until somebody subscribes. */
const int32_t *gg_bus_news(const gg_bus *bus);

/* Who is told of the last event; good until the next one, or until somebody subscribes. */
const gg_fired *gg_bus_fired(const gg_bus *bus);

/* How many events there were. */
uint64_t gg_bus_sequence(const gg_bus *bus);

/* When the first of those that wait is due; INT64_MAX where none is waiting. */
int64_t gg_bus_deadline(const gg_bus *bus);

/* Takes one that is due at `now`. Returns 1, or 0 when none is left. Those due first come first, then in the order they
 * are to be told, then by topic. */
int gg_bus_take_due(gg_bus *bus, int64_t now, gg_due *due);

/* ---- The inbox: events of other threads --------------------------------------------------------------------- */

/* Records in an inbox, at most. */
enum { GG_INBOX = 65536 };

typedef struct gg_inbox gg_inbox;

/* An inbox for `capacity` records, or the next power of two from 2 on, that writes 8 bytes to the file descriptor `wake` when
 * something comes and the consumer may sleep: an eventfd. NULL without memory. */
gg_inbox *gg_inbox_new(uint32_t capacity, int wake);
void gg_inbox_free(gg_inbox *inbox);

/* Puts a copy of a record in; 0 if there was no room, which is counted. Any thread may, at any time: it takes no lock,
 * allocates nothing and waits for nobody. */
int gg_inbox_put(gg_inbox *inbox, const gg_record *record);

/* Takes up to `most` records, in the order in which their places were taken; returns how many. One thread at a time.
 * Who has been woken reads the file descriptor and then takes until nothing comes. */
int32_t gg_inbox_take(gg_inbox *inbox, gg_record *records, int32_t most);

/* How many records found no room. */
uint64_t gg_inbox_dropped(const gg_inbox *inbox);

/* ---- Numbers out of documents --------------------------------------------------------------------------------- */

typedef struct {
    double number;
    int is_whole; /* it is written without fraction and exponent */
} gg_number;

/* Picks the number at a path of keys with dots between them out of a JSON document (RFC 8259) or a CBOR map (RFC 8949);
 * an empty path is the whole document. Of two keys that are the same the last one counts. 1, or 0 where it is not sure:
 * there is no finite number, the document is wrong, or it is one that needs a parser (escapes, tags, byte strings, more
 * than 16 levels, whole numbers of 2^53 and more). */
int gg_pick(const uint8_t *payload, size_t length, const char *path, size_t path_length, gg_number *number);

/* ---- Sound and pictures ------------------------------------------------------------------------------------- */

enum { GG_HOP = 160, GG_SPECTRUM = 512, GG_BANDS = 8, GG_FRAME = 10 };

/* Sound of 16 kHz cut into frames of GG_HOP samples that wait to be taken. A frame is GG_FRAME numbers: the mean square
 * of its samples, how often the sign changed (0 counts as positive), and the mean squares of GG_BANDS octaves, 63 Hz to
 * 8 kHz, in the GG_SPECTRUM samples that end with it. Not for several threads at once. */
typedef struct gg_sound gg_sound;

/* Room for `capacity` frames; the mean square A-weighted (IEC 61672-1), the octaves worked out, if asked. NULL for none
 * and where memory is short. */
gg_sound *gg_sound_new(uint32_t capacity, int weighted, int bands);
void gg_sound_free(gg_sound *sound);

/* How many of the samples were taken in: all, or as many as there is room for. */
size_t gg_sound_feed(gg_sound *sound, const int16_t *samples, size_t count);

/* The oldest `count` frames with their samples; 0 and nothing while fewer wait. */
int gg_sound_take(gg_sound *sound, uint32_t count, int16_t *samples, double *frames);

/* The luma of a picture as it lies in a camera's buffer. */
typedef struct {
    const uint8_t *first; /* the luma of the pixel at the top left */
    size_t width, height; /* in pixels, neither 0 */
    size_t pixel, row;    /* bytes from one pixel to the next, and from one row to the next */
} gg_picture;

/* Makes a plane of width by height bytes, rows one after the other: each the rounded mean of the pixels it stands for (fewer
 * than 2^24), and
 * where the picture has fewer than that, the nearest one. */
void gg_luma_reduce(const gg_picture *picture, uint8_t *plane, size_t width, size_t height);

/* Mean of the bytes of a luma plane, 0 to 255; 0 of an empty one. */
double gg_luma_mean(const uint8_t *plane, size_t count);

/* Mean difference of a byte and the one to its left, 0 to 255: how much there is to see; 0 where there are none. */
double gg_luma_texture(const uint8_t *plane, size_t width, size_t height);

/* The median of how much lighter the bytes of the second plane are, -255 to 255: what has become of the light, whatever moves
 * before less than half of it; 0 of empty ones. */
int gg_luma_lighter(const uint8_t *before, const uint8_t *after, size_t count);

/* How many bytes of two planes differ by more than `threshold`, after as many as `lighter` are taken from the second. */
size_t gg_luma_motion(const uint8_t *before, const uint8_t *after, size_t count, int threshold, int lighter);

#endif
