"""Items that name their fields as other tools do: refused, with the name to use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.collector_node import CollectorNode, collector_node, page


@pytest.fixture
def node(tmp_path: Path) -> Iterator[CollectorNode]:
    with collector_node(tmp_path) as node:
        yield node


@pytest.mark.parametrize(
    ("field", "ours"),
    [
        ("userId", "ids.user_id"),
        ("anonymousId", "ids.anonymous_id"),
        ("messageId", "message_id"),
        ("timestamp", "occurred_at"),
        ("sentAt", "sent_at"),
        ("event", "type"),
        ("traits", "properties of customer.identified"),
    ],
)
def test_a_field_of_another_tool_is_told_its_name_here(
    node: CollectorNode, root: Path, field: str, ours: str
) -> None:
    (result,) = node.results(page(**{field: "x"}))
    assert (result["code"], result["path"]) == ("invalid", field)
    assert result["reason"].endswith(f": send {ours} instead of {field}")
    assert f"`{field}`" in (root / "docs" / "collector.md").read_text()


def test_an_item_with_event_in_place_of_type_is_told_so(node: CollectorNode) -> None:
    named, none, deeper = node.results(
        [{"event": "Order Completed", "userId": "u"}, {"x": 1}, page(properties={"path": 5, "userId": "u"})]
    )
    assert (named["path"], named["reason"]) == ("type", "Field required: send type instead of event")
    assert (none["path"], none["reason"]) == ("type", "Field required")
    assert "instead" not in deeper["reason"]
