"""Totals: what was rung up, taken back and paid, by business day, source, store, register and currency.

Nothing is kept for them but the movements of the ledger, by which the events of a day are found; what else an
order says (tax, discounts, points, tenders) is moved in the same way, by the difference that each event makes
to what stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import duckdb

from kizuna.schemas.definitions import Workspace

from .selection import Column, Filter, Key, Order, Page, Values, named_rows, narrow, page, parsed
from .statistics import day_of

GROUPS = ("day", "source", "store", "register")
"""What totals can be grouped by, beside the currency."""

COUNTS = ("orders", "voids", "cancellations", "refunds", "unknown_refunds", "payments", "payment_refunds")
AMOUNTS = (
    "gross",
    "voided",
    "cancelled",
    "refunded",
    "unknown_refunded",
    "net",
    "discounts",
    "tax",
    "points_used",
    "paid",
    "paid_back",
)

_TYPES = "('order.completed', 'order.updated', 'order.cancelled', 'order.refunded')"
_PAYMENTS = "('payment.succeeded', 'payment.refunded')"

# Its business day where the till said one, else the day on which it happened.
_DAY = f"coalesce(m.business_date, {day_of('m.occurred_at')})"
_CELL = f"{_DAY} AS day, m.source, m.store, m.register, m.currency"

COLUMNS = {
    "day": Column(_DAY, "DATE"),
    **{name: Column(f"m.{name}", "VARCHAR") for name in ("source", "store", "register", "currency")},
}
"""What totals can be filtered by."""

_STRUCTURE = (
    '{"total": "VARCHAR", "void": "VARCHAR", "tax": "VARCHAR", "discount": "VARCHAR", "points_used": '
    '"VARCHAR", "lines": [{"discount": "DECIMAL(18,4)"}], "tenders": [{"method": "VARCHAR", "amount": '
    '"DECIMAL(18,4)"}]}'
)
_NO_TENDERS = "[]::STRUCT(method VARCHAR, amount DECIMAL(18,4))[]"


def _said(name: str, sql_type: str = "DECIMAL(18,4)", nothing: str = "0") -> str:
    """What a completion says in whole, and an update where it says it."""
    value = f"TRY_CAST(p.{name} AS {sql_type})" if sql_type.startswith("DECIMAL") else f"p.{name}"
    return (
        f"CASE type WHEN 'order.completed' THEN coalesce({value}, {nothing}) "
        f"WHEN 'order.updated' THEN {value} END AS {name}"
    )


_OF_LINES = "list_sum(list_transform(p.lines, lambda one: one.discount))"
_LAST = ", ".join(
    f"last_value({name} IGNORE NULLS) OVER history AS {name}"
    for name in ("total", "void", "tax", "discount", "of_lines", "points_used", "tenders")
)
# What an order stands at after each of its events. `over` is what the ledger calls so: nothing that comes
# after a cancellation counts. `standing`: it is rung up, and neither void nor cancelled.
_STOOD = f"""
told AS (
    SELECT e.entity, e.event_id, e.type, e.occurred_at, e.received_at,
        from_json(e.properties, '{_STRUCTURE}') AS p
    FROM events e WHERE e.type IN {_TYPES} AND NOT e.test AND e.entity IN (<orders>)
), said AS (
    SELECT entity, event_id, type,
        row_number() OVER (PARTITION BY entity ORDER BY occurred_at, received_at, event_id) AS n,
        {_said("void", "VARCHAR", "'false'")},
        CASE WHEN type IN ('order.completed', 'order.updated') THEN TRY_CAST(p.total AS DECIMAL(18,4)) END
            AS total,
        {_said("tax")}, {_said("discount")}, {_said("points_used")},
        {_said("tenders", "LIST", _NO_TENDERS)},
        CASE WHEN type = 'order.completed' OR (type = 'order.updated' AND p.lines IS NOT NULL)
            THEN coalesce({_OF_LINES}, 0) END AS of_lines
    FROM told
), stood AS (
    SELECT entity, event_id, type, n, {_LAST},
        min(CASE WHEN type = 'order.completed' THEN n END) OVER history AS began,
        max(CASE WHEN type = 'order.cancelled' THEN n END) OVER earlier AS stopped
    FROM said
    WINDOW history AS (PARTITION BY entity ORDER BY n ROWS UNBOUNDED PRECEDING),
        earlier AS (PARTITION BY entity ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), judged AS (
    SELECT entity, event_id, type, n, coalesce(n = began, false) AS begins,
        began IS NOT NULL AS rung_up, coalesce(stopped > began, false) AS over,
        coalesce(void = 'true', false) AS is_void, total,
        rung_up AND NOT over AND NOT is_void AND type <> 'order.cancelled' AS standing,
        CASE WHEN standing THEN coalesce(tax, 0) ELSE 0 END AS tax,
        CASE WHEN standing THEN coalesce(discount, 0) + coalesce(of_lines, 0) ELSE 0 END AS discounts,
        CASE WHEN standing THEN coalesce(points_used, 0) ELSE 0 END AS points_used,
        CASE WHEN standing THEN coalesce(tenders, {_NO_TENDERS}) ELSE {_NO_TENDERS} END AS tenders,
        CASE WHEN rung_up THEN coalesce(total, 0) ELSE 0 END AS gross,
        rung_up AND is_void AS voids
    FROM stood
), moved AS (
    SELECT event_id, type, begins, over, rung_up, is_void,
        type = 'order.cancelled' AND rung_up AND NOT over AND NOT is_void AS cancels,
        CASE WHEN NOT over AND type IN ('order.completed', 'order.updated')
            THEN gross - lag(gross, 1, 0) OVER history ELSE 0 END AS gross,
        CASE WHEN NOT over AND type IN ('order.completed', 'order.updated')
            THEN voids::INTEGER - (lag(voids, 1, false) OVER history)::INTEGER ELSE 0 END AS voids,
        tax - lag(tax, 1, 0) OVER history AS tax,
        discounts - lag(discounts, 1, 0) OVER history AS discounts,
        points_used - lag(points_used, 1, 0) OVER history AS points_used,
        tenders, lag(tenders, 1, {_NO_TENDERS}) OVER history AS tenders_before
    FROM judged WINDOW history AS (PARTITION BY entity ORDER BY n)
)
"""
# A line for each event that moved something.
_OF_ORDERS = """
SELECT w.day, w.source, w.store, w.register, w.currency,
    begins::INTEGER AS orders, voids, cancels::INTEGER AS cancellations, gross,
    CASE WHEN w.type IN ('order.completed', 'order.updated') THEN w.amount - gross ELSE 0 END AS voided,
    CASE WHEN w.type = 'order.cancelled' THEN w.amount ELSE 0 END AS cancelled,
    w.amount AS net, tax, discounts, points_used
FROM wanted w JOIN moved USING (event_id) WHERE w.type <> 'order.refunded'
    AND (begins OR cancels OR voids <> 0 OR gross <> 0 OR w.amount <> 0 OR tax <> 0 OR discounts <> 0
         OR points_used <> 0)
"""
_OF_REFUNDS = """
SELECT w.day, w.source, w.store, w.register, w.currency,
    1 AS refunds, w.amount AS refunded, w.amount AS net,
    (o.completed_at IS NULL)::INTEGER AS unknown_refunds,
    CASE WHEN o.completed_at IS NULL THEN w.amount ELSE 0 END AS unknown_refunded
FROM wanted w LEFT JOIN orders o USING (entity) WHERE w.type = 'order.refunded' AND w.amount <> 0
"""
_OF_PAYMENTS = """
SELECT w.day, w.source, w.store, w.register, w.currency,
    (type = 'payment.succeeded')::INTEGER AS payments,
    CASE WHEN type = 'payment.succeeded' THEN amount ELSE 0 END AS paid,
    (type = 'payment.refunded')::INTEGER AS payment_refunds,
    CASE WHEN type = 'payment.refunded' THEN -amount ELSE 0 END AS paid_back
FROM payments w
"""
_TENDERED = """
SELECT w.day, w.source, w.store, w.register, w.currency, one.method AS method, one.amount AS amount
FROM (SELECT event_id, unnest(tenders) AS one FROM moved WHERE tenders IS DISTINCT FROM tenders_before
      UNION ALL
      SELECT event_id, {'method': gone.method, 'amount': -gone.amount}
      FROM (SELECT event_id, unnest(tenders_before) AS gone FROM moved
            WHERE tenders IS DISTINCT FROM tenders_before))
JOIN wanted w USING (event_id)
"""


def list_totals(
    snapshot: duckdb.DuckDBPyConnection,
    workspace: Workspace,
    *,
    by: Sequence[str] = GROUPS,
    filters: Sequence[Filter] = (),
    after: Key | None = None,
    limit: int,
) -> Page:
    """Totals by these of GROUPS and by currency, the newest day first; then in the order of the other names.

    Of each line COUNTS, AMOUNTS and `tenders`, amounts by method. `net` = `gross` + `voided` + `cancelled` +
    `refunded`, of which the last three take off. Raises ValueError for what cannot be grouped or filtered by.
    """
    unknown = [name for name in by if name not in GROUPS]
    if unknown or len(set(by)) < len(by):
        raise ValueError(f"by takes {', '.join(GROUPS)}, each once")
    values = Values({"zone": workspace.time_zone})
    conditions = [*narrow(filters, COLUMNS, values), *_near(filters, values)]
    wanted = " AND ".join(conditions) or "true"
    keys = [name for name in GROUPS if name in by] + ["currency"]
    line = f"to_json([{', '.join(f'{name}::VARCHAR' for name in keys)}])::VARCHAR"
    order = Order(Column("day" if "day" in by else "NULL::DATE", "DATE"), Column("line", "VARCHAR"))
    beyond = order.beyond(after, values) if after is not None else "true"
    counts = ", ".join(f"coalesce(sum({name}), 0)::BIGINT AS {name}" for name in COUNTS)
    amounts = ", ".join(f"coalesce(sum({name}), 0)::DECIMAL(38,4) AS {name}" for name in AMOUNTS)
    rows = named_rows(
        snapshot,
        f"""
        WITH wanted AS MATERIALIZED (
            SELECT {_CELL}, m.event_id, m.entity, m.type, m.amount FROM movements m WHERE {wanted}
        ), {_STOOD.replace("<orders>", "SELECT entity FROM wanted")},
        payments AS (
            SELECT {_CELL}, m.type, m.amount FROM (
                SELECT type, occurred_at, NULL::DATE AS business_date, source, store, register,
                    properties->>'currency' AS currency,
                    TRY_CAST(properties->>'amount' AS DECIMAL(18,4)) AS amount
                FROM events WHERE type IN {_PAYMENTS} AND NOT test
            ) m WHERE {wanted}
        ), tendered AS ({_TENDERED}),
        summed AS (
            SELECT {", ".join(keys)}, {line} AS line, {counts}, {amounts}
            FROM ({_OF_ORDERS} UNION ALL BY NAME {_OF_REFUNDS} UNION ALL BY NAME {_OF_PAYMENTS}
                  UNION ALL BY NAME SELECT day, source, store, register, currency FROM tendered)
            GROUP BY {", ".join(keys)}
        ), paid_by AS (
            SELECT line, list({{'method': method, 'amount': amount}} ORDER BY method) AS tenders
            FROM (SELECT {line} AS line, method, sum(amount)::DECIMAL(38,4) AS amount FROM tendered
                  GROUP BY ALL HAVING sum(amount) <> 0)
            GROUP BY line
        )
        SELECT {", ".join(keys)}, {", ".join(COUNTS)}, {", ".join(AMOUNTS)}, coalesce(tenders, []) AS tenders,
            {order.keys}
        FROM summed LEFT JOIN paid_by USING (line) WHERE {beyond} ORDER BY {order.by} LIMIT {limit + 1}
        """,
        values.bound,
    )
    return page(rows, limit)


def _near(filters: Sequence[Filter], values: Values) -> Iterator[str]:
    """Of the days asked for, when at the latest and earliest something happened that has no business day: the
    store finds that by its zone maps, where the day of each time would have to be computed."""
    for name, operator, value in filters:
        if name != "day":
            continue
        day = parsed(value, "DATE")
        assert isinstance(day, date)
        if operator in ("eq", "gte", "gt") and day > date.min + timedelta(2):
            since = values.bind(day - timedelta(days=2))
            yield f"(m.business_date IS NOT NULL OR m.occurred_at >= {since})"
        if operator in ("eq", "lte", "lt") and day < date.max - timedelta(2):
            until = values.bind(day + timedelta(days=2))
            yield f"(m.business_date IS NOT NULL OR m.occurred_at < {until})"
