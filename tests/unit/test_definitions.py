"""Which definition is in force: layers, activation, and what is computed anew."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import orjson
import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from kizuna.projections import canon, definitions, preparation, statistics
from kizuna.schemas.definitions import activation
from tests.definitions import Hand, by_hand, page
from tests.folding import NOW, accepted, folded

PAGES: dict[str, object] = {"name": "seen", "count": "page.viewed"}
PATHS: dict[str, object] = {"name": "seen", "list": "page.viewed.path"}
FIRST: dict[str, object] = {"name": "seen", "first": "page.viewed.path"}


def seen(hand: Hand) -> list[object]:
    """The trait `seen` of the one person; none when there is no such trait."""
    hand.read_all()
    (person,) = hand.traits()
    return [person["seen"]] if "seen" in person else []


def test_a_users_definition_wins_until_it_is_removed() -> None:
    with by_hand() as hand:
        hand.send(page("u", 2, "/tea"), page("u", 1, "/"), page("u", 3, "/"))
        hand.activate(hand.define("seen", PAGES, 1, "shipped"))
        assert seen(hand) == [3]
        hand.activate(hand.define("seen", PATHS, 2))
        assert seen(hand) == [["/", "/tea"]]
        # An upgrade of the shipped one changes nothing yet,
        hand.activate(hand.define("seen", FIRST, 3, "shipped"))
        assert seen(hand) == [["/", "/tea"]]
        # but is what comes back.
        hand.activate(hand.define("seen", None, 4))
        assert seen(hand) == ["/"]
        # A user's older definition that turns up late is older still.
        hand.activate(hand.define("seen", PAGES, 2, "user"))
        assert seen(hand) == ["/"]
        hand.activate(hand.define("seen", None, 5, "shipped"))
        assert seen(hand) == []
        assert hand.store.writer.execute("SELECT count(*) FROM trait_values").fetchall() == [(0,)]


def test_an_upgrade_that_takes_a_shipped_definition_back_leaves_the_users() -> None:
    with by_hand() as hand:
        hand.send(page("u", 1))
        hand.activate(hand.define("seen", PAGES, 1, "shipped"), hand.define("seen", FIRST, 2))
        hand.activate(hand.define("seen", None, 3, "shipped"))
        assert seen(hand) == ["/"]
        hand.activate(hand.define("seen", None, 4))
        assert seen(hand) == []


def test_a_definition_is_in_force_from_its_activation_on() -> None:
    with by_hand() as hand:
        hand.send(page("u", 1))
        hand.activate(hand.define("seen", PAGES, 1))
        assert seen(hand) == [1]
        changed = hand.define("seen", FIRST, 2)
        hand.send(page("u", 2, "/tea"))
        assert seen(hand) == [2]
        held = definitions.read(hand.store.writer)
        assert [one.definition_id for one in held.pending] == [changed]
        assert held.current["trait", "seen"].body == PAGES
        hand.activate(changed)
        assert seen(hand) == ["/tea"]
        assert definitions.read(hand.store.writer).pending == []


def test_an_activation_may_come_first_and_one_of_nothing_does_nothing() -> None:
    with by_hand() as hand:
        hand.send(page("u", 1))
        hand.activate(uuid4())
        with by_hand() as other:
            its = other.define("seen", PAGES, 1)
        hand.activate(its)
        assert seen(hand) == []
        hand.define("seen", PAGES, 1)
        assert seen(hand) == [1]


def test_what_was_superseded_waits_for_nothing_and_does_nothing() -> None:
    with by_hand() as hand:
        hand.send(page("u", 1))
        older = hand.define("seen", PAGES, 1)
        newer = hand.define("seen", FIRST, 2)
        hand.read_all()
        assert hand.fold.prepare() == (newer,)
        hand.activate(newer)
        assert seen(hand) == ["/"]
        hand.activate(older)
        assert seen(hand) == ["/"]


def test_another_currency_is_activated_too() -> None:
    order = {"order_id": "o", "currency": "JPY", "total": "1200"}
    with by_hand() as hand:
        hand.send(accepted({"type": "order.completed", "ids": {"user_id": "u"}, "properties": order}))
        hand.activate(hand.define("spent", {"name": "spent", "sum": "order.net_total"}, 1))
        hand.read_all()
        assert hand.traits() == [{"spent": 0}]
        zone: dict[str, object] = {"time_zone": "Asia/Tokyo", "currency": "JPY"}
        asked = hand.define("workspace", zone, 2, kind="workspace")
        hand.read_all()
        assert hand.traits() == [{"spent": 0}]
        hand.activate(asked)
        hand.read_all()
        assert hand.traits() == [{"spent": 1200}]


def test_only_what_changed_is_computed() -> None:
    """A total that stays is taken over, not found again: here from a table that was changed by hand."""
    with by_hand() as hand:
        hand.send(page("u", 1))
        hand.activate(hand.define("seen", PAGES, 1), hand.define("kept", {**PAGES, "name": "kept"}, 1))
        hand.read_all()
        hand.store.writer.execute("UPDATE person_totals SET seen = 10, kept = 10")
        label = hand.define("kept", {**PAGES, "name": "kept", "label": "Pages"}, 2)
        where = hand.define("seen", {**PAGES, "where": {"path": "/"}}, 2)
        hand.activate(label, where)
        hand.read_all()
        assert hand.traits() == [{"kept": 10, "seen": 1}]
        assert definitions.load_plan(hand.store.writer).traits[0].label == "Pages"


def test_repeated_records_are_counted_as_duplicates() -> None:
    with by_hand() as hand:
        its = hand.define("seen", PAGES, 1)
        hand.define("seen", PAGES, 1)
        hand.activate(its, its, its)
        hand.log.append(topics.DEFINITIONS, [NewRecord(b"", b'{"type": "definition.activated"}')])
        hand.read_all()
        (topic,) = statistics.by_topic(hand.store.writer)
        assert topic == {
            "topic": "definitions",
            "events": 2,
            "duplicates": 3,
            "failed_events": 1,
            "repaired": 0,
        }


@pytest.mark.parametrize("name", ["subject", "profile", "shaken", "a__n"])
def test_names_that_columns_have_are_refused(name: str) -> None:
    with by_hand() as hand:
        hand.activate(hand.define(name, {**PAGES, "name": name}, 1))
        hand.send(page("u", 1))
        hand.read_all()
        assert hand.traits() == [{}]
        assert hand.store.writer.execute("SELECT topic FROM failed_items").fetchall() == [("definitions",)]


def test_events_are_merged_into_what_is_being_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """One subject a piece: at each event the numbers of those who are done, and not of the others, move."""
    monkeypatch.setattr(preparation, "PIECE", 1)
    with by_hand() as hand:
        hand.send(page("u1", 9, "/a"), page("u2", 8, "/b"), page("u3", 7, "/c"))
        hand.read_all()
        ids = [
            hand.define("pages", {"name": "pages", "count": "page.viewed"}, 1),
            hand.define("newest", {"name": "newest", "last": "page.viewed.path"}, 1),
            hand.define("paths", {"name": "paths", "list": "page.viewed.path"}, 1),
        ]
        hand.read_all()

        def prepared() -> list[int]:
            rows = hand.store.writer.execute(
                "SELECT pages FROM next_person_totals ORDER BY subject"
            ).fetchall()
            return [row[0] for row in rows]

        assert hand.fold.prepare() == ()
        assert prepared() == [1]
        hand.send(page("u1", 0, "/x"), page("u3", 6, "/d"), page("u4", 5, "/e"))
        hand.read_all()
        assert prepared() == [2]
        newest = page("u1", 0, "/x")
        gone = {
            "type": "event.retracted",
            "properties": {"event_id": str(orjson.loads(newest.value)["event_id"])},
        }
        hand.send(accepted(gone, NOW + timedelta(minutes=1)))
        hand.read_all()
        assert prepared() == [1]
        while not hand.fold.prepare():
            pass
        assert prepared() == [1, 1, 2, 1]
        hand.send(page("u5", 4, "/f"))
        hand.read_all()
        assert prepared() == [1, 1, 2, 1, 1]
        hand.activate(*ids)
        hand.read_all()
        assert sorted((one["newest"], one["pages"], one["paths"]) for one in hand.traits()) == [
            ("/a", 1, ["/a"]),
            ("/b", 1, ["/b"]),
            ("/d", 2, ["/c", "/d"]),
            ("/e", 1, ["/e"]),
            ("/f", 1, ["/f"]),
        ]
        counted = hand.store.writer.execute("SELECT value, n FROM trait_values ORDER BY value").fetchall()
        assert counted == [(path, 1) for path in ("/a", "/b", "/c", "/d", "/e", "/f")]


def test_the_projector_activates_what_it_has_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "PIECE", 1)
    with by_hand() as hand:
        hand.send(*(page(f"u{number}", number) for number in range(5)))
        its = hand.define("seen", PAGES, 1)
        with folded(hand.log) as (store, projector):
            held = definitions.read(store.writer)
            assert held.activated == {its}
            assert held.pending == []
            values = [one.value for one in hand.log.read(topics.DEFINITIONS, 0, 1, 10)]
            assert values == [activation(its, NOW).model_dump_json().encode()]
            projector.fold_all()
            assert len(hand.log.read(topics.DEFINITIONS, 0, 0, 10)) == 2
            hand.read_all()
            assert hand.digest() == canon.digest(store.writer)


def test_an_activation_has_the_same_id_for_ever() -> None:
    assert activation(UUID(int=7), NOW).activation_id == UUID("3b4eaa2f-61c8-5d81-bc6f-934531dfce6e")


def test_every_table_of_the_store_is_declared() -> None:
    def tables() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for table, column in hand.store.writer.execute(
            "SELECT table_name, column_name FROM duckdb_columns() "
            "WHERE database_name = current_database() AND NOT internal ORDER BY column_index"
        ).fetchall():
            found.setdefault(table, []).append(column)
        return found

    def declared() -> dict[str, list[str]]:
        manifest = canon.manifest(hand.store.writer)
        assert all(bool(table.reason) == (table.role == "local") for table in manifest)
        return {table.name: [name for name, _ in table.columns] for table in manifest}

    with by_hand() as hand:
        hand.send(page("u", 1))
        hand.activate(hand.define("seen", PAGES, 1), hand.define("paths", {**PATHS, "name": "paths"}, 1))
        hand.read_all()
        assert tables() == declared()
        before = hand.digest()
        hand.define("last", {"name": "last", "last": "page.viewed.path"}, 2)
        hand.read_all()
        hand.fold.prepare()
        assert tables() == declared()
        assert {"next_person_totals", "next_company_totals", "next_trait_values"} <= tables().keys()
        # What is local is not compared.
        assert hand.digest() == before | {"definitions": hand.digest()["definitions"]}
        hand.store.writer.execute("UPDATE clock SET t = t + INTERVAL 1 DAY")
        hand.store.writer.execute("DELETE FROM next_person_totals")
        assert hand.digest() == before | {"definitions": hand.digest()["definitions"]}
        assert hand.digest().keys() == {
            table.name for table in canon.manifest(hand.store.writer) if table.role != "local"
        }
