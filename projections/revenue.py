"""Money of orders: totals of the ledger, by currency and by day."""

from __future__ import annotations

import duckdb

from kizuna.schemas.definitions import Workspace

from .selection import named_rows
from .statistics import day_of

# `gross` is what completions and updates moved; refunds of no known order are among `refunded`.
_MOVED = """
count(*) FILTER (type = 'order.refunded' AND amount <> 0) AS refunds,
sum(amount) FILTER (type IN ('order.completed', 'order.updated')) AS gross,
sum(amount) FILTER (type = 'order.cancelled') AS cancelled,
sum(amount) FILTER (type = 'order.refunded') AS refunded,
sum(amount) AS net
"""
_SHOWN = "coalesce(orders, 0) AS orders, coalesce(refunds, 0) AS refunds, " + ", ".join(
    f"coalesce({name}, 0)::DECIMAL(38,4) AS {name}" for name in ("gross", "cancelled", "refunded", "net")
)
_COMPLETED = "FROM orders WHERE completed_at IS NOT NULL AND status <> 'void' AND currency IS NOT NULL"


def by_currency(snapshot: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
    """`orders` completed, `refunds`, and the money they moved: `net` = `gross` + `cancelled` + `refunded`, of
    which the last two are not positive."""
    return named_rows(
        snapshot,
        f"SELECT currency, {_SHOWN} FROM (SELECT currency, {_MOVED} FROM movements GROUP BY currency) "
        f"FULL JOIN (SELECT currency, count(*) AS orders {_COMPLETED} GROUP BY currency) USING (currency) "
        "WHERE currency IS NOT NULL ORDER BY currency",
    )


def by_day(snapshot: duckdb.DuckDBPyConnection, workspace: Workspace) -> list[dict[str, object]]:
    """The same by day of the workspace's time zone: orders on that of their completion, each movement on its
    own."""
    return named_rows(
        snapshot,
        f"SELECT day, currency, {_SHOWN} FROM "
        f"(SELECT {day_of('occurred_at')} AS day, currency, {_MOVED} FROM movements GROUP BY day, currency) "
        "FULL JOIN "
        f"(SELECT {day_of('completed_at')} AS day, currency, count(*) AS orders {_COMPLETED} "
        "GROUP BY day, currency) USING (day, currency) WHERE currency IS NOT NULL ORDER BY day, currency",
        {"zone": workspace.time_zone},
    )
