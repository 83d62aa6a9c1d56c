"""The mailings: one story a letter, from the campaign's list to the click, the bounce or the complaint."""

from __future__ import annotations

from .shop_goods import CAMPAIGNS, COUPON
from .shop_story import AT_ONCE, Happening, Ids, Scene, Story

MAIL = "mail"


def letter(scene: Scene) -> Story:
    """One e-mail of the month's campaign to one subscriber."""
    customer = scene.customers.meet(scene.rng)
    if not customer.subscribed:
        return
    key, name, subject = CAMPAIGNS[scene.rng.randrange(len(CAMPAIGNS))]
    campaign_id = f"{key}-{scene.day()[:7]}"
    ids: Ids = {"email": customer.email}
    if customer.registered and scene.chance(0.85):
        ids = {"user_id": customer.user_id, **ids}
    email: dict[str, object] = {
        "email_id": scene.number("M"),
        "campaign_id": campaign_id,
        "campaign": name,
        "subject": subject,
    }
    if scene.chance(0.1):
        member: dict[str, object] = {"campaign_id": campaign_id, "name": name, "status": "sent"}
        yield Happening(AT_ONCE, MAIL, "campaign.member_added", ids, member)
    yield Happening(AT_ONCE, MAIL, "email.sent", ids, email)
    if scene.chance(0.02):
        hard = scene.chance(0.5)
        customer.subscribed = not hard
        bounce = {"bounce_type": "hard" if hard else "soft"}
        bounce["reason"] = "550 5.1.1 no such user" if hard else "452 4.2.2 mailbox full"
        yield Happening(scene.soon(20), MAIL, "email.bounced", ids, {**email, **bounce})
        return
    yield Happening(scene.soon(15), MAIL, "email.delivered", ids, email)
    if not scene.chance(customer.reads_mail):
        return
    yield Happening(scene.later(6), MAIL, "email.opened", ids, email)
    if scene.chance(0.35):
        url = f"https://shop.example.com/?utm_campaign={campaign_id}"
        yield Happening(scene.soon(30), MAIL, "email.clicked", ids, {**email, "url": url})
    elif scene.chance(0.02):
        customer.subscribed = False
        yield Happening(scene.soon(30), MAIL, "email.unsubscribed", ids, {**email, "reason": "too many"})
        consent: dict[str, object] = {"purpose": "newsletter", "channel": "email"}
        yield Happening(AT_ONCE, MAIL, "consent.withdrawn", ids, consent)
    elif scene.chance(0.01):
        customer.subscribed = False
        yield Happening(scene.soon(30), MAIL, "email.complained", ids, email)


def coupon(scene: Scene) -> Story:
    """A coupon given to a customer, which ends unused unless a web order takes the code."""
    customer = scene.customers.meet(scene.rng)
    if not customer.registered:
        return
    given: dict[str, object] = {
        "coupon_id": scene.number("CP"),
        "code": COUPON,
        "campaign_id": "spring",
        "discount": scene.prices.text(1_000),
        "currency": scene.prices.currency,
    }
    ids = {"user_id": customer.user_id, "email": customer.email}
    yield Happening(AT_ONCE, MAIL, "coupon.issued", ids, given)
    if scene.chance(0.5):
        yield Happening(scene.later(24 * 14), MAIL, "coupon.expired", ids, given)
