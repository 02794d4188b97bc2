# SPDX-License-Identifier: GPL-3.0-or-later
"""What is secret stands in no log, no list of processes, no metric and no answer but the one that gives it."""

import asyncio
import json
import re
from pathlib import Path

from ganglion.mesh.client import MeshClient
from ganglion.mesh.mqtt_transport import MqttTransport
from ganglion_gateway.webhook.signature import new_secret
from support.brokers import mosquitto_broker
from support.gateway import start
from support.mesh import enrolled, running
from support.receiver import Answer, receiver
from support.waiting import until

ROOT = Path(__file__).parents[2]
MODEL_KEY = "sk-model-key-that-nobody-may-read"


async def test_nothing_that_is_secret_is_logged_shown_or_counted(tmp_path: Path) -> None:
    async with mosquitto_broker(tmp_path / "broker") as broker, receiver(new_secret()) as hook:
        hook.answers.extend([Answer(500)] * 2)
        environment = {"GANGLION_LLM_URL": "http://127.0.0.1:1/v1", "GANGLION_LLM_KEY": MODEL_KEY}
        gateway = await start(
            tmp_path / "gateway", broker.url, "--link", "none", "--log", "debug", "--log-json", environment=environment
        )
        http = gateway.http
        secrets = {"token": gateway.token, "model": MODEL_KEY, "webhook": hook.secret, "guess": "a-wrong-password-1"}
        try:
            said = [(await http.post("/api/v1/enrol-keys", json={})).json()]
            secrets["enrol key"] = said[0]["key"]
            made = {"url": hook.url, "secret": hook.secret, "allow_http": True, "allow_private": True}
            assert (await http.post("/api/v1/webhooks", json=made)).status_code == 201
            scopes = {"name": "grafana", "scopes": ["metrics"]}
            secrets["api key"] = (await http.post("/api/v1/api-keys", json=scopes)).json()["token"]
            user = {"name": "eve", "role": "viewer"}
            secrets["one-time password"] = (await http.post("/api/v1/users", json=user)).json()["password"]
            first = {"name": "eve", "password": secrets["one-time password"]}
            session = (await http.post("/api/v1/auth/login", json=first)).json()
            secrets |= {name: session[name] for name in ("access_token", "refresh_token")}
            secrets["password"] = "correct horse battery staple 7"
            change = {"old": secrets["one-time password"], "new": secrets["password"]}
            hers = {"authorization": f"Bearer {session['access_token']}"}
            assert (await http.post("/api/v1/auth/password", json=change, headers=hers)).status_code == 204
            await http.post("/api/v1/auth/login", json={"name": "eve", "password": secrets["guess"]})
            await http.get("/api/v1/nodes", headers={"authorization": f"Bearer {secrets['guess']}"})
            await http.post("/api/v1/users", content=f'{{"name": "x", "password": "{secrets["guess"]}"')
            node = MeshClient(
                transport=MqttTransport(broker.url),
                state=tmp_path / "barn",
                name="barn",
                enrol_key=secrets["enrol key"],
            )
            async with running(node):
                await enrolled(node)
                node.publish_event("alert", {"topic": "alert/x", "value": 1, "source": "t", "run": ""})
                await until(lambda: len(hook.attempts) >= 1, what="a webhook that fails")
            shown = {
                path: (await http.get(path)).text
                for path in ("/metrics", "/api/v1/audit", "/api/v1/webhooks", "/api/v1/api-keys", "/api/v1/enrol-keys")
            }
            process = await asyncio.to_thread(Path(f"/proc/{gateway.pid}/cmdline").read_text)
        finally:
            await gateway.end()
    log = gateway.log.read_text()
    assert len(log.splitlines()) > 5
    assert all(json.loads(line)["event"] for line in log.splitlines() if line.startswith("{"))
    for what, secret in secrets.items():
        assert secret not in log, f"the {what} is in the log"
        assert secret not in process, f"the {what} is in the list of processes"
        for path, text in shown.items():
            assert secret not in text, f"{path} shows the {what}"


def test_the_threat_model_names_tests_that_there_are() -> None:
    page = (ROOT / "docs" / "threat-model.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", page))
    there = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    assert len(named) > 15
    assert sorted(named - there) == []
