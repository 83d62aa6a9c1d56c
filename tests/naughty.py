"""Bad input, made here: strings that break programs, and every place of a submission that they can be put
into. The places are read off the models, so that a new event type is among them."""

from __future__ import annotations

import copy
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from kizuna.schemas.examples import example
from kizuna.schemas.identifiers import KINDS
from kizuna.schemas.payload import MODELS
from kizuna.schemas.submission import Submission

STRINGS: tuple[str, ...] = (
    # Nothing, and white space of every kind
    "", " ", "\t", "\n", "\r\n", "a\nb", "a\r\nX-Header: b", "\u00a0", "\u3000", "\u2028", "\u2029",
    "\u0085", "\u1680", "\u202f", " padded ",
    # Control characters
    "\x00", "a\x00b", "\x00tail", "\x01\x02\x03", "\x08\x08", "\x1b[31mred\x1b[0m", "\x1f", "\x7f",
    "\x80", "\x9b1m", "\x1fkey\x1f", "bell\x07",
    # Zero width, direction, marks of order
    "\u200b", "a\u200bb", "\u200d", "\u2060", "\ufeff", "\ufefftext", "text\ufeff", "\u202eabc",
    "\u2066abc\u2069", "\u200fשלום", "مرحبا بالعالم", "a\u061cb", "\ufffe", "\uffff", "\ufdd0",
    "\ufffd",
    # Combining, normal forms, widths, case that changes length
    "é", "e\u0301", "Z\u0351\u036b\u0343\u032a\u0302", "\u0301", "\u0344", "ガ", "カ\u3099", "ｶﾞ",
    "ＡＢＣ１２３", "０", "－１", "①", "ﬃ", "\ufdfa", "İstanbul", "ıI", "ß", "ẞ", "ǅ", "ΰ", "ς", "Å", "Ω",
    "㋿", "髙﨑", "葛\U000e0100飾", "한국어", "ᄒ\u1161\u11ab",
    # Beyond the basic plane
    "😀", "👩\u200d👩\u200d👧\u200d👦", "🏳\ufe0f\u200d🌈", "👍🏽", "🇯🇵", "\U0001f1ef", "𠮷野家", "𝒽𝑒𝓁𝓁𝑜",
    "\U000e0041", "\U0010ffff", "\U0010fffe", "\U000f0000", "\ue000",
    # Words that programs take for something else
    "null", "NULL", "None", "nil", "undefined", "true", "False", "NaN", "nan", "Infinity", "-Infinity",
    "inf", "[object Object]", "__proto__", "constructor", "prototype", "hasOwnProperty", "__class__",
    "{}", "[]", '""', "\\N", "guest", "anonymous", "CON", "aux.txt",
    # Numbers and what looks like one
    "0", "-0", "-1", "+1", "00", "1.0", "1,000.50", "1.000,50", "1_000", "0x1F", "0b1", "0o17", "1e309",
    "1e999999", "-1e-999999", "1e-400", "0e999999", "0e-999999", "9223372036854775807",
    "9223372036854775808", "-9223372036854775809", "18446744073709551616",
    "340282366920938463463374607431768211456", "9" * 400, "0." + "0" * 300 + "1", ".5", "5.", "1/0",
    "٣", "½", "五", "¥1,000", "1.7976931348623157e308", "4.9e-324", "0.1e1", "1e+3", "--1", "1 000",
    # Dates and times
    "0000-00-00", "0001-01-01", "9999-12-31", "10000-01-01", "1900-02-29", "2026-02-30", "2026-13-01",
    "2026-12-31T23:59:60Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00+99:99",
    "1899-12-31T23:59:59Z", "2262-01-01T00:00:00Z", "294248-01-01T00:00:00Z", "-0001-01-01T00:00:00Z",
    "infinity", "epoch", "now", "1700000000", "1700000000000", "令和8年1月1日", "2026-W01-1", "2026-001",
    # Injections
    "'", '"', "`", "\\", "\\'", "';--", "' OR '1'='1", "'); DROP TABLE events; --",
    "1; ATTACH 'x.duckdb'", "%", "_", "$key", "$1", "?", ":name", "%s%n%x", "=1+1", '=cmd|"/C calc"!A0',
    "+1+1", "-1+1", "@SUM(A1)", "\t=1", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>",
    "</textarea>", "<!--", "]]>", "&amp;", "&#0;", "javascript:alert(1)", "{{7*7}}", "${7*7}", "#{7*7}",
    "<%= 7*7 %>", "{%raw%}", "{0.__class__}", "${jndi:ldap://x}", "$(reboot)", "`reboot`", "; ls",
    "| ls", "&& ls", "$IFS", "../../../etc/passwd", "..\\..\\boot.ini", "%2e%2e%2f", "%00",
    "file:///etc/passwd", "http://169.254.169.254/", "\\\\host\\share", "*)(uid=*", "' or count(/*)=0",
    "<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>", "a,b;c\td|e", '"unclosed', "$.a.b", "a.b",
    "$ref", "#",
    # Bytes that were decoded wrongly, and escapes that nobody resolved
    "Ã©", "ã\x81\x82", "\u00c0\u00af", "\\u0000", "\\ud800", "\\x00", "&#xd800;", "=?utf-8?B?4oI=?=",
    "%C0%AF",
    # Long
    "x" * 101, "x" * 201, "x" * 257, "x" * 501, "x" * 1_001, "x" * 10_001, "あ" * 4_000,
    "👩\u200d👧" * 500, "e" + "\u0301" * 3_000, "(" * 500, "[" * 2_000, "\\" * 999, "a " * 2_000,
    "\n" * 300,
)  # fmt: skip
"""Texts that JSON can hold."""

Step = str | int

SUBMITTED = "page.viewed"
"""The type that carries the fields of the submission itself."""

_AROUND = {
    "entities": [{"kind": "order", "id": "A-1"}],
    "actor": {"kind": "staff"},
    "attachments": [{"hash": "0" * 64, "media_type": "image/png", "place": "archive"}],
}


class Place(BaseModel):
    """Where a value stands in a submission of a type, and the annotation of the model's field there."""

    type: str
    path: tuple[Step, ...]
    annotation: Any

    def items(self, values: tuple[object, ...] = STRINGS) -> Iterator[dict[str, Any]]:
        """The type's example with each of the values in this place. One object: it changes under you."""
        item: Any = copy.deepcopy(example(self.type))
        # Around a correction little may stand: the rest belongs to the event within.
        whole = item["properties"]["event"] if self.type == "event.corrected" else item
        whole |= copy.deepcopy({name: value for name, value in _AROUND.items() if name not in whole})
        item.pop("message_id", None)  # each is an item of its own
        if self.type in ("event.corrected", "event.retracted"):
            item["test"] = True  # it would take out others
        node: Any = item
        for step, below in zip(self.path, self.path[1:], strict=False):
            empty: object = [{}] if isinstance(below, int) else {}
            if isinstance(step, str) and not isinstance(node.get(step), type(empty)):
                node[step] = _sample(step, empty)
            node = node[step]
        for value in values:
            node[self.path[-1]] = value
            yield item


def _sample(name: str, empty: object) -> object:
    """A list or object of this name, from whichever example has one; else an empty one."""
    for type_ in MODELS:
        properties = example(type_)["properties"]
        if isinstance(properties, dict) and isinstance(properties.get(name), type(empty)):
            return copy.deepcopy(properties[name])
    return empty


def places() -> Iterator[Place]:
    """Every field of every catalogue model, of parts within parts too; then those of the submission around
    it, each kind of identifier, and members that the sender makes up."""
    for type_, model in MODELS.items():
        for path, annotation in _fields(model, ("properties",)):
            yield Place(type=type_, path=path, annotation=annotation)
    for path, annotation in _fields(Submission, ()):
        yield Place(type=SUBMITTED, path=path, annotation=annotation)
    for kind in (*KINDS, "x_pos"):
        yield Place(type=SUBMITTED, path=("ids", kind), annotation=str)
        yield Place(type=SUBMITTED, path=("ids", kind, 0), annotation=str)
    for part in ("properties", "context"):
        yield Place(type=SUBMITTED, path=(part, "own"), annotation=str)
        yield Place(type=SUBMITTED, path=(part, "own", "deep", 0), annotation=str)


def _fields(model: type[BaseModel], path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Any]]:
    for name, info in model.model_fields.items():
        here = (*path, info.alias or name)
        yield here, info.annotation
        listed = _is_list(info.annotation)
        if listed:
            yield (*here, 0), Any
        for part in _parts(info.annotation):
            yield from _fields(part, (*here, 0) if listed else here)


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) in (list, tuple) or any(map(_is_list, get_args(annotation)))


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models within an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _parts(inner)


def says(envelope: dict[str, Any], place: Place, text: str) -> bool:
    """Whether the envelope holds the text where it was put, or what is documented to become of it."""
    if place.type == "event.corrected":
        return place.path[-1] == "test" or says(envelope, _kept(place), text)
    if place.path[0] == "ids":
        kind = place.path[1]
        return {"kind": kind, "value": _identifier(str(kind), text)} in envelope["ids"]
    if place.path[0] == "entities":
        return any(text.strip() == entity[str(place.path[2])] for entity in envelope["entities"])
    if place.path == ("message_id",):
        return True  # it is within the event's id
    if place.path[-1] == "namespace" and not text.strip():
        return True  # the source stands in for none
    names = {"occurred_at": "original_timestamp"}
    node: Any = {"test": False, **envelope}
    parent: Any = None
    for step in place.path:
        parent, node = node, node[names.get(str(step), step)]
    if place.path[-1] == "value" and "kind" in parent:  # somebody else, named by an identifier
        text = _identifier(parent["kind"], text)
    return _means(node, text)


def _kept(place: Place) -> Place:
    """Where the envelope keeps a place of a correction: it is that of the event within."""
    head, *rest = place.path
    if head != "properties":
        path: tuple[Step, ...] = place.path if head == "message_id" else ("correction", *place.path)
    elif rest[0] == "event":
        path = tuple(rest[1:])
    else:
        path = ("corrects",) if rest[0] == "event_id" else ("correction", *rest)
    return place.model_copy(update={"type": "note.added", "path": path})


def _identifier(kind: str, text: str) -> str:
    value = unicodedata.normalize("NFKC", text)
    if kind == "email":
        value = unicodedata.normalize("NFKC", value.lower())
    return value.strip()


def _means(kept: object, text: str) -> bool:
    """The text itself, without outer white space, or the number, time or boolean that it writes."""
    if isinstance(kept, bool):
        return text.lower() in (("true", "1") if kept else ("false", "0"))
    if str(kept) in (text, text.strip()):
        return True
    with suppress(InvalidOperation):
        return Decimal(str(kept)) == Decimal(text.strip())
    with suppress(ValueError):
        wanted = datetime.fromisoformat(text)
        return str(kept) == f"{wanted:%Y-%m-%d}" or datetime.fromisoformat(str(kept)) == wanted
    return False
