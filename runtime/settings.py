"""Settings: from a file, overridden by the environment, overridden by the command line."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from kizuna.eventlog.kafka_place import Admission, KafkaPlace, parse
from kizuna.ingest.body import Limits
from kizuna.processors.buckets import GUESSES, Rate
from kizuna.query.limits import Limits as ApiLimits
from kizuna.schemas.definitions import Workspace
from kizuna.schemas.errors import ConfigurationError

from .addresses import networks
from .limits import Limits as ConnectionLimits

PREFIX = "KIZUNA_"
DATA_VARIABLE = "KIZUNA_DATA"
"""The data directory is named by the command line or this variable: the settings file lies in it."""

Endpoint = Annotated[str, StringConstraints(pattern=r"^(https?://[^\s?#@]+)?$")]
LogAddress = Annotated[str, StringConstraints(pattern=r"^(kafka://[^\s]+)?$")]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
Size = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*(\.[0-9]+)?(KB|MB|GB|TB)$")]


class Settings(BaseSettings):
    """Everything that can be set. In the file a setting has the name of its field; in the environment the
    same in capitals behind KIZUNA_."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    host: str = Field(
        "127.0.0.1", description="Address the node listens on. 0.0.0.0 opens it to the network."
    )
    port: int = Field(8080, ge=0, le=65535, description="Port the node listens on; 0 takes any free one.")
    log: LogAddress = Field(
        "",
        description="Where the log is: kafka://HOST:PORT[,HOST:PORT][/PREFIX of its topics]; empty for the "
        "file in the data directory.",
    )
    kafka_partitions: int = Field(
        4, ge=1, le=1_000, description="Partitions of the touchpoints' topic, when it is made."
    )
    kafka_replicas: int = Field(
        -1, ge=-1, le=100, description="Replicas of each topic, when it is made; -1 as the cluster does it."
    )
    kafka_delivery_seconds: float = Field(
        10.0,
        ge=1,
        le=600,
        description="How long Kafka may take to acknowledge; then the collector answers 503.",
    )
    kafka_tls: bool = Field(False, description="Whether connections to Kafka are encrypted.")
    kafka_ca_file: str = Field(
        "", description="PEM of the authorities that the brokers' certificates are of; empty: the system's."
    )
    kafka_certificate_file: str = Field("", description="PEM of this node's certificate, where Kafka asks.")
    kafka_key_file: str = Field("", description="PEM of its key.")
    kafka_mechanism: Mechanism = Field(
        "SCRAM-SHA-512", description="How the user signs in to Kafka: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."
    )
    kafka_username: str = Field("", description="User to sign in to Kafka; empty: nobody signs in.")
    kafka_password: str = Field("", repr=False, description="Password to sign in to Kafka.")
    time_zone: str = Field(
        Workspace().time_zone,
        description="IANA time zone whose days are the workspace's days. Only a new workspace takes it.",
    )
    currency: str = Field(
        Workspace().currency,
        description="ISO 4217 code of the workspace's reporting currency. Only a new workspace takes it.",
    )
    batch_size: int = Field(
        50_000, ge=1, le=1_000_000, description="Records folded in one transaction, at most."
    )
    store_threads: int = Field(
        1,
        ge=1,
        le=256,
        description="Threads of one query; fold, decoding ahead of it and readers run side by side anyway.",
    )
    store_memory: Size = Field("1GB", description="Memory that DuckDB may use, such as 512MB or 4GB.")
    group_commit_ms: float = Field(
        5.0,
        ge=0,
        le=1_000,
        description="Milliseconds for which the log gathers appends into one write to the disk.",
    )
    archive_after_months: int = Field(
        0,
        ge=0,
        le=1_200,
        description="Closed months that stay in log.sqlite: the node archives older ones. 0: it never does.",
    )
    collector_body_bytes: int = Field(
        Limits().body_bytes, ge=1_024, description="Size of one request's body, unpacked, in bytes."
    )
    collector_items: int = Field(Limits().items, ge=1, description="Events in one request.")
    collector_wait_seconds: float = Field(
        Limits().wait_seconds, ge=0, description="Longest ?wait= that a request may ask for, in seconds."
    )
    collector_held_bytes: int = Field(
        Limits().held_bytes,
        ge=1_024,
        description="Bodies in hand together, in bytes; beyond it the collector answers 503.",
    )
    api_body_bytes: int = Field(
        ApiLimits().body_bytes, ge=1_024, description="Size of the body of one question to the API, in bytes."
    )
    key_events: float = Field(
        50_000.0, ge=0, description="Events a second of one write key; 0 is no limit. Beyond it, 429."
    )
    visitor_events: float = Field(
        1_000.0, ge=0, description="Events a second of one network address with a public write key; likewise."
    )
    token_requests: float = Field(
        1_000.0, ge=0, description="Requests a second of one token; 0 is no limit. Beyond it, 429."
    )
    address_requests: float = Field(
        1_000.0, ge=0, description="Requests a second of one network address; 0 is no limit. Beyond it, 429."
    )
    burst_seconds: float = Field(
        10.0, ge=1, description="After a pause, so many seconds' worth of a limit may come at once."
    )
    limit_loopback: bool = Field(
        False, description="Whether limits of addresses hold for this machine itself too."
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses and networks, with commas between, whose X-Forwarded-For is believed.",
    )
    connections: int = Field(
        ConnectionLimits().connections, ge=1, description="Connections at once, as far as files may be open."
    )
    connections_per_address: int = Field(
        ConnectionLimits().per_address,
        ge=0,
        description="Connections of one network address at once; 0 is no limit.",
    )
    head_seconds: float = Field(
        ConnectionLimits().head_seconds,
        gt=0,
        description="Time in which the head of a request must have arrived, in seconds.",
    )
    body_seconds: float = Field(
        ConnectionLimits().body_seconds,
        gt=0,
        description="Time in which the body of a request must have arrived, in seconds.",
    )
    answer_seconds: float = Field(
        ConnectionLimits().answer_seconds,
        gt=0,
        description="Time in which a client must have taken what was sent to it, in seconds.",
    )
    idle_seconds: float = Field(
        ConnectionLimits().idle_seconds,
        gt=0,
        description="Time for which a connection is kept for its next request, in seconds.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level of what is logged. debug may show personal data in error messages."
    )
    log_format: Literal["console", "json"] = Field(
        "console", description="console for people, json for machines: one object a line."
    )
    otel_endpoint: Endpoint = Field(
        "",
        description="Where traces go, by OTLP over HTTP, such as http://127.0.0.1:4318; empty is nowhere. "
        "Needs kizuna[otel].",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _known_networks(cls, value: str) -> str:
        networks(value)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    def kafka(self, address: str) -> KafkaPlace:
        """The Kafka at this address, and how to be let in. Raises ConfigurationError."""
        admission = Admission(
            tls=self.kafka_tls,
            ca_file=self.kafka_ca_file,
            certificate_file=self.kafka_certificate_file,
            key_file=self.kafka_key_file,
            mechanism=self.kafka_mechanism,
            username=self.kafka_username,
            password=self.kafka_password,
        )
        return parse(address, admission)

    def workspace(self) -> Workspace:
        """What a new log says of days and money."""
        return Workspace(time_zone=self.time_zone, currency=self.currency)

    def collector_limits(self) -> Limits:
        return Limits(
            body_bytes=self.collector_body_bytes,
            items=self.collector_items,
            wait_seconds=self.collector_wait_seconds,
            held_bytes=self.collector_held_bytes,
            key=self.rate(self.key_events),
            visitor=self.rate(self.visitor_events),
            guesses=GUESSES,
        )

    def api_limits(self) -> ApiLimits:
        return ApiLimits(
            body_bytes=self.api_body_bytes, token=self.rate(self.token_requests), guesses=GUESSES
        )

    def connection_limits(self, room: int) -> ConnectionLimits:
        """With `room` for so many connections."""
        return ConnectionLimits(
            connections=room,
            per_address=self.connections_per_address,
            head_seconds=self.head_seconds,
            body_seconds=self.body_seconds,
            answer_seconds=self.answer_seconds,
            idle_seconds=self.idle_seconds,
            loopback=self.limit_loopback,
        )

    def rate(self, per_second: float) -> Rate:
        """So many a second, with the burst that is set."""
        return Rate(per_second, per_second * self.burst_seconds)


def load(file: Path | None, **given: Any) -> Settings:
    """Settings of `file` (None: of none), the environment, and what the command line has `given`; None in
    `given` is as if it were not. Raises ConfigurationError that names what is wrong, and where."""
    for variable in os.environ:
        name = variable.removeprefix(PREFIX).lower()
        if variable.startswith(PREFIX) and variable != DATA_VARIABLE and name not in Settings.model_fields:
            near = difflib.get_close_matches(name, Settings.model_fields, n=1)
            raise ConfigurationError(
                f"The environment has {variable}, which is no setting.",
                hint=f"Did you mean {PREFIX}{near[0].upper()}?" if near else _known(),
            )
    if file is not None and not file.is_file():
        raise ConfigurationError(
            f"There is no settings file {file}.", hint="Name one that is there, or leave out --settings."
        )

    class Loaded(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    try:
        loaded = Loaded(**{name: value for name, value in given.items() if value is not None})
        loaded.workspace()
        return loaded
    except TOMLDecodeError as error:
        raise ConfigurationError(
            f"{file} is not TOML: {error}.",
            hint='A setting is a line such as port = 8080 or host = "127.0.0.1"; # begins a comment.',
        ) from None
    except ValidationError as error:
        raise _wrong(error, file) from None


def _wrong(error: ValidationError, file: Path | None) -> ConfigurationError:
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    variable = PREFIX + name.upper()
    where = f"The environment variable {variable}" if variable in os.environ else f"The setting {name}"
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, Settings.model_fields, n=1)
        hint = f"Did you mean {near[0]}?" if near else _known()
        return ConfigurationError(f"{file or 'The command line'} has {name}, which is no setting.", hint=hint)
    message = first["msg"].removeprefix("Value error, ")
    about = Settings.model_fields[name].description if name in Settings.model_fields else ""
    return ConfigurationError(f"{where} will not do: {message}.", hint=about or "")


def _known() -> str:
    return f"There are: {', '.join(Settings.model_fields)}."
