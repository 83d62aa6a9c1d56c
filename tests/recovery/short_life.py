"""A short life of a node: first start, a key, events, a trait, an import that is undone and redone, a receipt
that is taken out, an item that is repaired, a rebuild, an end. Lived again after a death, it sends and does
what was not acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import httpx

from kizuna.eventlog.port import NewRecord
from kizuna.eventlog.topics import DEFINITIONS
from kizuna.ingest.collector import collector
from kizuna.ingest.importer import run_import
from kizuna.ingest.map_file import load_map
from kizuna.processors.corrections import Act, Corrections
from kizuna.processors.rebuild import rebuild
from kizuna.processors.repairs import Repairs
from kizuna.processors.services import Services
from kizuna.processors.turns import Turns
from kizuna.projections import canon
from kizuna.projections.definitions import load_plan, shipped
from kizuna.runtime import bootstrap, node_file, settings
from kizuna.runtime.directory import DataDirectory
from kizuna.runtime.node_file import NodeFile
from kizuna.runtime.wiring import opened_services
from kizuna.schemas.admission import event_id_for
from kizuna.schemas.definitions import Definition
from kizuna.schemas.errors import ConfigurationError
from kizuna.schemas.readmission import Repair
from tests.importing import tills_map

SETTINGS = settings.load(None, batch_size=12)
TRAITS = [one for one in shipped() if one.name in ("orders_count", "lifetime_value", "last_order_at")]
SECRET = "s" * 43
NAMES = UUID(int=11)
KEPT = {"log.sqlite", "store.duckdb", "store.ids", "store.json", "workspace.key", "imports"}
"""What lies in the data directory once a life is over."""

ROWS = 6
ACT = Act({"kind": "staff", "id": "tests"})


def _order(number: int, total: str) -> dict[str, object]:
    return {
        "message_id": f"m{number}",
        "type": "order.completed",
        "ids": {"card": f"C{number % 3}"},
        "occurred_at": f"2026-01-{number + 1:02}T10:00:00Z",
        "properties": {"order_id": f"O{number}", "total": total, "currency": "EUR"},
    }


POSTS: dict[str, list[dict[str, object]]] = {
    "first": [_order(1, "10.50"), _order(2, "7.25")],
    "refused": [{"message_id": "bad", "type": "no such type"}],
    "second": [_order(3, "1.00"), _order(1, "10.50"), _order(4, "3.10")],
    "third": [_order(5, "2.00")],
}
"""Each goes to one topic, so that it is one commit whatever the moment."""

VOID = "m2"
CORRECTED = "m4"
REPAIR = {"type": "page.viewed", "ids": {"card": "C1"}, "properties": {"path": "/"}}
LEFT = {"m1", "m3", "m5", "bad"}
"""Under their own ids: one was taken out, one corrected, one repaired."""
REFUSED = 1
SOLD = Decimal("10.50") + Decimal("1.00") + Decimal("4.00") + Decimal("2.00")
IMPORTED = sum((Decimal(n) + Decimal("0.5") for n in range(ROWS)), Decimal(0))


class Life:
    """`done` names the steps that were acknowledged before; `acknowledge` is told of each one that is now."""

    def __init__(self, folder: Path, done: set[str], acknowledge: Callable[[str], None]) -> None:
        self._files = folder.parent
        self._directory = DataDirectory(folder)
        self._done = done
        self._acknowledge = acknowledge

    def live(self) -> None:
        node_file.remove(self._directory)
        with opened_services(self._directory, SETTINGS, "token") as services:
            NodeFile("http://127.0.0.1:1", "token").write(self._directory)
            bootstrap.define(services.log, SETTINGS, TRAITS, services.clock)
            self._step(_identity(services), lambda: None)
            self._step("key", lambda: _make_key(services))
            self._post(services, "first")
            self._post(services, "refused")
            services.projector.fold_all()
            self._step("trait", lambda: _define_trait(services))
            self._post(services, "second")
            services.projector.fold_all()
            services.store.checkpoint()
            self._step("import", lambda: self._import(services))
            services.projector.fold_all()
            self._step("undo", lambda: _undo(services))
            self._step("void", lambda: _retract(services))
            self._step("correct", lambda: _correct(services))
            self._step("repair", lambda: _repair(services))
            self._step("redo", lambda: _redo(services))
            self._step("rebuild", lambda: _rebuild(services))
            self._post(services, "third")
            services.projector.fold_all()
            node_file.remove(self._directory)
            services.projector.stop()
            services.store.checkpoint()

    def _step(self, name: str, act: Callable[[], None]) -> None:
        if name not in self._done:
            act()
            self._acknowledge(name)

    def _post(self, services: Services, name: str) -> None:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(collector(services, SETTINGS.collector_limits()))
            async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
                headers = {"authorization": f"Bearer kzw_{SECRET}"}
                return await client.post("/v1/events", json=POSTS[name], headers=headers)

        def act() -> None:
            answer = asyncio.run(ask())
            assert answer.status_code == 200, answer.text

        self._step(name, act)

    def _import(self, services: Services) -> None:
        run_import(
            self._files / "sales.csv",
            load_map(self._files / "sales.yaml"),
            services.log,
            services.workspace_key,
            clock=services.clock,
            state_dir=self._directory.imports,
        )

    def wrongs(self) -> Iterator[str]:
        """What a finished life left that its input does not say."""
        with opened_services(self._directory, SETTINGS, "token") as services:
            services.projector.fold_all()
            acknowledged = {name for name in self._done if name.startswith("workspace")}
            if not acknowledged <= {_identity(services)}:
                yield "another workspace, log or store"
            if services.projector.lag():
                yield "records are left unfolded"
            report = rebuild(
                services.log,
                services.store,
                services.projector,
                services.workspace_key,
                verify=True,
            )
            if report.differences:
                yield f"a rebuild differs: {report.differences}"
            with services.store.read() as snapshot:
                if many := canon.twice(snapshot):
                    yield f"twice: {many}"
                found: list[tuple[Any, ...]] = snapshot.execute(
                    "SELECT event_id FROM events WHERE source = 'shop'"
                ).fetchall()
                ids = [row[0] for row in found]
                own = {event_id_for("shop", message) for message in LEFT}
                if len(ids) != len(LEFT) + 1 or not own < set(ids):
                    yield f"events: {len(ids)} of {len(LEFT) + 1}"
                money = dict(
                    snapshot.execute("SELECT source, sum(amount) FROM movements GROUP BY source").fetchall()
                )
                if money != {"shop": SOLD, "tills": IMPORTED}:
                    yield f"money: {money}"
                failed = dict(
                    snapshot.execute("SELECT source, count(*) FROM failed_items GROUP BY source").fetchall()
                )
                if failed != {"shop": REFUSED}:
                    yield f"failed events: {failed}"
                names = {row[0] for row in snapshot.execute("SELECT name FROM definitions").fetchall()}
                if not {"door", "biggest"} <= names:
                    yield "a definition is missing"
                if "biggest" not in load_plan(snapshot).states:
                    yield "a definition is not in force"
        litter = {path.name for path in self._directory.path.iterdir()} - KEPT
        if litter:
            yield f"left behind: {sorted(litter)}"


def _identity(services: Services) -> str:
    return f"workspace {services.workspace_key} {services.log.identity.log_id} {services.store.store_id}"


def _make_key(services: Services) -> None:
    try:
        services.access.create_write_key("door", "secret", "shop", SECRET, uuid5(NAMES, "door"))
    except ConfigurationError:
        assert "door" in services.access.write_keys()  # kept, but not acknowledged


def _define_trait(services: Services) -> None:
    made = Definition(
        definition_id=uuid5(NAMES, "biggest"),
        kind="trait",
        name="biggest",
        received_at=services.clock(),
        body={"name": "biggest", "max": "order.total"},
    )
    record = NewRecord(b"trait/biggest", made.model_dump_json().encode())
    services.log.append(DEFINITIONS, [record]).result(10)


def _corrections(services: Services) -> Corrections:
    return Corrections(
        Turns(services.log, services.store, services.projector),
        services.log,
        services.workspace_key,
        services.clock,
        services.new_id,
    )


def _imports(services: Services) -> list[str]:
    with services.store.read() as snapshot:
        rows = snapshot.execute(
            "SELECT DISTINCT import_id FROM events WHERE import_id IS NOT NULL"
        ).fetchall()
    return [row[0] for row in rows]


def _done_before(act: Callable[[], object]) -> None:
    """An act that was kept, but not acknowledged, is refused the second time."""
    with suppress(ConfigurationError):
        act()


def _undo(services: Services) -> None:
    for one in _imports(services):
        _done_before(partial(_corrections(services).undo_import, one, ACT))


def _redo(services: Services) -> None:
    with services.store.read() as snapshot:
        rows = snapshot.execute("SELECT DISTINCT target_import FROM controls WHERE target_import IS NOT NULL")
        undone = [row[0] for row in rows.fetchall()]
    assert undone
    for one in undone:
        _done_before(partial(_corrections(services).redo_import, one, ACT))


def _retract(services: Services) -> None:
    _done_before(lambda: _corrections(services).retract_event(event_id_for("shop", VOID), ACT))


def _correct(services: Services) -> None:
    patch = {"properties": {"total": "4.00"}}
    _done_before(lambda: _corrections(services).correct_event(event_id_for("shop", CORRECTED), patch, ACT))


def _repair(services: Services) -> None:
    repairs = Repairs(
        Turns(services.log, services.store, services.projector), services.log, services.workspace_key
    )
    with services.store.read() as snapshot:
        (failed_id,) = [row[0] for row in snapshot.execute("SELECT failed_id FROM failed_items").fetchall()]
    _done_before(lambda: repairs.repair_one(str(failed_id), Repair(patch=REPAIR), dry_run=False))


def _rebuild(services: Services) -> None:
    report = rebuild(
        services.log,
        services.store,
        services.projector,
        services.workspace_key,
        verify=True,
    )
    assert report.swapped, report.differences


def prepare(folder: Path) -> None:
    rows = [f"R{n},2025-02-{n + 1:02} 10:00:00,C{n % 3},{n}.5" for n in range(ROWS)]
    (folder / "sales.csv").write_text("\n".join(["receipt,time,card,amount", *rows]))
    (folder / "sales.yaml").write_text(tills_map("EUR"))
