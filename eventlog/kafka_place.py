"""Which Kafka, which topics of it, and how to be let in."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kizuna.schemas.errors import ConfigurationError

if TYPE_CHECKING:
    import ssl

logger = logging.getLogger(__name__)

SCHEME = "kafka://"

_SERVER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/,@\[\]]+):[0-9]{1,5}")
_PREFIX = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Admission:
    """TLS where `tls`, with the system's authorities or those of `ca_file`, and a certificate of our own
    where there is one; SASL where there is a `username`. Files are PEM."""

    tls: bool = False
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    mechanism: str = "SCRAM-SHA-512"
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def protocol(self) -> str:
        return ("SASL_" if self.username else "") + ("SSL" if self.tls else "PLAINTEXT")


@dataclass(frozen=True, slots=True)
class KafkaPlace:
    """`servers` as Kafka's clients take them: host:port, with commas between. The topics' names begin with
    `prefix` and a dot, so that several logs have room in one cluster; without one they are as they are."""

    servers: str
    prefix: str = ""
    admission: Admission = Admission()

    def topic(self, name: str) -> str:
        return f"{self.prefix}.{name}" if self.prefix else name

    def client(self) -> dict[str, Any]:
        """Settings of librdkafka's clients."""
        its = self.admission
        return {
            "bootstrap.servers": self.servers,
            "client.id": "kizuna",
            "logger": logger,
            "security.protocol": its.protocol,
            **_given(
                {
                    "ssl.ca.location": its.ca_file,
                    "ssl.certificate.location": its.certificate_file,
                    "ssl.key.location": its.key_file,
                }
            ),
            **(
                {
                    "sasl.mechanism": its.mechanism,
                    "sasl.username": its.username,
                    "sasl.password": its.password,
                }
                if its.username
                else {}
            ),
        }

    def consumer(self) -> dict[str, Any]:
        """Settings of aiokafka's clients."""
        its = self.admission
        return {
            "bootstrap_servers": self.servers,
            "client_id": "kizuna",
            "security_protocol": its.protocol,
            "ssl_context": self.tls(),
            **self._signing_in(),
        }

    def tls(self) -> ssl.SSLContext | None:
        """None where nothing is encrypted."""
        import ssl  # every command reads the settings, few need this

        its = self.admission
        if not its.tls:
            return None
        context = ssl.create_default_context(cafile=its.ca_file or None)
        if its.certificate_file:
            context.load_cert_chain(its.certificate_file, its.key_file or None)
        return context

    def control(self) -> dict[str, Any]:
        """Settings of kafka-python's clients."""
        its = self.admission
        return {
            "bootstrap_servers": self.servers.split(","),
            "client_id": "kizuna",
            "security_protocol": its.protocol,
            **_given(
                {
                    "ssl_cafile": its.ca_file,
                    "ssl_certfile": its.certificate_file,
                    "ssl_keyfile": its.key_file,
                }
            ),
            **self._signing_in(),
        }

    def _signing_in(self) -> dict[str, str]:
        """As the clients in Python have it."""
        its = self.admission
        if not its.username:
            return {}
        return {
            "sasl_mechanism": its.mechanism,
            "sasl_plain_username": its.username,
            "sasl_plain_password": its.password,
        }


def parse(address: str, admission: Admission | None = None) -> KafkaPlace:
    """Of kafka://HOST:PORT[,HOST:PORT...][/PREFIX]. Raises ConfigurationError when it is none."""
    admission = admission or Admission()
    rest = address.removeprefix(SCHEME)
    servers, _, prefix = rest.partition("/")
    if rest == address or not all(_SERVER.fullmatch(one) for one in servers.split(",")):
        raise ConfigurationError(
            "The setting log is no address of a Kafka.",  # it is not shown: it may hold a password
            hint="It is kafka://HOST:PORT, more brokers with commas; users have settings of their own.",
        )
    if prefix and not _PREFIX.fullmatch(prefix):
        raise ConfigurationError(
            f"Topics cannot begin with {prefix!r}.", hint="Lower-case letters, digits, dots, - and _."
        )
    return KafkaPlace(servers, prefix, admission)


def _given(settings: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in settings.items() if value}
