# SPDX-License-Identifier: GPL-3.0-or-later
# MicroPython's qemu port for a Cortex-M3, with a file system and Ctrl-C, compiled by zig's clang. ZIG, LIBRARY and HERE
# are given on the command line; what is compiled is linked by who calls make.
QEMU_ARCH = arm
QEMU_MACHINE = mps2-an385
LDSCRIPT = mcu/arm/mps2.ld

INCLUDE = $(LIBRARY)/libc/include
CC = $(ZIG) clang --target=thumbv7m-none-eabi -mcpu=cortex-m3 -ffreestanding -nostdlibinc \
	-isystem $(LIBRARY)/include -isystem $(INCLUDE)/arm-linux-musl -isystem $(INCLUDE)/generic-musl
AS = $(CC) -c
CFLAGS_EXTRA = -w # its warnings are gcc's, and errors

MICROPY_ROM_TEXT_COMPRESSION = 0
MICROPY_VFS_FAT = 1
MICROPY_VFS_LFS2 = 1
CFLAGS += -DQEMU_SOC_MPS2 -DMICROPY_HW_MCU_NAME='"Cortex-M3"'
CFLAGS += -DMICROPY_FATFS_NORTC=1 -DMICROPY_FATFS_RPATH=2 -DMICROPY_FATFS_ENABLE_LFN=1 -DMICROPY_FATFS_LFN_CODE_PAGE=437
# newlib's names, which musl's headers lack
CFLAGS += -D__int32_t=int -D__uint32_t=unsigned '-D__uint8_t=unsigned char'
# the port reads its UART only where it wants input: so that Ctrl-C ends what runs, the VM has to look as well
CFLAGS += '-DMICROPY_VM_HOOK_LOOP=extern void board_poll(void); board_poll();'
$(BUILD)/mphalport.o: CFLAGS += -Duart_rx_chr=board_rx_chr
# clang has no C in naked functions; who comes out of reset has a stack already
$(BUILD)/mcu/arm/%.o: CFLAGS += -Dnaked=used

SRC_C += shared/timeutils/timeutils.c
SRC_BOARD_O = shared/runtime/gchelper_native.o shared/runtime/gchelper_thumb2.o board.o
$(BUILD)/board.o: $(HERE)/board.c
	$(CC) $(CFLAGS) -c -o $@ $<

# everything but the link
.SECONDEXPANSION:
objects: $$(OBJ)
