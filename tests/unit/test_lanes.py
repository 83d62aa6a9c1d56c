"""Lanes: fair among askers, and bounded."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizuna.query.lanes import Full, Lanes


class Hall:
    """Requests that stay until they are told to go."""

    def __init__(self, lanes: Lanes) -> None:
        self.lanes = lanes
        self.inside: list[str] = []
        self.refused: list[bool] = []
        self.gone: dict[str, list[asyncio.Event]] = {}

    async def ask(self, asker: str) -> None:
        try:
            async with self.lanes.take(asker):
                self.inside.append(asker)
                leave = asyncio.Event()
                self.gone.setdefault(asker, []).append(leave)
                try:
                    await leave.wait()
                finally:
                    self.inside.remove(asker)
        except Full as full:
            self.refused.append(full.by_asker)

    def let_go(self, asker: str) -> None:
        self.gone[asker].pop().set()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_one_asker_leaves_room_for_others_and_they_come_in_order() -> None:
    async def scenario() -> None:
        hall = Hall(Lanes(running=4, each=2, waiting=40))
        tasks = [asyncio.create_task(hall.ask("greedy")) for _ in range(6)]
        await settle()
        assert hall.inside == ["greedy"] * 2
        tasks += [asyncio.create_task(hall.ask(name)) for name in ("b", "c", "d")]
        await settle()
        assert hall.inside == ["greedy", "greedy", "b", "c"]
        hall.let_go("greedy")
        await settle()
        assert hall.inside == ["greedy", "b", "c", "greedy"], "the next in the queue"
        hall.let_go("b")
        await settle()
        assert hall.inside == ["c", "greedy", "greedy", "d"] or hall.inside == ["greedy", "c", "greedy", "d"]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(scenario())


def test_the_queue_is_bounded_for_one_asker_and_for_all() -> None:
    async def scenario() -> None:
        hall = Hall(Lanes(running=1, each=1, waiting=8))
        tasks = [asyncio.create_task(hall.ask("greedy")) for _ in range(5)]
        await settle()
        assert hall.refused == [True, True], "one runs, a quarter of the places is his"
        tasks += [asyncio.create_task(hall.ask(f"asker {number}")) for number in range(7)]
        await settle()
        assert hall.refused == [True, True, False]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(scenario())


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["ask", "go", "cancel"])), max_size=60))
def test_places_are_never_lost_nor_given_twice(steps: list[tuple[str, str]]) -> None:
    async def scenario() -> None:
        hall = Hall(Lanes(running=3, each=2, waiting=12))
        tasks: dict[str, list[asyncio.Task[None]]] = {}
        for asker, step in steps:
            if step == "ask":
                tasks.setdefault(asker, []).append(asyncio.create_task(hall.ask(asker)))
            elif step == "go" and hall.gone.get(asker):
                hall.let_go(asker)
            elif step == "cancel" and tasks.get(asker):
                tasks[asker].pop().cancel()
            if len(steps) % 2:
                await settle()
            assert len(hall.inside) <= 3
        every = [task for some in tasks.values() for task in some]
        for task in every:
            task.cancel()
        await asyncio.gather(*every, return_exceptions=True)
        assert hall.inside == []
        again = [asyncio.create_task(hall.ask(asker)) for asker in "aabb"]
        await settle()
        assert Counter(hall.inside).total() == 3, "all three places are there again"
        for task in again:
            task.cancel()
        await asyncio.gather(*again, return_exceptions=True)

    asyncio.run(scenario())


def test_who_is_let_in_when_he_goes_away_keeps_no_place() -> None:
    async def scenario() -> None:
        lanes = Lanes(running=1, each=1, waiting=8)
        first = lanes.take("a")
        await first.__aenter__()
        hall = Hall(lanes)
        second = asyncio.create_task(hall.ask("b"))
        await settle()
        await first.__aexit__(None, None, None)  # b is let in,
        second.cancel()  # and goes before it runs
        with pytest.raises(asyncio.CancelledError):
            await second
        third = asyncio.create_task(hall.ask("c"))
        await settle()
        assert hall.inside == ["c"]
        third.cancel()
        await asyncio.gather(third, return_exceptions=True)

    asyncio.run(scenario())
