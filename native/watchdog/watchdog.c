/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ganglion-watchdog: writes the fail-safe values of a node's actuators when the node is dead or hangs.
 *
 *     ganglion-watchdog SILENCE_MS [file PATH HEX | (i2c | pins) DEVICE ADDRESS HEX | gpio FD VALUE]...
 *
 * `pins` is for a port that has one byte for all its pins: HEX is a mask and the levels of those in it; others stay.
 * The node holds the other end of stdin. A byte there is a heartbeat; `q` says that nothing is left to do. When the end
 * is closed, or no byte came for SILENCE_MS, it does the writes in their order, and those that fail again each second.
 * After a silence it says `f` on stdout and goes on waiting. A GPIO line keeps its value only while somebody has it
 * open, so after the node's death this stays until SIGTERM where it has one.
 *
 * runtime/ganglion/guardian/watchdog_twin.py does the same where this is not built; the same tests hold both. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/gpio.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>

#define MAX_DATA 256
#define RETRY_MS 1000
#define TRIES 30

/* One thing to write. */
struct will {
    char kind;           /* 'f', 'i', 'p' or 'g' */
    const char *path;    /* of a file or an I2C adapter */
    uint16_t address;    /* of a chip */
    int fd;              /* of a GPIO line */
    uint8_t data[MAX_DATA];
    uint16_t size;
    int undone;
};

static int64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int write_file(const struct will *will)
{
    int fd = open(will->path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    struct stat about;
    int done = write(fd, will->data, will->size) == will->size;
    /* After the write and not before, so that a reader never finds the file empty */
    if (done && fstat(fd, &about) == 0 && S_ISREG(about.st_mode))
        done = ftruncate(fd, will->size) == 0;
    close(fd);
    return done ? 0 : -1;
}

static int message(int fd, uint16_t address, uint16_t flags, uint8_t *data, uint16_t size)
{
    struct i2c_msg one = {.addr = address, .flags = flags, .len = size, .buf = data};
    struct i2c_rdwr_ioctl_data all = {.msgs = &one, .nmsgs = 1};
    return ioctl(fd, I2C_RDWR, &all) < 0 ? -1 : 0;
}

static int write_i2c(struct will *will)
{
    int fd = open(will->path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = message(fd, will->address, 0, will->data, will->size);
    close(fd);
    return result;
}

/* The last write of a port has all its pins, so this one is not tried again. */
static int write_pins(const struct will *will)
{
    int fd = open(will->path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return 0;
    uint8_t byte, pins = will->data[0], levels = will->data[1];
    if (message(fd, will->address, I2C_M_RD, &byte, 1) == 0) {
        byte = (uint8_t)((byte & ~pins) | (levels & pins));
        message(fd, will->address, 0, &byte, 1);
    }
    close(fd);
    return 0;
}

static int write_line(const struct will *will)
{
    struct gpio_v2_line_values values = {.bits = will->data[0], .mask = 1};
    return ioctl(will->fd, GPIO_V2_LINE_SET_VALUES_IOCTL, &values) < 0 ? -1 : 0;
}

static int write_one(struct will *will)
{
    switch (will->kind) {
    case 'f':
        return write_file(will);
    case 'i':
        return write_i2c(will);
    case 'p':
        return write_pins(will);
    default:
        return write_line(will);
    }
}

/* Does what is undone; how much is still undone then. */
static int write_all(struct will *wills, int count)
{
    int undone = 0;
    for (int i = 0; i < count; i++) {
        struct will *will = &wills[i];
        if (!will->undone)
            continue;
        if (write_one(will) == 0)
            will->undone = 0;
        else
            undone++;
    }
    return undone;
}

static int from_hex(const char *text, struct will *will)
{
    size_t length = strlen(text);
    if (length % 2 || length / 2 > MAX_DATA)
        return -1;
    for (size_t i = 0; i < length / 2; i++) {
        unsigned int byte;
        if (sscanf(text + 2 * i, "%2x", &byte) != 1)
            return -1;
        will->data[i] = (uint8_t)byte;
    }
    will->size = (uint16_t)(length / 2);
    return 0;
}

/* The wills among the arguments; -1 where they are wrong. */
static int parse(int argc, char **argv, struct will *wills)
{
    int count = 0;
    for (int i = 2; i < argc; count++) {
        struct will *will = &wills[count];
        will->kind = argv[i][0];
        if (strcmp(argv[i], "file") == 0 && i + 2 < argc) {
            will->path = argv[i + 1];
            if (from_hex(argv[i + 2], will) < 0)
                return -1;
            i += 3;
        } else if ((strcmp(argv[i], "i2c") == 0 || strcmp(argv[i], "pins") == 0) && i + 3 < argc) {
            will->path = argv[i + 1];
            will->address = (uint16_t)strtoul(argv[i + 2], NULL, 10);
            if (from_hex(argv[i + 3], will) < 0 || (will->kind == 'p' && will->size != 2))
                return -1;
            i += 4;
        } else if (strcmp(argv[i], "gpio") == 0 && i + 2 < argc) {
            will->fd = (int)strtol(argv[i + 1], NULL, 10);
            will->data[0] = argv[i + 2][0] == '1';
            i += 3;
        } else {
            return -1;
        }
    }
    return count;
}

int main(int argc, char **argv)
{
    long silence = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    struct will *wills = calloc(argc > 0 ? (size_t)argc : 1, sizeof *wills);
    int count = wills == NULL ? -1 : parse(argc, argv, wills);
    if (silence <= 0 || count < 0) {
        fputs("usage: ganglion-watchdog SILENCE_MS "
              "[file PATH HEX | (i2c | pins) DEVICE ADDRESS HEX | gpio FD VALUE]...\n", stderr);
        return 2;
    }
    /* Who stops the node with all that is around it means the node: this one ends after it */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    int lines = 0;
    for (int i = 0; i < count; i++)
        lines += wills[i].kind == 'g';

    int alone = 0, armed = 1, undone = 0, tries = 0;
    int64_t deadline = now_ms() + silence;
    for (;;) {
        int64_t wait = undone ? RETRY_MS : armed ? deadline - now_ms() : -1;
        struct pollfd input = {.fd = alone ? -1 : STDIN_FILENO, .events = POLLIN};
        int begun = 0;
        if (poll(&input, 1, wait < 0 && armed ? 0 : (int)wait) < 0 && errno != EINTR)
            return 1;
        if (!alone && input.revents) {
            char bytes[64];
            ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
            if (got == 0) {
                alone = begun = 1;
                armed = 0;
                signal(SIGTERM, SIG_DFL); /* the next node ends it */
            } else if (got > 0) {
                if (memchr(bytes, 'q', (size_t)got))
                    return 0;
                armed = 1;
                undone = 0;
                deadline = now_ms() + silence;
            }
        }
        if (armed && now_ms() >= deadline) {
            armed = 0;
            begun = 1;
        }
        if (begun) {
            tries = 0;
            for (int i = 0; i < count; i++)
                wills[i].undone = 1;
        }
        if (begun || undone) {
            undone = write_all(wills, count);
            if (++tries >= TRIES)
                undone = 0;
        }
        if (begun && !alone && write(STDOUT_FILENO, "f", 1) < 0)
            alone = 1; /* nobody hears it: as good as dead, and its end of stdin will be closed, too */
        if (alone && !undone) {
            while (lines)
                pause();
            return 0;
        }
    }
}
