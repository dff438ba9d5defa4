"""Reading text and JSON lines, plain or gzipped: what is wrong is named by file and line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from starbench.errors import InputError

BYTE_ORDER_MARK = "\ufeff"
"""What some editors put before the first line."""

Numbered = Iterator[tuple[int, str]]
"""(number from 1, line with its end)"""


def read_lines(path: Path) -> Numbered:
    """Yield the numbered lines of a text file, plain or ``.gz``; InputError as `text_lines`."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        yield from text_lines(lines, str(path))


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, record) of a JSON-lines file; InputError names a bad line."""
    return json_lines(read_lines(path), str(path))


def text_lines(lines: Iterable[bytes], name: str) -> Numbered:
    """Yield the numbered lines of a text in UTF-8, without its byte order mark.

    Each line is decoded by itself, so that what is not UTF-8 has the number of its own line.

    Args:
        lines: an open file, unpacked in passing where it is gzipped.
        name: what to call it in an InputError.
    """
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            text = line.decode("utf-8")
            yield number, text.removeprefix(BYTE_ORDER_MARK) if number == 1 else text
    except UnicodeDecodeError as error:
        raise InputError(f"{name}:{number}: not UTF-8 text ({error.reason})") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{name}:{number + 1}: the gzip file is damaged ({error})") from None


def json_lines(lines: Numbered, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, record) of JSON lines; InputError names a bad line."""
    for number, line in lines:
        if line.strip():
            yield number, _json_object(line, f"{name}:{number}")


def _json_object(line: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON ({error.msg} at column {error.colno})") from None
    except RecursionError:
        raise InputError(f"{where}: its lists and objects are nested too deeply") from None
    except ValueError:  # Python reads no number of more than 4300 digits
        raise InputError(f"{where}: a number in it has too many digits") from None
    if not isinstance(record, dict):
        raise InputError(f"{where}: expected a JSON object, got {type(record).__name__}")
    if "\\u" in line and not _is_unicode(record):
        raise InputError(
            f"{where}: an escape in it (\\ud800 to \\udfff) is half a character, which no text can "
            "hold"
        )
    return record


def _is_unicode(record: dict[str, Any]) -> bool:
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
