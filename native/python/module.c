/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lane.h"

static PyMethodDef added[] = {
    {"lane", gg_lane_new, METH_VARARGS, "A fast lane to a bus."},
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
