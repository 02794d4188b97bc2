# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bench's rule is as a plain script on paho: the least that somebody would write by hand.

python paho_rule.py PORT
"""

import json
import sys

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


def main(port: int) -> None:
    """Passes on what is above 50, for ever."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)

    def on_message(client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:
        value = json.loads(message.payload)["value"]
        if value > 50:
            client.publish("bench/out", json.dumps(value))

    client.on_connect = lambda client, *rest: client.subscribe("bench/in")
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
