"""Commands on access: write keys for those who send events, tokens for those who ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote
from uuid import uuid4

import typer

from .directory import DataDirectory
from .options import DEFAULT_DATA, GROUP_ACCESS, AsJson, Data, load_settings
from .terminal import err, out, print_json, print_table, tell_made

if TYPE_CHECKING:
    from kizuna.processors.access import Access, CredentialKind

keys = typer.Typer(help="Write keys: who may send events.", no_args_is_help=True)
tokens = typer.Typer(help="Tokens: who may ask the API.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Lower-case letters, digits, - and _.")]


class ScopeName(StrEnum):
    lookup = "lookup"
    read = "read"
    admin = "admin"


def register(app: typer.Typer) -> None:
    app.add_typer(keys, name="keys", rich_help_panel=GROUP_ACCESS)
    app.add_typer(tokens, name="tokens", rich_help_panel=GROUP_ACCESS)


@contextmanager
def _access(data: Path, *, make: bool = False) -> Iterator[Access]:
    """The access of a data directory, beside a running node too: what changes is an event in the log."""
    from kizuna.processors.access import Access

    from .wiring import clock, opened_log

    directory = DataDirectory(data)
    if make:
        directory.open_workspace(tell_made)
    else:
        directory.require()
    with opened_log(directory, load_settings(directory)) as log:
        access = Access(log, clock)
        access.refresh()
        yield access


def _remove(data: Path, kind: CredentialKind, name: str) -> None:
    """By the node that runs here, which else would notice within seconds only."""
    from . import running_node

    node = running_node.find(DataDirectory(data))
    if node:
        node.ask("DELETE", f"/api/{'keys' if kind == 'write_key' else 'tokens'}/{quote(name, safe='')}")
        return
    with _access(data) as access:
        access.remove(kind, name, uuid4())


def _show(kind: str, text: str, use: str) -> None:
    out.print(text, style="bold")
    err.print(f"Keep this {kind} now: it is not stored and cannot be shown again. {use}")


@keys.command("create")
def create_key(
    name: Name,
    data: Data = DEFAULT_DATA,
    source: Annotated[
        str | None, typer.Option(help="What it sends is of this source; by default the key's name.")
    ] = None,
    public: Annotated[
        bool,
        typer.Option(
            "--public", metavar="", help="For web pages and apps: it may tell what a visitor does, no more."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a write key. It works at once, on a running node too."""
    from .wiring import new_secret

    rights: Literal["public", "secret"] = "public" if public else "secret"
    with _access(data, make=True) as access:
        key = access.create_write_key(name, rights, source or name, new_secret(), uuid4())
    if as_json:
        print_json({"name": name, "key": key, "rights": rights, "source": source or name})
    else:
        _show("key", key, "Send it as `Authorization: Bearer KEY`.")


@keys.command("list")
def list_keys(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List write keys. The keys themselves are kept nowhere."""
    with _access(data) as access:
        rows = [(name, key.rights, key.source) for name, key in access.write_keys().items()]
    if as_json:
        print_json([{"name": name, "rights": rights, "source": source} for name, rights, source in rows])
    else:
        print_table(("name", "rights", "source"), rows)


@keys.command("remove")
def remove_key(name: Name, data: Data = DEFAULT_DATA) -> None:
    """Take a write key back. A running node refuses it at once."""
    _remove(data, "write_key", name)
    err.print(f"The write key {name} is removed.")


@tokens.command("create")
def create_token(
    name: Name,
    scope: Annotated[
        ScopeName,
        typer.Option(help="lookup asks for one profile at a time, read asks all, admin changes too."),
    ] = ScopeName.read,
    field: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="Of scope lookup: what it sees of a profile, such as id, fields.given_name, "
            "traits.lifetime_value, identifiers.card. May be repeated.",
        ),
    ] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make a token for the API. It works at once, on a running node too."""
    from .wiring import new_secret

    with _access(data, make=True) as access:
        token = access.create_token(name, scope.value, new_secret(), uuid4(), field or ())
        fields = access.tokens()[name].fields
    if as_json:
        print_json({"name": name, "token": token, "scope": scope.value, "fields": fields})
    else:
        _show("token", token, "Send it as `Authorization: Bearer TOKEN`.")


@tokens.command("list")
def list_tokens(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List tokens. The tokens themselves are kept nowhere."""
    with _access(data) as access:
        rows = [(name, token.scope, token.fields) for name, token in access.tokens().items()]
    if as_json:
        print_json([{"name": name, "scope": scope, "fields": fields} for name, scope, fields in rows])
    else:
        print_table(
            ("name", "scope", "fields"), [(name, scope, ", ".join(fields)) for name, scope, fields in rows]
        )


@tokens.command("remove")
def remove_token(name: Name, data: Data = DEFAULT_DATA) -> None:
    """Take a token back. A running node refuses it at once."""
    _remove(data, "token", name)
    err.print(f"The token {name} is removed.")
