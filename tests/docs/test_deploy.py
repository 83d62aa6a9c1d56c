"""Service unit and container file: what they name is there, and holds what they say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from kizuna.runtime import kafka_jars
from kizuna.runtime.server import GRACE_SECONDS
from kizuna.runtime.settings import PREFIX, Settings
from tests.node_process import KIZUNA, NodeProcess

EXIT_MISMATCH = "3"


def unit(root: Path) -> dict[str, list[str]]:
    """Settings of the unit by name."""
    found: dict[str, list[str]] = {}
    for line in (root / "deploy" / "systemd" / "kizuna.service").read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


def test_the_unit_is_one_for_systemd(root: Path, tmp_path: Path) -> None:
    """With the command of this environment, as its own is not installed here."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("NOT TRIED: this machine has no systemd-analyze")
    text = (root / "deploy" / "systemd" / "kizuna.service").read_text()
    copy = tmp_path / "kizuna.service"
    copy.write_text(text.replace("/opt/kizuna/bin/kizuna", KIZUNA))
    done = subprocess.run([analyze, "verify", copy], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    copy.write_text(copy.read_text().replace("Restart=on-failure", "Restart=now-and-then"))
    wrong = subprocess.run([analyze, "verify", copy], capture_output=True, text=True, timeout=60)
    assert "now-and-then" in wrong.stderr, "what it does not know it tells"


def test_the_unit_gives_time_to_finish_and_starts_again_what_may_pass(root: Path) -> None:
    held = unit(root)
    assert held["Restart"] == ["on-failure"]
    assert held["RestartPreventExitStatus"] == [EXIT_MISMATCH]
    assert f"| {EXIT_MISMATCH} | log and store do not go together" in (root / "docs" / "cli.md").read_text()
    assert held["KillSignal"] == ["SIGTERM"]
    assert int(held["TimeoutStopSec"][0]) >= 2 * GRACE_SECONDS
    assert held["StateDirectory"] == ["kizuna"]
    assert held["ExecStart"][0].endswith("kizuna run --data /var/lib/kizuna")
    assert {"MemoryMax", "NoNewPrivileges", "ProtectSystem", "SystemCallFilter"} <= held.keys()


def instructions(root: Path) -> list[tuple[str, str]]:
    """Of the container file, continued lines joined."""
    text = (root / "deploy" / "Containerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(words[0], words[1]) for line in joined.splitlines() if (words := line.split(maxsplit=1))]


def test_the_container_file_names_what_is_there(root: Path) -> None:
    steps = instructions(root)
    assert {name for name, _ in steps} == {
        *("FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK"),
        *("ENTRYPOINT", "CMD"),
    }
    copied = [said.split() for name, said in steps if name == "COPY" and not said.startswith("--from")]
    assert copied
    assert [one for *sources, _ in copied for one in sources if not (root / one).exists()] == []
    for name, said in steps:
        if name == "RUN" and " install --" in said and "pip" in said:
            assert "--require-hashes --no-deps" in said or "--no-index --no-deps" in said, said
    (environment,) = [said for name, said in steps if name == "ENV"]
    given = {one.split("=")[0].removeprefix(PREFIX).lower() for one in environment.split() if PREFIX in one}
    assert given - {"data"} <= set(Settings.model_fields)


def test_the_container_has_a_user_without_rights_a_volume_and_locked_packages(root: Path) -> None:
    final = instructions(root)
    final = final[max(n for n, (name, _) in enumerate(final) if name == "FROM") :]
    told = dict(final)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", told["USER"])
    assert told["VOLUME"] in told["ENV"]
    assert told["STOPSIGNAL"] == "SIGTERM"
    assert json.loads(told["ENTRYPOINT"]) + json.loads(told["CMD"]) == ["kizuna", "run"]
    assert not any("pip" in said for _, said in final), "what is built comes from the stage before"


def test_the_container_is_healthy_while_the_node_is_ready(root: Path, tmp_path: Path) -> None:
    (said,) = [said for name, said in instructions(root) if name == "HEALTHCHECK"]
    command = json.loads(said.split("CMD", 1)[1])
    assert command[:2] == ["python", "-c"]
    with NodeProcess(tmp_path / "data") as node:
        code = command[2].replace("http://127.0.0.1:8080", node.address)
        assert code != command[2]
        assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 0
        node.kill()
        gone = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30)
        assert gone.returncode == 1


_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+) \\$", re.MULTILINE)


def test_what_a_node_needs_is_locked_as_what_it_is_developed_with(root: Path) -> None:
    whole = (root / "requirements.lock").read_text()
    part = (root / "deploy" / "requirements.lock").read_text()
    pins, of_node = dict(_PIN.findall(whole)), dict(_PIN.findall(part))
    assert of_node.items() <= pins.items()
    assert {
        "duckdb",
        "uvicorn",
        "opentelemetry-sdk",
        "opentelemetry-exporter-otlp-proto-http",
    } <= of_node.keys()
    assert not {"pytest", "mypy", "ruff", "setuptools"} & of_node.keys()
    for text, held in ((whole, pins), (part, of_node)):
        assert "://" not in text
        assert len(held) == len(re.findall(r"^\S+==", text, re.MULTILINE))
        assert all(
            re.search(rf"^{re.escape(name)}==.*\\\n +--hash=sha256:", text, re.MULTILINE) for name in held
        )


def test_commands_for_root_name_files_that_are_there(root: Path) -> None:
    """They change the machine, so they are not run here."""
    page = (root / "docs" / "operations.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    commands = [line.removeprefix("# ") for block in blocks for line in block.splitlines()]
    assert len(commands) >= 8
    named = {word for command in commands for word in command.split() if word.startswith("deploy/")}
    assert named == {"deploy/requirements.lock", "deploy/systemd/kizuna.service", "deploy/Containerfile"}
    assert all((root / one).is_file() for one in named)
    installed = [command for command in commands if "pip install" in command]
    assert all("--no-deps" in command for command in installed)


def composed(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((root / "deploy" / "compose.yaml").read_text())
    return found


def test_the_compose_file_starts_commands_that_there_are_with_settings_that_there_are(root: Path) -> None:
    services = composed(root)["services"]
    ours = {name: one for name, one in services.items() if one["image"] == "kizuna"}
    assert set(ours) == {"worker", "collector"}
    for name, one in ours.items():
        told = subprocess.run([KIZUNA, *one["command"], "--help"], capture_output=True, text=True, timeout=60)
        assert told.returncode == 0, told.stderr
        assert one["command"][0] == name
        for variable, value in one["environment"].items():
            assert variable.removeprefix(PREFIX).lower() in Settings.model_fields
            assert value == services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].replace(
                "PLAINTEXT://", "kafka://"
            )
        assert "/data" in one["volumes"][0]
        assert set(one["depends_on"]) <= set(services)
    pinned = kafka_jars.DEPLOY.joinpath("pom.xml").read_text().split("kafka_2.13</artifactId>")[1]
    version = re.search(r"<version>(.+?)</version>", pinned)
    assert version is not None
    assert services["kafka"]["image"].endswith(f":{version[1]}"), "the broker that the tests run on"


def test_docker_takes_the_compose_file(root: Path) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("NOT TRIED: this machine has no docker compose")
    command = [docker, "compose", "-f", str(root / "deploy" / "compose.yaml"), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
