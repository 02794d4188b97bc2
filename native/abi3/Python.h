/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The part of CPython's stable ABI that cffi's glue calls, so that the extension is built without Python's own headers:
 * Debian keeps those in a package apart, and a cross build has none of its target. Names and types are those of "Stable
 * ABI contents" in the Python/C API manual, and they never change; tests/unit/test_abi3.py holds each against the real
 * Python.h. Objects are counted by call, so nothing here knows how one is laid out. */
#ifndef GANGLION_ABI3_PYTHON_H
#define GANGLION_ABI3_PYTHON_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct _object PyObject;
typedef struct _ts PyThreadState;
typedef ptrdiff_t Py_ssize_t;

#define PyMODINIT_FUNC __attribute__((visibility("default"))) PyObject *

extern PyObject _Py_NoneStruct;
#define Py_None (&_Py_NoneStruct)

void Py_IncRef(PyObject *object);
void Py_DecRef(PyObject *object);
#define Py_INCREF(object) Py_IncRef((PyObject *)(object))
#define Py_DECREF(object) Py_DecRef((PyObject *)(object))
#define Py_XDECREF(object) Py_DecRef((PyObject *)(object))

PyThreadState *PyEval_SaveThread(void);
void PyEval_RestoreThread(PyThreadState *state);
#define Py_BEGIN_ALLOW_THREADS                                                                                         \
    {                                                                                                                  \
        PyThreadState *_state = PyEval_SaveThread();
#define Py_END_ALLOW_THREADS                                                                                           \
        PyEval_RestoreThread(_state);                                                                                  \
    }

int PyArg_UnpackTuple(PyObject *arguments, const char *name, Py_ssize_t least, Py_ssize_t most, ...);
PyObject *PyErr_Occurred(void);
void Py_FatalError(const char *message) __attribute__((noreturn));
PyObject *PyImport_ImportModule(const char *name);
PyObject *PyObject_CallMethod(PyObject *object, const char *name, const char *format, ...);
void *PyObject_Malloc(size_t size);
void PyObject_Free(void *memory);

PyObject *PyBool_FromLong(long value);
double PyFloat_AsDouble(PyObject *number);
PyObject *PyFloat_FromDouble(double value);
PyObject *PyLong_FromLong(long value);
PyObject *PyLong_FromUnsignedLong(unsigned long value);
PyObject *PyLong_FromLongLong(long long value);
PyObject *PyLong_FromUnsignedLongLong(unsigned long long value);
PyObject *PyLong_FromVoidPtr(void *pointer);

#endif
