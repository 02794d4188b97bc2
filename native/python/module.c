/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "lane.h"

static void free_owned(PyObject *capsule) {
    void (*release)(void *);
    void *context = PyCapsule_GetContext(capsule);
    memcpy(&release, &context, sizeof release);
    release(PyCapsule_GetPointer(capsule, NULL));
}

/* own(address of what C has made, address of the function that frees it) -> a capsule. Unlike cffi's `ffi.gc`, which the
 * collector runs before the finalizers that may still use the thing, it frees when the last reference has gone. */
static PyObject *own(PyObject *module, PyObject *arguments) {
    PyObject *address, *release;
    (void)module;
    if (!PyArg_UnpackTuple(arguments, "own", 2, 2, &address, &release))
        return NULL;
    PyObject *capsule = PyCapsule_New(PyLong_AsVoidPtr(address), NULL, free_owned);
    if (capsule)
        PyCapsule_SetContext(capsule, PyLong_AsVoidPtr(release));
    return capsule;
}

static PyMethodDef added[] = {
    {"lane", gg_lane_new, METH_VARARGS, "A fast lane to a bus."},
    {"own", own, METH_VARARGS, "Frees what C has made when nothing refers to it any more."},
    {"cbor_decode", FAST(gg_cbor_decode), METH_FASTCALL, "Strict CBOR to a value."},
    {"cbor_encode", FAST(gg_cbor_encode), METH_FASTCALL, "A value to strict CBOR."},
    {"split", FAST(gg_split), METH_FASTCALL, "Takes PUBLISH packets apart."},
    {0},
};

/* cffi's glue, whose PyInit__native build.zig gives this name. */
PyObject *gg_cffi_module(void);

PyMODINIT_FUNC PyInit__native(void);
PyMODINIT_FUNC PyInit__native(void) {
    PyObject *module = gg_cffi_module();
    if (module && PyModule_AddFunctions(module, added))
        return NULL;
    return module;
}
