/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * From the bytes of a broker to the bus: PUBLISH packets into messages, and numbers out of these onto their topics.
 * ganglion/mqtt/packet.py and ganglion/node/plain.py do the same where this is not built, and what is rare.
 */
#include <string.h>

#include "lane.h"

/* ---- Messages onto topics ------------------------------------------------------------------------------------ */

/* Emits what a route picks; returns how many of its picks are done, or -1 with an exception. */
static Py_ssize_t take_one(PyObject *self, gg_lane *lane, PyObject *message, PyObject *route, PyObject *timestamp) {
    PyObject *source = PyTuple_GetItem(route, 0), *picks = PyTuple_GetItem(route, 1);
    PyObject *payload = PyTuple_GetItem(message, 1);
    Py_ssize_t count = PyTuple_Size(picks), done = 0;
    long long now = PyLong_AsLongLong(timestamp);
    for (; done < count && !lane->is_slow && IS(payload, PyBytes_Type); done++) {
        PyObject *pick = PyTuple_GetItem(picks, done), *path = PyTuple_GetItem(pick, 1);
        int32_t topic = (int32_t)PyLong_AsLong(PyTuple_GetItem(pick, 0));
        gg_number number;
        if (path == Py_None || !gg_pick((const uint8_t *)PyBytes_AsString(payload), (size_t)PyBytes_Size(payload),
                                        PyBytes_AsString(path), (size_t)PyBytes_Size(path), &number))
            break;
        int64_t answer = gg_bus_emit(lane->bus, topic, number.number, now);
        if (answer < 0)
            break;
        if (!(answer & INT32_MAX) && !lane->remembers)
            continue;
        PyObject *value = number.is_whole ? PyLong_FromLongLong((long long)number.number) : PyFloat_FromDouble(number.number);
        PyObject *told = value ? gg_hear(self, lane, topic, answer, &(gg_attributes){value, timestamp, source, NULL, NULL}) : NULL;
        Py_XDECREF(value);
        if (!told)
            return -1;
        Py_DECREF(told);
    }
    return done;
}

/* What Python has to see to, from one of the picks on; 0 with an exception. */
static int take_otherwise(PyObject *otherwise, PyObject *message, Py_ssize_t done) {
    PyObject *from = PyLong_FromLong((long)done);
    PyObject *result = from ? PyObject_CallFunctionObjArgs(otherwise, message, from, NULL) : NULL;
    Py_XDECREF(from);
    Py_XDECREF(result);
    return result != NULL;
}

PyObject *gg_take(PyObject *self, PyObject *const *arguments, Py_ssize_t count) {
    gg_lane *lane = gg_lane_of(self);
    PyObject *messages = arguments[0], *routes = arguments[1], *timestamp = arguments[2];
    (void)count;
    for (Py_ssize_t i = 0; i < PyList_Size(messages); i++) {
        PyObject *message = gg_owned(PyList_GetItem(messages, i));
        PyObject *route = PyDict_GetItemWithError(routes, PyTuple_GetItem(message, 0));
        Py_ssize_t done = 0, wanted = 1;
        if (route) {
            Py_INCREF(route); /* a callback may change the routes */
            wanted = PyTuple_Size(PyTuple_GetItem(route, 1));
            done = take_one(self, lane, message, route, timestamp);
            Py_DECREF(route);
        }
        int is_well = done >= 0 && (done == wanted || take_otherwise(arguments[3], message, done));
        Py_DECREF(message);
        if (!is_well)
            return NULL;
    }
    return gg_owned(Py_None);
}

/* ---- Bytes into messages ------------------------------------------------------------------------------------- */

enum { PUBLISH = 0x30, QOS_1 = 0x02, QOS = 0x06, NAMES_KEPT = 256, LONGEST_KEPT = 116 };

/* Names of topics that came before, so that one is decoded and hashed once. They are for all connections. */
static struct {
    PyObject *name;
    uint32_t length;
    uint8_t raw[LONGEST_KEPT];
} names[NAMES_KEPT];

/* A topic's name; NULL where it is none, or there is no memory. */
static PyObject *decoded(const uint8_t *raw, size_t length) {
    if (!length || memchr(raw, 0, length) || memchr(raw, '+', length) || memchr(raw, '#', length))
        return NULL;
    PyObject *name = PyUnicode_DecodeUTF8((const char *)raw, (Py_ssize_t)length, NULL);
    if (!name)
        PyErr_Clear();
    return name;
}

static PyObject *name_of(const uint8_t *raw, size_t length) {
    uint32_t hash = 2166136261U; /* FNV-1a */
    if (length > LONGEST_KEPT)
        return decoded(raw, length);
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ raw[i]) * 16777619U;
    int at = (int)(hash % NAMES_KEPT);
    if (!names[at].name || names[at].length != length || memcmp(names[at].raw, raw, length)) {
        PyObject *name = decoded(raw, length);
        if (!name)
            return NULL;
        Py_XDECREF(names[at].name);
        names[at].name = name;
        names[at].length = (uint32_t)length;
        memcpy(names[at].raw, raw, length);
    }
    return gg_owned(names[at].name);
}

/* One packet, by its parts (3.3). */
typedef struct {
    const uint8_t *name, *payload, *end; /* `end` is that of the packet */
    size_t name_length;
    uint8_t first;
    uint8_t identifier[2];
} gg_publish;

/* Reads the packet at `at`; 0 where it is no PUBLISH, not whole, larger than `limit`, or wrong. */
static int read_publish(const uint8_t *at, const uint8_t *end, Py_ssize_t limit, gg_publish *made) {
    const uint8_t *start = at;
    Py_ssize_t length = 0;
    if (at == end || (*at & 0xF0) != PUBLISH)
        return 0;
    made->first = *at++;
    for (int shift = 0;; shift += 7) { /* Remaining Length (2.2.3) */
        if (at == end || shift > 21)
            return 0;
        length |= (Py_ssize_t)(*at & 0x7F) << shift;
        if (!(*at++ & 0x80))
            break;
    }
    if (length < 2 || length > end - at || at + length - start > limit)
        return 0;
    made->end = at + length;
    made->name_length = (size_t)at[0] << 8 | at[1];
    made->name = at + 2;
    int has_identifier = (made->first & QOS) == QOS_1;
    if ((!has_identifier && made->first & QOS) || (Py_ssize_t)made->name_length > length - 2 - 2 * has_identifier)
        return 0;
    made->payload = made->name + made->name_length;
    if (has_identifier) {
        memcpy(made->identifier, made->payload, 2);
        made->payload += 2;
    }
    return !has_identifier || made->identifier[0] || made->identifier[1];
}

/* Appends a packet's PUBACK (3.4); 0 with an exception. */
static int acknowledge(PyObject *acks, const gg_publish *packet) {
    Py_ssize_t size = PyByteArray_Size(acks);
    if (PyByteArray_Resize(acks, size + 4))
        return 0;
    uint8_t ack[4] = {0x40, 0x02, packet->identifier[0], packet->identifier[1]};
    memcpy(PyByteArray_AsString(acks) + size, ack, 4);
    return 1;
}

PyObject *gg_split(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    const uint8_t *data = (const uint8_t *)PyBytes_AsString(arguments[1]), *end = data + PyBytes_Size(arguments[1]);
    const uint8_t *at = data + PyLong_AsLongLong(arguments[2]);
    Py_ssize_t limit = PyLong_AsLongLong(arguments[3]);
    gg_publish packet;
    PyObject *name;
    (void)module, (void)count;
    while (read_publish(at, end, limit, &packet) && (name = name_of(packet.name, packet.name_length))) {
        int is_1 = (packet.first & QOS) == QOS_1;
        PyObject *message = gg_named_tuple(arguments[0], 4, (PyObject *[]){
            name, PyBytes_FromStringAndSize((const char *)packet.payload, packet.end - packet.payload),
            PyLong_FromLong(is_1), PyBool_FromLong(packet.first & 1),
        });
        if (!message || (is_1 && !acknowledge(arguments[5], &packet)) || PyList_Append(arguments[4], message)) {
            Py_XDECREF(message);
            return NULL;
        }
        Py_DECREF(message);
        at = packet.end;
    }
    return PyLong_FromLongLong(at - data);
}
