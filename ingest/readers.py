"""Reads a file in batches of rows: CSV, NDJSON or Parquet. Memory stays bounded, bad rows stand aside."""

from __future__ import annotations

import codecs
import csv
import io
import math
from collections import deque
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple, Protocol

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from kizuna.schemas.errors import ConfigurationError

from .maps import Format

UNDECODABLE = "\U0010ffff"
"""Stands for bytes that the encoding does not know: no text holds this character."""

MAX_LINE = 1_000_000
"""Characters of one line of NDJSON."""

_BLOCK = 4 << 20
_NO_ROWS = ("Empty CSV file", "Could not skip initial")  # what Arrow says of a header alone
_ROWS = 65_536
_KINDS = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv",
    ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson",
    ".parquet": "parquet",
}  # fmt: skip


class BadRow(NamedTuple):
    """A row that is not even a row. `line` counts from 1, the header too."""

    line: int
    text: str
    reason: str


class Reader(Protocol):
    """`columns` are their names, or None where each row has its own (NDJSON). `undecodable` tells, once all
    is read, whether a row holds UNDECODABLE."""

    columns: tuple[str, ...] | None
    undecodable: bool

    def batches(self) -> Iterator[tuple[pa.RecordBatch, list[BadRow], float]]:
        """Rows as `line` and `c0`, `c1` ... (of NDJSON `line` and `text`), the bad rows found meanwhile, and
        which share of the file has been read. Raises pa.ArrowInvalid or OSError where it cannot go on."""
        ...


def open_file(path: Path, form: Format) -> Reader:
    """Raises ConfigurationError when the file cannot be read, or is no such file."""
    kind = form.kind or _KINDS.get(path.suffix.lower())
    if kind is None:
        raise ConfigurationError(f"{path.name}: of what kind is it?", hint="Set format.kind in the map.")
    try:
        if kind == "parquet":
            return ParquetReader(path)
        return CsvReader(path, form) if kind == "csv" else NdjsonReader(path, form)
    except OSError as error:
        raise ConfigurationError(f"Cannot read {path}: {error.strerror or error}.") from None
    except (pa.ArrowInvalid, csv.Error, StopIteration) as error:
        reason = str(error).rstrip(".") or "it is empty"
        raise ConfigurationError(f"{path.name} is no {kind} file: {reason}.") from None


class ParquetReader:
    """Columns of any type; those that are lists or structures arrive as DuckDB writes them."""

    def __init__(self, path: Path) -> None:
        self._file = pyarrow.parquet.ParquetFile(path)
        self.columns: tuple[str, ...] | None = _distinct(self._file.schema_arrow.names, path)
        self.undecodable = False

    def batches(self) -> Iterator[tuple[pa.RecordBatch, list[BadRow], float]]:
        total = self._file.metadata.num_rows
        line = 1
        for batch in self._file.iter_batches(batch_size=_ROWS):
            numbers = range(line, line + batch.num_rows)
            line = numbers.stop
            yield _numbered(numbers, batch.columns), [], (line - 1) / total


class CsvReader:
    """Every value a text. A row with more or fewer values than columns is a bad row; one without any value
    is passed over, as a blank line is: Arrow does not tell them apart."""

    def __init__(self, path: Path, form: Format) -> None:
        self._path = path
        self._form = form
        with _text(path, form) as lines:
            for _ in range(form.skip_lines):
                next(lines)
            names = form.columns or next(csv.reader(lines, delimiter=form.delimiter, quotechar=form.quote))
        self.columns: tuple[str, ...] | None = _distinct(names, path)
        self.undecodable = False

    def batches(self) -> Iterator[tuple[pa.RecordBatch, list[BadRow], float]]:
        form, names = self._form, list(self.columns or ())
        header = form.skip_lines + (0 if form.columns else 1)
        bad: deque[BadRow] = deque()  # by the number of the row, which is not yet that of its line
        skipped: set[int] = set()

        def aside(row: pyarrow.csv.InvalidRow) -> str:
            reason = f"{row.actual_columns} values in {row.expected_columns} columns"
            bad.append(BadRow(row.number, row.text, reason))
            skipped.add(row.number)
            return "skip"

        size = self._path.stat().st_size or 1
        with _Utf8(self._path, form.encoding) as stream:
            try:
                rows = pyarrow.csv.open_csv(
                    stream,
                    pyarrow.csv.ReadOptions(
                        use_threads=False, block_size=_BLOCK, skip_rows=header, column_names=names
                    ),
                    pyarrow.csv.ParseOptions(
                        delimiter=form.delimiter,
                        quote_char=form.quote,
                        newlines_in_values=True,
                        ignore_empty_lines=False,  # they count as lines
                        invalid_row_handler=aside,
                    ),
                    pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
                )
            except pa.ArrowInvalid as error:
                if any(told in str(error) for told in _NO_ROWS):
                    return
                raise
            lines = _Lines(bad)
            after = header + 1
            for batch in rows:
                numbers = list(islice((one for one in count(after) if one not in skipped), batch.num_rows))
                after = numbers[-1] + 1 if numbers else after
                self.undecodable = stream.undecodable
                found, taken = lines.of(numbers, batch)
                yield _without_blank(_numbered(found, batch.columns)), taken, stream.consumed / size
        if rest := lines.rest():
            yield _numbered([], [pa.array([], pa.string())] * len(names)), rest, 1.0


class _Lines:
    """From the numbers of rows to those of their lines: a value may hold line ends of its own. `bad` are the
    rows that are none, in order; Arrow, which reads ahead, adds to them meanwhile."""

    def __init__(self, bad: deque[BadRow]) -> None:
        self._bad = bad
        self._inner = 0  # line ends within the rows so far

    def of(self, numbers: list[int], batch: pa.RecordBatch) -> tuple[list[int], list[BadRow]]:
        """The lines of a batch's rows, and the bad rows that stand before its last one."""
        inner = _line_ends(batch)
        if not inner and not self._bad:
            return [number + self._inner for number in numbers], []
        found: list[int] = []
        taken: list[BadRow] = []
        for number, ends in zip(numbers, inner or [0] * len(numbers), strict=True):
            taken += self._before(number)
            found.append(number + self._inner)
            self._inner += ends
        return found, taken

    def rest(self) -> list[BadRow]:
        """The bad rows behind the last batch."""
        return list(self._before(math.inf))

    def _before(self, number: float) -> Iterator[BadRow]:
        while self._bad and self._bad[0].line < number:
            row = self._bad.popleft()
            yield row._replace(line=row.line + self._inner)
            self._inner += row.text.count("\n")


def _without_blank(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows that have a value."""
    filled = None
    for column in batch.columns[1:]:
        has = pc.fill_null(pc.not_equal(column, ""), False)
        filled = has if filled is None else pc.or_(filled, has)
        if pc.all(filled).as_py():
            return batch
    return batch if filled is None else batch.filter(filled)


def _line_ends(batch: pa.RecordBatch) -> list[int]:
    """How many line ends stand within the values of each row; empty where there are none at all."""
    total = None
    for column in batch.columns:
        counted = pc.fill_null(pc.count_substring(column, "\n"), 0)
        if pc.max(counted).as_py():
            total = counted if total is None else pc.add(total, counted)
    return [] if total is None else total.to_pylist()


class NdjsonReader:
    """One JSON object a line; blank lines are passed over."""

    def __init__(self, path: Path, form: Format) -> None:
        self._path = path
        self._form = form
        self.columns: tuple[str, ...] | None = None
        self.undecodable = False
        with path.open("rb"):
            pass

    def batches(self) -> Iterator[tuple[pa.RecordBatch, list[BadRow], float]]:
        numbers: list[int] = []
        texts: list[str] = []
        bad: list[BadRow] = []
        size = self._path.stat().st_size or 1
        read = 0
        with _text(self._path, self._form) as lines:
            for number, text in enumerate(_lines(lines), 1):
                read += len(text) + 1
                row = text.strip()
                if reason := _no_object(row, self._form.encoding) if row else "":
                    bad.append(BadRow(number, row, reason))
                elif row:
                    numbers.append(number)
                    texts.append(row)
                if len(texts) + len(bad) >= _ROWS:
                    yield _lined(numbers, texts), bad[:], min(read / size, 1.0)
                    numbers, texts = [], []
                    bad.clear()
        yield _lined(numbers, texts), bad, 1.0


class _Utf8(io.RawIOBase):
    """A file of any encoding as bytes of UTF-8. `consumed` counts the file's own bytes."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._raw = path.open("rb")
        self._decoder = _decoder(encoding)
        self._rest = b""
        self.consumed = 0
        self.undecodable = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._rest:
            block = self._raw.read(_BLOCK)
            self.consumed += len(block)
            text = self._decoder.decode(block, final=not block)
            self.undecodable = self.undecodable or UNDECODABLE in text
            self._rest = text.encode()
            if not block:
                break
        if size < 0:
            size = len(self._rest)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def close(self) -> None:
        self._raw.close()
        super().close()


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder(_with_signature(encoding))("kizuna-undecodable")


def _text(path: Path, form: Format) -> io.TextIOWrapper:
    encoding = _with_signature(form.encoding)
    return path.open(encoding=encoding, errors="kizuna-undecodable", newline="\n")


def _with_signature(encoding: str) -> str:
    """UTF-8 files may begin with a byte order mark."""
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNDECODABLE, error.end


codecs.register_error("kizuna-undecodable", _mark)


def _lines(lines: io.TextIOWrapper) -> Iterator[str]:
    """Lines, each no longer than MAX_LINE and one: what follows is passed over."""
    while line := lines.readline(MAX_LINE + 1):
        yield line
        while len(line) > MAX_LINE and not line.endswith("\n"):
            line = lines.readline(MAX_LINE + 1)


def _no_object(row: str, encoding: str) -> str:
    """What keeps a line from being a JSON object; empty for one that is."""
    if len(row) > MAX_LINE:
        return f"longer than {MAX_LINE:,} characters"
    if UNDECODABLE in row:
        return f"has bytes that are not {encoding}"
    try:
        return "" if isinstance(orjson.loads(row), dict) else "is no JSON object"
    except orjson.JSONDecodeError as error:
        return f"is no JSON: {error}"


def _numbered(numbers: list[int] | range, columns: list[pa.Array]) -> pa.RecordBatch:
    names = ["line", *(f"c{number}" for number in range(len(columns)))]
    return pa.RecordBatch.from_arrays([pa.array(numbers, pa.int64()), *columns], names)


def _lined(numbers: list[int], texts: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array(numbers, pa.int64()), pa.array(texts, pa.string())], ["line", "text"]
    )


def _distinct(names: list[str], path: Path) -> tuple[str, ...]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError(
            f"{path.name} has two columns {', '.join(twice)}.",
            hint="Name them in the map: format.columns, and format.skip_lines: 1.",
        )
    return tuple(names)
