/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The part of CPython's stable ABI that cffi's glue and lane.c call, so that the extension is built without Python's own
 * headers: Debian keeps those in a package apart, and a cross build has none of its target. Names and types are those of "Stable
 * ABI contents" in the Python/C API manual, and they never change; tests/unit/test_abi3.py holds each against the real
 * Python.h. Objects are counted by call, and of their layout lane.h knows only
 * where the type is (PEP 384). */
#ifndef GANGLION_ABI3_PYTHON_H
#define GANGLION_ABI3_PYTHON_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct _object PyObject;
typedef struct _typeobject PyTypeObject;
typedef struct _ts PyThreadState;
typedef ptrdiff_t Py_ssize_t;
typedef PyObject *(*PyCFunction)(PyObject *, PyObject *);
typedef void (*PyCapsule_Destructor)(PyObject *);

#define PyMODINIT_FUNC __attribute__((visibility("default"))) PyObject *

typedef struct PyMethodDef {
    const char *ml_name;
    PyCFunction ml_meth;
    int ml_flags;
    const char *ml_doc;
} PyMethodDef;
#define METH_VARARGS 0x0001
#define METH_KEYWORDS 0x0002
#define METH_FASTCALL 0x0080

extern PyObject _Py_NoneStruct;
#define Py_None (&_Py_NoneStruct)
extern PyTypeObject PyFloat_Type, PyLong_Type, PyBool_Type, PyUnicode_Type, PyBytes_Type, PyDict_Type,
    PyList_Type, PyTuple_Type;
extern PyObject *PyExc_Exception;

void Py_IncRef(PyObject *object);
void Py_DecRef(PyObject *object);
#define Py_INCREF(object) Py_IncRef((PyObject *)(object))
#define Py_DECREF(object) Py_DecRef((PyObject *)(object))
#define Py_XINCREF(object) Py_IncRef((PyObject *)(object))
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
PyObject *PyErr_NoMemory(void);
void PyErr_Clear(void);
int PyErr_ExceptionMatches(PyObject *type);
void PyErr_Fetch(PyObject **type, PyObject **value, PyObject **traceback);
void PyErr_NormalizeException(PyObject **type, PyObject **value, PyObject **traceback);
int PyException_SetTraceback(PyObject *exception, PyObject *traceback);
void Py_FatalError(const char *message) __attribute__((noreturn));
PyObject *PyImport_ImportModule(const char *name);
PyObject *PyObject_CallMethod(PyObject *object, const char *name, const char *format, ...);
PyObject *PyObject_Call(PyObject *callable, PyObject *arguments, PyObject *keywords);
PyObject *PyObject_CallFunctionObjArgs(PyObject *callable, ...);
PyObject *PyObject_GetAttrString(PyObject *object, const char *name);
void *PyObject_Malloc(size_t size);
void PyObject_Free(void *memory);

PyObject *PyType_GenericAlloc(PyTypeObject *type, Py_ssize_t items);
PyObject *PyCMethod_New(PyMethodDef *method, PyObject *self, PyObject *module, PyTypeObject *type);
int PyModule_AddFunctions(PyObject *module, PyMethodDef *methods);
PyObject *PyCapsule_New(void *pointer, const char *name, PyCapsule_Destructor destructor);
void *PyCapsule_GetPointer(PyObject *capsule, const char *name);
int PyCapsule_SetContext(PyObject *capsule, void *context);
void *PyCapsule_GetContext(PyObject *capsule);
PyObject *PyTuple_New(Py_ssize_t size);
PyObject *PyTuple_GetItem(PyObject *tuple, Py_ssize_t at);
int PyTuple_SetItem(PyObject *tuple, Py_ssize_t at, PyObject *item);
PyObject *PyTuple_Pack(Py_ssize_t size, ...);
Py_ssize_t PyTuple_Size(PyObject *tuple);
PyObject *PyList_New(Py_ssize_t size);
PyObject *PyList_GetItem(PyObject *list, Py_ssize_t at);
Py_ssize_t PyList_Size(PyObject *list);
int PyList_Append(PyObject *list, PyObject *item);
int PyList_SetItem(PyObject *list, Py_ssize_t at, PyObject *item);
PyObject *PyDict_New(void);
Py_ssize_t PyDict_Size(PyObject *dict);
int PyDict_Next(PyObject *dict, Py_ssize_t *position, PyObject **key, PyObject **value);
PyObject *PyDict_GetItemWithError(PyObject *dict, PyObject *key);
int PyDict_DelItem(PyObject *dict, PyObject *key);
int PyDict_SetItem(PyObject *dict, PyObject *key, PyObject *value);

PyObject *PyBytes_FromStringAndSize(const char *bytes, Py_ssize_t size);
char *PyBytes_AsString(PyObject *bytes);
Py_ssize_t PyBytes_Size(PyObject *bytes);
char *PyByteArray_AsString(PyObject *array);
Py_ssize_t PyByteArray_Size(PyObject *array);
int PyByteArray_Resize(PyObject *array, Py_ssize_t size);
const char *PyUnicode_AsUTF8AndSize(PyObject *text, Py_ssize_t *size);
PyObject *PyUnicode_DecodeUTF8(const char *bytes, Py_ssize_t size, const char *errors);

PyObject *PyBool_FromLong(long value);
double PyFloat_AsDouble(PyObject *number);
PyObject *PyFloat_FromDouble(double value);
PyObject *PyLong_FromLong(long value);
PyObject *PyLong_FromUnsignedLong(unsigned long value);
PyObject *PyLong_FromLongLong(long long value);
PyObject *PyLong_FromUnsignedLongLong(unsigned long long value);
PyObject *PyLong_FromVoidPtr(void *pointer);
void *PyLong_AsVoidPtr(PyObject *number);
long PyLong_AsLong(PyObject *number);
long long PyLong_AsLongLong(PyObject *number);

#endif
