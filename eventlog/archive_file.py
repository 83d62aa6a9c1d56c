"""One archived file: records of one partition as Parquet, each with the checksum that it has in the log.

The columns are what other tools read too: `offset`, `recorded_at` (UTC, microseconds), `key`, `value` (the
record's bytes, JSON) and `checksum` (CRC-32, as `frame` computes it).
"""

from __future__ import annotations

import errno
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from kizuna.schemas.errors import CorruptRecord, KizunaError, LogUnavailable

from .faults import archive_damaged
from .frame import FrameCodec
from .port import Records, TopicPartition

FOLDER = "archive"
"""Beside the log's file."""

GROUP_RECORDS = 16_384
GROUP_BYTES = 8_000_000
"""What is unpacked at once, at most, but for one large record; records and bytes of values."""

COMPRESSION_LEVEL = 6

_SCHEMA = pa.schema(
    [
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("recorded_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("key", pa.binary(), nullable=False),
        pa.field("value", pa.binary(), nullable=False),
        pa.field("checksum", pa.uint32(), nullable=False),
    ]
)
_ENCODINGS = {"offset": "DELTA_BINARY_PACKED", "recorded_at": "DELTA_BINARY_PACKED", "value": "PLAIN"}
_DAMAGED = "is damaged"


class ArchivedFile(NamedTuple):
    """A file, and what it holds: offsets from `first` to below `end` of a partition. It never changes."""

    lane: TopicPartition
    first: int
    end: int
    name: str
    size: int
    """In bytes."""

    sha256: str


def write(file: BinaryIO, codec: FrameCodec, parts: Iterable[Records]) -> None:
    """Records in the order of their offsets. Raises OSError when the disk does not take them."""
    writer = pa.parquet.ParquetWriter(
        file,
        _SCHEMA,
        compression="zstd",
        compression_level=COMPRESSION_LEVEL,
        use_dictionary=["key"],
        column_encoding=_ENCODINGS,
        data_page_size=GROUP_BYTES,
        write_statistics=["offset", "recorded_at"],  # of values it would copy whole records into the footer
    )
    with writer:
        for part in parts:
            for group in _groups(part):
                writer.write_table(_table(group, codec), row_group_size=len(group))


def _groups(part: Records) -> Iterator[Records]:
    begin = size = 0
    for at, value in enumerate(part.values):
        size += len(value)
        if (size > GROUP_BYTES and at > begin) or at - begin == GROUP_RECORDS:
            yield part[begin:at]
            begin, size = at, len(value)
    yield part[begin:]


def _table(group: Records, codec: FrameCodec) -> Any:
    columns = (group.offsets, group.recorded_at, group.keys, group.values, codec.checksums(group))
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=_SCHEMA)


class ArchiveReader:
    """One file, open. Keeps the group of records that was read last, unpacked; for one thread at a time.

    Raises `CorruptRecord` when the file is missing, cut or damaged, `LogUnavailable` when it cannot be read.
    """

    def __init__(self, path: Path, file: ArchivedFile, codec: FrameCodec) -> None:
        self._file = file
        self._codec = codec
        with self._told(file.first):
            if path.stat().st_size != file.size:
                raise self._damaged(file.first, "has another size than it was written with")
            self._parquet = pa.parquet.ParquetFile(path)
            held = self._parquet.metadata
            counts = [held.row_group(number).num_rows for number in range(held.num_row_groups)]
            known = self._parquet.schema_arrow.equals(_SCHEMA)
        self._starts = list(accumulate(counts, initial=file.first))
        if not known or self._starts[-1] != file.end:
            raise self._damaged(file.first, _DAMAGED)
        self._number = -1
        self._group: _Group

    def read(self, start: int, limit: int) -> Records:
        """At most `limit` records from `start` on, each verified, and of one group of records: fewer where
        that one ends. `start` lies in the file."""
        number = bisect_right(self._starts, start) - 1
        if number != self._number:
            with self._told(start):
                self._group = _Group(self._parquet.read_row_group(number, use_threads=False))
            self._number = number
        begin = start - self._starts[number]
        records, checksums = self._group.slice(begin, begin + limit)
        found = self._codec.checksums(records)
        if found != checksums or records.offsets != list(range(start, start + len(records))):
            kept = zip(found, checksums, records.offsets, strict=True)
            right = (one == its and offset == at for at, (one, its, offset) in enumerate(kept, start))
            wrong = next((at for at, good in enumerate(right, start) if not good), start)
            raise self._damaged(wrong, "does not hold what its checksum says")
        return records

    def close(self) -> None:
        self._parquet.close()

    def _damaged(self, offset: int, what: str) -> CorruptRecord:
        return archive_damaged(self._file.lane, offset, f"{FOLDER}/{self._file.name}", what)

    @contextmanager
    def _told(self, offset: int) -> Iterator[None]:
        """The errors of the system and of Parquet as ours."""
        try:
            yield
        except FileNotFoundError as error:
            raise self._damaged(offset, "is missing") from error
        except OSError as error:  # Parquet's own have no number
            if error.errno is None:
                raise self._damaged(offset, _DAMAGED) from error
            raise LogUnavailable(
                f"{FOLDER}/{self._file.name} cannot be read: {error.strerror}.",
                hint="Free memory." if error.errno == errno.ENOMEM else "Make it readable for this user.",
            ) from error
        except KizunaError:
            raise
        except Exception as error:  # whatever Parquet's reader stumbles over, texts and numbers among it
            raise self._damaged(offset, _DAMAGED) from error


class _Group:
    """Records side by side, unpacked into columns, but not yet into objects."""

    def __init__(self, table: Any) -> None:
        offsets, recorded_at, keys, values, checksums = table.columns
        self._offsets = offsets.to_numpy()
        self._recorded_at = recorded_at.cast(pa.int64()).to_numpy()
        self._keys = _Blobs(keys)
        self._values = _Blobs(values)
        self._checksums = checksums.to_numpy()

    def slice(self, begin: int, end: int) -> tuple[Records, list[int]]:
        """Records, and the checksum that is kept of each."""
        records = Records(
            self._offsets[begin:end].tolist(),
            self._recorded_at[begin:end].tolist(),
            self._keys.slice(begin, end),
            self._values.slice(begin, end),
        )
        return records, self._checksums[begin:end].tolist()


class _Blobs:
    """A column of byte strings, as one piece of bytes and the ends in it: a tenth of the time of Arrow's own
    way into objects."""

    def __init__(self, column: Any) -> None:
        array = pa.concat_arrays(column.chunks)
        _, ends, joined = array.buffers()
        self._ends = np.frombuffer(ends, np.int32)[array.offset : array.offset + len(array) + 1]
        self._joined: bytes = b"" if joined is None else joined.to_pybytes()

    def slice(self, begin: int, end: int) -> list[bytes]:
        joined = self._joined
        return [joined[one:its] for one, its in pairwise(self._ends[begin : end + 1].tolist())]
