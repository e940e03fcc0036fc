"""Arrow and Polars in hashes: by values and schema, whatever chunks, offsets and buffers they lie in.

Columns are read in blocks of a fixed number of rows, so that chunks make no difference; what lies under a null is
never looked at.
"""

from __future__ import annotations

from typing import Any

from penstock._results.arrays import feed_elements
from penstock._results.sink import Sink, Unhashable, reached_by

_ROWS = 1 << 16


def is_of_arrow(value: Any) -> bool:
    """True for tables, batches, arrays and scalars; other objects of Arrow are objects like any."""
    import pyarrow as pa

    return isinstance(
        value, (pa.Table, pa.RecordBatch, pa.Array, pa.ChunkedArray, pa.Scalar, pa.DataType, pa.Schema)
    )


def feed_arrow(sink: Sink, value: Any) -> None:
    """Write a table, a batch (as the table of it), an array, a scalar, a type or a schema."""
    import pyarrow as pa

    if isinstance(value, (pa.Table, pa.RecordBatch)):
        sink.text(f"arrow table {value.num_rows} {value.num_columns}")
        for field, column in zip(value.schema, value.columns, strict=True):
            sink.text(f"{field.name} {field.nullable}")
            with reached_by(f"[{field.name!r}]"):
                _feed_column(sink, column)
    elif isinstance(value, pa.Scalar):
        sink.text(f"arrow scalar {value.type}")
        sink.value(value.as_py())
    elif isinstance(value, (pa.DataType, pa.Schema)):
        sink.text(f"arrow {type(value).__name__} {value}")
    else:
        sink.text(f"arrow array {len(value)}")
        _feed_column(sink, value)


def _feed_column(sink: Sink, column: Any) -> None:
    sink.text(str(column.type))
    for start in range(0, len(column), _ROWS):
        _feed_part(sink, _whole(column.slice(start, _ROWS)))


def _whole(column: Any) -> Any:
    """Return chunks as one array."""
    import pyarrow as pa

    if not isinstance(column, pa.ChunkedArray):
        return column
    return (
        column.chunk(0)
        if column.num_chunks == 1
        else pa.concat_arrays(column.chunks or [pa.array([], column.type)])
    )


def _feed_part(sink: Sink, part: Any) -> None:
    """Write an array that is short enough to be read at once."""
    import pyarrow as pa

    kind = part.type
    if isinstance(part, pa.ExtensionArray):
        _feed_part(sink, part.storage)
        return
    if pa.types.is_dictionary(kind):
        _feed_part(sink, part.dictionary_decode())
        return
    feed_elements(sink, part.is_null().to_numpy(zero_copy_only=False))
    if pa.types.is_null(kind):
        return
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        filled = (
            part.fill_null(False if pa.types.is_boolean(kind) else pa.scalar(0, kind))
            if part.null_count
            else part
        )
        feed_elements(sink, filled.to_numpy(zero_copy_only=False))
    elif pa.types.is_temporal(kind) and kind.bit_width in (32, 64):
        _feed_part(sink, part.view(pa.int32() if kind.bit_width == 32 else pa.int64()))
    elif _has_bytes(kind):
        _feed_bytes(sink, part)
    elif pa.types.is_struct(kind):
        for member in part.flatten():
            _feed_part(sink, member)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        _feed_lists(sink, part)
    else:
        sink.value(part.to_pylist())


def _has_bytes(kind: Any) -> bool:
    import pyarrow as pa

    types = pa.types
    checks = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    return any(check(kind) for check in checks)


def feed_texts(sink: Sink, gaps: Any, texts: list[str]) -> None:
    """Write text that Python holds: where it is missing, the lengths in bytes, then all of it."""
    import numpy as np

    data = "".join(texts).encode("utf-8", "surrogatepass")
    feed_elements(sink, np.asarray(gaps, dtype=bool))
    lengths = np.fromiter(map(len, texts), "<i8", len(texts))
    if len(data) != int(lengths.sum()):  # not all of it is ASCII
        lengths = np.fromiter(
            (len(text.encode("utf-8", "surrogatepass")) for text in texts), "<i8", len(texts)
        )
    feed_elements(sink, lengths)
    sink.bulk(data)


def feed_arrow_texts(sink: Sink, column: Any) -> None:
    """Write text that Arrow holds, as `feed_texts` writes it; short enough to be read at once."""
    _feed_part(sink, _whole(column))


def _feed_bytes(sink: Sink, part: Any) -> None:
    """Write text or bytes: the lengths, then all of it."""
    import pyarrow.compute

    pc: Any = pyarrow.compute  # its functions are made when it is imported
    if part.null_count:
        part = part.fill_null("" if "string" in str(part.type) else b"")
    lengths = pc.binary_length(part).to_numpy(zero_copy_only=False).astype("<i8")
    feed_elements(sink, lengths)
    data, total = part.buffers()[2], int(lengths.sum())
    if not total:
        return
    offsets = _offsets(part)
    sink.bulk(
        memoryview(data)[offsets[0] : offsets[-1]] if offsets[-1] - offsets[0] == total else _joined(part)
    )


def _offsets(part: Any) -> Any:
    import numpy as np

    wide = "large" in str(part.type)
    offsets = np.frombuffer(part.buffers()[1], dtype=np.int64 if wide else np.int32)
    return offsets[part.offset : part.offset + len(part) + 1]


def _joined(part: Any) -> bytes:
    values = part.to_pylist()
    return b"".join(value.encode() if isinstance(value, str) else value for value in values)


def _feed_lists(sink: Sink, part: Any) -> None:
    import pyarrow.compute

    pc: Any = pyarrow.compute  # its functions are made when it is imported
    lengths = pc.list_value_length(part).fill_null(0)
    feed_elements(sink, lengths.to_numpy(zero_copy_only=False).astype("<i8"))
    _feed_column(sink, part.flatten())  # leaves out what lies under nulls


def is_of_polars(value: Any) -> bool:
    """True for frames and series of Polars, lazy ones too."""
    import polars as pl

    return isinstance(value, (pl.DataFrame, pl.Series, pl.LazyFrame))


def feed_polars(sink: Sink, value: Any) -> None:
    """Write a frame or a series.

    Raises:
        Unhashable: it is lazy, a plan and no data.
    """
    import polars as pl

    if isinstance(value, pl.LazyFrame):
        raise Unhashable(type(value), "it is a plan and no data yet; give the task `frame.collect()`")
    if isinstance(value, pl.DataFrame):
        sink.text(f"polars frame {value.shape}")
        for series in value.get_columns():
            sink.text(series.name)
            with reached_by(f"[{series.name!r}]"):
                _feed_series(sink, series)
    else:
        sink.text(f"polars series {value.name} {len(value)}")
        _feed_series(sink, value)


def _feed_series(sink: Sink, series: Any) -> None:
    import polars as pl

    dtype = series.dtype
    sink.text(str(dtype))
    if dtype in (pl.Categorical, pl.Enum):
        series = series.cast(pl.String)
    elif dtype.is_temporal():
        series = series.to_physical()
    plain = (series.dtype.is_numeric() and not series.dtype.is_decimal()) or series.dtype == pl.Boolean
    for start in range(0, len(series), _ROWS):
        part = series.slice(start, _ROWS)
        feed_elements(sink, part.is_null().to_numpy())
        if plain:
            feed_elements(sink, part.fill_null(False if part.dtype == pl.Boolean else 0).to_numpy())
        elif series.dtype == pl.String:
            feed_texts(sink, [False] * len(part), part.fill_null("").to_list())
        else:
            sink.value(part.to_list())
