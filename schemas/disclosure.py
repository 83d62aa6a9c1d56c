"""What a token of scope `lookup` declares: paths into the answer to a look-up, and the part they make."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import AfterValidator

from .errors import Undeclarable
from .identifiers import COMPANY, KINDS, is_person_kind

PLAIN = ("id", "of", "first_seen", "last_seen", "as_of")
"""Paths of one step. All else is `fields.<name>`, also of a field within one (`fields.address.city`),
`traits.<name>` and `identifiers.<kind>`. A field with a dot in its name has no path."""

MOST = 100
"""Fields that one token may declare."""

MAX_LENGTH = 200
FORMS = f"Declare {', '.join(PLAIN)}, fields.<name>, traits.<name> or identifiers.<kind>."


def _path(text: str) -> str:
    if not is_path(text):
        raise ValueError(f"no path into the answer to a look-up. {FORMS}")
    return text


DeclaredField = Annotated[str, AfterValidator(_path)]


def is_path(text: str) -> bool:
    """Whether it has the form of a path; of traits and fields it does not say that there is one."""
    group, *steps = text.split(".")
    if len(text) > MAX_LENGTH or not text.isprintable():
        return False
    match group:
        case "identifiers":
            return len(steps) == 1 and (is_person_kind(steps[0]) or steps[0] == COMPANY)
        case "traits":
            return len(steps) == 1 and bool(steps[0])
        case "fields":
            return bool(steps) and all(step == step.strip() != "" for step in steps)
    return text in PLAIN


def check(fields: Sequence[str], traits: Collection[str]) -> None:
    """Raises Undeclarable for what is no path, and for a trait that is not among `traits`."""
    if not 1 <= len(fields) <= MOST:
        raise Undeclarable(f"A token of scope lookup declares 1 to {MOST} fields.", hint=FORMS)
    for one in fields:
        if not is_path(one):
            shown = one[:MAX_LENGTH] if one.isprintable() else "What was given"
            raise Undeclarable(f"{shown} is no field of a look-up.", hint=_advice(one, traits))
        group, _, name = one.partition(".")
        if group == "traits" and name not in traits:
            raise Undeclarable(f"There is no trait {name}.", hint=_near(name, traits))


def disclose(answer: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """The part of an answer that these fields make, in its shape and order. A field or trait that the profile
    does not have is left out, as in the whole; `fields`, `traits` and `identifiers` stand there, be it empty,
    where something in them is declared."""
    wanted = [tuple(one.split(".")) for one in fields]
    part: dict[str, Any] = {}
    for name, value in answer.items():
        below = [steps for group, *steps in wanted if group == name]
        if not below:
            continue
        match name:
            case "identifiers":
                part[name] = [one for one in value if [one["kind"]] in below]
            case "fields" | "traits":
                part[name] = _within(value, below)
            case _:
                part[name] = value
    return part


def _within(value: Mapping[str, Any], wanted: Sequence[Sequence[str]]) -> dict[str, Any]:
    part: dict[str, Any] = {}
    for name, held in value.items():
        below = [steps for first, *steps in wanted if first == name]
        if [] in below:
            part[name] = held
        elif below and isinstance(held, Mapping) and (inner := _within(held, below)):
            part[name] = inner  # an empty one would tell that there is something
    return part


def _advice(text: str, traits: Collection[str]) -> str:
    group, dot, name = text.partition(".")
    if group in ("ids", "identifiers") and dot:
        return f"Kinds of identifiers are {', '.join(KINDS)}, x_<system> and {COMPANY}: identifiers.<kind>."
    if group in ("field", "trait") and name:
        return f"Write {group}s.{name}."
    if text in traits:
        return f"Write traits.{text}."
    if text.isidentifier():
        return f"A field of the profile is fields.{text}. {FORMS}"
    return FORMS


def _near(name: str, traits: Collection[str]) -> str:
    near = get_close_matches(name, sorted(traits), n=5)
    if near:
        return f"Near it are {', '.join(near)}; GET /api/definitions has all."
    return f"There are: {', '.join(sorted(traits))}."
