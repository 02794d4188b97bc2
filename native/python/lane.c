/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

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

/* Whether a value is surely none; a type that was made from one of numbers is one too. */
static int is_no_number(PyObject *value) {
    return value == Py_None || IS(value, PyUnicode_Type) || IS(value, PyDict_Type) || IS(value, PyList_Type) ||
           IS(value, PyTuple_Type) || IS(value, PyBytes_Type);
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
    long level = priority ? PyLong_AsLong(priority) : 0;
    if (PyErr_Occurred() || level != (int32_t)level) {
        PyErr_Clear(); /* a number beyond binary64, or no priority: it is said there */
        return slowly(self, arguments, count, keywords);
    }
    if (timestamp)
        Py_INCREF(timestamp);
    else if (gg_part(self, CLOCK) != Py_None && !(timestamp = PyObject_CallFunctionObjArgs(gg_part(self, CLOCK), NULL)))
        return NULL;
    int64_t handle = handle_of(self, arguments[0]), now = timestamp ? PyLong_AsLongLong(timestamp) : 0, answer = -1;
    if (handle >= 0 && timestamp && !PyErr_Occurred()) {
        if (is_number)
            answer = gg_bus_emit(lane->bus, (int32_t)handle, number, now);
        else if (!lane->remembers && !lane->has_symbols && is_no_number(value))
            answer = gg_bus_emit_symbol(lane->bus, (int32_t)handle, 0, 0, now);
    }
    PyObject *result;
    if (answer < 0) {
        PyErr_Clear(); /* whatever it was, it is said there */
        result = slowly(self, arguments, count, keywords);
    } else {
        result = gg_hear(self, lane, (int32_t)handle, answer, &(gg_attributes){value, timestamp, source, priority, NULL});
    }
    Py_XDECREF(timestamp);
    return result;
}

/* send(event, topic, number, symbol, changed): decides, and tells. The number is None where the event's value is none.
 * Returns an Emitted, or a gg_failure. */
static PyObject *send(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    gg_lane *lane = gg_lane_of(self);
    int64_t now = PyLong_AsLongLong(PyTuple_GetItem(arguments[0], 2)), answer;
    int32_t topic = (int32_t)PyLong_AsLong(arguments[1]);
    (void)count;
    if (PyErr_Occurred())
        return NULL;
    if (arguments[2] != Py_None)
        answer = gg_bus_emit(lane->bus, topic, PyFloat_AsDouble(arguments[2]), now);
    else
        answer = gg_bus_emit_symbol(lane->bus, topic, (int32_t)PyLong_AsLong(arguments[3]),
                                    PyLong_AsLong(arguments[4]) != 0, now);
    return answer < 0 ? PyLong_FromLongLong(answer)
                      : gg_hear(self, lane, topic, answer, &(gg_attributes){.made = arguments[0]});
}

/* Has those woken whose queues got something; 0 with an exception. */
static int wake_all(PyObject *self, gg_lane *lane, const int32_t *handles, int64_t count, int64_t counts[3]) {
    int is_well = 1;
    for (int64_t i = 0; i < count && is_well; i++)
        is_well = gg_wake(self, lane, handles[i], counts);
    return is_well;
}

/* batch(addresses of topics, numbers and times, where to begin, how many there are, source, priority): emits until
 * somebody is told, and tells them. Returns how many it took, the gg_failure of the next or 0, and an Emitted. */
static PyObject *batch(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    gg_lane *lane = gg_lane_of(self);
    int64_t start = PyLong_AsLongLong(arguments[3]), all = PyLong_AsLongLong(arguments[4]);
    const int32_t *topics = (const int32_t *)PyLong_AsVoidPtr(arguments[0]) + start;
    const double *numbers = (const double *)PyLong_AsVoidPtr(arguments[1]) + start;
    const int64_t *times = (const int64_t *)PyLong_AsVoidPtr(arguments[2]) + start;
    gg_sums sums;
    gg_notes notes;
    (void)count;
    int64_t taken = gg_bus_emit_many(lane->bus, topics, numbers, times, all - start, &sums);
    int64_t counts[3] = {sums.queued, sums.dropped, 0};
    size_t size = (size_t)sums.news * sizeof(int32_t);
    int32_t *news = malloc(size + 1);
    if (!news || !gg_note_all(lane, sums.fired > 0 ? (int32_t)sums.fired : 0, &notes)) {
        free(news);
        return PyErr_NoMemory();
    }
    if (size)
        memcpy(news, gg_bus_news(lane->bus), size);
    lane->delivered += (uint64_t)sums.queued;
    lane->dropped += (uint64_t)sums.dropped;
    int is_well = 1;
    if (notes.count) {
        int32_t topic = topics[taken - 1];
        PyObject *event = gg_named_tuple(gg_part(self, EVENT), 5, (PyObject *[]){
            gg_owned(PyList_GetItem(gg_part(self, NAMES), topic)), PyFloat_FromDouble(numbers[taken - 1]),
            PyLong_FromLongLong(times[taken - 1]), gg_owned(arguments[5]), gg_owned(arguments[6]),
        });
        is_well = gg_tell_all(self, lane, event, topic, &notes, counts);
        Py_XDECREF(event);
    }
    is_well = is_well && gg_release(self, lane) && wake_all(self, lane, news, sums.news, counts);
    free(news);
    PyObject *took = PyLong_FromLongLong(taken), *failure = PyLong_FromLongLong(sums.fired < 0 ? sums.fired : 0);
    PyObject *made = is_well ? gg_emitted(self, sums.matched, counts, notes.sequence) : NULL;
    PyObject *result = took && failure && made ? PyTuple_Pack(3, took, failure, made) : NULL;
    Py_XDECREF(took);
    Py_XDECREF(failure);
    Py_XDECREF(made);
    return result;
}

/* tell(handle, event): one subscription. */
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

/* ---- Making one ---------------------------------------------------------------------------------------------- */

static void free_lane(PyObject *capsule) {
    gg_lane *lane = PyCapsule_GetPointer(capsule, NULL);
    free(lane->told);
    free(lane);
}

static PyMethodDef functions[] = {
    {"emit", FAST(emit), METH_FASTCALL | METH_KEYWORDS, "Tells everybody concerned of an event."},
    {"send", FAST(send), METH_FASTCALL, "Decides who is told of an event, and tells them."},
    {"batch", FAST(batch), METH_FASTCALL, "Emits numbers until somebody is told."},
    {"tell", FAST(tell_one), METH_FASTCALL, "Tells one subscription."},
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
