"""One call in a thread for all who ask at once."""

from __future__ import annotations

import asyncio
import threading

import pytest

from kizuna.processors.rounds import Rounds


def test_each_gets_the_result_of_a_call_that_began_after_it_asked() -> None:
    began: list[int] = []
    go = threading.Event()

    def call() -> int:
        began.append(len(began))
        mine = began[-1]
        go.wait(10)
        return mine

    async def scenario() -> None:
        rounds = Rounds(call, "test")
        first = asyncio.create_task(rounds())
        while not began:
            await asyncio.sleep(0.001)
        later = [asyncio.create_task(rounds()) for _ in range(100)]
        await asyncio.sleep(0.01)
        assert began == [0], "one at a time"
        go.set()
        assert await first == 0
        assert set(await asyncio.gather(*later)) == {1}, "a hundred askers, one call"
        assert await rounds() == 2

    asyncio.run(scenario())


def test_what_the_call_raises_comes_out_and_the_next_is_asked_anew() -> None:
    outcomes = iter([OSError("away"), None])

    def call() -> str:
        outcome = next(outcomes)
        if outcome:
            raise outcome
        return "here"

    async def scenario() -> None:
        rounds = Rounds(call, "test")
        with pytest.raises(OSError, match="away"):
            await rounds()
        assert await rounds() == "here"

    asyncio.run(scenario())
