/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The fast lane between Python and the bus: what happens once an event, in CPython's own calls. A call through cffi
 * costs 50 to 150 ns before it does anything, and gives up the GIL meanwhile; everything that is rarer goes that way.
 *
 * The functions have a tuple as their `self`, which holds what they need, so that CPython's collector sees all of it
 * and a bus that nobody uses any more goes away. ganglion/bus/delivery.py is the same for the Python core, and says
 * what the functions mean.
 */
#ifndef GANGLION_LANE_H
#define GANGLION_LANE_H
#include <Python.h>

#include "ganglion.h"

typedef struct { /* of one subscription */
    uint64_t delivered;
    uint32_t generation; /* another one whenever the handle gets a new meaning */
    uint32_t failed : 31, has_window : 1;
} gg_told;

typedef struct {
    gg_bus *bus;
    gg_told *told;
    int32_t room;
    int is_slow, remembers, has_symbols;
    uint64_t delivered, dropped, failed;
    uint32_t generation;
    int32_t slot; /* the one that was given last */
} gg_lane;

/* What `self` holds; but for the first, the arguments of `lane` in their order. */
enum {
    LANE, BUS, HANDLES, NAMES, LAST, CALLBACKS, KEPT, SLOTS, NEWS, SLOWLY, BROKEN, EVENT, EMITTED, REPLACED, LOST, UNWANTED, SOURCE,
    PRIORITY, CLOCK, KEY_TIMESTAMP, KEY_SOURCE, KEY_PRIORITY, PARTS,
};

typedef struct { /* how every object begins (PEP 384, "Structures") */
    Py_ssize_t count;
    PyTypeObject *type;
} gg_head;

#define IS(object, kind) (((const gg_head *)(object))->type == &(kind))

#define FAST(function) ((PyCFunction)(void (*)(void))(function))

static inline PyObject *gg_part(PyObject *self, int at) { return PyTuple_GetItem(self, at); }

static inline gg_lane *gg_lane_of(PyObject *self) { return PyCapsule_GetPointer(gg_part(self, LANE), NULL); }

static inline PyObject *gg_owned(PyObject *object) {
    Py_INCREF(object);
    return object;
}

/* A named tuple of `count`; takes the items, of which NULL is one that could not be made. */
PyObject *gg_named_tuple(PyObject *type, int count, PyObject *const *items);

/* An Emitted. */
PyObject *gg_emitted(PyObject *self, int64_t matched, const int64_t counts[3], uint64_t sequence);

/* ---- telling.c ----------------------------------------------------------------------------------------------- */

/* What an event has beside its topic; NULL for a source and a priority that are not said. Or the Event itself. */
typedef struct {
    PyObject *value, *timestamp, *source, *priority, *made;
} gg_attributes;

/* Whom the core has named, and what their handles meant then: whatever runs in Python may change both. */
enum { GG_FEW = 16 };
typedef struct {
    uint32_t generation;
    gg_fired fired;
} gg_note;
typedef struct {
    gg_note few[GG_FEW], *all;
    int32_t count;
    uint64_t sequence; /* of the event */
} gg_notes;

/* Notes whom the core has just named; 0 with an exception. */
int gg_note_all(const gg_lane *lane, int32_t count, gg_notes *notes);

/* Tells those whom the core named in its answer of an event, and notes it where somebody asks for it: an Emitted. */
PyObject *gg_hear(PyObject *self, gg_lane *lane, int32_t topic, int64_t answer, const gg_attributes *event);

/* Tells those who were noted, and frees the notes; NULL is an event that could not be made. Adds how many were told, how many events were lost in queues, and how
 * many callbacks failed; 0 with an exception that is not a callback's own. */
int gg_tell_all(PyObject *self, gg_lane *lane, PyObject *event, int32_t topic, gg_notes *notes, int64_t counts[3]);

/* Tells who reads a queue that something came, and counts if that fails; 0 with an exception. */
int gg_wake(PyObject *self, gg_lane *lane, int32_t handle, int64_t counts[3]);

/* Tells one subscription and counts what became of it; 0 with an exception that is not the callback's own. */
int gg_tell(PyObject *self, gg_lane *lane, int32_t handle, PyObject *event, int64_t counts[3]);

/* Gives back what queues have lost; 0 with an exception. */
int gg_release(PyObject *self, gg_lane *lane);

/* ---- intake.c ------------------------------------------------------------------------------------------------ */

/* take(messages, routes, now, otherwise): see PlainTopics.take. */
PyObject *gg_take(PyObject *self, PyObject *const *arguments, Py_ssize_t count);

/* split(Message, data, start, limit, messages, acks) -> stop: as ganglion.mqtt.packet.split_publishes, up to what is
 * no whole and blameless PUBLISH. */
PyObject *gg_split(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

/* ---- codec.c ------------------------------------------------------------------------------------------------- */

/* cbor_decode(otherwise, data) and cbor_encode(otherwise, Encoded, value, depth): see ganglion/mesh/codec.py. */
PyObject *gg_cbor_decode(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *gg_cbor_encode(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

/* ---- lane.c -------------------------------------------------------------------------------------------------- */

/* lane(address of the gg_bus, what `self` holds after it...) -> its functions. */
PyObject *gg_lane_new(PyObject *module, PyObject *arguments);

#endif
