"""One question for every route, at a node that folded the catalogue's examples and things that went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import httpx

from kizuna.projections.entities import MODELS
from kizuna.schemas.admission import event_id_for
from kizuna.schemas.examples import example
from kizuna.schemas.payload import MODELS as EVENTS
from tests.api.query_node import QueryNode, query_node

IMPORT, UNDONE = (f"8c5f9d2e-6d0b-5f43-9a55-0d1f6a7b3c0{number}" for number in (1, 2))


class Question(NamedTuple):
    """`template` is the path as OpenAPI names it."""

    operation: str
    method: str
    template: str
    path: str
    params: Mapping[str, Any] = MappingProxyType({})
    body: object = None
    status: int = 200

    def ask(self, node: QueryNode, token: str | None) -> httpx.Response:
        return node.answer(self.method, self.path, token=token, params=self.params, json=self.body)


@contextmanager
def lively_node(folder: Path) -> Iterator[QueryNode]:
    """Every event type once, a duplicate, a conflict, refused items, and two imports, one of them undone."""
    with query_node(folder) as node:
        node.submit(*(example(type_) for type_ in EVENTS), example("custom.quiz_finished"))
        again = example("page.viewed")
        node.submit(again, {**again, "properties": {"path": "/elsewhere"}})
        node.submit({"type": "order.compleated", "ids": {"user_id": "C-1042"}, "properties": {}})
        for number in range(3):
            visit = {**again, "message_id": f"row-{number}", "properties": {"path": f"/{number}"}}
            node.submit(visit, source="tills", import_id=UNDONE if number else IMPORT)
        node.submit({"type": "event.retracted", "properties": {"import_id": UNDONE}, "message_id": "undo"})
        node.fold()
        node.projector.caught_up.set()
        yield node


def questions(node: QueryNode) -> Iterator[Question]:
    """In an order in which each can be asked once."""
    profile = node.look_up("user_id", "C-1042")["id"]
    one = {"profile_id": profile}
    lookup = {"kind": "user_id", "value": "C-1042"}
    yield Question("look_up_profile", "POST", "/api/profiles/lookup", "/api/profiles/lookup", body=lookup)
    yield Question(
        "search_profiles", "POST", "/api/profiles/search", "/api/profiles/search", body={"query": "花子"}
    )
    for name in ("profiles", "companies"):
        yield _listed(name)
    yield _one("read_profile", "/api/profiles/{profile_id}", **one)
    yield _one("read_timeline", "/api/profiles/{profile_id}/timeline", {"limit": 2}, **one)
    for model in MODELS:
        yield _listed(model.table)
        (found,) = node.get(f"/api/{model.table}", limit=1)["items"]
        yield _one(f"read_{model.kind}", f"/api/{model.table}/{{entity_id}}", entity_id=found["entity_id"])
    for name in ("products", "stores", "staff", "exchange-rates", "notes", "tags", "fields", "relations"):
        yield _listed(name)
    yield Question("list_failed_events", "GET", "/api/failed-events", "/api/failed-events", {"limit": 2})
    yield _one("group_failed_events", "/api/failed-events/groups")
    (failed,) = node.get("/api/failed-events", code="conflict")["items"]
    yield _one("read_failed_event", "/api/failed-events/{failed_id}", failed_id=failed["id"])
    # Dry, as each is asked more than once.
    repair = {"patch": {"type": "order.cancelled", "properties": {"order_id": "A-1"}}, "dry_run": True}
    (unknown,) = node.get("/api/failed-events", code="unknown_type")["items"]
    path, bulk = "/api/failed-events/{failed_id}/repair", "/api/failed-events/repair"
    yield Question("repair_failed_event", "POST", path, path.format(failed_id=unknown["id"]), body=repair)
    by_code, again = {"code": "conflict"}, {"dry_run": True}
    yield Question("repair_failed_events", "POST", bulk, bulk, by_code, again)
    yield Question("list_imports", "GET", "/api/imports", "/api/imports", {"limit": 1})
    yield _one("read_import", "/api/imports/{import_id}", import_id=IMPORT)
    for verb, import_id in (("undo", IMPORT), ("redo", UNDONE)):
        path = f"/api/imports/{{import_id}}/{verb}"
        yield Question(f"{verb}_import", "POST", path, path.format(import_id=import_id), body=again)
    event_id = str(event_id_for("tills", "row-0"))
    yield _one("read_event", "/api/events/{event_id}", event_id=event_id)
    correct = {"patch": {"properties": {"path": "/tea"}}, "dry_run": True}
    for verb, body in (("correct", correct), ("retract", again)):
        path = f"/api/events/{{event_id}}/{verb}"
        yield Question(f"{verb}_event", "POST", path, path.format(event_id=event_id), body=body)
    (order,) = node.get("/api/orders", limit=1)["items"]
    of_order = f"/api/entities/order/{order['id']}/retract"
    named = {"namespace": order["namespace"]}
    yield Question("retract_entity", "POST", "/api/entities/{entity}/{id}/retract", of_order, named, again)
    for name in ("read_status", "read_statistics", "list_definitions", "list_schemas"):
        yield _one(name, PATHS[name])
    key, token = {"name": "web", "rights": "public"}, {"name": "dashboard"}
    yield Question("create_key", "POST", "/api/keys", "/api/keys", body=key, status=201)
    yield _one("list_keys", "/api/keys")
    yield Question("delete_key", "DELETE", "/api/keys/{name}", "/api/keys/web")
    yield Question("create_token", "POST", "/api/tokens", "/api/tokens", body=token, status=201)
    yield _one("list_tokens", "/api/tokens")
    yield Question("delete_token", "DELETE", "/api/tokens/{name}", "/api/tokens/dashboard")
    yield Question("promote", "POST", "/api/promote", "/api/promote")
    yield Question("rebuild_store", "POST", "/api/rebuild", "/api/rebuild", body={"verify": True})


PATHS = {
    "read_status": "/api/status",
    "read_statistics": "/api/stats",
    "list_definitions": "/api/definitions",
    "list_schemas": "/api/schemas",
}


def _listed(name: str) -> Question:
    return Question(f"list_{name.replace('-', '_')}", "GET", f"/api/{name}", f"/api/{name}", {"limit": 1})


def _one(operation: str, template: str, params: dict[str, Any] | None = None, **parts: str) -> Question:
    return Question(operation, "GET", template, template.format(**parts), params or {})
