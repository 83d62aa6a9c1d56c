"""The salon on the first floor: visits booked, moved, missed, done and paid."""

from __future__ import annotations

from .shop_goods import MENU, SALON, staff
from .shop_story import AT_ONCE, Happening, Ids, Scene, Story


def visit(scene: Scene) -> Story:
    """One visit, from the booking to the till."""
    rng, prices = scene.rng, scene.prices
    customer = scene.customers.meet(rng)
    ids: Ids = {}
    if customer.registered:
        ids["user_id"] = customer.user_id
    if customer.phone:
        ids["phone"] = customer.phone
    its = {"visit_id": scene.number("V"), "staff_id": staff(rng, "stylist")}
    chosen = rng.sample(MENU, rng.choice((1, 1, 2)))
    menu = [{"name": name, "price": prices.text(yen), "staff_id": its["staff_id"]} for name, yen, _ in chosen]
    minutes = sum(length for _, _, length in chosen)
    total = str(sum(prices.amount(yen) for _, yen, _ in chosen))
    here: dict[str, object] = {"place": {"store": "ginza"}, "channel": "salon"}
    starts_at = scene.opening_hour(rng.randint(1, 21))
    booked: dict[str, object] = {**its, "starts_at": starts_at.isoformat(), "duration_minutes": minutes}
    booked |= {"menu": menu, "currency": prices.currency}
    yield Happening(AT_ONCE, SALON, "visit.booked", ids, booked, here)
    if scene.chance(0.12):
        starts_at = scene.opening_hour(rng.randint(2, 14))
        moved: dict[str, object] = {**its, "starts_at": starts_at.isoformat(), "duration_minutes": minutes}
        yield Happening(scene.later(8), SALON, "visit.rescheduled", ids, moved, here)
    until = max(starts_at - scene.now, AT_ONCE)
    if scene.chance(0.08):
        yield Happening(until / 2, SALON, "visit.cancelled", ids, {**its, "reason": "ill"}, here)
        return
    if scene.chance(0.05):
        yield Happening(until, SALON, "visit.no_show", ids, dict(its), here)
        return
    done: dict[str, object] = {**its, "menu": menu, "duration_minutes": minutes + rng.randint(-5, 20)}
    done |= {"total": total, "currency": prices.currency}
    if scene.chance(0.4):
        done["next_booking"] = scene.opening_hour(rng.randint(28, 60)).isoformat()
    yield Happening(until + scene.soon(3600), SALON, "visit.completed", ids, done, here)
    order: dict[str, object] = {
        "order_id": scene.number("SL"),
        "currency": prices.currency,
        "lines": [
            {"name": name, "category": "salon", "quantity": 1, "unit_price": prices.text(yen)}
            for name, yen, _ in chosen
        ],
        "tax_included": True,
        "total": total,
        "staff_id": its["staff_id"],
        "business_date": scene.day(),
    }
    yield Happening(scene.soon(120), SALON, "order.completed", ids, order, here)
    if scene.chance(0.3):
        treated: dict[str, object] = {**its, "text": "Colour 7/1, 30 minutes; dry ends."}
        yield Happening(scene.soon(300), SALON, "treatment.noted", ids, treated, here)
