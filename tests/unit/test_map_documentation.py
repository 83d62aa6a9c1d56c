"""What docs/import.md says of maps is so."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from pydantic import BaseModel

from kizuna.ingest.conditions import Condition
from kizuna.ingest.maps import Entity, Format, ImportMap, LeaveOut, Otherwise, Place, Rule
from kizuna.ingest.values import ObjectValue, RowsValue, Value
from tests.importing import EXAMPLES, Imported, example, import_file

MODELS: list[type[BaseModel]] = [
    ImportMap, Format, Rule, Value, ObjectValue, RowsValue, Condition, Entity, Place, LeaveOut, Otherwise
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_is_documented(root: Path, model: type[BaseModel]) -> None:
    page = (root / "docs" / "import.md").read_text()
    words = {word for code in re.findall(r"`([^`\n]+)`", page) for word in re.findall(r"\w+", code)}
    keys = {field.alias or name for name, field in model.model_fields.items()}
    assert keys - words == set()


@pytest.fixture(scope="module")
def salon(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    folder = tmp_path_factory.mktemp("salon")
    return import_file(EXAMPLES / "salon-visits.csv", example("salon-visits"), folder)


def test_the_salons_visits(salon: Imported) -> None:
    assert Counter(event["type"] for event in salon.events) == {
        "visit.completed": 4,
        "order.completed": 4,
        "customer.identified": 2,
    }
    visit = next(event for event in salon.events if event["properties"].get("visit_id") == "V-1001")
    assert visit["occurred_at"] == "2025-03-02T01:00:00.000000Z"
    assert visit["ids"] == [{"kind": "card", "value": "M-017"}]
    assert visit["place"] == {"store": "銀座"}
    assert visit["properties"]["total"] == "14300.0000"
    assert visit["properties"]["next_booking"] == "2025-04-06T01:00:00.000000Z"
    assert [service["name"] for service in visit["properties"]["menu"]] == ["カット", "カラー"]


def test_the_salons_row_without_a_time(salon: Imported) -> None:
    """It fails once for each rule that means it."""
    assert {(one["line"], one["reason"]) for one in salon.failed} == {(8, "column 来店日時 is empty")}
    assert len(salon.failed) == 2
    assert salon.report.left_out == {"tests of the till": 1}


def test_the_page_shows_the_sample_as_it_is(root: Path) -> None:
    page = (root / "docs" / "import.md").read_text()
    shown = re.search(r"```\n(来店番号.*?)```", page, re.DOTALL)
    assert shown is not None
    assert (EXAMPLES / "salon-visits.csv").read_text().startswith(shown[1])
