"""`kizuna totals` on a folder without a node: what it leaves out, what it escapes, what it refuses."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import orjson

from tests.api.command import Run

PLACE = {"store": '=HYPERLINK("http://example.com")', "register": "-1"}


def sale(number: int, method: str, total: str) -> dict[str, object]:
    return {
        "type": "order.completed",
        "message_id": str(number),
        "occurred_at": f"2026-04-{9 + number:02}T10:00:00Z",
        "place": PLACE,
        "properties": {
            "order_id": f"R-{number}",
            "currency": "EUR",
            "total": total,
            "tenders": [{"method": method, "amount": total}],
        },
    }


def test_totals_without_a_node(run: Run, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "sales.ndjson"
    events = [sale(1, "cash", "1200.50"), sale(2, "[red]card", "3")]
    file.write_bytes(b"\n".join(orjson.dumps(one) for one in events))
    map_ = tmp_path / "sales.yaml"
    map_.write_text(
        """
source: tills
events:
  - name: sale
    type: order.completed
    natural_key: [message_id]
    occurred_at: {column: occurred_at, type: moment}
    place: {store: place.store, register: place.register}
    properties:
      order_id: properties.order_id
      currency: properties.currency
      total: {column: properties.total, type: decimal}
      tenders: {column: properties.tenders, type: json}
"""
    )
    told = run("import", file, "--map", map_, "--data", data)
    assert told.code == 0, told
    told = run("totals", "--data", data)
    assert (told.code, told.out) == (0, "")
    assert "There is nothing." in told.err
    assert "not folded yet" in told.err
    assert run("rebuild", "--data", data).code == 0

    lines = run("totals", "--data", data).out.splitlines()
    names = ["day", "source", "store", "register", "currency", "orders", "gross", "net", "[red]card", "cash"]
    assert lines[0].split() == names
    assert lines[1].split()[-5:] == ["1", "3", "3", "3", "0"]
    assert lines[2].split()[-5:] == ["1", "1,200.5", "1,200.5", "0", "1,200.5"]

    told = run("totals", "--data", data, "--since", "2026-04-10", "--until", "2026-04-10", "--csv")
    (row,) = csv.DictReader(StringIO(told.out))
    assert row["store"] == f"'{PLACE['store']}"
    assert row["register"] == "'-1"
    assert (row["gross"], row["tender cash"], row["refunds"], row["tax"]) == ("1200.5", "1200.5", "0", "0")

    found = run("totals", "--data", data, "--by", "currency_of", "--json")
    assert (found.code, "by takes day, source, store, register" in found.err) == (1, True)
    answer = run("totals", "--data", data, "--by", "source", "--json").json
    assert isinstance(answer, list)
    assert [(one["source"], one["orders"], one["net"]) for one in answer] == [("tills", 2, "1203.5")]
    assert run("totals", "--data", data, "--csv", "--json").code == 1
    assert run("totals", "--data", data, "--day", "tomorrow").code == 2
