"""What watches a node goes by metrics that there are: the page, the alerts, the dashboard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.node_process import NodeProcess, kizuna

ENDS = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
OF_PROMETHEUS = {"up": {"job", "instance"}}
TARGET = {"job", "instance"}
"""Labels that Prometheus adds to whatever it scrapes."""

_SELECTOR = re.compile(r"\b([a-z_:][a-z0-9_:]*)\b(?!\s*\()\s*(\{[^}]*\})?")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")
_WORDS = {"by", "or", "and", "unless", "on", "ignoring", "without", "bool", "offset"}


class Row(NamedTuple):
    """Of the table of metrics."""

    name: str
    kind: str
    labels: set[str]


def table(root: Path) -> list[Row]:
    section = (root / "docs" / "operations.md").read_text().split("\n### Metrics\n")[1].split("\n### ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if "|" in line]
    return [
        Row(name.strip("`"), kind, set(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels, _ in rows
        if name.startswith("`")
    ]


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a node to which something of each kind has happened."""
    with NodeProcess(tmp_path_factory.mktemp("metrics") / "data") as node:
        key = kizuna("keys", "create", "web", "--data", node.data).stdout.strip()
        item: dict[str, object] = {"type": "page.viewed", "ids": {"user_id": "u"}, "message_id": "1"}
        refused: dict[str, object] = {"type": "page.seen"}
        for items in ([item, refused], [item]):
            assert node.post(key, items, "?wait=10s").json()["folded"] is True
        node.ask("GET", "/api/status")
        return node.ask("GET", "/metrics").text


def test_the_page_has_every_metric_that_there_is_and_no_other(root: Path, answer: str) -> None:
    there = {
        f"{family.name}_total" if family.type == "counter" else family.name: family.type
        for family in text_string_to_metric_families(answer)
        if not family.name.startswith("python_")
    }
    rows = table(root)
    assert {row.name: row.kind for row in rows} == there
    assert len(rows) == len(there) > 40


def test_the_page_has_every_label_that_there_is(root: Path, answer: str) -> None:
    rows = {row.name: row for row in table(root)}
    seen: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(answer):
        for sample in family.samples:
            name = f"{family.name}_total" if family.type == "counter" else family.name
            seen.setdefault(name, set()).update(sample.labels.keys() - {"le"})
    # Nothing was refused or cut off here, so those have no sample.
    for name, row in rows.items():
        assert row.labels == seen.get(name, row.labels), name
    assert len(seen.keys() & rows.keys()) > 40


class Unknown(ValueError):
    pass


def check(expression: str, known: dict[str, set[str]]) -> set[str]:
    """The metrics that a query names. Raises Unknown for one that is none, for a label that it does not have,
    and for brackets or quotes that do not close."""
    plain = re.sub(r'"[^"]*"', '""', expression)
    if plain.count('"') % 2 or any(plain.count(a) != plain.count(b) for a, b in ("()", "[]", "{}")):
        raise Unknown(f"does not close: {expression}")
    names, allowed = set(), {"le"} | TARGET
    bare = _GROUPING.sub("", re.sub(r"\[[^\]]*\]", "", plain))
    for name, matchers in _SELECTOR.findall(bare):
        if name in _WORDS:
            continue
        if name not in known:
            raise Unknown(f"no metric {name}: {expression}")
        names.add(name)
        allowed |= known[name]
        for label in re.findall(r"(\w+)\s*(?:=|!|~)", matchers):
            if label not in known[name] | TARGET | {"le"}:
                raise Unknown(f"{name} has no label {label}: {expression}")
    for grouping in _GROUPING.findall(plain):
        for label in grouping.split(","):
            if label.strip() not in allowed:
                raise Unknown(f"no label {label.strip()}: {expression}")
    if not names:
        raise Unknown(f"no metric at all: {expression}")
    return names


@pytest.fixture(scope="module")
def known(root: Path) -> dict[str, set[str]]:
    """Labels by the names that queries use."""
    return OF_PROMETHEUS | {f"{row.name}{end}": row.labels for row in table(root) for end in ENDS[row.kind]}


@pytest.mark.parametrize(
    "wrong",
    [
        "kizuna_lag > 1",
        "kizuna_freshness_seconds > 1",
        "sum(kizuna_events",
        'kizuna_events{instance="a} > 1',
        'kizuna_events{code="a"}',
        "sum by (code) (kizuna_events)",
        "1 > 0",
    ],
)
def test_a_query_about_what_is_not_there_is_found(wrong: str, known: dict[str, set[str]]) -> None:
    with pytest.raises(Unknown):
        check(wrong, known)


def rules(root: Path) -> list[dict[str, Any]]:
    loaded = yaml.safe_load((root / "deploy" / "prometheus" / "alerts.yml").read_text())
    assert list(loaded) == ["groups"]
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def test_alerts_ask_for_metrics_that_there_are(root: Path, known: dict[str, set[str]]) -> None:
    found = rules(root)
    for rule in found:
        assert rule.keys() - {"for"} == {"alert", "expr", "labels", "annotations"}
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"].endswith(".")
        check(rule["expr"], known)
    named = {rule["alert"] for rule in found}
    assert len(found) == len(named) > 10
    assert named >= {f"Kizuna{what}" for what in ("Down", "Lagging", "FailedEvents", "DiskNearlyFull")}
    assert "KizunaProjectorStopped" in named


def test_the_page_tells_of_every_alert_what_to_do(root: Path) -> None:
    section = (root / "docs" / "operations.md").read_text().split("\n## Alerts, and what to do\n")[1]
    rows = [line for line in section.split("\n## ")[0].splitlines() if line.startswith("| `")]
    assert re.findall(r"^\| `(\w+)`", "\n".join(rows), re.MULTILINE) == [one["alert"] for one in rules(root)]
    assert all(len(cell.strip()) > 10 for row in rows for cell in row.split("|")[1:-1])


def test_prometheus_reads_the_alerts_and_scrapes_what_they_ask_for(root: Path) -> None:
    folder = root / "deploy" / "prometheus"
    loaded = yaml.safe_load((folder / "prometheus.yml").read_text())
    assert [folder / name for name in loaded["rule_files"] if (folder / name).is_file()] == [
        folder / "alerts.yml"
    ]
    assert [job["job_name"] for job in loaded["scrape_configs"]] == ["kizuna"]


@pytest.fixture(scope="module")
def dashboard(root: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        (root / "deploy" / "grafana" / "dashboards" / "kizuna.json").read_text()
    )
    return loaded


def queries(dashboard: dict[str, Any]) -> Iterator[str]:
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            assert panel["targets"], panel["title"]
        for target in panel.get("targets", ()):
            yield target["expr"]


def test_the_dashboard_asks_for_metrics_that_there_are(
    dashboard: dict[str, Any], known: dict[str, set[str]]
) -> None:
    asked: set[str] = set()
    for query in queries(dashboard):
        assert '{instance=~"$node"' in query
        asked |= check(query, known)
    assert len(asked) > 25
    (variable,) = dashboard["templating"]["list"]
    assert variable["name"] == "node"
    assert re.fullmatch(r"label_values\((\w+), instance\)", variable["query"])
    assert re.findall(r"\((\w+),", variable["query"])[0] in known


def test_the_panels_of_the_dashboard_do_not_overlap(dashboard: dict[str, Any]) -> None:
    taken: dict[tuple[int, int], str] = {}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"], (
                    panel["title"],
                    taken[x, y],
                )


def test_grafana_is_told_of_the_dashboard_and_where_it_asks(root: Path, dashboard: dict[str, Any]) -> None:
    folder = root / "deploy" / "grafana" / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources" / "kizuna.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((folder / "dashboards" / "kizuna.yaml").read_text())["providers"]
    assert source["type"] == "prometheus"
    asked = {panel["datasource"]["uid"] for panel in dashboard["panels"] if "datasource" in panel}
    assert asked == {source["uid"]} == {dashboard["templating"]["list"][0]["datasource"]["uid"]}
    assert provider["options"]["path"] in (root / "docs" / "operations.md").read_text()
