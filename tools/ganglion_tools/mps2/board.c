// SPDX-License-Identifier: GPL-3.0-or-later
// What MicroPython's qemu port lacks of a board: a buffer before its UART, Ctrl-C while a program runs, a clock of files.
#include <stdint.h>

#include "py/runtime.h"
#include "shared/runtime/interrupt_char.h"
#include "uart.h"

// As much as raw-paste mode says is free, and more.
static uint8_t kept[512];
static unsigned first, count;

void board_poll(void);
int board_rx_chr(void);
uint64_t mp_hal_time_ns(void);
float copysignf(float size, float sign);
float nanf(const char *payload);

void board_poll(void) {
    while (count < sizeof(kept)) {
        int c = uart_rx_chr();
        if (c < 0) {
            return;
        }
        if (c == mp_interrupt_char) {
            count = 0;
            mp_sched_keyboard_interrupt();
        } else {
            kept[(first + count++) % sizeof(kept)] = c;
        }
    }
}

int board_rx_chr(void) {
    if (count == 0) {
        return uart_rx_chr();
    }
    int c = kept[first];
    first = (first + 1) % sizeof(kept);
    count--;
    return c;
}

uint64_t mp_hal_time_ns(void) {
    return 0; // there is no clock
}

// What musl's headers promise and MicroPython's own lib/libm has not.
float copysignf(float size, float sign) {
    union {
        float number;
        uint32_t bits;
    } of = {size}, other = {sign};
    of.bits = (of.bits & 0x7fffffff) | (other.bits & 0x80000000);
    return of.number;
}

float nanf(const char *payload) {
    (void)payload;
    return __builtin_nanf("");
}
