"""Trace files as numbered lines, and what is said of bad ones."""

from __future__ import annotations

import codecs
import csv
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from realtime.network.trace_model import TraceError
from realtime.network.units import NS

_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")


class TraceFile:
    """A text file, read as a whole. Iterating gives (line number, stripped line) of the lines that are not empty.

    Args:
        path: the file.
        expected: what its lines should hold, for the errors.

    Attributes:
        text: all of it.
        last_line: the number of the last line that is not empty.

    Raises:
        TraceError: it is empty or no UTF-8 text.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path | str, expected: str) -> None:
        self.path = Path(path)
        self.expected = expected
        self.text = self._decode(self.path.read_bytes())
        self._lines = [(number, line.strip()) for number, line in enumerate(self.text.split("\n"), 1)]
        self._lines = [(number, line) for number, line in self._lines if line]
        if not self._lines:
            raise self.error(1, "the file is empty")
        self.last_line = self._lines[-1][0]

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return iter(self._lines)

    def error(self, line: int, problem: str, *, expected: str | None = None) -> TraceError:
        """An error to raise about a line."""
        return TraceError(self.path, line, problem, expected or self.expected)

    def number(self, line: int, text: str, what: str, *, least: float = -math.inf, most: float = math.inf) -> float:
        """A decimal number.

        Raises:
            TraceError: it is none, or out of bounds.
        """
        if not _NUMBER.fullmatch(text):
            raise self.error(line, f"{what} is {text!r}, which is no number")
        value = float(text)
        if value < least:
            raise self.error(line, f"{what} is {value:g}, below {least:g}")
        if value > most:
            raise self.error(line, f"{what} is {value:g}, above {most:g}")
        return value

    def table(self, *required: str) -> Iterator[tuple[int, dict[str, str]]]:
        """(line number, cells by the names of the header), of a CSV file separated by commas, semicolons or tabs.

        Raises:
            TraceError: a required column is missing, or a row has another number of cells than the header.
        """
        head, header = self._lines[0]
        separator = max(",;\t", key=header.count)
        names = self._cells(head, header, separator)
        missing = [repr(name) for name in required if name not in names]
        if missing:
            are = "are no columns" if len(missing) > 1 else "is no column"
            raise self.error(head, f"there {are} {' and '.join(missing)}")
        for name in required:
            if names.count(name) > 1:
                raise self.error(head, f"the column {name!r} stands there twice")
        if len(self._lines) == 1:
            raise self.error(head, "there is nothing below the header")
        for line, text in self._lines[1:]:
            cells = self._cells(line, text, separator)
            self.check_columns(line, cells, len(names), expected=f"{len(names)}, as the header has")
            yield line, dict(zip(names, cells, strict=True))

    def _cells(self, line: int, text: str, separator: str) -> list[str]:
        try:
            [cells] = csv.reader([text], delimiter=separator, skipinitialspace=True, strict=True)
        except csv.Error as error:
            raise self.error(line, str(error)) from error
        return [cell.strip() for cell in cells]

    def check_columns(self, line: int, columns: Sequence[str], count: int, *, expected: str | None = None) -> None:
        """Refuse a line with another number of columns.

        Raises:
            TraceError: it has.
        """
        if len(columns) != count:
            raise self.error(line, f"{len(columns)} column{'' if len(columns) == 1 else 's'}", expected=expected)

    def check_rises(self, line: int, time_ns: int, before_ns: int | None) -> None:
        """Refuse a time that is not after the one before.

        Raises:
            TraceError: it is not.
        """
        if before_ns is not None and time_ns <= before_ns:
            problem = f"the time {time_ns / NS:g} s is not after {before_ns / NS:g} s, the one before"
            raise self.error(line, problem, expected="times that rise")

    def _decode(self, raw: bytes) -> str:
        if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise self.error(1, "the file is UTF-16", expected=f"{self.expected}, as UTF-8")
        if (at := raw.find(b"\0")) >= 0:
            raise self.error(raw.count(b"\n", 0, at) + 1, "a byte 0: the file is binary")
        raw = raw.removeprefix(codecs.BOM_UTF8)
        try:
            return raw.decode().replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            problem = f"the byte {raw[error.start]:#04x} is not UTF-8"
            raise self.error(line, problem, expected=f"{self.expected}, as UTF-8") from error
