"""The ledger of order money: each event's movement of the net total, in the order's history.

An order nets its total, as completed or last updated, less its refunds; nothing while its receipt is void,
and nothing from a cancellation on. Each event moves the difference that it makes to that, so the movements of
an order always add up to what it nets. A refund of an order that nobody knows still moves. An event of the
order that moves nothing has its row too, so that the events of a business day are found by theirs.
"""

from __future__ import annotations

from .entities import prop
from .script import Script

_AMOUNT = prop("amount", "DECIMAL(18,4)")
_TOTAL = prop("total", "DECIMAL(18,4)")
_DAY = prop("business_date", "DATE")

_PROPERTIES = (
    '{"total": "VARCHAR", "amount": "VARCHAR", "currency": "VARCHAR", "void": "VARCHAR", '
    '"business_date": "VARCHAR"}'
)

MOVED = "(amount <> 0 OR type = 'order.completed')"
"""Which movements are told of an order."""

# One row an event of the order: what is in force after it (`gross`, `refunds`, `void`), and what it moves.
# Only what is needed goes through the windows: they copy every column. `began` and `stopped` number the first
# completion and the last cancellation so far; a cancellation counts from the completion on, and ends it all.
# A completion that does not say that it is void is not; an update that does not leaves it as it was.
STORY = f"""
CREATE OR REPLACE TEMP TABLE order_story AS
WITH said AS (
    SELECT entity, n, type, own, from_json(properties, '{_PROPERTIES}') AS p
    FROM story WHERE kind = 'order' AND NOT test
), told AS (
    SELECT entity, n, type, {_AMOUNT} AS refund, {_DAY} AS business_date,
        CASE WHEN own THEN p.currency END AS currency,
        CASE WHEN type IN ('order.completed', 'order.updated') THEN {_TOTAL} END AS total,
        CASE type WHEN 'order.completed' THEN coalesce(p.void, 'false') WHEN 'order.updated' THEN p.void END
            AS void
    FROM said
), counted AS (
    SELECT entity, n, type, business_date,
        min(CASE WHEN type = 'order.completed' THEN n END) OVER history AS began,
        max(CASE WHEN type = 'order.cancelled' THEN n END) OVER earlier AS stopped,
        last_value(total IGNORE NULLS) OVER history AS total,
        sum(CASE WHEN type = 'order.refunded' THEN refund END) OVER history AS refunds,
        last_value(currency IGNORE NULLS) OVER history AS currency,
        coalesce(last_value(void IGNORE NULLS) OVER history = 'true', false) AS void
    FROM told
    WINDOW history AS (PARTITION BY entity ORDER BY n ROWS UNBOUNDED PRECEDING),
        earlier AS (PARTITION BY entity ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), judged AS (
    SELECT entity, n, business_date, currency, void, coalesce(stopped > began, false) AS over,
        type = 'order.cancelled' AND began IS NOT NULL AND NOT over AS cancels,
        CASE WHEN began IS NOT NULL AND NOT over THEN total END AS gross,
        CASE WHEN NOT over THEN refunds END AS refunds,
        CASE WHEN over OR cancels OR void THEN 0 ELSE coalesce(gross, 0) - coalesce(refunds, 0) END AS net
    FROM counted
)
SELECT entity, n, business_date, currency, void, cancels, gross, refunds,
    (net - lag(net, 1, 0) OVER (PARTITION BY entity ORDER BY n))::DECIMAL(18,4) AS amount
FROM judged
"""

OF_ORDERS = """
SELECT entity, s.event_id, s.type, s.occurred_at, m.amount, m.currency, s.source, s.store, s.register,
       m.business_date, o.owner, o.company
FROM order_story m JOIN story s USING (entity, n) JOIN owners o USING (entity)
WHERE s.own
"""
# A refund that names no order is a movement of its subject.
OF_NOBODY = """
SELECT NULL::BIGINT AS entity, e.event_id, e.type, e.occurred_at,
       -TRY_CAST(json_extract_string(e.properties, '$.amount') AS DECIMAL(18,4)) AS amount,
       json_extract_string(e.properties, '$.currency') AS currency, e.source, e.store, e.register,
       TRY_CAST(json_extract_string(e.properties, '$.business_date') AS DATE) AS business_date,
       k.subject AS owner, k.company AS company
FROM incoming e JOIN keys k USING ("row")
WHERE e.type = 'order.refunded' AND e.entity_ref.kind IS DISTINCT FROM 'order' AND NOT e.test
"""


def write_movements(script: Script, *, known: bool, displaced: bool) -> None:
    """Replace the movements of touched orders. `changes_movement` then holds what went and what came."""
    script.execute(
        "CREATE OR REPLACE TEMP TABLE changes_movement AS "
        f"SELECT 1 AS sign, * FROM ({OF_ORDERS}) UNION ALL SELECT 1, * FROM ({OF_NOBODY})"
    )
    insert = "INSERT INTO movements SELECT * EXCLUDE (sign) FROM changes_movement"
    if known:
        gone = "entity IN (SELECT entity FROM touched WHERE known AND kind = 'order')"
        if displaced:
            gone += " OR event_id IN (SELECT event_id FROM displaced)"
        script.execute(f"INSERT INTO changes_movement SELECT -1, * FROM movements WHERE {gone}")
        script.execute(f"DELETE FROM movements WHERE {gone}")
        insert += " WHERE sign = 1"
    script.execute(insert)
