"""The help desk: tickets from the question to the rating, and notes on customers."""

from __future__ import annotations

from .shop_goods import staff
from .shop_story import AT_ONCE, Happening, Ids, Scene, Story

DESK = "helpdesk"
QUESTIONS = (
    ("delivery", "Where is my parcel?", "I ordered a week ago and nothing has come."),
    ("returns", "返品について", "サイズが合わないので返品したいです。"),
    ("product", "Which size do I need?", "I am between two sizes."),
    ("payment", "Charged twice", "My card shows the payment two times."),
    ("account", "ログインできません", "パスワードを忘れました。"),
)


def ticket(scene: Scene) -> Story:
    """A question, answered, solved, sometimes opened again, sometimes rated."""
    rng = scene.rng
    customer = scene.customers.meet(rng)
    ids: Ids = {"user_id": customer.user_id} if customer.registered else {"email": customer.email}
    if scene.chance(0.05):
        ids = {}  # a call without a name
    its = {"ticket_id": scene.number("T")}
    agent = staff(rng, "support")
    category, subject, text = rng.choice(QUESTIONS)
    channel = rng.choice(("email", "email", "chat", "phone", "web"))
    priority = rng.choice(("low", "normal", "normal", "high"))
    opened: dict[str, object] = {**its, "channel": channel, "category": category, "priority": priority}
    orders = scene.counts.get("W", 0)
    if category in ("delivery", "returns") and orders and scene.chance(0.5):
        order_id = f"W-{scene.tag}-{rng.randint(1, orders)}"
        opened["order_id"] = order_id
        besides: dict[str, object] = {"entities": [{"kind": "order", "id": order_id, "namespace": "web"}]}
    else:
        besides = {}
    opened |= {"subject": subject, "text": text}
    yield Happening(AT_ONCE, DESK, "ticket.opened", ids, opened, besides)
    yield Happening(scene.soon(900), DESK, "ticket.assigned", ids, {**its, "assignee": agent})
    yield Happening(scene.soon(60), DESK, "ticket.status_changed", ids, {**its, "status": "open"})
    if scene.chance(0.1):
        yield Happening(scene.later(2), DESK, "ticket.priority_changed", ids, {**its, "priority": "urgent"})
    for _ in range(rng.choice((1, 1, 2, 3))):
        answer: dict[str, object] = {**its, "author": "staff", "text": "We look into it.", "staff_id": agent}
        yield Happening(scene.later(5), DESK, "ticket.replied", ids, answer)
        yield Happening(scene.soon(5), DESK, "ticket.status_changed", ids, {**its, "status": "pending"})
        if scene.chance(0.5):
            thanks: dict[str, object] = {**its, "author": "customer", "text": "Thank you, and then?"}
            yield Happening(scene.later(8), DESK, "ticket.replied", ids, thanks)
    if scene.chance(0.12):
        return  # nobody ever answers again
    yield Happening(scene.later(12), DESK, "ticket.solved", ids, {**its, "staff_id": agent})
    if scene.chance(0.08):
        yield Happening(scene.later(30), DESK, "ticket.reopened", ids, {**its, "reason": "still not here"})
        yield Happening(scene.later(12), DESK, "ticket.solved", ids, {**its, "staff_id": agent})
    if scene.chance(0.3):
        rating: dict[str, object] = {**its, "score": rng.choice((1, 3, 4, 5, 5)), "scale": 5}
        yield Happening(scene.later(10), DESK, "ticket.rated", ids, rating)


def note(scene: Scene) -> Story:
    """Somebody writes down what a customer said."""
    customer = scene.customers.meet(scene.rng)
    if not customer.registered:
        return
    agent = staff(scene.rng, "support")
    said = scene.rng.choice(("Prefers to be called after six.", "ギフト包装を希望。", "Allergic to wool."))
    properties: dict[str, object] = {
        "note_id": scene.number("N"),
        "text": said,
        "tags": ["service"],
        "staff_id": agent,
    }
    ids: Ids = {"user_id": customer.user_id}
    yield Happening(AT_ONCE, DESK, "note.added", ids, properties, {"actor": {"kind": "staff", "id": agent}})
