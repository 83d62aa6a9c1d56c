"""An answer of `/metrics`, read by the parser that the client library has for it."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families


def families(text: str) -> dict[str, str]:
    """The metrics of the answer by the names that a query uses, with their types: of a histogram its buckets,
    sum and count."""
    names: dict[str, str] = {}
    for family in text_string_to_metric_families(text):
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        names |= {f"{family.name}{end}": family.type for end in ends}
    return names


def samples(text: str) -> dict[str, float]:
    """Values by name and labels, as `name{label="value"}` with the labels in order; times of making are left
    out."""
    return {
        _shown(sample.name, sample.labels.items()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def _shown(name: str, labels: Iterable[tuple[str, str]]) -> str:
    inside = ",".join(f'{label}="{value}"' for label, value in sorted(labels))
    return f"{name}{{{inside}}}" if inside else name
