"""Console transcripts in Markdown: what is typed behind `$ `, and what is shown below it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(r"^```(?:console|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEREDOC = re.compile(r"<<'?(\w+)'?")
_MARK = "\x1e"


class Step(NamedTuple):
    """A command, over several lines where it ends in a backslash or holds a here-document, and the output
    that the text shows for it; `...` stands for anything."""

    command: str
    shown: str


class Outcome(NamedTuple):
    step: Step
    output: str
    code: int


def steps(markdown: str) -> list[Step]:
    """The commands of all console blocks, in order."""
    found: list[Step] = []
    for block in _BLOCK.findall(markdown):
        lines = block.splitlines()
        while lines:
            first = lines.pop(0)
            if not first.startswith("$ "):
                continue
            command = [first.removeprefix("$ ")]
            while command[-1].endswith("\\"):
                command.append(lines.pop(0))
            heredoc = _HEREDOC.search("\n".join(command))
            while heredoc and command[-1] != heredoc[1]:
                command.append(lines.pop(0))
            shown = []
            while lines and not lines[0].startswith("$ "):
                shown.append(lines.pop(0))
            found.append(Step("\n".join(command), "\n".join(shown).strip()))
    return found


def run(
    script: Sequence[Step], folder: Path, environment: Mapping[str, str], timeout: float
) -> list[Outcome]:
    """Type the commands into one shell, in order; it stops after the first that fails. What is started with
    `&` writes to the file `background.log`, and is ended with the shell."""
    lines = ["trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT"]
    for step in script:
        command = step.command
        if command.endswith("&"):
            command = command[:-1] + ">>background.log 2>&1 &"
        lines += [command, f"code=$?; echo '{_MARK}'$code; [ $code = 0 ] || exit 0"]
    shell = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
    parts = re.findall(f"(.*?){_MARK}([0-9]+)\n", shell.stdout, re.DOTALL)
    return [
        Outcome(step, output.strip(), int(code)) for step, (output, code) in zip(script, parts, strict=False)
    ]


def agrees(output: str, shown: str) -> bool:
    """Whether the output is what is shown, `...` standing for anything and white space for white space."""
    pieces = [r"\s+".join(map(re.escape, piece.split())) for piece in shown.split("...")]
    return (
        re.fullmatch(r"\s*" + r".*?".join(rf"\s*{piece}\s*" for piece in pieces), output, re.DOTALL)
        is not None
    )
