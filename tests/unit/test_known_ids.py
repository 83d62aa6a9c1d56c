"""Which ids are known, and where: as a dictionary would say, whatever became of the files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kizuna.projections import id_run, known_ids, tables
from kizuna.projections.id_run import Run
from kizuna.projections.known_ids import KnownIds
from tests.examples import examples

TABLES = (tables.EVENTS, tables.COPIES, tables.ID_FILES, tables.ID_COVERAGE)
NARROW = "(md5_number_lower({id}::VARCHAR) & 3)"
Pairs = list[tuple[int, int]]


class World:
    """The part of a store that ids are read from again, and what was put there."""

    def __init__(self, folder: Path) -> None:
        self.connection = duckdb.connect()
        for table in TABLES:
            self.connection.execute(table.ddl)
        hashed = known_ids.HASH.format(id="id")
        numbered = "(SELECT n, printf('00000000-0000-0000-0000-%012x', n)::UUID AS id FROM range(40) r(n))"
        self.hashes = dict(self.connection.execute(f"SELECT n, {hashed} FROM {numbered}").fetchall())
        self.folder = folder / "store.ids"
        self.added: Pairs = []
        self.ends: dict[int, int] = {}
        self.open()

    def open(self) -> None:
        self.ids = KnownIds(self.connection, self.folder)

    def batch(self, ids: list[int], partition: int = 0) -> None:
        """Records with these ids, at the next offsets of a partition."""
        first = self.ends.get(partition, 0)
        end = self.ends[partition] = first + len(ids)
        table = "events" if partition else "copies"
        self.connection.execute(
            f'INSERT INTO {table} (event_id, "partition", "offset") SELECT unnest($ids::UUID[]), $partition, '
            "$first + generate_subscripts($ids, 1) - 1",
            {"ids": [UUID(int=one) for one in ids], "partition": partition, "first": first},
        )
        hashes = np.array([self.hashes[one] for one in ids], np.uint64)
        self.ids.add(hashes, np.arange(first, end), {partition: end})
        self.added += zip(map(int, hashes), range(first, end), strict=True)

    def find(self, ids: list[int]) -> Pairs:
        hashes = np.array(sorted({self.hashes[one] for one in ids}), np.uint64)
        found, offsets = self.ids.find(hashes)
        return sorted(zip(map(int, found), map(int, offsets), strict=True))

    def expected(self, ids: list[int]) -> Pairs:
        asked = {self.hashes[one] for one in ids}
        return sorted(pair for pair in self.added if pair[0] in asked)

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*"))


@contextmanager
def world(*, hashed: str = known_ids.HASH, bits: int = 10, filed: int = 4, fan: int = 2) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setattr(known_ids, "HASH", hashed)
        patch.setattr(known_ids, "FILED", filed)
        patch.setattr(id_run, "FAN", fan)
        patch.setattr(id_run, "BITS_AN_ID", bits)
        made = World(Path(folder))
        try:
            yield made
        finally:
            made.connection.close()


BATCHES = st.tuples(st.just("batch"), st.lists(st.integers(0, 30), max_size=6), st.integers(0, 2))
CHANGES = st.sampled_from(["keep", "keep", "restart", "damage", "remove", "litter"])


@settings(max_examples=examples(60))
@given(
    st.lists(BATCHES | CHANGES, max_size=25),
    st.sampled_from([known_ids.HASH, NARROW]),
    st.sampled_from([0, 10]),
    st.sampled_from([2, 4]),
)
def test_find_says_what_a_dictionary_would(
    steps: list[str | tuple[str, list[int], int]], hashed: str, bits: int, fan: int
) -> None:
    asked = list(range(0, 40, 2))
    with world(hashed=hashed, bits=bits, fan=fan) as one:
        for step in steps:
            match step:
                case ("batch", ids, partition):
                    one.batch(ids, partition)
                case "keep":
                    one.ids.keep(one.connection)
                case "restart":
                    one.open()
                case "litter":
                    one.folder.mkdir(exist_ok=True)
                    (one.folder / "litter").write_bytes(b"?")
                    one.open()
                    assert not (one.folder / "litter").exists()
                case other:
                    for path in one.files()[:1]:
                        if other == "damage":
                            path.write_bytes(path.read_bytes()[:-1] + b"?")
                        else:
                            path.unlink()
                    one.open()
            assert one.find(asked) == one.expected(asked)
            assert len(one.ids) == len(one.added)


def test_most_ids_stand_in_files_and_only_the_rest_is_read_again() -> None:
    with world() as one:
        for number in range(9):
            one.batch([2 * number, 2 * number + 1], number % 2)
            one.ids.keep(one.connection)
        assert one.files()
        one.connection.execute(
            "DELETE FROM events; DELETE FROM copies"
        )  # what is in files need not be in the store
        one.open()
        filed = sum(len(run) for run in one.ids.runs if run.file)
        assert 12 <= filed == len(one.ids)
        assert {path.name for path in one.files()} == {run.file for run in one.ids.runs}


def test_a_file_comes_back_as_the_run_that_it_was(tmp_path: Path) -> None:
    hashes = np.random.default_rng(1).integers(0, 1 << 64, 100_000, np.uint64)
    run = id_run.run_of(hashes, np.arange(len(hashes)))
    written = id_run.write(run, tmp_path)
    for other in (written, id_run.read(tmp_path / written.file)):
        assert other.file == written.file
        for one, its in ((run.hashes, other.hashes), (run.numbers, other.numbers), (run.words, other.words)):
            np.testing.assert_array_equal(one, its)
    assert [path.name for path in tmp_path.iterdir()] == [written.file]


def test_a_filter_lets_few_strangers_pass() -> None:
    """About 2 %: each costs a look into the file."""
    random = np.random.default_rng(2)
    run = id_run.run_of(random.integers(0, 1 << 64, 200_000, np.uint64), np.arange(200_000))
    strangers = np.sort(random.integers(0, 1 << 64, 100_000, np.uint64))
    marks = id_run.marks(strangers)
    everything = Run(np.sort(strangers), np.arange(100_000), run.words)
    assert 0 < len(everything.find(strangers, marks)[0]) < 3_000
    assert len(run.find(strangers, marks)[0]) == 0
    assert len(run.find(run.hashes, id_run.marks(run.hashes))[0]) == 200_000


@pytest.mark.parametrize("content", [b"", b"short", b"\2" + b"\0" * 23])
def test_a_file_of_another_content_is_refused(tmp_path: Path, content: bytes) -> None:
    run = id_run.write(id_run.run_of(np.arange(9, dtype=np.uint64), np.arange(9)), tmp_path)
    (tmp_path / run.file).write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        id_run.read(tmp_path / run.file)


def test_a_file_that_is_damaged_is_made_again(caplog: pytest.LogCaptureFixture) -> None:
    with world() as one:
        one.batch([1, 2, 3, 5])
        one.ids.keep(one.connection)
        (path,) = one.files()
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        one.open()
        assert "read from the store again" in caplog.text
        assert one.files() == []
        assert one.find([1, 5, 9]) == one.expected([1, 5])
        one.ids.keep(one.connection)
        assert [again.read_bytes() for again in one.files()] == [whole]


def test_ids_stay_in_memory_while_their_file_cannot_be_written(caplog: pytest.LogCaptureFixture) -> None:
    with world() as one:
        one.folder.touch()  # a file where the folder should be: every write fails
        for number in range(5):
            one.batch([number, number + 10, number + 20, number + 30])
            one.ids.keep(one.connection)
            assert "stay in memory" in caplog.text
            assert one.find(list(range(40))) == one.expected(list(range(40)))
        assert not any(run.file for run in one.ids.runs)
        one.folder.unlink()
        one.ids.keep(one.connection)
        assert one.files()
        one.open()
        assert one.find(list(range(40))) == one.expected(list(range(40)))


def test_a_full_disk_keeps_no_piece_of_a_file(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no disk that is always full")
    run = id_run.run_of(np.arange(1 << 16, dtype=np.uint64), np.arange(1 << 16))
    beside = id_run.write(run, tmp_path / "other").file
    (tmp_path / f"{beside}.part").symlink_to(full)
    with pytest.raises(OSError, match="No space left"):
        id_run.write(run, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
