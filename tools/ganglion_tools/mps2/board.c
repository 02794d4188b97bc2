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

// The UART (CMSDK, of ARM's AN385): a program at its prompt waits in `mp_hal_stdin_rx_chr`, which asks again and again. So
// that this does not take a core of whoever emulates it, the processor sleeps until a byte has come.
#define UART_STATE (*(volatile uint32_t *)0x40004004)
#define UART_CTRL (*(volatile uint32_t *)0x40004008)
#define UART_INTSTATUS (*(volatile uint32_t *)0x4000400c)
#define RX_FULL (1u << 1)
#define RX_INTERRUPT (1u << 3) // of CTRL
#define RX_CAME (1u << 1) // of INTSTATUS
// The interrupt 0 of the NVIC is this UART's. The port has no vector for it: it is masked, wakes, and is taken back.
#define NVIC_ENABLE (*(volatile uint32_t *)0xe000e100)
#define NVIC_DISABLE (*(volatile uint32_t *)0xe000e180)
#define NVIC_UNPEND (*(volatile uint32_t *)0xe000e280)

static void sleep_until_a_byte_comes(void) {
    __asm volatile ("cpsid i");
    UART_CTRL |= RX_INTERRUPT;
    NVIC_ENABLE = 1;
    if (!(UART_STATE & RX_FULL)) {
        __asm volatile ("wfi");
    }
    UART_CTRL &= ~RX_INTERRUPT;
    UART_INTSTATUS = RX_CAME;
    NVIC_DISABLE = 1;
    NVIC_UNPEND = 1;
    __asm volatile ("cpsie i");
}

int board_rx_chr(void) {
    if (count == 0) {
        int c = uart_rx_chr();
        if (c < 0) {
            sleep_until_a_byte_comes();
        }
        return c;
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
