/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Preloaded into a process: writes down, in order, what it does to the files whose name begins as POWER_FILES says.
 *
 * POWER_LOG gets records: what (w write, t truncate, s sync, u unlink), length of the name (1 byte), offset and length
 * (8 bytes each, of this machine's order), the name, and of a write its bytes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int record = -1;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("POWER_LOG");
    if (path != NULL)
        record = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        abort();
    return found;
}

static void append(const void *data, size_t length) {
    static ssize_t (*real_write)(int, const void *, size_t);
    if (real_write == NULL)
        real_write = real("write");
    if (real_write(record, data, length) != (ssize_t)length)
        abort();
}

static void note(char what, const char *path, int64_t offset, int64_t length, const void *data) {
    const char *files = getenv("POWER_FILES"), *name = strrchr(path, '/');
    name = name == NULL ? path : name + 1;
    if (record < 0 || files == NULL || strncmp(name, files, strlen(files)) != 0)
        return;
    char head[18] = {what, (char)strlen(name)};
    memcpy(head + 2, &offset, 8);
    memcpy(head + 10, &length, 8);
    append(head, sizeof head);
    append(name, strlen(name));
    if (data != NULL)
        append(data, (size_t)length);
}

static void note_file(char what, int file, int64_t offset, int64_t length, const void *data) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0)
        return;
    path[size] = 0;
    note(what, path, offset, length, data);
}

#define WRITE(name)                                                                                                    \
    ssize_t name(int file, const void *data, size_t length, off64_t offset) {                                          \
        static ssize_t (*call)(int, const void *, size_t, off64_t);                                                    \
        if (call == NULL)                                                                                              \
            call = real(#name);                                                                                        \
        ssize_t done = call(file, data, length, offset);                                                               \
        if (done > 0)                                                                                                  \
            note_file('w', file, offset, done, data);                                                                  \
        return done;                                                                                                   \
    }
WRITE(pwrite)
WRITE(pwrite64)

#define TRUNCATE(name)                                                                                                 \
    int name(int file, off64_t length) {                                                                               \
        static int (*call)(int, off64_t);                                                                              \
        if (call == NULL)                                                                                              \
            call = real(#name);                                                                                        \
        int done = call(file, length);                                                                                 \
        if (done == 0)                                                                                                 \
            note_file('t', file, 0, length, NULL);                                                                     \
        return done;                                                                                                   \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

#define SYNC(name)                                                                                                     \
    int name(int file) {                                                                                               \
        static int (*call)(int);                                                                                       \
        if (call == NULL)                                                                                              \
            call = real(#name);                                                                                        \
        int done = call(file);                                                                                         \
        if (done == 0)                                                                                                 \
            note_file('s', file, 0, 0, NULL);                                                                          \
        return done;                                                                                                   \
    }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path) {
    static int (*call)(const char *);
    if (call == NULL)
        call = real("unlink");
    int done = call(path);
    if (done == 0)
        note('u', path, 0, 0, NULL);
    return done;
}
