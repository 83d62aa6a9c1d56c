"""The topics of a log in Kafka: made where they are missing, looked at where they are there."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NamedTuple
from uuid import UUID, uuid5

from confluent_kafka import KafkaException, Uuid
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, OffsetSpec
from kafka.errors import KafkaError, TopicAlreadyExistsError

from kizuna.schemas.errors import ConfigurationError, LogUnavailable

from . import topics
from .kafka_place import KafkaPlace
from .partitioner import MAX_RECORD_BYTES

NAMESPACE = UUID("0b0c7f0e-6f2c-5f0e-8a51-7f3f0c3c7b11")
"""Of the ids of logs in Kafka."""

TIMEOUT_MS = 10_000
REACH_SECONDS = 3.0
UNKNOWN_TOPIC = 3
MESSAGE_BYTES = MAX_RECORD_BYTES + 48_000
"""The largest record, and what a message may have beside key and value."""

WANTED: Mapping[str, str] = {
    "cleanup.policy": "delete",
    "message.timestamp.type": "LogAppendTime",
    "retention.ms": "-1",
    "retention.bytes": "-1",
}
"""Nothing of a log is ever dropped or overwritten, and a record's time is the broker's."""

LARGEST = "max.message.bytes"
UNCLEAN = "unclean.leader.election.enable"
INSYNC = "min.insync.replicas"

MUST = ("cleanup.policy", "message.timestamp.type")
"""With another value the topic is no log."""


def id_of(told: Uuid) -> UUID:
    """As librdkafka tells it."""
    high: int = told.get_most_significant_bits()  # type: ignore[attr-defined]
    low: int = told.get_least_significant_bits()  # type: ignore[attr-defined]
    return UUID(int=(high % (1 << 64)) << 64 | low % (1 << 64))


class Topic(NamedTuple):
    """One of them as the cluster has it. `settings` are those of `WANTED`, and some more."""

    name: str
    topic_id: UUID
    partitions: int
    replicas: int
    settings: Mapping[str, str]


class Described(NamedTuple):
    """The topics by the log's own names. `log_id` follows from the cluster and the topics' ids: a topic that
    was deleted and made anew is another log."""

    log_id: UUID
    topics: Mapping[str, Topic]

    def warnings(self) -> list[str]:
        """What may lose records one day, though it works today."""
        found = []
        for topic in self.topics.values():
            for name in ("retention.ms", "retention.bytes"):
                if topic.settings[name] != "-1":
                    found.append(f"topic {topic.name} drops old records: {name} is {topic.settings[name]}")
            if topic.settings[UNCLEAN] != "false":
                found.append(f"topic {topic.name} may lose acknowledged records: {UNCLEAN} is set")
            insync = int(topic.settings[INSYNC])
            if topic.replicas > 1 and not 1 < insync < topic.replicas:
                found.append(
                    f"topic {topic.name} has {topic.replicas} replicas and min.insync.replicas {insync}: "
                    + (
                        "an acknowledged record may be on one broker alone"
                        if insync < 2
                        else "none may be down"
                    )
                )
        return found


@contextmanager
def control(place: KafkaPlace) -> Iterator[KafkaAdminClient]:
    """A client of the control plane. What it raises becomes LogUnavailable."""
    _reach(place)
    try:
        client = KafkaAdminClient(**place.control(), request_timeout_ms=TIMEOUT_MS)
    except (KafkaError, OSError) as error:
        raise unreachable(place, error) from error
    try:
        yield client
    except (KafkaError, OSError) as error:
        raise unreachable(place, error) from error
    finally:
        client.close()


def _reach(place: KafkaPlace) -> None:
    """Nobody there is told soonest by a plain connection; and kafka-python leaves sockets open then."""
    refused: OSError | None = None
    for server in place.servers.split(","):
        host, _, port = server.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), REACH_SECONDS).close()
            return
        except OSError as error:
            refused = error
    assert refused is not None  # an address names a server
    raise unreachable(place, refused)


def unreachable(place: KafkaPlace, error: Exception) -> LogUnavailable:
    told = error.args[0].str() if isinstance(error, KafkaException) else type(error).__name__
    return LogUnavailable(
        f"Kafka at {place.servers} does not answer ({told}).",
        hint="Look whether its brokers run, and whether this machine reaches them.",
    )


def ensure(place: KafkaPlace, partitions: Mapping[str, int], replicas: int = -1) -> Described:
    """Make the topics that are missing, with so many partitions (1 where none is named) and replicas (-1: as
    the cluster does), and describe all. Raises ConfigurationError when one could not hold a log,
    LogUnavailable."""
    with control(place) as client:
        missing = [name for name in topics.ALL if name not in _found(client, place)]
        for name in missing:
            options = {
                "num_partitions": partitions.get(name, 1),
                "replication_factor": replicas,
                "configs": dict(WANTED),
            }
            with suppress(TopicAlreadyExistsError):  # another process of ours was first
                client.create_topics({place.topic(name): options}, wait_for_metadata=True)
        return _described(client, place)


def describe(place: KafkaPlace) -> Described:
    """The topics as they are. Raises ConfigurationError when one is missing or could not hold a log,
    LogUnavailable."""
    with control(place) as client:
        return _described(client, place)


def kept(place: KafkaPlace) -> dict[str, int]:
    """Records of each topic by the log's own name, markers of transactions among them. Raises
    LogUnavailable."""
    with control(place) as client:
        partitions = [
            TopicPartition(name, number)
            for name, its in ((its.name, its) for its in _found(client, place).values())
            for number in range(its.partitions)
        ]
        first = client.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
        end = client.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
        return {
            name: sum(end[at].offset - first[at].offset for at in partitions if at.topic == place.topic(name))
            for name in topics.ALL
        }


def _described(client: KafkaAdminClient, place: KafkaPlace) -> Described:
    found = _found(client, place)
    for name in topics.ALL:
        if name not in found:
            raise ConfigurationError(
                f"Kafka at {place.servers} has no topic {place.topic(name)}.",
                hint="`kizuna run` makes it.",
            )
    for topic in found.values():
        if int(topic.settings[LARGEST]) < MESSAGE_BYTES:
            raise ConfigurationError(
                f"Topic {topic.name} does not take every event: its {LARGEST} is {topic.settings[LARGEST]}.",
                hint=f"Set it to {MESSAGE_BYTES} or more.",
            )
        for setting in MUST:
            if topic.settings[setting] != WANTED[setting]:
                raise ConfigurationError(
                    f"Topic {topic.name} cannot hold a log: its {setting} is {topic.settings[setting]}.",
                    hint=f"Set it to {WANTED[setting]} before anything is written, or choose other topics.",
                )
    cluster_id = client.describe_cluster()["cluster_id"]
    ids = " ".join(str(found[name].topic_id) for name in topics.ALL)
    return Described(uuid5(NAMESPACE, f"{cluster_id} {ids}"), found)


def _found(client: KafkaAdminClient, place: KafkaPlace) -> dict[str, Topic]:
    names = {place.topic(name): name for name in topics.ALL}
    told = [one for one in client.describe_topics(list(names)) if one["error_code"] != UNKNOWN_TOPIC]
    for one in told:
        if one["error_code"] or not one["partitions"]:
            raise ConfigurationError(
                f"Kafka does not show topic {one['name']} (error {one['error_code']}).",
                hint="Allow this user to describe, read and write it.",
            )
    if not told:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, one["name"]) for one in told]
    settings = client.describe_configs(resources, config_filter="all")["topic"]
    return {
        names[one["name"]]: Topic(
            one["name"],
            UUID(str(one["topic_id"])),
            len(one["partitions"]),
            min(len(partition["replica_nodes"]) for partition in one["partitions"]),
            {name: settings[one["name"]][name]["value"] for name in (*WANTED, LARGEST, UNCLEAN, INSYNC)},
        )
        for one in told
    }
