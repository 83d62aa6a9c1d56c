"""Two ways to read traits: of one profile in Python, of many in SQL. They always agree."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kizuna.projections import trait_states
from kizuna.projections.definitions import load_plan
from kizuna.projections.traits import OFS, Of
from tests.api.query_node import query_node
from tests.folding import definition

PATHS = {
    "count": ["order", "page.viewed", "event"],
    "sum": ["order.total", "order.net_total", "custom.quiz.score", "order.completed.total"],
    "avg": ["order.total", "custom.quiz.score", "order.completed.total"],
    "min": ["order.completed_at", "custom.quiz.score", "event.occurred_at", "deal.close_date"],
    "max": ["order.total", "page.viewed.occurred_at", "order.completed.total"],
    "first": ["page.viewed.path", "order.status", "deal.stage"],
    "last": ["page.viewed.path", "order.status", "deal.stage", "custom.quiz.topic"],
    "distinct": ["page.viewed.path", "order.store"],
    "top": ["page.viewed.path", "deal.stage"],
    "list": ["page.viewed.path", "custom.quiz.topic", "deal.stage"],
}


def test_reading_one_profile_is_reading_it_among_many(tmp_path: Path) -> None:
    random = Random(7)
    with query_node(tmp_path) as node:
        node.define(*_definitions())
        for _ in range(4):
            node.submit(*(_item(random) for _ in range(150)))
            node.fold()
        with node.store.read() as snapshot:
            plan = load_plan(snapshot)
            for of in OFS:
                groups = _subjects(snapshot, of)
                everybody = [one for its in groups.values() for one in its]
                many = trait_states.of_many(snapshot, plan, of, everybody)
                assert len(many) == len(groups) > 5
                assert max(map(len, groups.values())) > (2 if of == "person" else 0)
                for profile, subjects in groups.items():
                    assert trait_states.of_one(snapshot, plan, of, subjects) == many[profile]


def test_nobody_has_no_traits(tmp_path: Path) -> None:
    with query_node(tmp_path) as node:
        node.fold()
        with node.store.read() as snapshot:
            assert trait_states.of_many(snapshot, load_plan(snapshot), "person", []) == {}


@pytest.mark.parametrize(
    ("total", "number", "average"),
    [
        ("10", 4, "2.5"),
        ("10", 3, "3.3333"),
        ("20", 3, "6.6667"),
        ("8.01", 8, "1.0013"),
        ("-0.0003", 2, "-0.0002"),
    ],
)
def test_an_average_is_exact_and_rounds_halves_away_from_zero(total: str, number: int, average: str) -> None:
    assert trait_states._average(Decimal(total), number) == Decimal(average)


def _definitions() -> list[Any]:
    made = []
    for of in OFS:
        for aggregate, paths in PATHS.items():
            for number, path in enumerate(paths):
                name = f"{of}_{aggregate}_{number}"
                body: dict[str, object] = {"name": name, "of": of, aggregate: path}
                made.append(definition("trait", name, body, minute=1))
    return made


def _item(random: Random) -> dict[str, Any]:
    user, visitor, company = random.randrange(12), random.randrange(20), random.randrange(7)
    day = f"2026-04-{random.randrange(1, 29):02}T{random.randrange(24):02}:00:00Z"
    ids: dict[str, str] = random.choice([{"user_id": f"u-{user}"}, {"anonymous_id": f"a-{visitor}"}])
    number = str(random.randrange(25))
    amount = f"{random.randrange(1, 100_000) / 100:.2f}"
    money = {"currency": random.choice(["JPY", "JPY", "EUR"])}
    kind = random.randrange(8)
    common = {"occurred_at": day, "ids": ids}
    match kind:
        case 0 | 1:
            properties = {"order_id": number, "total": amount, **money}
            place = {"store": random.choice(["ginza", "ueno"])}
            about = {"entities": [{"kind": "company", "id": f"K-{company}"}]}
            return {**common, "type": "order.completed", "properties": properties, "place": place, **about}
        case 2:
            properties = {"order_id": number, "amount": amount, **money}
            return {**common, "type": "order.refunded", "properties": properties}
        case 3:
            both = {"user_id": f"u-{user}", "anonymous_id": f"a-{visitor}"}
            return {**common, "type": "customer.identified", "ids": both, "properties": {}}
        case 4:
            score = random.choice([amount, "none", 7, None, "1e30"])
            answers = {"score": score, "topic": random.choice(["skin", "hair", "é"])}
            return {**common, "type": "custom.quiz", "properties": answers}
        case 5:
            stage = random.choice(["qualified", "proposal"])
            deal = {"deal_id": number, "company_id": f"K-{company}", "stage": stage, "close_date": day[:10]}
            return {"occurred_at": day, "type": "deal.created", "properties": deal}
        case _:
            path = random.choice(["/", "/a", "/b", "/日本"])
            about = {"entities": [{"kind": "company", "id": f"K-{company}"}]}
            return {**common, "type": "page.viewed", "properties": {"path": path}, **about}


def _subjects(snapshot: Any, of: Of) -> dict[int, list[int]]:
    sign = "=" if of == "company" else "<>"
    groups: dict[int, list[int]] = defaultdict(list)
    for profile, subject in snapshot.execute(
        f"SELECT profile, subject FROM identifiers WHERE kind {sign} 'company'"
    ).fetchall():
        groups[profile].append(subject)
    return groups
