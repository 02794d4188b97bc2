/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "lane.h"

static PyObject *slowly(PyObject *self, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords) {
    PyObject *positional = PyTuple_New(count), *named = PyDict_New(), *answer = NULL;
    Py_ssize_t more = keywords ? PyTuple_Size(keywords) : 0;
    int is_well = positional && named;
    for (Py_ssize_t i = 0; i < count && is_well; i++)
        PyTuple_SetItem(positional, i, gg_owned(arguments[i]));
    for (Py_ssize_t i = 0; i < more && is_well; i++)
        is_well = !PyDict_SetItem(named, PyTuple_GetItem(keywords, i), arguments[count + i]);
    if (is_well)
        answer = PyObject_Call(gg_part(self, SLOWLY), positional, named);
    Py_XDECREF(positional);
    Py_XDECREF(named);
    return answer;
}

/* The handle of a topic that is known; -1 where Python has to see to it. */
static int64_t handle_of(PyObject *self, PyObject *topic) {
    PyObject *known = IS(topic, PyUnicode_Type) ? PyDict_GetItemWithError(gg_part(self, HANDLES), topic) : topic;
    if (!known || !IS(known, PyLong_Type))
        return -1;
    long long handle = PyLong_AsLongLong(known);
    return handle > INT32_MAX ? -1 : handle;
}

/* emit(topic, value, *, timestamp=..., source=..., priority=...): see Bus.emit, which does what is not simple. */
static PyObject *emit(PyObject *self, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords) {
    gg_lane *lane = gg_lane_of(self);
    PyObject *timestamp = NULL, *source = NULL, *priority = NULL;
    Py_ssize_t more = keywords ? PyTuple_Size(keywords) : 0;
    if (count != 2 || lane->is_slow)
        return slowly(self, arguments, count, keywords);
    for (Py_ssize_t i = 0; i < more; i++) {
        PyObject *key = PyTuple_GetItem(keywords, i), *value = arguments[2 + i];
        if (key == gg_part(self, KEY_TIMESTAMP) && value != Py_None)
            timestamp = value;
        else if (key == gg_part(self, KEY_SOURCE))
            source = value;
        else if (key == gg_part(self, KEY_PRIORITY))
            priority = value;
        else
            return slowly(self, arguments, count, keywords);
    }
    PyObject *value = arguments[1];
    int is_number = IS(value, PyFloat_Type) || IS(value, PyLong_Type) || IS(value, PyBool_Type);
    double number = is_number ? PyFloat_AsDouble(value) : 0;
    if (timestamp)
        Py_INCREF(timestamp);
    else if (gg_part(self, CLOCK) != Py_None && !(timestamp = PyObject_CallFunctionObjArgs(gg_part(self, CLOCK), NULL)))
        return NULL;
    int64_t handle = handle_of(self, arguments[0]), now = timestamp ? PyLong_AsLongLong(timestamp) : 0, answer = -1;
    if (handle >= 0 && timestamp && !PyErr_Occurred()) {
        if (is_number)
            answer = gg_bus_emit(lane->bus, (int32_t)handle, number, now);
        else if (!lane->remembers && !lane->has_symbols)
            answer = gg_bus_emit_symbol(lane->bus, (int32_t)handle, 0, 0, now);
    }
    PyObject *result;
    if (answer < 0) {
        PyErr_Clear(); /* whatever it was, it is said there */
        result = slowly(self, arguments, count, keywords);
    } else {
        result = gg_hear(self, lane, (int32_t)handle, answer, &(gg_attributes){value, timestamp, source, priority});
    }
    Py_XDECREF(timestamp);
    return result;
}

/* deliver(event, topic, matched, count): to those whom the core has just named. */
static PyObject *deliver(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    (void)count;
    long topic = PyLong_AsLong(arguments[1]), told = PyLong_AsLong(arguments[3]);
    return gg_tell_all(self, arguments[0], (int32_t)topic, PyLong_AsLongLong(arguments[2]), (int32_t)told);
}

/* gg_tell(handle, event): one subscription. */
static PyObject *tell_one(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    int64_t counts[3] = {0};
    (void)count;
    return gg_tell(self, gg_lane_of(self), (int32_t)PyLong_AsLong(arguments[0]), arguments[1], counts) ? gg_owned(Py_None) : NULL;
}

/* renew(handle, has_window): it has a new meaning, or none any more. */
static PyObject *renew(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    gg_lane *lane = gg_lane_of(self);
    int32_t handle = (int32_t)PyLong_AsLong(arguments[0]), room = lane->room;
    (void)count;
    if (handle >= room) {
        while (handle >= room)
            room = room ? 2 * room : 16;
        gg_told *moved = realloc(lane->told, (size_t)room * sizeof *moved);
        if (!moved)
            return PyErr_NoMemory();
        lane->told = moved;
        lane->room = room;
    }
    lane->told[handle] = (gg_told){.generation = ++lane->generation, .has_window = PyLong_AsLong(arguments[1]) != 0};
    return gg_owned(Py_None);
}

/* counts(handle) -> (delivered, failed) */
static PyObject *counts_of(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    const gg_told *told = &gg_lane_of(self)->told[PyLong_AsLong(arguments[0])];
    (void)count;
    PyObject *delivered = PyLong_FromUnsignedLongLong(told->delivered);
    PyObject *failed = PyLong_FromUnsignedLong(told->failed);
    PyObject *both = delivered && failed ? PyTuple_Pack(2, delivered, failed) : NULL;
    Py_XDECREF(delivered);
    Py_XDECREF(failed);
    return both;
}

/* totals() -> (delivered, dropped, failed) as an Emitted, of which the sequence is that of the last event. */
static PyObject *totals(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    const gg_lane *lane = gg_lane_of(self);
    (void)arguments, (void)count;
    int64_t counts[3] = {(int64_t)lane->delivered, (int64_t)lane->dropped, (int64_t)lane->failed};
    return gg_emitted(self, 0, counts, gg_bus_sequence(lane->bus));
}

/* adapt(is_slow, remembers, has_symbols): what the subscriptions there are now ask for. */
static PyObject *adapt(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    gg_lane *lane = gg_lane_of(self);
    (void)count;
    lane->is_slow = PyLong_AsLong(arguments[0]) != 0;
    lane->remembers = PyLong_AsLong(arguments[1]) != 0;
    lane->has_symbols = PyLong_AsLong(arguments[2]) != 0;
    return gg_owned(Py_None);
}

/* queued(delivered, dropped): what emit_many has put into queues. */
static PyObject *queued(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    gg_lane *lane = gg_lane_of(self);
    (void)count;
    lane->delivered += (uint64_t)PyLong_AsLongLong(arguments[0]);
    lane->dropped += (uint64_t)PyLong_AsLongLong(arguments[1]);
    return gg_release(self, lane) ? gg_owned(Py_None) : NULL;
}

/* ---- Making one ---------------------------------------------------------------------------------------------- */

static void free_lane(PyObject *capsule) {
    gg_lane *lane = PyCapsule_GetPointer(capsule, NULL);
    free(lane->told);
    free(lane);
}

static PyMethodDef functions[] = {
    {"emit", FAST(emit), METH_FASTCALL | METH_KEYWORDS, "Tells everybody concerned of an event."},
    {"deliver", FAST(deliver), METH_FASTCALL, "Tells those whom the core has named."},
    {"tell", FAST(tell_one), METH_FASTCALL, "Tells one subscription."},
    {"queued", FAST(queued), METH_FASTCALL, "Counts what went into queues without Python."},
    {"renew", FAST(renew), METH_FASTCALL, "Gives a handle a new meaning."},
    {"counts", FAST(counts_of), METH_FASTCALL, "What one subscription was told."},
    {"totals", FAST(totals), METH_FASTCALL, "What all were told."},
    {"adapt", FAST(adapt), METH_FASTCALL, "Says what is asked for."},
    {"take", FAST(gg_take), METH_FASTCALL, "Emits what is picked out of messages."},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

PyObject *gg_lane_new(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *parts = PyTuple_New(PARTS), *made = PyTuple_New(FUNCTIONS);
    gg_lane *new = calloc(1, sizeof *new);
    PyObject *capsule = new ? PyCapsule_New(new, NULL, free_lane) : NULL;
    if (!parts || !made || !capsule || PyTuple_Size(arguments) != PARTS)
        return PyErr_NoMemory();
    new->bus = PyLong_AsVoidPtr(PyTuple_GetItem(arguments, LANE));
    PyTuple_SetItem(parts, LANE, capsule);
    for (int i = LANE + 1; i < PARTS; i++)
        PyTuple_SetItem(parts, i, gg_owned(PyTuple_GetItem(arguments, i)));
    for (int i = 0; i < FUNCTIONS; i++) {
        PyObject *function = PyCMethod_New(&functions[i], parts, NULL, NULL);
        if (!function)
            return NULL;
        PyTuple_SetItem(made, i, function);
    }
    Py_DECREF(parts);
    return made;
}
