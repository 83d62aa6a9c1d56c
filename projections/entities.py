"""Entities: orders, tickets, deals, visits, contracts and tasks, each the fold over its own events.

A touched entity is computed anew from all of its events, so that what comes late, twice or is taken out
needs no rule of its own. The expressions below aggregate the rows of `story` of one entity: `n` numbers
them in history order, `p` holds their properties as text, `type` is the event's, `own` says whether it is of
the entity's family.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A column of an entity's table: its SQL type, and the aggregate over the story that gives it."""

    name: str
    sql_type: str
    expression: str
    money: bool = False


@dataclass(frozen=True, slots=True)
class EntityModel:
    """`table` holds one row an entity; `at` is its own date; `counted` says which rows a trait over the
    kind may see (over alias `r`)."""

    kind: str
    table: str
    at: str
    fields: tuple[Field, ...]
    counted: str = "true"

    @property
    def structure(self) -> str:
        """The properties that the expressions read, as a structure for `from_json`."""
        names = {name for field in self.fields for name in re.findall(r"\bp\.(\w+)", field.expression)}
        return "{" + ", ".join(f'"{name}": "VARCHAR"' for name in sorted(names)) + "}"


def latest(expression: str, *types: str) -> str:
    """The last value given, in history order, by events of `types` (of any type of the entity's own without:
    a payment's amount is not the contract's, nor a note's author who served)."""
    return f"arg_max(CASE WHEN {_is(*types)} THEN {expression} END, n)"


def prop(name: str, sql_type: str = "VARCHAR") -> str:
    """A property of the story's row in its type; what does not fit is as if it were not there."""
    return f"p.{name}" if sql_type == "VARCHAR" else f"TRY_CAST(p.{name} AS {sql_type})"


def text(name: str, *types: str, of: str | None = None) -> Field:
    return Field(name, "VARCHAR", latest(prop(of or name), *types))


def typed(name: str, sql_type: str, *types: str, of: str | None = None) -> Field:
    return Field(name, sql_type, latest(prop(of or name, sql_type), *types))


def money(name: str, *types: str, of: str | None = None) -> Field:
    return Field(name, "DECIMAL(18,4)", latest(prop(of or name, "DECIMAL(18,4)"), *types), money=True)


def status(**by_type: str) -> Field:
    """The status that each type leaves behind; keys are the last part of the type's name."""
    cases = " ".join(f"WHEN '{verb}' THEN {value}" for verb, value in by_type.items())
    return Field("status", "VARCHAR", latest(f"CASE verb {cases} END"))


def first_at(name: str, *types: str) -> Field:
    return Field(name, "TIMESTAMP", f"min(CASE WHEN {_is(*types)} THEN occurred_at END)")


def last_at(name: str, *types: str) -> Field:
    return Field(name, "TIMESTAMP", f"max(CASE WHEN {_is(*types)} THEN occurred_at END)")


def times(name: str, *types: str) -> Field:
    return Field(name, "BIGINT", f"count(CASE WHEN {_is(*types)} THEN 1 END)")


def _is(*types: str) -> str:
    return f"type IN ({', '.join(repr(one) for one in types)})" if types else "own"


UPDATED = Field("updated_at", "TIMESTAMP", "max(occurred_at)")
STORE = Field("store", "VARCHAR", latest("store"))
REGISTER = Field("register", "VARCHAR", latest("register"))

ORDERS = EntityModel(
    "order",
    "orders",
    "r.completed_at",
    (
        Field(
            "status",
            "VARCHAR",
            "CASE WHEN arg_max(void, n) THEN 'void' "
            "WHEN bool_or(cancels) THEN 'cancelled' "
            "WHEN NOT bool_or(type = 'order.completed') THEN 'unknown' "
            "WHEN max(refunds) IS NULL THEN 'completed' "
            "WHEN arg_max(refunds, n) >= arg_max(gross, n) THEN 'refunded' "
            "ELSE 'partially_refunded' END",
        ),
        Field("currency", "VARCHAR", "arg_max(currency, n)"),
        Field("total", "DECIMAL(18,4)", "arg_max(gross, n)", money=True),
        Field("refunded", "DECIMAL(18,4)", "coalesce(arg_max(refunds, n), 0)", money=True),
        Field("net_total", "DECIMAL(18,4)", "sum(amount)", money=True),
        first_at("completed_at", "order.completed"),
        first_at("cancelled_at", "order.cancelled"),
        last_at("refunded_at", "order.refunded"),
        UPDATED,
        money("shipping"),
        money("tax"),
        money("discount"),
        text("coupon"),
        text("receipt_number"),
        typed("business_date", "DATE"),
        text("staff_id"),
        STORE,
        REGISTER,
        Field("lines", "VARCHAR", latest("p.lines", "order.completed", "order.updated")),
    ),
    counted="r.completed_at IS NOT NULL AND r.status <> 'void'",
)
TICKETS = EntityModel(
    "ticket",
    "tickets",
    "r.opened_at",
    (
        status(
            opened="coalesce(p.status, 'new')",
            status_changed="p.status",
            solved="'solved'",
            reopened="'open'",
        ),
        text("subject"),
        text("channel"),
        text("category"),
        text("priority"),
        text("assignee"),
        first_at("opened_at", "ticket.opened"),
        Field(
            "first_replied_at",
            "TIMESTAMP",
            "min(CASE WHEN type = 'ticket.replied' AND p.author = 'staff' THEN occurred_at END)",
        ),
        last_at("solved_at", "ticket.solved"),
        times("replies", "ticket.replied"),
        times("reopened", "ticket.reopened"),
        typed("score", "DECIMAL(18,4)", "ticket.rated"),
        UPDATED,
    ),
)
DEALS = EntityModel(
    "deal",
    "deals",
    "r.created_at",
    (
        status(created="'open'", won="'won'", lost="'lost'"),
        text("name"),
        text("pipeline"),
        text("stage"),
        text("product"),
        money("amount"),
        text("currency"),
        text("assignee", of="owner"),
        typed("close_date", "DATE"),
        first_at("created_at", "deal.created"),
        last_at("closed_at", "deal.won", "deal.lost"),
        text("reason", "deal.won", "deal.lost"),
        UPDATED,
    ),
)
VISITS = EntityModel(
    "visit",
    "visits",
    "r.starts_at",
    (
        status(
            booked="'booked'",
            rescheduled="'booked'",
            completed="'completed'",
            cancelled="'cancelled'",
            no_show="'no_show'",
        ),
        typed("starts_at", "TIMESTAMP", "visit.booked", "visit.rescheduled"),
        typed("duration_minutes", "INTEGER"),
        text("staff_id"),
        STORE,
        Field("menu", "VARCHAR", latest("p.menu")),
        money("total"),
        text("currency"),
        first_at("booked_at", "visit.booked"),
        last_at("completed_at", "visit.completed"),
        typed("next_booking", "TIMESTAMP"),
        text("reason"),
        UPDATED,
    ),
)
CONTRACTS = EntityModel(
    "contract",
    "contracts",
    "r.signed_at",
    (
        status(signed="'active'", renewed="'active'", notice_given="'notice'", ended="'ended'"),
        text("name"),
        text("plan"),
        money("amount"),
        text("currency"),
        text("interval"),
        typed("starts_on", "DATE"),
        typed("ends_on", "DATE"),
        typed("ended_on", "DATE"),
        typed("auto_renew", "BOOLEAN"),
        first_at("signed_at", "contract.signed"),
        text("reason"),
        UPDATED,
    ),
)
TASKS = EntityModel(
    "task",
    "tasks",
    "r.created_at",
    (
        status(created="'open'", completed="'completed'", cancelled="'cancelled'"),
        text("title"),
        typed("due_at", "TIMESTAMP"),
        text("assignee"),
        text("priority"),
        first_at("created_at", "task.created"),
        last_at("completed_at", "task.completed"),
        UPDATED,
    ),
)

MODELS = (ORDERS, TICKETS, DEALS, VISITS, CONTRACTS, TASKS)
BY_KIND = {model.kind: model for model in MODELS}
