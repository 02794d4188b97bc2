/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The strict CBOR codec of the mesh for plain values (RFC 8949 section 4.2.1). ganglion_micro/cbor_read.py and
 * cbor_write.py say what it takes. Whatever this is not sure of, they do, and say what is wrong with it; so nothing here
 * raises, and each function gets its twin as the first argument.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "lane.h"

enum { MAX_SIZE = 65536, MAX_DEPTH = 16, MAX_KEYS = 64 };
enum { UNSIGNED = 0x00, NEGATIVE = 0x20, BYTES = 0x40, TEXT = 0x60, ARRAY = 0x80, MAP = 0xA0, TAG = 0xC0, SIMPLE = 0xE0 };
enum { FALSE = 20, TRUE = 21, NIL = 22, HALF = 25, SINGLE = 26, DOUBLE = 27 };

/* ---- Floats by their bits ------------------------------------------------------------------------------------ */

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint32_t bits_of_single(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Whether a binary32 equals it; infinity does. */
static int is_single(double value) { return isinf(value) || (fabs(value) <= FLT_MAX && (double)(float)value == value); }

/* The binary16 that equals a binary32 other than NaN, both as bits; -1 where there is none. */
static int32_t half_of(uint32_t bits) {
    int32_t sign = (int32_t)(bits >> 16 & 0x8000), exponent = (int32_t)(bits >> 23 & 0xFF);
    int32_t fraction = (int32_t)(bits & 0x7FFFFF);
    if (exponent == 255)
        return sign | 0x7C00;
    if (!exponent)
        return fraction ? -1 : sign;
    exponent -= 112;
    if (exponent > 0 && exponent < 31)
        return fraction & 0x1FFF ? -1 : sign | exponent << 10 | fraction >> 13;
    if (exponent > -10 && exponent <= 0) { /* subnormal: multiples of 2^-24 */
        int shift = 14 - exponent;
        fraction |= 0x800000;
        return fraction & ((1 << shift) - 1) ? -1 : sign | fraction >> shift;
    }
    return -1;
}

static double of_half(uint32_t bits) {
    int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 0x3FF);
    double made = exponent == 0    ? ldexp(fraction, -24)
                  : exponent != 31 ? ldexp(fraction + 1024, exponent - 25)
                                   : (fraction ? NAN : INFINITY);
    return bits & 0x8000 ? -made : made;
}

/* ---- Writing ------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t at;
    PyObject *encoded; /* the type of what is encoded already */
} gg_writer;

/* One item is written at a time, under the GIL, and nothing that runs meanwhile could begin another. */
static uint8_t written[MAX_SIZE], sorted[MAX_SIZE];

static int put(gg_writer *writer, const void *bytes, size_t size) {
    if (size > MAX_SIZE - writer->at)
        return 0;
    memcpy(written + writer->at, bytes, size);
    writer->at += size;
    return 1;
}

/* A head (section 3) in its shortest form. */
static int put_head(gg_writer *writer, int major, uint64_t n) {
    uint8_t head[9];
    int width = n < 24 ? 0 : n <= UINT8_MAX ? 1 : n <= UINT16_MAX ? 2 : n <= UINT32_MAX ? 4 : 8;
    head[0] = (uint8_t)(major | (width == 0 ? (int)n : width == 1 ? 24 : width == 2 ? 25 : width == 4 ? 26 : 27));
    for (int i = width; i > 0; i--, n >>= 8)
        head[i] = (uint8_t)n;
    return put(writer, head, 1 + (size_t)width);
}

static int put_octets(gg_writer *writer, int major, const char *bytes, Py_ssize_t size) {
    return bytes && put_head(writer, major, (uint64_t)size) && put(writer, bytes, (size_t)size);
}

static int put_float(gg_writer *writer, double value) {
    uint8_t made[9];
    uint64_t bits;
    int width = 8;
    if (isnan(value)) {
        bits = 0x7E00, width = 2;
    } else if (is_single(value)) {
        int32_t half = half_of(bits_of_single((float)value));
        bits = half < 0 ? bits_of_single((float)value) : (uint64_t)half;
        width = half < 0 ? 4 : 2;
    } else {
        bits = bits_of(value);
    }
    made[0] = (uint8_t)(SIMPLE | (width == 2 ? HALF : width == 4 ? SINGLE : DOUBLE));
    for (int i = width; i > 0; i--, bits >>= 8)
        made[i] = (uint8_t)bits;
    return put(writer, made, 1 + (size_t)width);
}

static int put_int(gg_writer *writer, PyObject *value) {
    long long number = PyLong_AsLongLong(value);
    if (number == -1 && PyErr_Occurred())
        return 0; /* beyond 63 bits */
    return number >= 0 ? put_head(writer, UNSIGNED, (uint64_t)number) : put_head(writer, NEGATIVE, (uint64_t)(-1 - number));
}

static int put_text(gg_writer *writer, PyObject *value) {
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(value, &size);
    return put_octets(writer, TEXT, text, size);
}

static int put_item(gg_writer *writer, PyObject *value, int depth);

static int put_key(gg_writer *writer, PyObject *key) {
    return IS(key, PyUnicode_Type) ? put_text(writer, key)
           : IS(key, PyLong_Type)  ? put_int(writer, key)
                                   : IS(key, PyBytes_Type) && put_octets(writer, BYTES, PyBytes_AsString(key), PyBytes_Size(key));
}

typedef struct {
    size_t start, value, end;
} gg_pair;

static int is_before(const gg_pair *a, const gg_pair *b) {
    size_t left = a->value - a->start, right = b->value - b->start;
    int order = memcmp(written + a->start, written + b->start, left < right ? left : right);
    return order < 0 || (order == 0 && left < right);
}

/* Writes the pairs as they come, then puts them into the order of their keys' bytes. */
static int put_map(gg_writer *writer, PyObject *value, int depth) {
    gg_pair pairs[MAX_KEYS];
    PyObject *key, *item;
    Py_ssize_t position = 0, count = PyDict_Size(value);
    int known = 0, is_sorted = 1;
    if (count > MAX_KEYS || !put_head(writer, MAP, (uint64_t)count))
        return 0;
    size_t first = writer->at, end = first;
    while (PyDict_Next(value, &position, &key, &item)) {
        gg_pair pair = {writer->at, 0, 0};
        if (!put_key(writer, key))
            return 0;
        pair.value = writer->at;
        if (!put_item(writer, item, depth))
            return 0;
        pair.end = writer->at;
        int at = known++;
        for (; at > 0 && is_before(&pair, &pairs[at - 1]); at--, is_sorted = 0)
            pairs[at] = pairs[at - 1];
        pairs[at] = pair;
    }
    if (is_sorted)
        return 1;
    for (int i = 0; i < known; end += pairs[i].end - pairs[i].start, i++)
        memcpy(sorted + end, written + pairs[i].start, pairs[i].end - pairs[i].start);
    memcpy(written + first, sorted + first, end - first);
    return 1;
}

static int put_array(gg_writer *writer, PyObject *value, int depth) {
    int is_list = IS(value, PyList_Type);
    Py_ssize_t count = is_list ? PyList_Size(value) : PyTuple_Size(value);
    if (!put_head(writer, ARRAY, (uint64_t)count))
        return 0;
    for (Py_ssize_t i = 0; i < count; i++)
        if (!put_item(writer, is_list ? PyList_GetItem(value, i) : PyTuple_GetItem(value, i), depth))
            return 0;
    return 1;
}

static int put_encoded(gg_writer *writer, PyObject *value) {
    PyObject *data = PyObject_GetAttrString(value, "data");
    int done = data && IS(data, PyBytes_Type) && put(writer, PyBytes_AsString(data), (size_t)PyBytes_Size(data));
    Py_XDECREF(data);
    return done;
}

/* 0 where Python has to look. */
static int put_item(gg_writer *writer, PyObject *value, int depth) {
    if (IS(value, PyUnicode_Type))
        return put_text(writer, value);
    if (IS(value, PyLong_Type))
        return put_int(writer, value);
    if (IS(value, PyFloat_Type))
        return put_float(writer, PyFloat_AsDouble(value));
    if (IS(value, PyBytes_Type))
        return put_octets(writer, BYTES, PyBytes_AsString(value), PyBytes_Size(value));
    if (value == Py_None)
        return put(writer, "\xf6", 1);
    if (IS(value, PyBool_Type))
        return put(writer, PyLong_AsLong(value) ? "\xf5" : "\xf4", 1);
    if (((const gg_head *)value)->type == (PyTypeObject *)writer->encoded)
        return put_encoded(writer, value);
    if (depth <= 0)
        return 0;
    if (IS(value, PyList_Type) || IS(value, PyTuple_Type))
        return put_array(writer, value, depth - 1);
    return IS(value, PyDict_Type) && put_map(writer, value, depth - 1);
}

/* cbor_encode(twin, type of Encoded, value, depth) */
PyObject *gg_cbor_encode(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    gg_writer writer = {0, arguments[1]};
    (void)module, (void)count;
    if (put_item(&writer, arguments[2], MAX_DEPTH - (int)PyLong_AsLong(arguments[3])))
        return PyBytes_FromStringAndSize((const char *)written, (Py_ssize_t)writer.at);
    PyErr_Clear();
    return PyObject_CallFunctionObjArgs(arguments[0], arguments[2], arguments[3], NULL);
}

/* ---- Reading ------------------------------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *at, *end;
} gg_source;

/* The argument of a head (section 3); 0 where it is not in its shortest form, or cut short. */
static int take_argument(gg_source *source, int info, uint64_t *n) {
    static const uint64_t least[] = {24, 0x100, 0x10000, 0x100000000};
    *n = (uint64_t)info;
    if (info < 24)
        return 1;
    if (info > 27 || source->end - source->at < 1 << (info - 24))
        return 0;
    *n = 0;
    for (int i = 1 << (info - 24); i--;)
        *n = *n << 8 | *source->at++;
    return *n >= least[info - 24];
}

static PyObject *take_float(gg_source *source, int info) {
    int width = 1 << (info - 24);
    uint64_t bits = 0;
    double value;
    if (source->end - source->at < width)
        return NULL;
    for (int i = width; i--;)
        bits = bits << 8 | *source->at++;
    if (info == HALF) {
        value = of_half((uint32_t)bits);
        return isnan(value) && bits != 0x7E00 ? NULL : PyFloat_FromDouble(value);
    }
    if (info == SINGLE) {
        uint32_t low = (uint32_t)bits;
        float single;
        memcpy(&single, &low, sizeof single);
        return isnan(single) || half_of(low) >= 0 ? NULL : PyFloat_FromDouble((double)single);
    }
    memcpy(&value, &bits, sizeof value);
    return isnan(value) || is_single(value) ? NULL : PyFloat_FromDouble(value);
}

static PyObject *take_item(gg_source *source, int depth);

static PyObject *take_array(gg_source *source, Py_ssize_t count, int depth) {
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list && i < count; i++) {
        PyObject *item = take_item(source, depth);
        if (!item || PyList_SetItem(list, i, item)) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

static PyObject *take_map(gg_source *source, Py_ssize_t count, int depth) {
    PyObject *dict = PyDict_New();
    const uint8_t *previous = NULL;
    size_t length = 0;
    for (Py_ssize_t i = 0; dict && i < count; i++) {
        const uint8_t *start = source->at;
        PyObject *key = start < source->end && *start < ARRAY ? take_item(source, depth) : NULL, *value = NULL;
        size_t size = (size_t)(source->at - start);
        int order = key && previous ? memcmp(previous, start, length < size ? length : size) : -1;
        if (key && order < 0)
            value = take_item(source, depth);
        int done = value && !PyDict_SetItem(dict, key, value);
        Py_XDECREF(key);
        Py_XDECREF(value);
        if (!done) {
            Py_DECREF(dict);
            return NULL;
        }
        previous = start, length = size;
    }
    return dict;
}

/* NULL where Python has to look, with or without an exception. */
static PyObject *take_item(gg_source *source, int depth) {
    uint64_t n;
    if (source->at == source->end)
        return NULL;
    int major = *source->at & 0xE0, info = *source->at & 31;
    source->at++;
    if (major == SIMPLE)
        return info == FALSE || info == TRUE       ? PyBool_FromLong(info == TRUE)
               : info == NIL                       ? gg_owned(Py_None)
               : info >= HALF && info <= DOUBLE    ? take_float(source, info)
                                                   : NULL;
    if (!take_argument(source, info, &n))
        return NULL;
    if (major == UNSIGNED)
        return PyLong_FromUnsignedLongLong(n);
    if (major == NEGATIVE)
        return n > INT64_MAX ? NULL : PyLong_FromLongLong(-1 - (long long)n);
    size_t left = (size_t)(source->end - source->at);
    if (n > left)
        return NULL;
    const char *bytes = (const char *)source->at;
    if (major == BYTES || major == TEXT) {
        source->at += n;
        return major == TEXT ? PyUnicode_DecodeUTF8(bytes, (Py_ssize_t)n, NULL) : PyBytes_FromStringAndSize(bytes, (Py_ssize_t)n);
    }
    if (depth <= 0 || major == TAG)
        return NULL;
    if (major == ARRAY)
        return take_array(source, (Py_ssize_t)n, depth - 1);
    return 2 * n > left ? NULL : take_map(source, (Py_ssize_t)n, depth - 1);
}

/* cbor_decode(twin, data) */
PyObject *gg_cbor_decode(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    PyObject *data = arguments[1], *value = NULL;
    (void)module, (void)count;
    if (IS(data, PyBytes_Type) && PyBytes_Size(data) <= MAX_SIZE) {
        const uint8_t *start = (const uint8_t *)PyBytes_AsString(data);
        gg_source source = {start, start + PyBytes_Size(data)};
        value = take_item(&source, MAX_DEPTH);
        if (value && source.at == source.end)
            return value;
        Py_XDECREF(value);
        PyErr_Clear();
    }
    return PyObject_CallFunctionObjArgs(arguments[0], data, NULL);
}
