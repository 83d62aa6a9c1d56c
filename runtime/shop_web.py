"""The web site: visits by strangers and by customers, carts, orders, and what comes after an order."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from .shop_goods import COUPON, PRODUCTS, Basket, basket
from .shop_people import Customer
from .shop_story import AT_ONCE, Happening, Ids, Scene, Story

WEB = "web"
REFERRERS = ("https://www.google.com/", "https://www.instagram.com/", "https://news.example.com/", None, None)
SEARCHES = ("linen", "white shirt", "麻 シャツ", "boots", "gift", "hair oil")


def session(scene: Scene) -> Story:
    """Somebody looks around; some put things into a cart, some of those buy."""
    rng = scene.rng
    customer = scene.customers.meet(rng) if scene.chance(0.8) else None
    device = rng.choice(customer.devices) if customer else f"{rng.getrandbits(64):016x}"
    ids: Ids = {"anonymous_id": device}
    if customer and customer.registered and device in customer.known_devices:
        ids = {"user_id": customer.user_id, **ids}
    yield _page(scene, AT_ONCE, ids, "/", "Home", rng.choice(REFERRERS))
    if scene.chance(0.15):
        properties: dict[str, object] = {"query": rng.choice(SEARCHES), "results": rng.randrange(0, 18)}
        yield Happening(scene.soon(20), WEB, "product.searched", ids, properties)
    looked_at = rng.sample(PRODUCTS, rng.choice((0, 1, 2, 2, 3, 5)))
    for product in looked_at:
        category = product.category.replace(" ", "-")
        if scene.chance(0.3):
            yield _page(scene, scene.soon(25), ids, f"/{category}", product.category.title())
            listed = [one.product_id for one in PRODUCTS if one.category == product.category]
            properties = {"list_id": category, "category": product.category, "product_ids": listed}
            yield Happening(scene.soon(2), WEB, "product.listed", ids, properties)
        properties = {
            "product_id": product.product_id,
            "name": product.name,
            "category": product.category,
            "price": scene.prices.text(product.yen),
            "currency": scene.prices.currency,
        }
        yield Happening(scene.soon(40), WEB, "product.viewed", ids, properties)
    if scene.chance(0.02):
        properties = {"form_id": "contact", "name": "Contact", "fields": {"topic": "delivery"}}
        yield Happening(scene.soon(60), WEB, "form.submitted", ids, properties)
    if scene.chance(0.03):
        properties = {"score": rng.randint(0, 10), "topic": rng.choice(("hair", "style"))}
        yield Happening(scene.soon(90), WEB, "custom.quiz_finished", ids, properties)
    if looked_at and scene.chance(0.35 if customer else 0.1):
        yield from _checkout(scene, customer, ids)


def app_session(scene: Scene) -> Story:
    """A member opens the app."""
    customer = scene.customers.meet(scene.rng)
    ids: Ids = {"device_id": f"app-{customer.devices[0]}"}
    if customer.registered:
        ids = {"user_id": customer.user_id, **ids}
    for name in scene.rng.choice((("Home",), ("Home", "Points"), ("Home", "Coupons", "Stores"))):
        yield Happening(scene.soon(10), WEB, "screen.viewed", ids, {"name": name})


def _page(
    scene: Scene, after: timedelta, ids: Ids, path: str, title: str, referrer: str | None = None
) -> Happening:
    properties: dict[str, object] = {"url": f"https://shop.example.com{path}", "path": path, "title": title}
    if referrer:
        properties["referrer"] = referrer
    context: dict[str, object] = {"locale": scene.rng.choice(("ja-JP", "ja-JP", "en-GB"))}
    return Happening(after, WEB, "page.viewed", ids, properties, {"context": context})


def _checkout(scene: Scene, customer: Customer | None, ids: Ids) -> Story:
    """A cart, left alone by strangers and by one customer in three."""
    bought = basket(scene.rng)
    cart: dict[str, object] = {
        "cart_id": scene.number("CA"),
        "value": str(bought.total(scene.prices)),
        "currency": scene.prices.currency,
        "lines": bought.lines(scene.prices),
    }
    yield Happening(scene.soon(30), WEB, "cart.updated", ids, cart)
    if customer is None or scene.chance(0.35):
        return
    yield Happening(scene.soon(120), WEB, "checkout.started", ids, cart)
    yield from _login(scene, customer, ids)
    ids = {"user_id": customer.user_id, **ids}
    coupon = None
    if scene.chance(0.15):
        properties: dict[str, object] = {"code": COUPON, "campaign_id": "spring"}
        if scene.chance(0.7):
            coupon = COUPON
            yield Happening(scene.soon(20), WEB, "coupon.applied", ids, properties)
        else:
            properties["reason"] = "already used"
            yield Happening(scene.soon(20), WEB, "coupon.denied", ids, properties)
    yield from _order(scene, customer, ids, bought, coupon)


def _login(scene: Scene, customer: Customer, ids: Ids) -> Story:
    """The visitor becomes known: by registering, or by logging in on a device that is new."""
    device = ids["anonymous_id"]
    if customer.registered and device in customer.known_devices:
        return
    newcomer = not customer.registered
    customer.registered = True
    customer.known_devices.add(device)
    both = {"user_id": customer.user_id, "anonymous_id": device}
    if not newcomer and scene.chance(0.3):
        yield Happening(scene.soon(30), WEB, "customer.aliased", both, {"reason": "login"})
        return
    yield Happening(
        scene.soon(60), WEB, "customer.identified", {**both, "email": customer.email}, customer.profile
    )
    if newcomer:
        customer.subscribed = scene.chance(0.6)
    if newcomer and customer.subscribed:
        consent: dict[str, object] = {"purpose": "newsletter", "channel": "email", "text_version": "2026-01"}
        yield Happening(scene.soon(5), WEB, "consent.given", {"user_id": customer.user_id}, consent)


def _order(scene: Scene, customer: Customer, ids: Ids, bought: Basket, coupon: str | None) -> Story:
    """The order and its payment; then most are kept, some changed, cancelled or sent back."""
    prices, currency = scene.prices, scene.prices.currency
    user: Ids = {"user_id": customer.user_id}
    order_id = scene.number("W")
    goods = bought.total(prices)
    shipping = Decimal(0) if goods > prices.amount(10_000) else prices.amount(480)
    discount = min(prices.amount(1_000), goods) if coupon else Decimal(0)
    total = goods + shipping - discount
    order: dict[str, object] = {
        "order_id": order_id,
        "currency": currency,
        "lines": bought.lines(prices),
        "shipping": str(shipping),
        "tax_included": True,
        "total": str(total),
    }
    if coupon:
        order |= {"discount": str(discount), "coupon": coupon}
    payment: dict[str, object] = {
        "payment_id": scene.number("PY"),
        "order_id": order_id,
        "amount": str(total),
        "currency": currency,
        "method": scene.rng.choice(("card", "card", "konbini", "bank_transfer")),
    }
    yield Happening(scene.soon(60), WEB, "order.completed", ids, order, {"channel": "web"})
    if scene.chance(0.06):
        yield Happening(scene.soon(3), WEB, "payment.failed", user, {**payment, "reason": "card declined"})
        payment["payment_id"] = scene.number("PY")
    yield Happening(scene.soon(40), WEB, "payment.succeeded", user, payment)
    if coupon:
        redeemed: dict[str, object] = {"code": coupon, "campaign_id": "spring", "order_id": order_id}
        redeemed |= {"discount": str(discount), "currency": currency}
        yield Happening(scene.soon(1), WEB, "coupon.redeemed", user, redeemed)
    customer.gone = scene.chance(customer.drop_out)
    fate = scene.rng.random()
    refund: dict[str, object] = {"currency": currency, "order_id": order_id}
    if fate < 0.05:
        reason = scene.rng.choice(("ordered twice", "changed my mind"))
        yield Happening(
            scene.later(3), WEB, "order.cancelled", user, {"order_id": order_id, "reason": reason}
        )
        amount = total
    elif fate < 0.10:
        less = total - min(prices.amount(500), total)
        yield Happening(
            scene.later(5), WEB, "order.updated", user, {"order_id": order_id, "total": str(less)}
        )
        return
    elif fate < 0.18:
        product, _ = bought.items[0]
        amount = min(prices.amount(product.yen), total)
        refund |= {"refund_id": scene.number("R"), "amount": str(amount), "reason": "too small"}
        yield Happening(scene.later(24 * 6), WEB, "order.refunded", user, refund)
    else:
        return
    if amount > 0:
        back = {**payment, "amount": str(amount), "reason": "order given back"}
        yield Happening(scene.later(20), WEB, "payment.refunded", user, back)
