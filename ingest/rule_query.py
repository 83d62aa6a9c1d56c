"""A rule of a map as SQL over the rows of the file: each row of the result is an event to be, or a failure.

Three layers, each a subquery of the next: the values of a row, the values of an event (one row, or a group of
rows), and the event as JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from .conditions import decide
from .maps import Entity, Rule
from .sheet import Sheet, problem, quoted
from .values import ObjectValue, Path, Property, RowsValue, Value, fragment, read

COLUMNS = "rule, key, occurred_at, submission, line, n_rows, error, item"
"""Of every result. `key` names the event within its rule, `line` is its first, `submission` its JSON text. Of
a failure `error` says where and what is wrong, and `item` holds the row; that of a group comes later."""


def events_query(number: int, rule: Rule, sheet: Sheet, fits: str, bucket: str = "true") -> str:
    """The rule's events. `fits` says which rows may be meant at all; `bucket`, over the columns k0, k1 ... of
    the key, limits groups to as many as fit into memory."""
    query = _Query(rule, sheet)
    submission = query.submission()
    rows = f"SELECT * FROM ({query.rows(_fits(rule, sheet, fits, named=True))}) WHERE {bucket}"
    events = query.groups(rows) if rule.group_by else query.singles(rows)
    return (
        f"SELECT {number} AS rule, key, v0 AS occurred_at,"
        f" CASE WHEN error IS NULL THEN {submission} END AS submission, line, n_rows, error, item"
        f" FROM ({events})"
    )


def nameless_query(number: int, rule: Rule, sheet: Sheet, fits: str) -> str:
    """The rows that the rule means, but that lack a part of the event's key: failures."""
    wrong = " ".join(
        f"WHEN {sheet.column(name)} IS NULL THEN {problem('', f'column {name} is empty')}"
        for name in rule.key
    )
    return (
        f"SELECT {number}, NULL, NULL, NULL, line, 1, CASE {wrong} END, {sheet.content}"
        f" FROM rows WHERE {_fits(rule, sheet, fits, named=False)}"
    )


def group_items_query(rule: Rule, sheet: Sheet, fits: str, failed: str) -> str:
    """Key and rows, as one JSON text, of the groups whose keys the query `failed` gives."""
    keys = ", ".join(sheet.column(name) for name in rule.key)
    return (
        "SELECT key, '[' || string_agg(content, ',' ORDER BY content) || ']' AS item"
        f" FROM (SELECT {_key(keys)} AS key, {sheet.content} AS content FROM rows"
        f" WHERE {_fits(rule, sheet, fits, named=True)}) WHERE key IN ({failed}) GROUP BY key"
    )


def _fits(rule: Rule, sheet: Sheet, fits: str, *, named: bool) -> str:
    tests = [fits] + ([decide(rule.when, sheet)] if rule.when else [])
    if rule.key:
        whole = " AND ".join(f"{sheet.column(name)} IS NOT NULL" for name in rule.key)
        tests.append(f"({whole})" if named else f"NOT ({whole})")
    return " AND ".join(tests)


def _key(columns: str) -> str:
    return f"CAST(to_json([{columns}]) AS VARCHAR)"


class _Slot(NamedTuple):
    """A value on its way through the layers, in the column `name`."""

    name: str
    value: Value
    path: str

    @property
    def pick(self) -> str:
        return self.value.pick or "same"


class _Query:
    """Collects what the layers must carry while the submission is put together."""

    def __init__(self, rule: Rule, sheet: Sheet) -> None:
        self._rule = rule
        self._sheet = sheet
        self._keys = ", ".join(f"k{n}" for n in range(len(rule.key)))
        self._slots: list[_Slot] = []
        self._lists: list[str] = []
        self._errors: list[str] = [sheet.unreadable]

    def submission(self) -> str:
        """The event as JSON text, over the second layer."""
        rule = self._rule
        occurred_at = self._json(("occurred_at",), rule.occurred_at)  # v0, the time to sort by
        entities = ", ".join(
            f"CASE WHEN {id_} IS NOT NULL THEN {_entity(one, id_)} END"
            for number, one in enumerate(rule.entities)
            for id_ in [self._text(("entities", number, "id"), one.id)]
        )
        place = {"store": rule.place.store, "register": rule.place.register_} if rule.place else {}
        fields = {
            "type": _text(rule.type),
            "occurred_at": occurred_at,
            "ids": _some({kind: self._text(("ids", kind), value) for kind, value in rule.ids.items()}),
            "entities": f"nullif('[' || concat_ws(',', {entities}) || ']', '[]')" if entities else "NULL",
            "properties": self._fields(("properties",), rule.properties),
            "context": self._fields(("context",), rule.context),
            "channel": self._text(("channel",), rule.channel),
            "place": _some({name: self._text(("place", name), value) for name, value in place.items()}),
        }
        return _object(fields)

    def rows(self, fits: str) -> str:
        """First layer: the typed values of each row, and what is wrong with it first."""
        sheet = self._sheet
        column = self._rule.occurred_at.column
        reason = f"column {column} is empty" if column else "is empty"
        timeless = f"CASE WHEN v0 IS NULL THEN {problem('occurred_at', reason)} END"
        columns = [
            f"{self._row_id()} AS row_id",
            *(f"{sheet.column(name)} AS k{n}" for n, name in enumerate(self._rule.key)),
            *(f"{read(slot.value, sheet).expression} AS {slot.name}" for slot in self._slots),
            *(f"{text} AS l{n}" for n, text in enumerate(self._lists)),
            f"coalesce({', '.join([*self._errors, timeless])}) AS error",
            f"CASE WHEN error IS NOT NULL THEN {sheet.content} END AS item",
            f"{sheet.content if any(slot.pick == 'first' for slot in self._slots) else 'NULL'} AS content",
        ]
        return f"SELECT line, {', '.join(columns)} FROM rows WHERE {fits}"

    def singles(self, rows: str) -> str:
        """Second layer, an event a row."""
        return f"SELECT *, {_key(self._keys) if self._keys else 'row_id'} AS key, 1 AS n_rows FROM ({rows})"

    def groups(self, rows: str) -> str:
        """Second layer, an event a group."""
        columns = [
            *(f"{_picked(slot)} AS {slot.name}" for slot in self._slots),
            *(f"string_agg(l{n}, ',' ORDER BY l{n}) AS l{n}" for n in range(len(self._lists))),
            f"coalesce({', '.join(['min(error)', *(_different(slot) for slot in self._slots)])}) AS error",
        ]
        return (
            f"SELECT {_key(self._keys)} AS key, {', '.join(columns)}, min(line) AS line, count(*) AS n_rows,"
            f" NULL AS item FROM ({rows}) GROUP BY {self._keys}"
        )

    def _row_id(self) -> str:
        if self._rule.key and not any(value.row_id for _, value in self._rule.values()):
            return "NULL"
        # Equal rows fit the same rules: their numbers mean the same in each.
        number = f"row_number() OVER (PARTITION BY {self._sheet.identity})"
        return f"sha256({self._sheet.content} || chr(31) || {number})"

    def _fields(self, path: Path, fields: Mapping[str, Property]) -> str:
        members = {name: self._field((*path, name), field) for name, field in fields.items()}
        return _some(members)

    def _field(self, path: Path, field: Property) -> str:
        if isinstance(field, Value):
            return self._json(path, field)
        if isinstance(field, ObjectValue):
            return self._fields(path, field.object)
        return self._list(path, field)

    def _list(self, path: Path, field: RowsValue) -> str:
        members = {}
        for name, value in field.each_row.items():
            expression = self._read((*path, name), value)
            members[name] = fragment(value.kind, expression)
        self._lists.append(_some(members))
        return f"'[' || l{len(self._lists) - 1} || ']'"

    def _json(self, path: Path, value: Value) -> str:
        slot = self._slot(path, value)
        return fragment("integer" if slot.pick == "count" else value.kind, slot.name)

    def _text(self, path: Path, value: Value | None) -> str:
        """A value that must be a text in JSON, such as an id, whatever it is read as."""
        if value is None:
            return "NULL"
        return fragment("text", f"CAST({self._slot(path, value).name} AS VARCHAR)")

    def _slot(self, path: Path, value: Value) -> _Slot:
        self._read(path, value)
        self._slots.append(_Slot(f"v{len(self._slots)}", value, _dotted(path)))
        return self._slots[-1]

    def _read(self, path: Path, value: Value) -> str:
        expression, error = read(value, self._sheet, _dotted(path))
        if error:
            self._errors.append(error)
        return expression


def _picked(slot: _Slot) -> str:
    """One value of a group's."""
    if slot.pick == "first":
        return f"arg_min({slot.name}, content)"
    return f"{'min' if slot.pick == 'same' else slot.pick}({slot.name})"


def _different(slot: _Slot) -> str:
    """The error of a group whose rows should agree and do not."""
    if slot.pick != "same":
        return "NULL"
    where = slot.value.column or slot.value.template or ""
    reason = f"{where} is not the same in all rows: say which with pick"
    return f"CASE WHEN min({slot.name}) <> max({slot.name}) THEN {problem(slot.path, reason)} END"


def _dotted(path: Path) -> str:
    return ".".join(str(step) for step in path)


def _text(text: str) -> str:
    """A fixed text as SQL of its JSON."""
    return quoted(json.dumps(text, ensure_ascii=False))


def _object(members: Mapping[str, str]) -> str:
    """SQL of an object as JSON text, from that of its members; those that are NULL are left out."""
    pairs = [
        f"{quoted(json.dumps(name, ensure_ascii=False) + ':')} || {text}" for name, text in members.items()
    ]
    return f"'{{' || concat_ws(',', {', '.join(pairs)}) || '}}'" if pairs else "'{}'"


def _entity(entity: Entity, id_: str) -> str:
    namespace = _text(entity.namespace) if entity.namespace else "NULL"
    return _object({"kind": _text(entity.kind), "id": id_, "namespace": namespace})


def _some(members: Mapping[str, str]) -> str:
    """The same, or NULL when nothing is in it."""
    return f"nullif({_object(members)}, '{{}}')" if members else "NULL"
