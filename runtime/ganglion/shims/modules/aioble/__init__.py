# SPDX-License-Identifier: GPL-3.0-or-later
"""`aioble`: Bluetooth Low Energy with tasks, on a simulated radio or on BlueZ's."""

from ganglion.shims.modules.aioble import central, client, core, device, peripheral, server

ADDR_PUBLIC, ADDR_RANDOM = PUBLIC, RANDOM = 0, 1
Device, DeviceDisconnectedError = device.Device, device.DeviceDisconnectedError
GattError, config, stop = core.GattError, core.config, core.stop
log_error, log_info, log_warn = core.log_error, core.log_info, core.log_warn
advertise, scan = peripheral.advertise, central.scan
Service, Characteristic, BufferedCharacteristic = server.Service, server.Characteristic, server.BufferedCharacteristic
Descriptor, register_services = server.Descriptor, server.register_services
ClientService, ClientCharacteristic = client.ClientService, client.ClientCharacteristic
