/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The fast lane between Python and the bus: what happens once an event, in CPython's own calls. A call through cffi
 * costs 50 to 150 ns before it does anything, and gives up the GIL meanwhile; everything that is rarer goes that way.
 *
 * The functions have a tuple as their `self`, which holds what they need, so that CPython's collector sees all of it
 * and a bus that nobody uses any more goes away. ganglion/bus/delivery.py is the same for the Python core, and says
 * what the functions mean.
 */
#include <Python.h>
#include <stdlib.h>

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

static PyObject *part(PyObject *self, int at) { return PyTuple_GetItem(self, at); }

static gg_lane *lane_of(PyObject *self) { return PyCapsule_GetPointer(part(self, LANE), NULL); }

static PyObject *owned(PyObject *object) {
    Py_INCREF(object);
    return object;
}

/* A named tuple of five; takes the items, of which NULL is one that could not be made. */
static PyObject *named_tuple(PyObject *type, PyObject *const items[5]) {
    PyObject *made = PyType_GenericAlloc((PyTypeObject *)type, 5);
    for (int i = 0; i < 5; i++) {
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

static PyObject *emitted(PyObject *self, int64_t matched, const int64_t counts[3], uint64_t sequence) {
    return named_tuple(part(self, EMITTED), (PyObject *[]){
        PyLong_FromLongLong(matched), PyLong_FromLongLong(counts[0]), PyLong_FromLongLong(counts[1]),
        PyLong_FromLongLong(counts[2]), PyLong_FromUnsignedLongLong(sequence),
    });
}

/* ---- Telling ------------------------------------------------------------------------------------------------- */

/* Counts the exception under way, which is the callback's own matter. 0 where it is everybody's: an interrupt. */
static int is_forgiven(PyObject *self, int32_t handle) {
    PyObject *type, *value, *traceback;
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return 0;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback)
        PyException_SetTraceback(value, traceback);
    PyObject *number = PyLong_FromLong(handle);
    PyObject *done = number ? PyObject_CallFunctionObjArgs(part(self, BROKEN), number, value, NULL) : NULL;
    Py_XDECREF(number);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    Py_XDECREF(done);
    return done != NULL;
}

/* Tells one subscription and counts what became of it; 0 with an exception that is not the callback's own. */
static int tell(PyObject *self, gg_lane *lane, int32_t handle, PyObject *event, int64_t counts[3]) {
    uint32_t generation = lane->told[handle].generation;
    PyObject *callback = owned(PyList_GetItem(part(self, CALLBACKS), handle));
    lane->told[handle].delivered++; /* first, so that a callback that closes itself is counted */
    PyObject *outcome = PyObject_CallFunctionObjArgs(callback, event, NULL);
    int was_told = 1;
    Py_DECREF(callback);
    if (!outcome) {
        counts[2]++;
        lane->failed++;
        if (lane->told[handle].generation == generation)
            lane->told[handle].failed++;
        if (!is_forgiven(self, handle))
            return 0;
    } else {
        if (outcome != Py_None) {
            int is_lost = outcome == part(self, LOST);
            was_told = !is_lost && outcome != part(self, UNWANTED);
            if (is_lost || outcome == part(self, REPLACED)) {
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
    return named_tuple(part(self, EVENT), (PyObject *[]){
        owned(PyTuple_GetItem(event, 0)), PyFloat_FromDouble(number), owned(PyTuple_GetItem(event, 2)),
        owned(PyTuple_GetItem(event, 3)), owned(PyTuple_GetItem(event, 4)),
    });
}

/* Keeps an event for a subscription until it is due; 0 with an exception. */
static int keep(PyObject *self, int32_t handle, int32_t topic, PyObject *event) {
    PyObject *key = PyLong_FromLongLong((int64_t)handle << 32 | topic);
    int is_well = key && !PyDict_SetItem(part(self, KEPT), key, event);
    Py_XDECREF(key);
    return is_well;
}

/* Where an event stays that does not fit a record; -1 with an exception. */
static int32_t slot_for(PyObject *self, gg_lane *lane, PyObject *event) {
    lane->slot = lane->slot == INT32_MAX ? 0 : lane->slot + 1;
    PyObject *key = PyLong_FromLong(lane->slot);
    int is_well = key && !PyDict_SetItem(part(self, SLOTS), key, event);
    Py_XDECREF(key);
    return is_well ? lane->slot : -1;
}

/* Gives back what queues have lost; 0 with an exception. */
static int release(PyObject *self, gg_lane *lane) {
    const int32_t *slots;
    for (int32_t i = gg_bus_lost(lane->bus, &slots); i--;) {
        PyObject *key = PyLong_FromLong(slots[i]);
        int is_well = key && !PyDict_DelItem(part(self, SLOTS), key);
        Py_XDECREF(key);
        if (!is_well)
            return 0;
    }
    return 1;
}

/* Puts an event into the queue of a subscription; 0 with an exception. */
static int enqueue(PyObject *self, gg_lane *lane, int32_t handle, int32_t topic, PyObject *event, int64_t counts[3]) {
    PyObject *value = PyTuple_GetItem(event, 1);
    gg_record record = {
        .topic = topic, .sequence = gg_bus_sequence(lane->bus), .confidence = 1,
        .wall = PyLong_AsLongLong(PyTuple_GetItem(event, 2)), .priority = (int32_t)PyLong_AsLong(PyTuple_GetItem(event, 4)),
    };
    if (PyErr_Occurred())
        return 0;
    if (IS(value, PyFloat_Type) && PyTuple_GetItem(event, 3) == part(self, SOURCE)) {
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
    lane->told[handle].delivered += outcome != GG_LOST;
    if (!release(self, lane))
        return 0;
    if (outcome == GG_LOST)
        return 1;
    PyObject *key = PyLong_FromLong(handle), *news = key ? PyDict_GetItemWithError(part(self, NEWS), key) : NULL;
    PyObject *done = news ? PyObject_CallFunctionObjArgs(news, NULL) : NULL;
    Py_XDECREF(key);
    Py_XDECREF(done);
    return done != NULL || (!news && !PyErr_Occurred());
}

/* Tells those whom the core has just named. They are noted first: what a callback does may change all of it. */
static PyObject *tell_all(PyObject *self, PyObject *event, int32_t topic, int64_t matched, int32_t count) {
    enum { FEW = 16 };
    typedef struct {
        uint32_t generation;
        gg_fired fired;
    } gg_note;
    gg_lane *lane = lane_of(self);
    gg_note few[FEW], *notes = count > FEW ? malloc((size_t)count * sizeof *notes) : few;
    const gg_fired *fired = gg_bus_fired(lane->bus);
    uint64_t sequence = gg_bus_sequence(lane->bus);
    int64_t counts[3] = {0};
    int is_well = 1;
    if (!notes)
        return PyErr_NoMemory();
    for (int32_t i = 0; i < count; i++)
        notes[i] = (gg_note){lane->told[fired[i].subscription].generation, fired[i]};
    for (int32_t i = 0; i < count && is_well; i++) {
        int32_t handle = notes[i].fired.subscription;
        const gg_told *told = &lane->told[handle];
        if (told->generation != notes[i].generation)
            continue; /* closed meanwhile */
        PyObject *mine = told->has_window ? with_number(self, event, notes[i].fired.number) : owned(event);
        if (!mine)
            is_well = 0;
        else if (notes[i].fired.how == GG_KEEP)
            is_well = keep(self, handle, topic, mine);
        else if (notes[i].fired.how == GG_ENQUEUE)
            is_well = enqueue(self, lane, handle, topic, mine, counts);
        else
            is_well = tell(self, lane, handle, mine, counts);
        Py_XDECREF(mine);
    }
    if (notes != few)
        free(notes);
    return is_well ? emitted(self, matched, counts, sequence) : NULL;
}

/* ---- What Python calls --------------------------------------------------------------------------------------- */

static PyObject *slowly(PyObject *self, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords) {
    PyObject *positional = PyTuple_New(count), *named = PyDict_New(), *answer = NULL;
    Py_ssize_t more = keywords ? PyTuple_Size(keywords) : 0;
    int is_well = positional && named;
    for (Py_ssize_t i = 0; i < count && is_well; i++)
        PyTuple_SetItem(positional, i, owned(arguments[i]));
    for (Py_ssize_t i = 0; i < more && is_well; i++)
        is_well = !PyDict_SetItem(named, PyTuple_GetItem(keywords, i), arguments[count + i]);
    if (is_well)
        answer = PyObject_Call(part(self, SLOWLY), positional, named);
    Py_XDECREF(positional);
    Py_XDECREF(named);
    return answer;
}

/* The handle of a topic that is known; -1 where Python has to see to it. */
static int64_t handle_of(PyObject *self, PyObject *topic) {
    PyObject *known = IS(topic, PyUnicode_Type) ? PyDict_GetItemWithError(part(self, HANDLES), topic) : topic;
    if (!known || !IS(known, PyLong_Type))
        return -1;
    long long handle = PyLong_AsLongLong(known);
    return handle > INT32_MAX ? -1 : handle;
}

/* emit(topic, value, *, timestamp=..., source=..., priority=...): see Bus.emit, which does what is not simple. */
static PyObject *emit(PyObject *self, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords) {
    gg_lane *lane = lane_of(self);
    PyObject *timestamp = NULL, *source = NULL, *priority = NULL;
    Py_ssize_t more = keywords ? PyTuple_Size(keywords) : 0;
    if (count != 2 || lane->is_slow)
        return slowly(self, arguments, count, keywords);
    for (Py_ssize_t i = 0; i < more; i++) {
        PyObject *key = PyTuple_GetItem(keywords, i), *value = arguments[2 + i];
        if (key == part(self, KEY_TIMESTAMP) && value != Py_None)
            timestamp = value;
        else if (key == part(self, KEY_SOURCE))
            source = value;
        else if (key == part(self, KEY_PRIORITY))
            priority = value;
        else
            return slowly(self, arguments, count, keywords);
    }
    PyObject *value = arguments[1];
    int is_number = IS(value, PyFloat_Type) || IS(value, PyLong_Type) || IS(value, PyBool_Type);
    double number = is_number ? PyFloat_AsDouble(value) : 0;
    if (timestamp)
        Py_INCREF(timestamp);
    else if (part(self, CLOCK) != Py_None && !(timestamp = PyObject_CallFunctionObjArgs(part(self, CLOCK), NULL)))
        return NULL;
    int64_t handle = handle_of(self, arguments[0]), now = timestamp ? PyLong_AsLongLong(timestamp) : 0, answer = -1;
    if (handle >= 0 && timestamp && !PyErr_Occurred()) {
        if (is_number)
            answer = gg_bus_emit(lane->bus, (int32_t)handle, number, now);
        else if (!lane->remembers && !lane->has_symbols)
            answer = gg_bus_emit_symbol(lane->bus, (int32_t)handle, 0, 0, now);
    }
    PyObject *result;
    int32_t told = answer & INT32_MAX;
    if (answer < 0) {
        PyErr_Clear(); /* whatever it was, it is said there */
        result = slowly(self, arguments, count, keywords);
    } else if (!told && !lane->remembers) {
        result = emitted(self, answer >> 32, (int64_t[3]){0}, gg_bus_sequence(lane->bus));
    } else {
        PyObject *event = named_tuple(part(self, EVENT), (PyObject *[]){
            owned(PyList_GetItem(part(self, NAMES), handle)), owned(value), owned(timestamp),
            owned(source ? source : part(self, SOURCE)), owned(priority ? priority : part(self, PRIORITY)),
        });
        if (event && lane->remembers)
            PyList_SetItem(part(self, LAST), handle, owned(event));
        result = event ? tell_all(self, event, (int32_t)handle, answer >> 32, told) : NULL;
        Py_XDECREF(event);
    }
    Py_XDECREF(timestamp);
    return result;
}

/* deliver(event, topic, matched, count): to those whom the core has just named. */
static PyObject *deliver(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    (void)count;
    long topic = PyLong_AsLong(arguments[1]), told = PyLong_AsLong(arguments[3]);
    return tell_all(self, arguments[0], (int32_t)topic, PyLong_AsLongLong(arguments[2]), (int32_t)told);
}

/* tell(handle, event): one subscription. */
static PyObject *tell_one(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    int64_t counts[3] = {0};
    (void)count;
    return tell(self, lane_of(self), (int32_t)PyLong_AsLong(arguments[0]), arguments[1], counts) ? owned(Py_None) : NULL;
}

/* renew(handle, has_window): it has a new meaning, or none any more. */
static PyObject *renew(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    gg_lane *lane = lane_of(self);
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
    return owned(Py_None);
}

/* counts(handle) -> (delivered, failed) */
static PyObject *counts_of(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    const gg_told *told = &lane_of(self)->told[PyLong_AsLong(arguments[0])];
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
    const gg_lane *lane = lane_of(self);
    (void)arguments, (void)count;
    int64_t counts[3] = {(int64_t)lane->delivered, (int64_t)lane->dropped, (int64_t)lane->failed};
    return emitted(self, 0, counts, gg_bus_sequence(lane->bus));
}

/* adapt(is_slow, remembers, has_symbols): what the subscriptions there are now ask for. */
static PyObject *adapt(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    gg_lane *lane = lane_of(self);
    (void)count;
    lane->is_slow = PyLong_AsLong(arguments[0]) != 0;
    lane->remembers = PyLong_AsLong(arguments[1]) != 0;
    lane->has_symbols = PyLong_AsLong(arguments[2]) != 0;
    return owned(Py_None);
}

/* queued(delivered, dropped): what emit_many has put into queues. */
static PyObject *queued(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    gg_lane *lane = lane_of(self);
    (void)count;
    lane->delivered += (uint64_t)PyLong_AsLongLong(arguments[0]);
    lane->dropped += (uint64_t)PyLong_AsLongLong(arguments[1]);
    return release(self, lane) ? owned(Py_None) : NULL;
}

/* ---- Making one ---------------------------------------------------------------------------------------------- */

static void free_lane(PyObject *capsule) {
    gg_lane *lane = PyCapsule_GetPointer(capsule, NULL);
    free(lane->told);
    free(lane);
}

#define FAST(function) ((PyCFunction)(void (*)(void))(function))

static PyMethodDef functions[] = {
    {"emit", FAST(emit), METH_FASTCALL | METH_KEYWORDS, "Tells everybody concerned of an event."},
    {"deliver", FAST(deliver), METH_FASTCALL, "Tells those whom the core has named."},
    {"tell", FAST(tell_one), METH_FASTCALL, "Tells one subscription."},
    {"queued", FAST(queued), METH_FASTCALL, "Counts what went into queues without Python."},
    {"renew", FAST(renew), METH_FASTCALL, "Gives a handle a new meaning."},
    {"counts", FAST(counts_of), METH_FASTCALL, "What one subscription was told."},
    {"totals", FAST(totals), METH_FASTCALL, "What all were told."},
    {"adapt", FAST(adapt), METH_FASTCALL, "Says what is asked for."},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* lane(address of the gg_bus, what `self` holds after it...) -> its functions, in the order above. */
static PyObject *lane(PyObject *module, PyObject *arguments) {
    (void)module;
    PyObject *parts = PyTuple_New(PARTS), *made = PyTuple_New(FUNCTIONS);
    gg_lane *new = calloc(1, sizeof *new);
    PyObject *capsule = new ? PyCapsule_New(new, NULL, free_lane) : NULL;
    if (!parts || !made || !capsule || PyTuple_Size(arguments) != PARTS)
        return PyErr_NoMemory();
    new->bus = PyLong_AsVoidPtr(PyTuple_GetItem(arguments, LANE));
    PyTuple_SetItem(parts, LANE, capsule);
    for (int i = LANE + 1; i < PARTS; i++)
        PyTuple_SetItem(parts, i, owned(PyTuple_GetItem(arguments, i)));
    for (int i = 0; i < FUNCTIONS; i++) {
        PyObject *function = PyCMethod_New(&functions[i], parts, NULL, NULL);
        if (!function)
            return NULL;
        PyTuple_SetItem(made, i, function);
    }
    Py_DECREF(parts);
    return made;
}

static PyMethodDef added[] = {{"lane", lane, METH_VARARGS, "A fast lane to a bus."}, {0}};

/* cffi's glue, whose PyInit__native build.zig gives this name. */
PyObject *gg_cffi_module(void);

PyMODINIT_FUNC PyInit__native(void);
PyMODINIT_FUNC PyInit__native(void) {
    PyObject *module = gg_cffi_module();
    if (module && PyModule_AddFunctions(module, added))
        return NULL;
    return module;
}
