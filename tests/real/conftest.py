"""Each data set once: imported by its map and folded, beside the file itself for the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.memory import MemoryLog
from kizuna.ingest.importer import ImportReport
from kizuna.processors.projector import Projector
from kizuna.projections import canon
from kizuna.projections.definitions import load_plan
from kizuna.projections.store import Store
from tests.folding import folded, memory_log, shipped_definitions
from tests.importing import example, import_file

FILES = {
    "online-retail": "online_retail_ii/online_retail_2009_2010",
    "maven-deals": "crm_sales_opportunities/sales_pipeline",
    "maven-accounts": "crm_sales_opportunities/accounts",
    "helpdesk": "support_tickets/helpdesk_italian_events",
    "cdnow": "cdnow/cdnow_master_cal_1997-09-30",
    "completejourney-campaigns": "completejourney/campaigns",
    "completejourney-coupons": "completejourney/coupon_redemptions",
}
"""Data set by the name of its map."""


@dataclass(frozen=True)
class World:
    """What the product made of a file, and the file as the table `truth` of a database of its own."""

    name: str
    path: Path
    log: MemoryLog
    store: Store
    projector: Projector
    report: ImportReport
    digest: dict[str, str]

    def truth(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query over the file alone, which it calls `truth`."""
        with duckdb.connect() as connection:
            connection.execute(f"CREATE VIEW truth AS FROM '{self.path}'")
            return connection.execute(query).fetchall()

    def state(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query over the folded store."""
        with self.store.read() as snapshot:
            return snapshot.execute(query).fetchall()

    def traits(self, of: str, *names: str) -> list[tuple[Any, ...]]:
        return traits(self.store, of, *names)


def traits(store: Store, of: str, *names: str) -> list[tuple[Any, ...]]:
    """The identifier of every profile of a kind, and some of its traits."""
    kind = "person" if of != "company" else "company"
    with store.read() as snapshot:
        plan = load_plan(snapshot)
        columns = ", ".join(f'"{name}"' for name in names)
        query = (
            f"SELECT value, {columns} FROM ({plan.profiles_sql(kind)}) p"  # type: ignore[arg-type]
            f" JOIN identifiers i ON i.subject = p.profile AND i.kind = '{of}' ORDER BY ALL"
        )
        return snapshot.execute(query, plan.used(query)).fetchall()


Worlds = Callable[[str], World]


@pytest.fixture(scope="session")
def worlds(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    """Makes the world of a data set the first time it is asked for."""
    made: dict[str, World] = {}
    with ExitStack() as stack:

        def world(name: str) -> World:
            if name not in made:
                path = shared_data / f"{FILES[name]}.parquet"
                log = memory_log()
                log.append(
                    topics.DEFINITIONS, shipped_definitions("GBP" if name == "online-retail" else "USD")
                )
                imported = import_file(path, example(name), tmp_path_factory.mktemp(name), log=log)
                store, projector = stack.enter_context(folded(log))
                made[name] = World(
                    name, path, log, store, projector, imported.report, canon.digest(store.writer)
                )
            return made[name]

        yield world
