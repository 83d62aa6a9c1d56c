"""Known ids: what finding duplicates takes in memory, on the disk and in time, as the history grows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import numpy as np

from kizuna.projections.id_run import Hashes, Numbers
from kizuna.projections.known_ids import KnownIds
from kizuna.projections.store import Store

from .measure import Measure, median

BATCH = 50_000
LOOKUPS = 50
SEED = 1


def run(count: int) -> Iterator[Measure]:
    """`count` ids in batches of 50,000, as the fold adds them; then look-ups, and a start."""
    with TemporaryDirectory() as temporary:
        store = Store(
            Path(temporary) / "store.duckdb", log_id=UUID(int=1), generation=0, store_id=UUID(int=2)
        )
        try:
            before = _memory("RssAnon")
            known = KnownIds(store.writer, store.ids)
            yield from _added(known, store, count)
            yield from _sizes(known, store, _memory("RssAnon") - before)
            yield from _found(known, count)
            yield from _loaded(store, count)
        finally:
            store.close()


def _batch(number: int) -> tuple[Hashes, Numbers]:
    hashes = np.random.default_rng((SEED, number)).integers(0, 1 << 64, BATCH, np.uint64)
    return np.sort(hashes), np.arange(number * BATCH, (number + 1) * BATCH)


def _added(known: KnownIds, store: Store, count: int) -> Iterator[Measure]:
    spent: dict[str, list[float]] = {"keep": [], "find": [], "add": []}
    for number in range(count // BATCH):
        hashes, offsets = _batch(number)
        started = time.perf_counter()
        known.keep(store.writer)
        kept = time.perf_counter()
        known.find(hashes)
        found = time.perf_counter()
        known.add(hashes, offsets, {0: (number + 1) * BATCH})
        added = time.perf_counter()
        for stage, seconds in zip(spent, (kept - started, found - kept, added - found), strict=True):
            spent[stage].append(seconds)
    whole = [sum(batch) for batch in zip(*spent.values(), strict=True)]
    stages = {stage: sum(seconds) / len(seconds) for stage, seconds in spent.items()}
    note = f"{count:,} ids"
    yield Measure("ids added and looked for", count / sum(whole), "ids/s", stages=stages, note=note)
    yield Measure("a batch of ids, median", median(whole) * 1000, "ms", less=True, note=note)
    yield Measure(
        "a batch of ids, worst", max(whole) * 1000, "ms", 1_000, less=True, note="merges and writes"
    )
    yield Measure("merge, worst", max(spent["add"]) * 1000, "ms", less=True, note=note)
    yield Measure("file, worst", max(spent["keep"]) * 1000, "ms", less=True, note="with its fsync")


def _sizes(known: KnownIds, store: Store, grown: int) -> Iterator[Measure]:
    ids = len(known)
    files = sorted(file.stat().st_size for file in store.ids.iterdir()) if store.ids.is_dir() else []
    filters = sum(run.words.nbytes for run in known.runs)
    loose = sum(run.hashes.nbytes + run.numbers.nbytes for run in known.runs if not run.file)
    yield Measure("filters in memory", filters / ids, "bytes/id", less=True, note=f"{filters:,} bytes")
    yield Measure("runs in memory", loose / 1e6, "MB", less=True, note="not yet a file")
    yield Measure("memory taken", grown / 1e6, "MB", less=True, note="anonymous memory of the process, grown")
    yield Measure("peak of memory", _memory("VmHWM") / 1e6, "MB", less=True, note="of all, files mapped too")
    yield Measure("ids on disk", sum(files) / 1e6, "MB", less=True, note=f"{len(files)} files")
    yield Measure("runs", len(known.runs), "", less=True)


def _found(known: KnownIds, count: int) -> Iterator[Measure]:
    fresh = np.random.default_rng(SEED - 1)
    batches = count // BATCH
    for size, old in ((5_000, 0), (50_000, 0), (50_000, 500)):
        seconds = []
        for number in range(LOOKUPS):
            hashes = fresh.integers(0, 1 << 64, size, np.uint64)
            hashes[:old] = _batch(number * 7 % batches)[0][:old]
            hashes = np.sort(hashes)
            started = time.perf_counter()
            found, _ = known.find(hashes)
            seconds.append(time.perf_counter() - started)
            assert len(found) == old, "the hash of a fresh id is that of an old one"
        name = f"look-up of {size:,} ids, {old / size:.0%} of them old"
        yield Measure(name, median(seconds) * 1000, "ms", less=True, note=f"median of {LOOKUPS}")


def _loaded(store: Store, count: int) -> Iterator[Measure]:
    started = time.perf_counter()
    known = KnownIds(store.writer, store.ids)
    note = f"{len(known):,} ids in files, each read and compared with its checksum"
    yield Measure("ids at a start", time.perf_counter() - started, "s", less=True, note=note)


def _memory(name: str) -> int:
    """Bytes, of this process; 0 where the system does not say."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)
