# SPDX-License-Identifier: GPL-3.0-or-later
"""A script for MicroPython: reads chips with drivers that others wrote, in the folder that it is given."""

import json
import sys
import time

from machine import I2C, Pin

sys.path.append(sys.argv[1])

from ocks import SSD1306_I2C
from periph.chips.environmental.aht21 import AHT21Full
from periph.chips.environmental.bme280 import BME280Full
from periph.chips.imu.mpu6050 import MPU6050Full
from periph.chips.io_expander.pcf8574 import Pcf8574Full
from periph.chips.power.ina219 import INA219Full
from periph.chips.pressure.bmp280 import BMP280Full
from periph.chips.rtc.ds3231 import DS3231Full
from periph.chips.tof.vl53l0x import VL53L0XFull
from periph.connection.i2c_micropython import I2CConnection

i2c = I2C(0, scl=Pin(5), sda=Pin(4), freq=400_000)


def at(address):
    return I2CConnection(i2c, address)


said = {"found": i2c.scan()}

bme280 = BME280Full(at(0x76))
said["bme280"] = [bme280.temperature(), bme280.humidity(), bme280.pressure(), bme280.chip_id()]

bmp280 = BMP280Full(at(0x77))
said["bmp280"] = [bmp280.temperature(), bmp280.pressure(), bmp280.chip_id()]

aht20 = AHT21Full(at(0x38))
said["aht20"] = aht20.read_with_crc()

mpu6050 = MPU6050Full(at(0x69))
mpu6050.configure_accel(2)  # 8 g
time.sleep_ms(50)
said["mpu6050"] = [mpu6050.accel(), mpu6050.gyro(), mpu6050.temperature()]

ina219 = INA219Full(at(0x40), r_shunt=0.1, max_current=2.0)
time.sleep_ms(50)
said["ina219"] = [ina219.voltage(), ina219.shunt_voltage(), ina219.current(), ina219.power()]

ds3231 = DS3231Full(at(0x68))
ds3231.force_temperature_conversion()
time.sleep_ms(250)
said["ds3231"] = [ds3231.oscillator_stopped(), ds3231.read_temperature()]
ds3231.set_datetime(2026, 11, 21, 6, 22, 30, 15)
said["ds3231"] += [ds3231.get_datetime()]

vl53l0x = VL53L0XFull(at(0x29))
said["vl53l0x"] = [vl53l0x.distance(), vl53l0x.range_valid(), vl53l0x.model_id()]

pcf8574 = Pcf8574Full(at(0x20))
pcf8574.write_port(0, 0b10100101)
said["pcf8574"] = pcf8574.read_port()

try:
    I2CConnection(i2c, 0x50).read(1)
except OSError as error:
    said["nobody"] = error.errno

display = SSD1306_I2C(128, 64, i2c)
display.fill(0)
display.rect(0, 0, 128, 64, 1)
display.pixel(3, 5, 1)
display.show()

print(json.dumps(said))
