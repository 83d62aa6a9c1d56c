"""The tills of two stores: sales to members and to nobody, receipts voided, goods brought back."""

from __future__ import annotations

from decimal import Decimal

from .shop_goods import STORES, Store, basket, staff
from .shop_people import Customer
from .shop_story import AT_ONCE, Happening, Ids, Scene, Story


def sale(scene: Scene) -> Story:
    """A sale rung up; half of the buyers show no card."""
    customer = scene.customers.meet(scene.rng) if scene.chance(0.55) else None
    if customer and not scene.chance(0.3 + customer.shops_in_store):
        customer = None
    store = STORES[customer.number % 2] if customer and scene.chance(0.9) else scene.rng.choice(STORES)
    prices, currency = scene.prices, scene.prices.currency
    ids = _shown(scene, customer)
    bought = basket(scene.rng)
    total = bought.total(prices)
    points = Decimal(scene.rng.choice((100, 200, 500))) if customer and scene.chance(0.1) else Decimal(0)
    paid_in_points = min(prices.amount(int(points)), total)
    rest = scene.rng.choice(("cash", "card", "card", "mobile"))
    tenders = [{"method": "points", "amount": str(paid_in_points)}] if points else []
    tenders.append({"method": rest, "amount": str(total - paid_in_points)})
    receipt = scene.number(store.till.replace("till-", "T"))
    order: dict[str, object] = {
        "order_id": receipt,
        "currency": currency,
        "lines": bought.lines(prices),
        "tax_included": True,
        "total": str(total),
        "points_used": str(points),
        "tenders": tenders,
        "receipt_number": receipt,
        "business_date": scene.day(),
        "staff_id": staff(scene.rng, "sales assistant"),
    }
    if scene.chance(0.01):
        order["void"] = True
    at_the_till = _besides(store)
    yield Happening(AT_ONCE, store.till, "order.completed", ids, order, at_the_till)
    if order.get("void"):
        return
    if customer:
        customer.gone = scene.chance(customer.drop_out)
    elif scene.chance(0.05):
        # The buyer shows the receipt at the help desk and is known from then on.
        buyer = scene.customers.meet(scene.rng)
        order_of_till = {"kind": "order", "id": receipt, "namespace": store.till}
        yield Happening(
            scene.later(30),
            "helpdesk",
            "entity.attributed",
            {"user_id": buyer.user_id},
            {"reason": "receipt shown at the desk"},
            {"entities": [order_of_till], "actor": {"kind": "staff", "id": staff(scene.rng, "support")}},
        )
    if scene.chance(0.05):
        refund: dict[str, object] = {
            "refund_id": scene.number("TR"),
            "currency": currency,
            "amount": prices.text(bought.items[0][0].yen),
            "reason": "brought back",
            "business_date": scene.day(),
            "staff_id": order["staff_id"],
        }
        if scene.chance(0.7):  # without the receipt nobody knows which sale it was
            refund["order_id"] = receipt
        yield Happening(scene.later(24 * 4), store.till, "order.refunded", ids, refund, at_the_till)


def _shown(scene: Scene, customer: Customer | None) -> Ids:
    """What the till learns: a card, the app's code with the customer's id, or nothing."""
    if customer is None:
        return {}
    if customer.registered and scene.chance(0.6):
        return {"user_id": customer.user_id, "card": customer.card}
    return {"card": customer.card} if customer.member else {}


def _besides(store: Store) -> dict[str, object]:
    return {"channel": "store", "place": {"store": store.store_id, "register": store.till[-1]}}
