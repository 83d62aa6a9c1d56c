"""The soak: the tests that run for minutes and the properties with many more examples, with a dated summary.

    python -m benchmarks.soak [pytest arguments]

The summary is kept in benchmarks/results/soak-<date>.md.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
SELECTED = "soak or slow or hypothesis or examples"


@dataclass(frozen=True, slots=True)
class Case:
    """One test: how it ended and how long it took, in seconds."""

    name: str
    outcome: str
    seconds: float


def main(arguments: list[str]) -> int:
    began = datetime.now(UTC)
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-m", SELECTED, f"--junitxml={report}"]
        command += ["-o", "faulthandler_timeout=0", *arguments]
        environment = {**os.environ, "HYPOTHESIS_PROFILE": "soak"}
        code = subprocess.run(command, cwd=ROOT, env=environment).returncode
        cases = read(report) if report.exists() else []
    if not cases:  # asked for --help, or nothing could be collected
        return code
    RESULTS.mkdir(parents=True, exist_ok=True)
    summary = RESULTS / f"soak-{began:%Y-%m-%d}.md"
    summary.write_text(written(cases, began, datetime.now(UTC)), encoding="utf-8")
    print(f"written to {summary.relative_to(ROOT)}")
    return code


def read(report: Path) -> list[Case]:
    """The cases of a JUnit report, slowest first."""
    cases = [
        Case(f"{one.get('classname')}::{one.get('name')}", _outcome(one), float(one.get("time", "0")))
        for one in ET.parse(report).iter("testcase")
    ]
    return sorted(cases, key=lambda case: -case.seconds)


def _outcome(case: ET.Element) -> str:
    return next((tag for tag in ("failure", "error", "skipped") if case.find(tag) is not None), "passed")


def written(cases: list[Case], began: datetime, ended: datetime) -> str:
    """The summary, as Markdown."""
    counts = {outcome: sum(1 for one in cases if one.outcome == outcome) for outcome in _order(cases)}
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    rows = [
        f"| {one.name.replace('|', chr(92) + '|')} | {one.outcome} | {one.seconds:.1f} |" for one in cases
    ]
    return "\n".join(
        [
            f"# Soak of {began:%Y-%m-%d %H:%M} UTC",
            "",
            f"{told}, in {(ended - began).total_seconds() / 60:.1f} minutes, on {os.cpu_count()} cores, "
            f"Python {platform.python_version()}, {platform.system()} {platform.machine()}.",
            "",
            "| test | outcome | seconds |",
            "| --- | --- | ---: |",
            *rows,
            "",
        ]
    )


def _order(cases: list[Case]) -> list[str]:
    found = {one.outcome for one in cases}
    return [outcome for outcome in ("passed", "failure", "error", "skipped") if outcome in found]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
