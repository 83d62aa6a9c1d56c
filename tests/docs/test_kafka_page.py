"""What the page about Kafka types works, on a broker of its own."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from kizuna.runtime import kafka_jars
from kizuna.runtime.local_kafka import DEFAULT_PORT, is_taken
from tests.broker import free_ports
from tests.docs.transcript import agrees, run, steps
from tests.node_process import environment, kizuna

NODE_PORT = 8080


def test_the_commands_of_the_page_work_as_typed(root: Path, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("the commands use curl, which is not installed")
    lacking = kafka_jars.lacking()
    if lacking and not os.environ.get("CI"):
        pytest.skip(f"no broker: {lacking}")
    page = (root / "docs" / "kafka.md").read_text()
    broker, node = free_ports(1), free_ports(1)
    page = page.replace(str(DEFAULT_PORT), str(broker)).replace(str(NODE_PORT), str(node))
    page = page.replace("kizuna kafka up\n", f"kizuna kafka up --port {broker}\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = steps(page)
    try:
        outcomes = run(script, tmp_path, {**environment(), "PATH": path}, timeout=180)
    finally:
        kizuna("kafka", "down", "--folder", tmp_path / "kafka", check=False)
    for step, output, code in outcomes:
        assert code == 0, f"$ {step.command}\n{output}"
        if step.shown:
            assert agrees(output, step.shown), f"$ {step.command}\nshows\n{output}\nnot\n{step.shown}"
    assert [outcome.step for outcome in outcomes] == script
    assert not is_taken(broker)
