# SPDX-License-Identifier: GPL-3.0-or-later
"""`machine`: pins, buses, timers and resets of the board that is in use."""

from typing import Any

from ganglion.shims.modules.machine import analog, i2c, pin, pwm, rtc, spi, system, timer, uart, watchdog

ADC = analog.ADC
I2C, SoftI2C = i2c.I2C, i2c.SoftI2C
Pin, PinBase, Signal = pin.Pin, pin.PinBase, pin.Signal
PWM = pwm.PWM
RTC = rtc.RTC
SPI, SoftSPI = spi.SPI, spi.SoftSPI
Timer = timer.Timer
UART = uart.UART
WDT = watchdog.WDT
PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = system.CAUSES
IDLE, SLEEP, DEEPSLEEP = 1, 2, 4
bitstream, time_pulse_us = system.bitstream, system.time_pulse_us
bootloader, reset, soft_reset, reset_cause = system.bootloader, system.reset, system.soft_reset, system.reset_cause
deepsleep, idle, lightsleep, wake_reason = system.deepsleep, system.idle, system.lightsleep, system.wake_reason
disable_irq, enable_irq = system.disable_irq, system.enable_irq
freq, rng, unique_id = system.freq, system.rng, system.unique_id
sleep = system.lightsleep


def __getattr__(name: str) -> Any:
    if name in ("mem8", "mem16", "mem32"):
        raise NotImplementedError(f"machine.{name}: the registers of a microcontroller are not on this board")
    raise AttributeError(f"module 'machine' has no attribute '{name}'")
