"""The simulated shop: a seeded world that gives one touchpoint for each moment it is asked about.

The same seed, start and moments give the same touchpoints, to the byte. What is due in a story that has
begun comes first; when nothing is, a new story begins. So the caller alone decides how dense the stream is.
"""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Callable
from datetime import datetime
from heapq import heappop, heappush
from random import Random
from typing import NamedTuple

from kizuna.schemas import times

from . import shop_helpdesk, shop_mail, shop_sales, shop_salon, shop_tills, shop_web
from .shop_goods import PRODUCTS, STAFF, STORES, Prices
from .shop_people import Customers
from .shop_story import AT_ONCE, SOURCES, Happening, Scene, Story

STORIES: tuple[tuple[Callable[[Scene], Story], float, bool], ...] = (
    (shop_web.session, 40, False),
    (shop_web.app_session, 6, True),
    (shop_tills.sale, 28, True),
    (shop_mail.letter, 30, False),
    (shop_mail.coupon, 2, False),
    (shop_helpdesk.ticket, 3, False),
    (shop_helpdesk.note, 1, False),
    (shop_salon.visit, 4, True),
    (shop_sales.deal, 2, False),
)
"""Each story, how often it is told, and whether its system may have been offline for days."""

_WEIGHTS = [weight for _, weight, _ in STORIES]
LATE = 0.06
DUPLICATE = 0.01


class Touchpoint(NamedTuple):
    """A submission (`schemas.admission.Submission` as JSON) and the system that sends it."""

    source: str
    submission: dict[str, object]


class _Due(NamedTuple):
    """What comes up at `at`. A copy sent again has no story, and the message id and time of the first."""

    at: datetime
    order: int
    happening: Happening
    story: Story | None
    occurred_at: datetime
    message_id: str = ""


class Shop:
    """`start` and `seed` fix everything but the moments asked for. With `live` the touchpoints carry
    `sent_at`, as a client that sends now does; a history has none, since nobody knows when it is sent."""

    def __init__(
        self, seed: int, start: datetime, *, customers: int = 1_000, currency: str = "EUR", live: bool = False
    ) -> None:
        run = f"{seed}/{times.text(start)}"
        self._live = live
        self._queue: list[_Due] = []
        self._queued = 0
        self._numbered = 0
        self._tag = b32encode(hashlib.sha256(run.encode()).digest()).decode()[:5]
        self._scene = Scene(Random(run), Customers(seed, customers), Prices(currency), self._tag, start)
        self._tell(_opening(self._scene), start)

    def go_live(self) -> None:
        """From now on the touchpoints are sent as they happen."""
        self._live = True

    def next(self, moment: datetime) -> Touchpoint:
        """The touchpoint of this moment. Moments must not go back."""
        while not self._queue or self._queue[0].at > moment:
            self._begin(moment)
        due = heappop(self._queue)
        if due.story:
            self._tell(due.story, due.at)
        if not due.message_id:
            self._numbered += 1
            due = due._replace(message_id=f"{self._tag}-{self._numbered}")
        if self._scene.chance(DUPLICATE):
            # A client that missed the answer sends the same item again.
            self._queued += 1
            again = due._replace(at=moment + self._scene.soon(60), order=self._queued, story=None)
            heappush(self._queue, again)
        return Touchpoint(due.happening.source, self._submission(due, moment))

    def _begin(self, moment: datetime) -> None:
        """A new story; where the system was offline, one that began days ago and is only sent now."""
        make, _, offline = self._scene.rng.choices(STORIES, _WEIGHTS)[0]
        late = self._scene.later(48) if offline and self._scene.chance(LATE) else AT_ONCE
        self._tell(make(self._scene), moment - late)

    def _tell(self, story: Story, now: datetime) -> None:
        """Put the story's next happening into the queue."""
        self._scene.now = now
        happening = next(story, None)
        if happening is not None:
            at = now + happening.after
            self._queued += 1
            heappush(self._queue, _Due(at, self._queued, happening, story, at))

    def _submission(self, due: _Due, moment: datetime) -> dict[str, object]:
        submission: dict[str, object] = {
            "type": due.happening.type,
            "message_id": due.message_id,
            "occurred_at": times.text(due.occurred_at),
        }
        if self._live:
            submission["sent_at"] = times.text(moment)
        if due.happening.ids:
            submission["ids"] = due.happening.ids
        return {**submission, "properties": due.happening.properties, **due.happening.besides}


def _opening(scene: Scene) -> Story:
    """The master data, told once at the start."""
    for store in STORES:
        known: dict[str, object] = {"store_id": store.store_id, "name": store.name, "region": store.region}
        known |= {"city": store.city, "time_zone": "Asia/Tokyo", "active": True}
        yield Happening(AT_ONCE, "crm", "store.updated", {}, known)
    for person in STAFF:
        known = {"staff_id": person.staff_id, "name": person.name, "role": person.role, "active": True}
        if person.store_id:
            known["store_id"] = person.store_id
        yield Happening(AT_ONCE, "crm", "staff.updated", {}, known)
    for product in PRODUCTS:
        known = {"product_id": product.product_id, "name": product.name, "category": product.category}
        known |= {
            "price": scene.prices.text(product.yen),
            "unit_cost": scene.prices.text(product.yen * 2 // 5),
        }
        known |= {"currency": scene.prices.currency, "active": True}
        yield Happening(AT_ONCE, "web", "product.updated", {}, known)


__all__ = ["SOURCES", "Shop", "Touchpoint"]
