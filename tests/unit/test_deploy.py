# SPDX-License-Identifier: GPL-3.0-or-later
"""gateway/deploy: each file is what its tool takes, and what they say of the gateway is so."""

import argparse
import importlib
import json
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import compose_spec
import kubernetes_validate
import pytest
import yaml

from ganglion import __version__
from ganglion.cli.main import COMMANDS
from ganglion_gateway import command

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "gateway" / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all((DEPLOY / "kubernetes" / "gateway.yaml").read_text()))


def of_kind(kind: str) -> dict[str, Any]:
    return next(manifest for manifest in MANIFESTS if manifest["kind"] == kind)


def entrypoint() -> list[str]:
    words: list[str] = json.loads(re.findall(r"^ENTRYPOINT (.+)$", DOCKERFILE, re.MULTILINE)[0])
    assert words[:2] == ["ganglion", "gateway"]
    return words[2:]


def read_by_the_gateway(*words: str) -> Any:
    parser = argparse.ArgumentParser()
    command.arguments(parser, argparse.ArgumentParser(add_help=False))
    return command.settings(parser.parse_args(list(words)))


def test_hadolint_finds_nothing_wrong_with_the_dockerfile() -> None:
    program = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([program, DEPLOY / "Dockerfile"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_is_made_of_what_a_wheel_needs_and_runs_as_nobody() -> None:
    copied = {name for line in re.findall(r"^COPY (?!--)(.+)$", DOCKERFILE, re.MULTILINE) for name in line.split()[:-1]}
    assert all((ROOT / name).exists() for name in copied)
    kept = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert copied == kept
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    [extras] = re.findall(r'"\.\[([a-z,0-9]+)\]"', DOCKERFILE)
    assert set(extras.split(",")) <= packages.keys()
    stages = DOCKERFILE.split("FROM ")[1:]
    assert len(stages) == 2
    assert "USER 10001:10001" in stages[-1]


def test_compose_takes_the_stack_and_every_file_and_secret_of_it_is_there_or_named() -> None:
    read = compose_spec.PyCompose.from_yaml((DEPLOY / "compose.yaml").read_text()).to_dict()
    assert read["services"].keys() == COMPOSE["services"].keys()
    for name, service in COMPOSE["services"].items():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], (
                name,
                volume,
            )
        assert set(service.get("secrets", ())) <= COMPOSE["secrets"].keys(), name
        for port in service.get("ports", ()):
            assert name == "proxy" or port.startswith("127.0.0.1:"), f"{name} is open to others"


def test_compose_starts_without_what_only_a_running_gateway_makes_and_says_how_that_is_made() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    steps = "".join(line.removeprefix("#") for line in text.partition("\nname:")[0].splitlines(keepends=True))
    first, second = steps.split("second step")
    for name, service in COMPOSE["services"].items():
        later = service.get("profiles") == ["metrics"]
        for secret in service.get("secrets", ()):
            assert f"> {secret}" in (second if later else first), (name, secret)
        assert later or "ganglion-token" not in service.get("secrets", ())
        assert later or not any(COMPOSE["services"][other].get("profiles") for other in service.get("depends_on", ()))
    [uid] = re.findall(r"^USER (\d+):", DOCKERFILE, re.MULTILINE)
    assert f"chown {uid} database-account" in first
    [words] = re.findall(r"exec --no-TTY gateway ganglion (api-key .*?) > ganglion-token", second, re.DOTALL)
    module = importlib.import_module(COMMANDS["api-key"][0])
    parser = argparse.ArgumentParser()
    module.arguments(parser, argparse.ArgumentParser(add_help=False))
    asked = parser.parse_args(words.split()[1:])
    assert (asked.scopes, asked.gateway) == (["metrics"], "http://127.0.0.1:8470")
    state = entrypoint()[entrypoint().index("--state") + 1]
    assert asked.token_file == Path(state) / "token"


def test_the_gateway_takes_the_lines_that_start_it(monkeypatch: pytest.MonkeyPatch) -> None:
    of_compose = read_by_the_gateway(*entrypoint(), *COMPOSE["services"]["gateway"]["command"])
    assert (of_compose.host, of_compose.links) == ("0.0.0.0", None)
    proxy = IPv4Network(COMPOSE["services"]["proxy"]["networks"]["default"]["ipv4_address"])
    [network] = COMPOSE["networks"]["default"]["ipam"]["config"]
    assert of_compose.trusted_proxies == (proxy,)
    assert proxy.subnet_of(IPv4Network(network["subnet"]))
    assert not proxy.overlaps(IPv4Network(network["ip_range"])), "no other service gets its address"
    values = of_kind("ConfigMap")["data"]
    monkeypatch.setenv("GANGLION_BROKER", values["GANGLION_BROKER"])
    [container] = of_kind("StatefulSet")["spec"]["template"]["spec"]["containers"]
    given = {f"$({name})": value for name, value in {**values, "POD_NAME": "ganglion-0"}.items()}
    chosen = read_by_the_gateway(*entrypoint(), *(given.get(word, word) for word in container["args"]))
    assert list(map(str, chosen.trusted_proxies)) == [values["INGRESS"]]
    assert (chosen.name, chosen.broker) == ("ganglion-0", ("mqtt://nats:1883",))
    assert f"/{chosen.port}" in f"/{container['ports'][0]['containerPort']}"
    assert f":{chosen.port}/health/live" in DOCKERFILE


@pytest.mark.parametrize(
    "manifest", MANIFESTS, ids=lambda manifest: f"{manifest['kind']} {manifest['metadata']['name']}"
)
def test_kubernetes_takes_each_manifest(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, "1.30", strict=True)


def test_each_probe_asks_for_its_own_meaning_and_pods_are_found_scaled_and_kept() -> None:
    stateful = of_kind("StatefulSet")
    pod = stateful["spec"]["template"]
    [container] = pod["spec"]["containers"]
    probes = [container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")]
    assert probes == ["/health/startup", "/health/ready", "/health/live"]
    labels = pod["metadata"]["labels"]
    selectors = [manifest["spec"]["selector"] for manifest in MANIFESTS if manifest["kind"] == "Service"]
    selectors += [of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"]]
    selectors += [of_kind("NetworkPolicy")["spec"]["podSelector"]["matchLabels"]]
    assert all(selector == labels for selector in selectors)
    scaled = of_kind("HorizontalPodAutoscaler")["spec"]
    assert scaled["scaleTargetRef"]["name"] == stateful["metadata"]["name"]
    assert (
        scaled["minReplicas"] == stateful["spec"]["replicas"] > of_kind("PodDisruptionBudget")["spec"]["minAvailable"]
    )
    for each in (*pod["spec"]["initContainers"], container):
        assert each["securityContext"]["readOnlyRootFilesystem"] is True
        assert {mount["name"] for mount in each["volumeMounts"]} == {"state", "keys", "tmp"}


def test_a_browser_stays_with_the_pod_that_has_its_page() -> None:
    services = [manifest["spec"] for manifest in MANIFESTS if manifest["kind"] == "Service"]
    [reached] = [spec for spec in services if spec.get("clusterIP") != "None"]
    assert reached["sessionAffinity"] == "ClientIP"


def test_the_first_start_of_a_pod_brings_it_the_keys_of_the_mesh() -> None:
    [container] = of_kind("StatefulSet")["spec"]["template"]["spec"]["initContainers"]
    [line] = container["args"]
    words = line.partition("|| ganglion ")[2].split()
    help = subprocess.run(
        [sys.executable, "-m", "ganglion", *words[:2], "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    assert all(word in help.stdout for word in words if word.startswith("--"))


def test_no_secret_that_the_comments_have_made_is_committed_or_goes_into_an_image() -> None:
    text = (DEPLOY / "compose.yaml").read_text().partition("\nname:")[0]
    made = {DEPLOY / name for name in re.findall(r"> ([\w-]+)", text)}
    assert made == {DEPLOY / secret["file"] for secret in COMPOSE["secrets"].values()}
    keys = (DEPLOY / "kubernetes" / "gateway.yaml").read_text().partition("apiVersion:")[0]
    made |= {DEPLOY / "kubernetes" / name for name in re.findall(r"--from-file=(\S+)", keys)}
    rules = (ROOT / ".gitignore").read_text().splitlines()
    for path in made:
        name = path.relative_to(ROOT).as_posix()
        assert any(fnmatch(f"/{name}", rule.replace("**/", "*")) for rule in rules), name
    assert DEPLOY.relative_to(ROOT).as_posix() in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()


def test_every_image_is_of_a_version_and_ours_of_the_one_that_is_here() -> None:
    pod = of_kind("StatefulSet")["spec"]["template"]["spec"]
    images = [each["image"] for each in (*COMPOSE["services"].values(), *pod["initContainers"], *pod["containers"])]
    images += re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    for image in images:
        assert re.search(r":v?\d+[\d.]*(-[\w-]+)?$", image), image
        assert "ganglion" not in image or image == f"ganglion-gateway:{__version__}"
    assert f"docker build -f gateway/deploy/Dockerfile -t ganglion-gateway:{__version__} ." in DOCKERFILE


def test_a_pods_state_is_a_folder_that_the_gateway_makes_and_owns() -> None:
    pod = of_kind("StatefulSet")["spec"]["template"]["spec"]
    [container], [keys] = pod["containers"], pod["initContainers"]
    [volume] = [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "state"]
    state = container["args"][container["args"].index("--state") + 1]
    assert Path(state).parent == Path(volume), "the root of a volume with fsGroup is of nobody who may change its mode"
    assert f"--state {state} " in keys["args"][0]
    assert f"[ -e {state}/authority ]" in keys["args"][0]


def test_it_is_scaled_by_the_core_that_a_gateway_can_use() -> None:
    [metric] = of_kind("HorizontalPodAutoscaler")["spec"]["metrics"]
    target = metric["resource"]["target"]
    assert target["type"] == "AverageValue", "a share of what is requested is no measure of one event loop"
    assert 500 <= int(target["averageValue"].removesuffix("m")) < 1000
