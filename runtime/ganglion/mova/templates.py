# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents to begin with."""

_EDGE = """\
version: "2.2"
dialect: edge/1
name: {name}
requires: {{sensors: [fridge.temperature], actuators: [buzzer]}}

triggers:
  - {{id: warm, sensor: fridge.temperature, above: 8, hysteresis: 0.5, for: 10m, cooldown: 1h, run: too_warm}}

protocols:
  - name: too_warm
    steps:
      - {{id: beep, action: actuate, actuator: buzzer, value: true, for: 5s}}
      - {{id: tell, action: publish, topic: alert/{name}, value: {{celsius: "{{event.value}}"}}, class: must_arrive}}
      - {{id: done, action: end}}

tests:
  - name: warm for ten minutes
    feed: {{fridge.temperature: [[0s, 4], [3m, 9]]}}
    expect: [{{at: 13m, actuated: {{buzzer: true}}}}, {{published: alert/{name}}}]
"""
_CHAT = """\
version: "2.2"

intents:
  - {{name: weather, patterns: ["weather in (.+)", "how warm is it"], priority: 1}}

tools:
  - {{id: weather, name: Weather, endpoint: "https://example.org/weather?q={{session.data.city}}", method: GET}}

protocols:
  - name: {name}
    steps:
      - {{id: ask, action: tool_api, tool_api_id: weather}}
      - {{id: say, action: prompt, prompt: "The weather in {{session.data.city}}, in one sentence."}}
      - {{id: done, action: end}}
"""
TEMPLATES = {"edge": _EDGE, "chat": _CHAT}


def template(kind: str, name: str) -> str:
    """The text of a document of this kind, a key of `TEMPLATES`, and this name."""
    return TEMPLATES[kind].format(name=name)
