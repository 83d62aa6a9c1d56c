"""Random logs in which everything collides: few ids and moments, copies, conflicts, items of all kinds."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5
from zlib import crc32

from hypothesis import strategies as st

from kizuna.eventlog import topics
from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import NewRecord
from kizuna.schemas import times
from kizuna.schemas.admission import Accepted
from kizuna.schemas.definitions import activation
from tests.folding import LOG, NAMES, NOW, sent, shipped_definitions
from tests.reference.defined import definition_records
from tests.reference.events import Record

AMOUNT: list[Any] = ["10", "25.5", "0.0001", "1000"]
MAYBE_AMOUNT = [None, *AMOUNT]
CURRENCY: list[Any] = ["JPY", "JPY", "USD"]
COMPANY: list[Any] = [None, "c1", "c2"]
ORDER: dict[str, list[Any]] = {"order_id": ["o1", "o2"]}
TICKET: dict[str, list[Any]] = {"ticket_id": ["t1", "t2"], "company_id": [None, None, "c1"]}
VISIT: dict[str, list[Any]] = {"visit_id": ["v1", "v2"], "staff_id": [None, "s1"]}
DEAL: dict[str, list[Any]] = {"deal_id": ["d1", "d2"], "company_id": COMPANY}
CONTRACT: dict[str, list[Any]] = {"contract_id": ["x1"], "company_id": COMPANY}
TASK: dict[str, list[Any]] = {"task_id": ["k1"], "company_id": COMPANY, "deal_id": [None, "d1"]}
DAYS: list[Any] = [None, "2026-07-31", "2027-01-01"]
STARTS: list[Any] = ["2026-06-01T10:00:00+09:00", "2026-06-02T01:30:00Z"]
DETAILS: dict[str, list[Any]] = {
    "coupon": [None, "SPRING"],
    "shipping": [None, "5"],
    "receipt_number": [None, "r1"],
    "business_date": [None, "2026-04-30"],
}
PAYMENT: dict[str, list[Any]] = {
    "payment_id": ["y1"],
    "order_id": [None, "o1", "o2"],
    "contract_id": [None, "x1"],
    "amount": ["7"],
    "currency": CURRENCY,
}
LINES: list[Any] = [None, [{"product_id": "p", "unit_price": "3"}]]

CATALOGUE: dict[str, dict[str, list[Any]]] = {
    "page.viewed": {"path": ["/", "/tea"], "referrer": [None, "https://a.example", "https://b.example"]},
    "product.viewed": {
        "product_id": ["p"],
        "category": [None, "tea", "cups"],
        "price": MAYBE_AMOUNT,
        "currency": CURRENCY,
    },
    "email.opened": {"email_id": ["m1"]},
    "email.clicked": {"email_id": ["m1"]},
    "payment.failed": PAYMENT,
    "payment.succeeded": PAYMENT,
    "coupon.redeemed": {"code": ["SPRING"], "order_id": [None, "o1", "o2"]},
    "custom.won": {"reason": ["luck"], "total": [None, "3"], "void": [True]},
    "custom.attributed": {},
    "custom.quiz": {"score": [None, 7, 2.5, "3.25", "none", "1e30", True], "topic": [None, "hair", "é", 5]},
    "order.completed": DETAILS
    | ORDER
    | {"currency": CURRENCY, "total": AMOUNT, "void": [None, False, True], "lines": LINES},
    "order.updated": ORDER
    | DETAILS
    | {"total": MAYBE_AMOUNT, "currency": [None, None, "JPY", "USD"], "void": [None, None, False, True]},
    "order.cancelled": ORDER,
    "order.refunded": {"order_id": [None, "o1", "o2", "o3"], "currency": CURRENCY}
    | {"amount": [*AMOUNT, "-3"]},
    "ticket.opened": TICKET
    | {"channel": [None, "phone"], "category": [None, "size"], "priority": [None, "low"]}
    | {"status": [None, "open"], "order_id": [None, "o1"]},
    "ticket.replied": TICKET | {"author": ["customer", "staff"]},
    "ticket.assigned": TICKET | {"assignee": ["s1", "s2"]},
    "ticket.status_changed": TICKET | {"status": ["pending", "closed"]},
    "ticket.priority_changed": TICKET | {"priority": ["high", "low"]},
    "ticket.solved": TICKET,
    "ticket.reopened": TICKET,
    "ticket.rated": TICKET | {"score": [0, 4, "4.5"]},
    "visit.booked": VISIT
    | {"starts_at": STARTS, "duration_minutes": [None, 60], "menu": [None, [{"name": "Cut"}]]},
    "visit.rescheduled": VISIT | {"starts_at": STARTS},
    "visit.completed": VISIT
    | {"total": MAYBE_AMOUNT, "currency": ["JPY"], "next_booking": [None, STARTS[1]]},
    "visit.cancelled": VISIT | {"reason": [None, "ill"]},
    "visit.no_show": VISIT,
    "deal.created": DEAL
    | {"amount": MAYBE_AMOUNT, "currency": CURRENCY, "stage": [None, "new"], "owner": [None, "s1"]}
    | {"name": [None, "Seats"], "close_date": DAYS},
    "deal.stage_changed": DEAL | {"stage": ["proposal", "new"]},
    "deal.amount_changed": DEAL | {"amount": AMOUNT, "currency": [None, "JPY", "USD"]},
    "deal.owner_changed": DEAL | {"owner": ["s1", "s2"]},
    "deal.won": DEAL | {"amount": MAYBE_AMOUNT, "reason": [None, "price"]},
    "deal.lost": DEAL | {"reason": [None, "price"]},
    "contract.signed": CONTRACT
    | {
        "plan": [None, "team"],
        "amount": MAYBE_AMOUNT,
        "currency": CURRENCY,
        "starts_on": [None, "2026-01-01"],
    }
    | {"ends_on": DAYS, "auto_renew": [None, True, False]},
    "contract.renewed": CONTRACT | {"ends_on": DAYS},
    "contract.notice_given": CONTRACT | {"ends_on": DAYS, "reason": [None, "price"]},
    "contract.ended": CONTRACT | {"ended_on": DAYS},
    "task.created": TASK | {"title": ["Call"], "due_at": [None, *STARTS], "assignee": [None, "s1"]},
    "task.updated": TASK | {"title": [None, "Ring"], "priority": [None, "high"]},
    "task.completed": TASK,
    "task.cancelled": TASK | {"reason": [None, "late"]},
    "activity.logged": {"kind": ["call"], "company_id": COMPANY, "deal_id": [None, "d1"]},
    "note.added": {"text": ["late"], "ticket_id": [None, "t1"], "order_id": [None, "o2"]},
    "customer.identified": {
        "family_name": ["Sato", "Ito", "Abe"],
        "language": [None, "ja"],
        "vip": [None, True],
        "address": [None, {"city": "Kyoto"}],
        '3" heels/~1': [None, "yes", "no"],
    },
    "customer.aliased": {},
    "company.updated": {
        "company_id": ["c1", "c2"],
        "industry": [None, "food", "tea"],
        "employees": [None, 3],
    },
    "consent.given": {"purpose": ["newsletter"]},
    "entity.attributed": {},
    "page.seen": {},
}
"""Every property with the values it may have; None leaves it out. The last type is not known to the door."""

OFTEN = {"order": 3, "entity": 3, "customer": 8}
TYPES = [type_ for type_ in CATALOGUE for _ in range(OFTEN.get(type_.split(".")[0], 1))]

NOBODY: dict[str, Any] = {}
SOMEBODY: list[dict[str, Any]] = [
    {"user_id": "u1"},
    {"user_id": "u2"},
    {"user_id": "u3"},
    {"anonymous_id": "a1"},
    {"anonymous_id": "a2"},
    {"card": "k1"},
    {"email": "u1@example.com", "anonymous_id": "a1"},
    {"user_id": "u1", "anonymous_id": "a1"},
    {"user_id": "u2", "anonymous_id": "a1"},
    {"user_id": "u2", "anonymous_id": "a2", "card": "k1"},
    {"x_crm": "7", "anonymous_id": ["a2", "a1"]},
    {"anonymous_id": ["a1", "a2"]},
]
TWO_USERS: list[dict[str, Any]] = [
    {"user_id": ["u1", "u2"]},
    {"user_id": ["u2", "u1"]},
    {"user_id": ["u3", "u1"], "anonymous_id": "a2"},
]
REFERENCES = [
    {"kind": "order", "id": "o1"},
    {"kind": "order", "id": "o2", "namespace": "shop"},
    {"kind": "ticket", "id": "t1"},
    {"kind": "deal", "id": "d1"},
    {"kind": "visit", "id": "v1"},
    {"kind": "company", "id": "c1"},
    {"kind": "company", "id": "c2"},
    {"kind": "campaign", "id": "spring"},
]
MOMENTS: list[timedelta | None] = [
    None,
    *(-timedelta(days=1, minutes=minute) for minute in (0, 0, 0, 1)),
    -timedelta(days=1500),
    timedelta(hours=1),
]


@dataclass
class World:
    """A log, written record by record, and what was sent so far."""

    partitions: int
    log: MemoryLog = field(init=False)
    now: int = times.to_micros(NOW)
    sealed: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = MemoryLog(self.partitions, clock=lambda: self.now, identity=LOG)
        self._keys = [self._key(partition) for partition in range(self.partitions)]

    def append(self, topic: str, value: bytes, partition: int) -> None:
        self.log.append(topic, [NewRecord(self._keys[partition % self.partitions], value)]).result()

    def records(self) -> list[Record]:
        return [
            Record(lane.topic, lane.partition, one.offset, times.from_micros(one.recorded_at), one.value)
            for lane, bounds in self.log.bounds().items()
            for one in self.log.read(lane.topic, lane.partition, bounds.first, bounds.end)
        ]

    def _key(self, partition: int) -> bytes:
        return next(key for n in range(256) if crc32(key := bytes([n])) % self.partitions == partition)


@st.composite
def worlds(draw: st.DrawFn, controls: bool) -> World:
    world = World(draw(st.integers(1, 3)))
    for record in shipped_definitions():
        world.append(topics.DEFINITIONS, record.value, 0)
    steps = (
        ["item"] * 8
        + ["copy"] * 2
        + ["twin"] * 2
        + ["repair", "junk", "definition", "definition"]
        + ["control"] * (4 * controls)
    )
    for _ in range(draw(st.sampled_from([1, 4, 8, 16, 32]))):
        world.now += draw(st.sampled_from([0, 1_000_000]))
        partition = draw(st.integers(0, 2))
        match draw(st.sampled_from(steps)):
            case "item":
                _send(draw, world, partition)
            case "copy" if world.sealed:
                body, received_at = draw(st.sampled_from(world.sealed)), times.text(_received(draw))
                again = {"received_at": received_at, "occurred_at": min(body["occurred_at"], received_at)}
                _append(world, body | again | {"sent_at": times.text(_received(draw))}, partition)
            case "twin" if world.sealed:
                body = draw(st.sampled_from(world.sealed))
                own = body["properties"] | {"own": draw(st.integers(0, 3))}
                _append(world, body | {"properties": own, "body_hash": _hash(own)}, partition)
            case "repair" if world.failed:
                _send(draw, world, partition, repairs=world.failed.pop()["failed_id"])
            case "junk":
                topic = draw(st.sampled_from(topics.ALL))
                world.append(topic, draw(st.sampled_from([b"no JSON", b"{}", b"[1]", b"\xff"])), partition)
            case "definition":
                _define(draw, world, partition)
            case "control":
                _control(draw, world, partition)
    return world


def _send(draw: st.DrawFn, world: World, partition: int, **more: Any) -> None:
    """An item through the door. What is refused is kept as a failed event, now and then twice."""
    item, received_at = draw(items()), _received(draw)
    import_id = draw(st.sampled_from([None, None, None, "i1", "i2"]))
    written = json.dumps(item, sort_keys=True)
    public = draw(st.sampled_from([False, False, True]))
    sealed = sent(dict(item), received_at, public=public, import_id=import_id)
    if isinstance(sealed, Accepted):
        body = json.loads(sealed.value) | more
        if body["type"] == "entity.attributed" and draw(st.booleans()):
            # The door lets one thing through, but a log of before may name more.
            body["entities"].append({"namespace": "shop"} | draw(st.sampled_from(REFERENCES[:5])))
        _append(world, body, partition)
        return
    failed = {
        "failed_id": str(uuid5(NAMES, written)),
        "code": sealed.code,
        "path": sealed.path,
        "reason": sealed.reason,
        "via": "http",
        "source": item["source"],
        "received_at": times.text(received_at),
        "item": written,
    }
    if "repairs" not in more and failed["failed_id"] not in {one["failed_id"] for one in world.failed}:
        world.failed.append(failed)
    for shift in range(draw(st.integers(1, 2))):
        world.append(topics.FAILED_EVENTS, json.dumps(failed).encode(), partition + shift)
        failed = failed | {"received_at": times.text(_received(draw))}


def _append(world: World, body: dict[str, Any], partition: int) -> None:
    world.sealed.append(body)
    world.append(topics.TOUCHPOINTS, json.dumps(body).encode(), partition)


def _received(draw: st.DrawFn) -> Any:
    """Few moments, and one of them often: what decides between equal times has much to do."""
    return NOW + timedelta(seconds=draw(st.sampled_from([0, 0, 0, 1, 2, 3])))


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    type_ = draw(st.sampled_from(TYPES))
    properties = {name: draw(st.sampled_from(values)) for name, values in CATALOGUE[type_].items()}
    customers = type_.startswith("customer.")
    people = SOMEBODY * 2 + TWO_USERS * 6 if customers else [NOBODY] * 8 + SOMEBODY + SOMEBODY[:4] * 2
    item: dict[str, Any] = {
        "type": type_,
        "message_id": f"m{draw(st.integers(0, 9))}",
        "source": draw(st.sampled_from(["shop", "shop", "till"])),
        "ids": draw(st.sampled_from(people)),
        "properties": {name: value for name, value in properties.items() if value is not None},
    }
    attributes = type_ == "entity.attributed"
    item["entities"] = draw(st.lists(st.sampled_from(REFERENCES), min_size=attributes, max_size=2))
    if (moment := draw(st.sampled_from(MOMENTS))) is not None:
        item["occurred_at"] = times.text(NOW + moment)
    if draw(st.integers(0, 7)) == 7:
        item["test"] = True
    if store := draw(st.sampled_from([None, None, "ginza", "ueno"])):
        item["place"] = {"store": store, "register": "1"}
    return item


def _define(draw: st.DrawFn, world: World, partition: int) -> None:
    """A definition, and now and then its activation, which may stand before it in another partition."""
    record = draw(definition_records())
    world.append(topics.DEFINITIONS, record, partition)
    if draw(st.integers(0, 3)):
        activates = activation(UUID(json.loads(record)["definition_id"]), _received(draw))
        world.append(topics.DEFINITIONS, activates.model_dump_json().encode(), draw(st.integers(0, 2)))


def _control(draw: st.DrawFn, world: World, partition: int) -> None:
    """A retraction, or a correction: an event that takes another's place."""
    event_id = str(uuid5(NAMES, f"control {draw(st.integers(0, 3))}"))
    ids = sorted({event_id, *(one["event_id"] for one in world.sealed)})
    target = draw(st.sampled_from(ids))
    if draw(st.integers(0, 4)) == 4:  # a control of an id that an event has, perhaps the very one it is about
        event_id = draw(st.sampled_from([target, *ids]))
    received_at = _received(draw)
    kind = draw(st.sampled_from(["correction", "correction", "repair", "retraction", "retraction"]))
    if kind == "repair" and world.sealed:  # of a conflict, or of what may come to be one
        replaced = draw(st.sampled_from(world.sealed))
        body = draw(st.sampled_from(world.sealed)) | {
            "received_at": times.text(received_at),
            "repairs": str(uuid5(NAMES, "a conflict")),
            "replaces": {"event_id": replaced["event_id"], "body_hash": replaced["body_hash"]},
        }
        if body["occurred_at"] > body["received_at"]:
            return
    elif kind != "retraction":
        sealed = sent(dict(draw(items())), received_at)
        if not isinstance(sealed, Accepted):
            return
        body = json.loads(sealed.value) | {"corrects": target}
        if draw(st.integers(0, 5)) == 5:
            body["correction"] = {"test": True}
    else:
        reference = draw(st.sampled_from([one for one in REFERENCES if one["kind"] != "campaign"]))
        properties = draw(
            st.sampled_from(
                [{"event_id": target}, {"event_id": target}, {"entity": reference}, {"import_id": "i1"}]
            )
        )
        retraction = {
            "type": "event.retracted",
            "occurred_at": times.text(received_at - timedelta(seconds=draw(st.integers(0, 1)))),
            "source": draw(st.sampled_from(["shop", "till"])),
            "properties": properties,
        }
        sealed = sent(retraction, received_at)
        assert isinstance(sealed, Accepted)
        body = json.loads(sealed.value)
    told = [body["type"], body["properties"], body.get("corrects"), body.get("replaces")]
    _append(world, body | {"event_id": event_id, "body_hash": _hash(told)}, partition)


def _hash(told: object) -> str:
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
