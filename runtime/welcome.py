"""What the demo prints when it lives: where to look, and commands that work as they stand."""

from __future__ import annotations

from pathlib import Path
from string import Template

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

[bold]Watch[/] it: kizuna tail --data $data

Ctrl-C closes it. The next start goes on.
"""
)


def show(data: Path, ready: Ready) -> None:
    text = TEXT.substitute(
        address=ready.address, token=ready.token, key=ready.key, user_id=ready.user_id, data=data
    )
    out.print(text)
