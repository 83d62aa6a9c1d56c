"""One timer for many deadlines."""

from __future__ import annotations

import asyncio

from kizuna.runtime.patience import Patience


def test_what_is_not_ended_in_time_is_over_once_in_the_order_it_began() -> None:
    async def scenario() -> None:
        over: list[tuple[str, float]] = []
        loop = asyncio.get_running_loop()
        patience = Patience[str](0.1, lambda what: over.append((what, loop.time() - began)), step=0.01)
        began = loop.time()
        for name in ("a", "b", "c", "d"):
            patience.begin(name, loop)
        patience.end("b")
        await asyncio.sleep(0.05)
        patience.begin("c", loop)
        assert patience.first() == "a"
        await asyncio.sleep(0.2)
        assert [name for name, _ in over] == ["a", "d", "c"]
        assert all(seconds >= 0.1 for name, seconds in over if name != "c")
        assert next(seconds for name, seconds in over if name == "c") >= 0.15
        assert len(patience) == 0
        patience.begin("e", loop)
        await asyncio.sleep(0.2)
        assert over[-1][0] == "e", "the timer starts again"

    asyncio.run(scenario())
