"""Reads a file in batches of rows: CSV, NDJSON or Parquet. Memory stays bounded, bad rows stand aside."""

from __future__ import annotations

import csv
import math
import stat
from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from kizuna.schemas.errors import ConfigurationError

from .decoding import MAX_LINE, UNDECODABLE, Utf8, lines_of, open_text
from .items import Unparsed, read
from .maps import Format

MAX_COLUMNS = 2_000

_BLOCK = 4 << 20
_ROWS = 65_536
_FEW_ROWS = 512
"""Rows of Parquet decoded at a time: one value, kept once in the file, may stand in all of them."""
_END = f"{UNDECODABLE}end{UNDECODABLE}"
"""Begins the line that is put behind a CSV file: read as a row of its own, unless a quote is still open."""
_PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ\x00": "xz"}
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
    try:
        _check(path)
        if kind is None:
            raise ConfigurationError(f"{path.name}: of what kind is it?", hint="Set format.kind in the map.")
        if kind == "parquet":
            return ParquetReader(path)
        return CsvReader(path, form) if kind == "csv" else NdjsonReader(path, form)
    except OSError as error:
        raise ConfigurationError(f"Cannot read {path}: {error.strerror or error}.") from None
    except (pa.ArrowInvalid, csv.Error, StopIteration, UnicodeError) as error:
        reason = str(error).rstrip(".") or "it is empty"
        raise ConfigurationError(f"{path.name} is no {kind} file: {reason}.") from None


def _check(path: Path) -> None:
    """Whether it is a file that can be read twice, and not a packed one."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise ConfigurationError(f"{path} is no file.", hint="Give a regular file, no folder and no pipe.")
    with path.open("rb") as file:
        head = file.read(max(map(len, _PACKED)))
    for signature, form in _PACKED.items():
        if head.startswith(signature):
            raise ConfigurationError(
                f"{path.name} is packed ({form}).", hint="Unpack it first; save a spreadsheet as CSV."
            )


class ParquetReader:
    """Columns of any type; those that are lists or structures arrive as DuckDB writes them."""

    def __init__(self, path: Path) -> None:
        self._file = pyarrow.parquet.ParquetFile(path)
        self.columns: tuple[str, ...] | None = _checked(self._file.schema_arrow.names, path)
        self.undecodable = False

    def batches(self) -> Iterator[tuple[pa.RecordBatch, list[BadRow], float]]:
        total = self._file.metadata.num_rows
        line = 1
        for batch in _joined(self._file.iter_batches(batch_size=_FEW_ROWS)):
            numbers = range(line, line + batch.num_rows)
            line = numbers.stop
            yield _numbered(numbers, batch.columns), [], (line - 1) / total


def _joined(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in fewer batches, each of about a block."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= _ROWS or size >= _BLOCK:
            yield pa.concat_batches(held)
            held, rows, size = [], 0, 0
    if held:
        yield pa.concat_batches(held)


class CsvReader:
    """Every value a text. A row with more or fewer values than columns is a bad row; one without any value
    is passed over, as a blank line is: Arrow does not tell them apart."""

    def __init__(self, path: Path, form: Format) -> None:
        self._path = path
        self._form = form
        with open_text(path, form.encoding) as text:
            lines = lines_of(text)
            for _ in range(form.skip_lines):
                next(lines)
            names, self._above = form.columns, form.skip_lines
            if names is None:
                header = csv.reader(
                    map(_whole_line, lines), delimiter=form.delimiter, quotechar=form.quote, strict=True
                )
                names = next(header)
                self._above += header.line_num
        self.columns: tuple[str, ...] | None = _checked(names, path)
        self.undecodable = False

    def batches(self) -> Iterator[tuple[pa.RecordBatch, list[BadRow], float]]:
        form, names = self._form, list(self.columns or ())
        last = _END + form.delimiter * len(names)  # one value more than a row may have
        closed = False
        bad: deque[BadRow] = deque()  # by the number of the row, which is not yet that of its line
        skipped: set[int] = set()

        def aside(row: pyarrow.csv.InvalidRow) -> str:
            nonlocal closed
            if row.text == last:
                closed = True
                return "skip"
            reason = f"{row.actual_columns} values in {row.expected_columns} columns"
            bad.append(BadRow(row.number, row.text, reason))
            skipped.add(row.number)
            return "skip"

        size = self._path.stat().st_size or 1
        with Utf8(self._path, form.encoding, self._above, last) as stream:
            lines = _Lines(bad, self._above)
            after, line = 1, self._above
            for batch in _rows(stream, form, names, aside):
                if not batch.num_rows:
                    continue
                numbers = list(islice((one for one in count(after) if one not in skipped), batch.num_rows))
                after = numbers[-1] + 1
                self.undecodable = stream.undecodable
                found, taken = lines.of(numbers, batch)
                line = found[-1]
                yield _without_blank(_numbered(found, batch.columns)), taken, stream.consumed / size
        rest = lines.rest()
        if not closed:
            line = max([line, *(row.line for row in rest)])
            raise ConfigurationError(
                f"{self._path.name}: a quote in the row of line {line:,} is not closed before the file ends.",
                hint="Close it there. If the file was cut off, get it anew.",
            )
        if rest:
            yield _numbered([], [pa.array([], pa.string())] * len(names)), rest, 1.0


def _rows(
    stream: Utf8, form: Format, names: list[str], aside: Callable[[pyarrow.csv.InvalidRow], str]
) -> Iterator[pa.RecordBatch]:
    """What Arrow makes of the stream; the rows that are none go to `aside`."""
    try:
        yield from pyarrow.csv.open_csv(
            stream,
            pyarrow.csv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=names),
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
        if "straddl" in str(error):
            raise pa.ArrowInvalid(f"a row is longer than {_BLOCK:,} bytes") from None
        raise


class _Lines:
    """From the numbers of rows to those of their lines: a value may hold line ends of its own. `bad` are the
    rows that are none, in order; Arrow, which reads ahead, adds to them meanwhile."""

    def __init__(self, bad: deque[BadRow], above: int) -> None:
        self._bad = bad
        self._inner = above  # lines above the rows, and line ends within the rows so far

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
        seen = held = 0
        with open_text(self._path, self._form.encoding) as file:
            for number, text in enumerate(lines_of(file), 1):
                seen += len(text) + 1
                held += len(text)
                row = text.strip()
                if reason := _no_object(row, self._form.encoding) if row else "":
                    bad.append(BadRow(number, row, reason))
                elif row:
                    numbers.append(number)
                    texts.append(row)
                if held >= _BLOCK or len(texts) + len(bad) >= _ROWS:
                    yield _lined(numbers, texts), bad[:], min(seen / size, 1.0)
                    numbers, texts, held = [], [], 0
                    bad.clear()
        yield _lined(numbers, texts), bad, 1.0


def _no_object(row: str, encoding: str) -> str:
    """What keeps a line from being a JSON object; empty for one that is."""
    if len(row) > MAX_LINE:
        return f"longer than {MAX_LINE:,} characters"
    if UNDECODABLE in row:
        return f"has bytes that are not {encoding}"
    value = read(row.encode())
    if isinstance(value, Unparsed):
        return f"is no JSON: {value.reason}"
    return "" if isinstance(value, dict) else "is no JSON object"


def _numbered(numbers: list[int] | range, columns: list[pa.Array]) -> pa.RecordBatch:
    names = ["line", *(f"c{number}" for number in range(len(columns)))]
    return pa.RecordBatch.from_arrays([pa.array(numbers, pa.int64()), *columns], names)


def _lined(numbers: list[int], texts: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array(numbers, pa.int64()), pa.array(texts, pa.string())], ["line", "text"]
    )


def _whole_line(line: str) -> str:
    if len(line) > MAX_LINE:
        raise csv.Error(f"a line of its header is longer than {MAX_LINE:,} characters")
    return line


def _checked(names: list[str], path: Path) -> tuple[str, ...]:
    if len(names) > MAX_COLUMNS:
        raise ConfigurationError(f"{path.name} has {len(names):,} columns, of at most {MAX_COLUMNS:,}.")
    if any(UNDECODABLE in name for name in names):
        raise ConfigurationError(
            f"{path.name}: the names of its columns are no text in the encoding of the map.",
            hint="Set format.encoding to that of the file.",
        )
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise ConfigurationError(
            f"{path.name} has two columns {', '.join(twice)}.",
            hint="Name them in the map: format.columns, and format.skip_lines: 1.",
        )
    return tuple(names)
