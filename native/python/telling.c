/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "lane.h"

PyObject *gg_named_tuple(PyObject *type, int count, PyObject *const *items) {
    PyObject *made = PyType_GenericAlloc((PyTypeObject *)type, count);
    for (int i = 0; i < count; i++) {
        if (!made || !items[i]) {
            Py_XDECREF(items[i]);
            Py_XDECREF(made);
            made = NULL;
        } else {
            PyTuple_SetItem(made, i, items[i]);
        }
    }
    return made;
}

PyObject *gg_emitted(PyObject *self, int64_t matched, const int64_t counts[3], uint64_t sequence) {
    return gg_named_tuple(gg_part(self, EMITTED), 5, (PyObject *[]){
        PyLong_FromLongLong(matched), PyLong_FromLongLong(counts[0]), PyLong_FromLongLong(counts[1]),
        PyLong_FromLongLong(counts[2]), PyLong_FromUnsignedLongLong(sequence),
    });
}

/* Has the exception under way written down; 0 where that raises another one. */
static int is_forgiven(PyObject *self, int32_t handle) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback)
        PyException_SetTraceback(value, traceback);
    PyObject *number = PyLong_FromLong(handle);
    PyObject *done = number ? PyObject_CallFunctionObjArgs(gg_part(self, BROKEN), number, value, NULL) : NULL;
    Py_XDECREF(number);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    Py_XDECREF(done);
    return done != NULL;
}

/* Counts that what a subscription asked for has raised; 0 where that is everybody's matter: an interrupt. */
static int has_failed(PyObject *self, gg_lane *lane, int32_t handle, uint32_t generation, int64_t counts[3]) {
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return 0;
    counts[2]++;
    lane->failed++;
    if (lane->told[handle].generation == generation)
        lane->told[handle].failed++;
    return is_forgiven(self, handle);
}

int gg_tell(PyObject *self, gg_lane *lane, int32_t handle, PyObject *event, int64_t counts[3]) {
    uint32_t generation = lane->told[handle].generation;
    PyObject *callback = gg_owned(PyList_GetItem(gg_part(self, CALLBACKS), handle));
    lane->told[handle].delivered++; /* first, so that a callback that closes itself is counted */
    PyObject *outcome = PyObject_CallFunctionObjArgs(callback, event, NULL);
    int was_told = 1;
    Py_DECREF(callback);
    if (!outcome) {
        if (!has_failed(self, lane, handle, generation, counts))
            return 0;
    } else {
        if (outcome != Py_None) {
            int is_lost = outcome == gg_part(self, LOST);
            was_told = !is_lost && outcome != gg_part(self, UNWANTED);
            if (is_lost || outcome == gg_part(self, REPLACED)) {
                counts[1]++;
                lane->dropped++;
            }
        }
        Py_DECREF(outcome);
    }
    if (was_told) {
        counts[0]++;
        lane->delivered++;
    } else if (lane->told[handle].generation == generation) {
        lane->told[handle].delivered--;
    }
    return 1;
}

/* The event as it is told to a subscription with a window: its value is the window's. */
static PyObject *with_number(PyObject *self, PyObject *event, double number) {
    return gg_named_tuple(gg_part(self, EVENT), 5, (PyObject *[]){
        gg_owned(PyTuple_GetItem(event, 0)), PyFloat_FromDouble(number), gg_owned(PyTuple_GetItem(event, 2)),
        gg_owned(PyTuple_GetItem(event, 3)), gg_owned(PyTuple_GetItem(event, 4)),
    });
}

/* Keeps an event for a subscription until it is due; 0 with an exception. */
static int keep(PyObject *self, int32_t handle, int32_t topic, PyObject *event) {
    PyObject *key = PyLong_FromLongLong((int64_t)handle << 32 | topic);
    int is_well = key && !PyDict_SetItem(gg_part(self, KEPT), key, event);
    Py_XDECREF(key);
    return is_well;
}

/* Where an event stays that does not fit a record; -1 with an exception. */
static int32_t slot_for(PyObject *self, gg_lane *lane, PyObject *event) {
    lane->slot = lane->slot == INT32_MAX ? 0 : lane->slot + 1;
    PyObject *key = PyLong_FromLong(lane->slot);
    int is_well = key && !PyDict_SetItem(gg_part(self, SLOTS), key, event);
    Py_XDECREF(key);
    return is_well ? lane->slot : -1;
}

int gg_release(PyObject *self, gg_lane *lane) {
    int32_t slot; /* one at a time: what is freed with an event may emit */
    while (gg_bus_lost(lane->bus, &slot)) {
        PyObject *key = PyLong_FromLong(slot);
        int is_well = key && !PyDict_DelItem(gg_part(self, SLOTS), key);
        Py_XDECREF(key);
        if (!is_well)
            return 0;
    }
    return 1;
}

int gg_wake(PyObject *self, gg_lane *lane, int32_t handle, int64_t counts[3]) {
    uint32_t generation = lane->told[handle].generation;
    PyObject *key = PyLong_FromLong(handle), *news = key ? PyDict_GetItemWithError(gg_part(self, NEWS), key) : NULL;
    Py_XINCREF(news);
    Py_XDECREF(key);
    if (!news)
        return !PyErr_Occurred();
    PyObject *done = PyObject_CallFunctionObjArgs(news, NULL);
    Py_DECREF(news);
    Py_XDECREF(done);
    return done != NULL || has_failed(self, lane, handle, generation, counts);
}

/* Puts an event into the queue of a subscription; 0 with an exception. */
static int enqueue(PyObject *self, gg_lane *lane, int32_t handle, int32_t topic, PyObject *event, int64_t counts[3]) {
    PyObject *value = PyTuple_GetItem(event, 1);
    gg_record record = {
        .topic = topic, .type = gg_bus_type_of(lane->bus, topic), .sequence = gg_bus_sequence(lane->bus), .confidence = 1,
        .wall = PyLong_AsLongLong(PyTuple_GetItem(event, 2)), .priority = (int32_t)PyLong_AsLong(PyTuple_GetItem(event, 4)),
    };
    if (PyErr_Occurred())
        return 0;
    if (IS(value, PyFloat_Type) && PyTuple_GetItem(event, 3) == gg_part(self, SOURCE)) {
        record.value = PyFloat_AsDouble(value);
    } else {
        record.flags = GG_IN_SLOT;
        if ((record.slot = slot_for(self, lane, event)) < 0)
            return 0;
    }
    int outcome = gg_bus_enqueue(lane->bus, handle, &record);
    counts[0] += outcome != GG_LOST;
    counts[1] += outcome != GG_PUT;
    lane->delivered += outcome != GG_LOST;
    lane->dropped += outcome != GG_PUT;
    return gg_release(self, lane) && (outcome == GG_LOST || gg_wake(self, lane, handle, counts));
}

int gg_note_all(const gg_lane *lane, int32_t count, gg_notes *notes) {
    const gg_fired *fired = gg_bus_fired(lane->bus);
    notes->all = count > GG_FEW ? malloc((size_t)count * sizeof *notes->all) : notes->few;
    notes->count = notes->all ? count : 0;
    notes->sequence = gg_bus_sequence(lane->bus);
    for (int32_t i = 0; i < notes->count; i++)
        notes->all[i] = (gg_note){lane->told[fired[i].subscription].generation, fired[i]};
    return notes->all != NULL || PyErr_NoMemory() != NULL;
}

/* What a subscription is told of an event: the event, or a copy with the number of its window. NULL with an exception. */
static PyObject *made_for(PyObject *self, const gg_told *told, const gg_note *note, PyObject *event) {
    return told->has_window ? with_number(self, event, note->fired.number) : gg_owned(event);
}

int gg_tell_all(PyObject *self, gg_lane *lane, PyObject *event, int32_t topic, gg_notes *notes, int64_t counts[3]) {
    int is_well = event != NULL;
    /* First it is kept for all who keep it: a callback may take so long that it is due. */
    for (int is_telling = 0; is_telling <= 1; is_telling++)
        for (int32_t i = 0; i < notes->count && is_well; i++) {
            const gg_note *note = &notes->all[i];
            int32_t handle = note->fired.subscription;
            if ((note->fired.how != GG_KEEP) != is_telling || lane->told[handle].generation != note->generation)
                continue; /* not now, or closed meanwhile */
            PyObject *mine = made_for(self, &lane->told[handle], note, event);
            if (!mine)
                is_well = 0;
            else if (lane->told[handle].generation != note->generation)
                ; /* what was freed meanwhile has closed it */
            else if (note->fired.how == GG_KEEP)
                is_well = keep(self, handle, topic, mine);
            else if (note->fired.how == GG_ENQUEUE)
                is_well = enqueue(self, lane, handle, topic, mine, counts);
            else
                is_well = gg_tell(self, lane, handle, mine, counts);
            Py_XDECREF(mine);
        }
    if (notes->all != notes->few)
        free(notes->all);
    return is_well;
}

PyObject *gg_hear(PyObject *self, gg_lane *lane, int32_t topic, int64_t answer, const gg_attributes *event) {
    int64_t counts[3] = {0};
    gg_notes notes; /* first of all: whatever runs in Python may change who is told */
    if (!gg_note_all(lane, answer & INT32_MAX, &notes))
        return NULL;
    if (notes.count || lane->remembers) {
        PyObject *made = event->made ? gg_owned(event->made) : gg_named_tuple(gg_part(self, EVENT), 5, (PyObject *[]){
            gg_owned(PyList_GetItem(gg_part(self, NAMES), topic)), gg_owned(event->value), gg_owned(event->timestamp),
            gg_owned(event->source ? event->source : gg_part(self, SOURCE)),
            gg_owned(event->priority ? event->priority : gg_part(self, PRIORITY)),
        });
        if (made && lane->remembers)
            PyList_SetItem(gg_part(self, LAST), topic, gg_owned(made));
        int is_well = gg_tell_all(self, lane, made, topic, &notes, counts);
        Py_XDECREF(made);
        if (!is_well)
            return NULL;
    }
    return gg_emitted(self, answer >> 32, counts, notes.sequence);
}
