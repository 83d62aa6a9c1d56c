"""Java, and the jars of the local broker: fetched by Maven once, kept in the cache of this user."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from kizuna.schemas.errors import ConfigurationError, LogUnavailable

DEPLOY = Path(__file__).resolve().parent.parent / "deploy" / "kafka"
"""What a broker needs from this project: installed beside this package, as it lies in the repository."""

_COMPLETE = "complete"
_JAVA = 17


def fetched_jars(tell: Callable[[str], None] = lambda text: None) -> Path:
    """The folder of the jars; fetched by Maven the first time. Raises ConfigurationError when that fails."""
    pom = DEPLOY / "pom.xml"
    folder = _cache() / f"kafka-{sha256(pom.read_bytes()).hexdigest()[:12]}"
    if (folder / _COMPLETE).exists():
        return folder
    java_command()
    maven = shutil.which("mvn")
    if maven is None:
        raise ConfigurationError(
            "There is no Maven (mvn), which fetches the broker.",
            hint="On Debian or Ubuntu: apt install maven openjdk-17-jre-headless",
        )
    tell("fetching the broker, 43 MB, once")
    folder.mkdir(parents=True, exist_ok=True)
    ran = subprocess.run(
        [
            maven,
            "--batch-mode",
            "--quiet",
            "--file",
            str(pom),
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
            f"-DoutputDirectory={folder}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise ConfigurationError(
            "Maven could not fetch the broker.", hint=(ran.stdout + ran.stderr).strip()[-2_000:]
        )
    (folder / _COMPLETE).touch()
    return folder


def lacking() -> str | None:
    """What this machine lacks to run a broker; None when nothing."""
    try:
        java_command()
    except ConfigurationError as error:
        return str(error)
    if shutil.which("mvn") is None:
        return "there is no Maven (mvn)"
    return None


def java_command() -> str:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    hint = "On Debian or Ubuntu: apt install openjdk-17-jre-headless"
    if java is None:
        raise ConfigurationError("There is no Java, which the broker runs on.", hint=hint)
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', told)
    if version is None or int(version[1]) < _JAVA:
        raise ConfigurationError(f"Kafka needs Java {_JAVA} or later; this one says {told!r}.", hint=hint)
    return java


def run_java(jars: Path, *arguments: str) -> None:
    ran = subprocess.run(
        [java_command(), "-cp", f"{jars}/*", *arguments], capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise LogUnavailable(f"{arguments[0]} failed.", hint=(ran.stdout + ran.stderr).strip()[-2_000:])


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kizuna"
