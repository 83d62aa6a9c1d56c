"""What the demo prints when it lives: where to look, and commands that work as they stand."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from string import Template

from rich.markup import escape

from .demo import Ready
from .terminal import out

TEXT = Template(
    """
[bold]The shop is open.[/] Look at it in a browser:

  [bold cyan]$address/[/]       live counts, newest events and customers
  [bold cyan]$address/api[/]    every route of the API

[bold]Ask[/] about everything, and about one good customer:

  TOKEN=$token
  curl -H "Authorization: Bearer $$TOKEN" $address/api/stats
  curl -H "Authorization: Bearer $$TOKEN" -H "Content-Type: application/json" \\
    -d '{"kind": "user_id", "value": "$user_id"}' $address/api/profiles/lookup

[bold]Tell[/] it something:

  KEY=$key
  curl -H "Authorization: Bearer $$KEY" \\
    -d '{"type": "page.viewed", "ids": {"anonymous_id": "me"}, "properties": {"path": "/"}}' \\
    "$address/v1/events?wait=5s"

[bold]Watch[/] it from another terminal:

  $program tail --data $data

Ctrl-C closes it. The next start goes on.
"""
)


def show(data: Path, ready: Ready) -> None:
    text = TEXT.substitute(
        address=ready.address,
        token=ready.token,
        key=ready.key,
        user_id=ready.user_id,
        program=escape(shlex.quote(program(sys.argv[0]))),
        data=escape(shlex.quote(str(data))),
    )
    out.print(text)


def program(started_as: str) -> str:
    """How Kizuna is started from here: by name where PATH leads to the same file, otherwise as it was."""
    found = shutil.which("kizuna")
    named = found and os.path.realpath(found) == os.path.realpath(started_as)
    return "kizuna" if named else started_as
