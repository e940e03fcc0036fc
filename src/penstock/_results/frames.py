"""pandas in hashes: by values, names, dtypes and index, whatever blocks and buffers they lie in.

What `equals` calls equal has one hash: a RangeIndex and the same integers, text kept by Python or by Arrow,
categories in another order (where order has no meaning), sparse and masked data whatever lies under the gaps.
"""

from __future__ import annotations

from typing import Any

from penstock._results import columns
from penstock._results.arrays import BLOCK_BYTES, feed_elements
from penstock._results.sink import Sink, reached_by

_ROWS = BLOCK_BYTES // 8


def is_of_pandas(value: Any) -> bool:
    """True for what `feed` takes; other objects of pandas are objects like any."""
    import pandas as pd

    kinds = (pd.DataFrame, pd.Series, pd.Index, pd.api.extensions.ExtensionArray, type(pd.NA), type(pd.NaT))
    return isinstance(value, (*kinds, pd.Timestamp, pd.Timedelta, pd.Period, pd.Interval))


def feed(sink: Sink, value: Any) -> None:
    """Write a frame, a series, an index, an array or a scalar of pandas."""
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        sink.text(f"DataFrame {_subclass(value, pd.DataFrame)}{value.shape}")
        with reached_by(".columns"):
            _feed_index(sink, value.columns)
        with reached_by(".index"):
            _feed_index(sink, value.index)
        for name, column in value.items():
            with reached_by(f"[{name!r}]"):
                _feed_values(sink, column.array)
    elif isinstance(value, pd.Series):
        sink.text(f"Series {_subclass(value, pd.Series)}{len(value)}")
        sink.value(value.name, ".name")
        with reached_by(".index"):
            _feed_index(sink, value.index)
        _feed_values(sink, value.array)
    elif isinstance(value, pd.Index):
        sink.text("Index")
        _feed_index(sink, value)
    elif isinstance(value, pd.api.extensions.ExtensionArray):
        sink.text(f"array {len(value)}")
        _feed_values(sink, value)
    else:
        _feed_scalar(sink, value)


def _subclass(value: Any, kind: type) -> str:
    own = type(value)
    return "" if own is kind else f"{own.__module__}.{own.__qualname__}"


def _feed_index(sink: Sink, index: Any) -> None:
    import pandas as pd

    sink.value(list(index.names))
    if isinstance(index, pd.MultiIndex):  # by value: levels may hold what is not used
        sink.text(f"levels {index.nlevels}")
        for level in range(index.nlevels):
            _feed_index(sink, index.get_level_values(level))
    elif isinstance(index, pd.RangeIndex):
        _feed_range(sink, range(index.start, index.stop, index.step))
    else:
        _feed_values(sink, index.array)


def _feed_range(sink: Sink, numbers: range) -> None:
    """Write the integers of a range as an array of them is written, a block at a time."""
    import numpy as np

    sink.text("<i8")
    for start in range(0, len(numbers), _ROWS):
        part = numbers[start : start + _ROWS]
        feed_elements(sink, np.arange(part.start, part.stop, part.step, dtype="<i8"))


def _feed_values(sink: Sink, values: Any) -> None:
    """Write the elements of a column with their dtype."""
    import numpy as np
    import pandas as pd

    if type(values) is pd.arrays.NumpyExtensionArray:
        values = values.to_numpy()
    dtype = values.dtype
    if isinstance(dtype, np.dtype):
        _feed_plain(sink, values, dtype)
    elif isinstance(dtype, pd.CategoricalDtype):
        _feed_categories(sink, values, ordered=bool(dtype.ordered))
    elif isinstance(dtype, pd.StringDtype):
        missing = "NA" if dtype.na_value is pd.NA else "nan"
        sink.text(f"text {missing}")
        for start in range(0, len(values), _ROWS):
            _feed_texts(sink, values[start : start + _ROWS], dtype.storage)
    elif isinstance(dtype, pd.DatetimeTZDtype):
        sink.text(f"instants {dtype.unit} {dtype.tz}")
        feed_elements(sink, np.asarray(values, dtype=f"M8[{dtype.unit}]").view("i8"))
    elif isinstance(dtype, pd.PeriodDtype):
        sink.text(str(dtype))
        feed_elements(sink, values.asi8)
    elif isinstance(dtype, pd.IntervalDtype):
        sink.text(f"intervals {dtype.closed}")
        _feed_index(sink, values.left)
        _feed_index(sink, values.right)
    elif isinstance(dtype, pd.SparseDtype):
        sink.text(f"sparse {dtype.subtype} {dtype.fill_value!r}")
        for start in range(0, len(values), _ROWS):
            feed_elements(sink, np.asarray(values[start : start + _ROWS]))
    elif isinstance(dtype, pd.ArrowDtype):
        columns.feed_arrow(sink, values.__arrow_array__())
    else:
        _feed_extension(sink, values, dtype)


def _feed_plain(sink: Sink, values: Any, dtype: Any) -> None:
    import numpy as np

    sink.text("object" if dtype.hasobject else str(dtype.str))
    data = np.asarray(values)
    if not dtype.hasobject:
        feed_elements(sink, data)
        return
    for start in range(0, len(data), _ROWS):
        feed_elements(sink, data[start : start + _ROWS])


def _feed_texts(sink: Sink, values: Any, storage: str) -> None:
    if storage == "pyarrow":
        columns.feed_arrow_texts(sink, values.__arrow_array__())
    else:
        texts = values.to_numpy(dtype=object, na_value="").tolist()
        columns.feed_texts(sink, values.isna(), texts)


def _feed_categories(sink: Sink, values: Any, *, ordered: bool) -> None:
    """Write each value by the rank of its category, which is the same whatever order unordered categories have."""
    import numpy as np

    categories, codes = values.categories, np.asarray(values.codes).astype(np.int64)
    sink.text(f"categories {len(categories)} {'ordered' if ordered else ''}")
    if not ordered and len(categories):
        order = _sorted(sink, categories)
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order))
        codes = np.where(codes < 0, codes, ranks[codes])
        categories = categories.take(order)
    _feed_index(sink, categories)
    feed_elements(sink, codes)


def _sorted(sink: Sink, categories: Any) -> Any:
    import numpy as np

    try:
        return np.argsort(categories.to_numpy(), kind="stable")
    except TypeError:  # of several types
        return np.array(sorted(range(len(categories)), key=lambda place: sink.apart(categories[place])))


def _feed_extension(sink: Sink, values: Any, dtype: Any) -> None:
    """Write an array with a mask by mask and data, any other by its elements."""
    import numpy as np

    sink.text(str(dtype))
    plain = getattr(dtype, "numpy_dtype", None)
    if isinstance(plain, np.dtype) and not plain.hasobject:
        for start in range(0, len(values), _ROWS):
            part = values[start : start + _ROWS]
            feed_elements(sink, np.asarray(part.isna()))
            feed_elements(sink, part.to_numpy(dtype=plain, na_value=plain.type(0)))
    else:
        sink.value(values.astype(object).tolist())


def _feed_scalar(sink: Sink, value: Any) -> None:
    import pandas as pd

    sink.text(type(value).__name__)
    if isinstance(value, pd.Timestamp):
        sink.text(f"{value.isoformat()} {value.tz} {value.unit}" if value is not pd.NaT else "")
    elif isinstance(value, pd.Timedelta):
        sink.value((value.value, value.unit))
    elif isinstance(value, pd.Period):
        sink.text(f"{value.ordinal} {value.freqstr}")
    elif isinstance(value, pd.Interval):
        sink.value((value.left, value.right, value.closed))
