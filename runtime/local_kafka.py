"""A Kafka of one's own on this machine, for tests and for people without Docker: one broker or three in KRaft
mode, from the jars that `deploy/kafka/pom.xml` names."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

import orjson

from kizuna.schemas.errors import ConfigurationError, LogUnavailable

from .kafka_jars import DEPLOY, fetched_jars, java_command, run_java

HOST = "127.0.0.1"
DEFAULT_PORT = 9092
CONTROLLER = 1_000
"""A broker's controller listens so many ports above it."""

HEAP_MEGABYTES = 512
READY_SECONDS = 60.0
STOP_SECONDS = 60.0
ANSWER_SECONDS = 2.0
PAUSE = 0.1

_CLUSTER = "cluster.json"


@dataclass(frozen=True, slots=True)
class Cluster:
    """Brokers are numbered from 1; number n listens on `port` + n - 1, on this machine alone."""

    cluster_id: str
    brokers: int
    port: int

    def address(self, number: int) -> str:
        return f"{HOST}:{self.port + number - 1}"

    @property
    def addresses(self) -> str:
        """As `kafka://` takes them."""
        return ",".join(self.address(number) for number in self.numbers)

    @property
    def numbers(self) -> range:
        return range(1, self.brokers + 1)


class LocalKafka:
    """The cluster in a folder: its brokers' data, logs and process ids. Brokers outlive the process that
    started them, until `down`."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder = folder
        self.cluster = cluster
        self._started: list[subprocess.Popen[bytes]] = []

    @classmethod
    def at(cls, folder: Path) -> LocalKafka | None:
        """The one that lies in the folder; None when there is none."""
        try:
            return cls(folder, Cluster(**orjson.loads((folder / _CLUSTER).read_bytes())))
        except FileNotFoundError:
            return None

    @classmethod
    def made(cls, folder: Path, brokers: int = 1, port: int = DEFAULT_PORT) -> LocalKafka:
        """The one in the folder, or a new one. Raises ConfigurationError when the one there is another."""
        there = cls.at(folder)
        if there is None:
            folder.mkdir(parents=True, exist_ok=True)
            there = cls(folder, Cluster(_cluster_id(), brokers, port))
            (folder / _CLUSTER).write_bytes(orjson.dumps(asdict(there.cluster)))
        elif (there.cluster.brokers, there.cluster.port) != (brokers, port):
            its = there.cluster
            raise ConfigurationError(
                f"The Kafka in {folder} has {its.brokers} broker(s) from port {its.port}.",
                hint="Start it as it is, or choose another folder with --folder.",
            )
        return there

    def up(self, tell: Callable[[str], None] = lambda text: None) -> None:
        """Start the brokers that do not run, and return when all answer. Raises ConfigurationError where
        Java or Maven is missing or a port is taken, LogUnavailable when a broker does not come up."""
        jars = fetched_jars(tell)
        for number in self.cluster.numbers:
            self.start(number, jars)
        tell("waiting for the brokers")
        for number in self.cluster.numbers:
            self.wait_for(number)

    def down(self) -> int:
        """Stop the brokers that run; how many these were."""
        running = [number for number in self.cluster.numbers if self.pid(number)]
        for number in running:
            self.signal(number, signal.SIGTERM)
        for number in running:
            self._wait_gone(number)
        return len(running)

    def start(self, number: int, jars: Path | None = None) -> None:
        """Start one broker; nothing happens when it runs. `wait_for` it."""
        if self.pid(number):
            return
        for port in self._ports(number):
            if not _is_free(port):
                raise ConfigurationError(f"Port {port} is taken.", hint="Choose another with --port.")
        jars = jars or fetched_jars()
        home = self.home(number)
        settings = home / "server.properties"
        if not settings.exists():
            home.mkdir(parents=True, exist_ok=True)
            beside = home / "server.properties.new"
            beside.write_text(self._properties(number))
            cluster_id = self.cluster.cluster_id
            run_java(jars, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(beside))
            beside.rename(settings)
        with (home / "broker.log").open("ab") as log:
            process = subprocess.Popen(
                [
                    java_command(),
                    f"-Xmx{HEAP_MEGABYTES}m",
                    "-XX:+UseG1GC",
                    f"-Dlog4j2.configurationFile={DEPLOY / 'log4j2.yaml'}",
                    "-cp",
                    f"{jars}/*",
                    "kafka.Kafka",
                    str(settings),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for whoever started it
            )
        self._started.append(process)  # it outlives this object, which Python else warns of
        (home / "pid").write_text(str(process.pid))

    def wait_for(self, number: int, seconds: float = READY_SECONDS) -> None:
        """Until the broker answers. Raises LogUnavailable when it ended, or time is up."""
        until = time.monotonic() + seconds
        while not self.answers(number):
            if not self.pid(number) or time.monotonic() > until:
                raise LogUnavailable(
                    f"Broker {number} did not come up.", hint=f"Look into {self.home(number) / 'broker.log'}."
                )
            time.sleep(PAUSE)

    def answers(self, number: int) -> bool:
        """Whether the broker has joined its cluster and takes requests."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        if not is_taken(self.cluster.port + number - 1):
            return False
        client = AdminClient({"bootstrap.servers": self.cluster.address(number), "log_level": 0})
        try:
            return number in client.list_topics(timeout=ANSWER_SECONDS).brokers
        except KafkaException:
            return False

    def pid(self, number: int) -> int | None:
        """The broker's process; None when it does not run, whatever a file left behind says."""
        try:
            pid = int((self.home(number) / "pid").read_text())
        except (FileNotFoundError, ValueError):
            return None
        for process in self._started:
            process.poll()  # one that has ended is let go of
        shown = subprocess.run(
            ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return pid if str(self.home(number) / "server.properties") in shown.stdout else None

    def signal(self, number: int, what: signal.Signals) -> None:
        """To the broker's process, if it runs."""
        pid = self.pid(number)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, what)

    def kill(self, number: int) -> None:
        """End it at once, as a crash would."""
        self.signal(number, signal.SIGKILL)
        self._wait_gone(number)

    def home(self, number: int) -> Path:
        return self.folder.absolute() / f"broker-{number}"

    def _ports(self, number: int) -> tuple[int, int]:
        """Where clients find it, and its controllers each other."""
        port = self.cluster.port + number - 1
        return port, port + CONTROLLER

    def _wait_gone(self, number: int) -> None:
        """Its threads may hold the ports for a moment longer than it is seen."""
        until = time.monotonic() + STOP_SECONDS
        while self.pid(number) or not all(_is_free(port) for port in self._ports(number)):
            if time.monotonic() > until:
                hint = f"Its process is {self.pid(number)}."
                raise LogUnavailable(f"Broker {number} does not stop.", hint=hint)
            time.sleep(PAUSE)

    def _properties(self, number: int) -> str:
        cluster = self.cluster
        replicas = cluster.brokers
        port, controller = self._ports(number)
        voters = ",".join(f"{one}@{HOST}:{cluster.port + one - 1 + CONTROLLER}" for one in cluster.numbers)
        settings = {
            "process.roles": "broker,controller",
            "node.id": number,
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self.home(number) / "data",
            "auto.create.topics.enable": "false",
            "default.replication.factor": replicas,
            "min.insync.replicas": max(1, replicas - 1),
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": max(1, replicas - 1),
            "transaction.state.log.num.partitions": 4,
            "group.initial.rebalance.delay.ms": 0,
            "log.retention.ms": -1,
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())


def is_taken(port: int) -> bool:
    """Whether somebody listens on it, on this machine."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _is_free(port: int) -> bool:
    """Whether a broker could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _cluster_id() -> str:
    """22 characters of URL-safe base64, as Kafka makes them: none begins like an option."""
    made = "-"
    while made.startswith("-"):
        made = urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
    return made
