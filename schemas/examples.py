"""A realistic submission for every event type: for documentation, the API and the tests."""

from __future__ import annotations

from collections.abc import Mapping

from . import example_people, example_sales, example_service, example_shop, example_web
from .catalogue import CUSTOM_PREFIX, model_of
from .example_persons import VISITOR, Example

_CUSTOM: Example = (VISITOR, {"score": 8, "topic": "skin care"})

_EXAMPLES: Mapping[str, Example] = {
    **example_shop.EXAMPLES,
    **example_web.EXAMPLES,
    **example_service.EXAMPLES,
    **example_sales.EXAMPLES,
    **example_people.EXAMPLES,
}

_BESIDES: Mapping[str, Mapping[str, object]] = {
    "order.completed": {"channel": "store", "place": {"store": "ginza", "register": "2"}},
    "page.viewed": {"sent_at": "2026-03-14T10:15:03+09:00", "context": {"locale": "ja-JP"}},
    "note.added": {"actor": {"kind": "staff", "id": "S-8"}},
    "entity.attributed": {"entities": [{"kind": "order", "id": "A-1003"}]},
}


def example(type_: str) -> dict[str, object]:
    """A submission of the type that is accepted as it stands. Raises KeyError for a type that is none."""
    custom = type_.startswith(CUSTOM_PREFIX) and model_of(type_) is not None
    ids, properties = _CUSTOM if custom else _EXAMPLES[type_]
    return {
        "type": type_,
        "message_id": f"example-{type_}",
        "occurred_at": "2026-03-14T10:15:00+09:00",
        "ids": dict(ids),
        "properties": dict(properties),
        **_BESIDES.get(type_, {}),
    }
