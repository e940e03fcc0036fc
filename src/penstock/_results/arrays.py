"""NumPy arrays in hashes: by their elements in logical order, whatever their layout in memory.

Nothing big is copied: contiguous data is hashed where it lies, the rest in blocks. All NaNs are one NaN, since the
sign and payload of a computed NaN depend on the machine; -0.0 and 0.0 stay two values, as they are for division.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from penstock._results.sink import Sink

#: Elements are normalised and copied in blocks of about this many bytes.
BLOCK_BYTES = 1 << 20


def feed_array(sink: Sink, value: Any) -> None:
    """Write an array, a masked array or a scalar of NumPy."""
    import numpy as np

    if isinstance(value, np.generic):
        sink.put(b"scalar")
        value = np.asarray(value)
    sink.text(f"{_label(value.dtype)}{value.shape}")
    if isinstance(value, np.ma.MaskedArray):
        sink.put(b"masked")
        feed_elements(sink, np.ma.getmaskarray(value))
        sink.value(value.fill_value if value.dtype.names is None else value.fill_value.tolist())
        zero = np.zeros((), value.dtype)
        for block in _blocks(value):
            feed_elements(sink, block.filled(zero))
    else:
        feed_elements(sink, np.asarray(value))


def feed_elements(sink: Sink, data: Any) -> None:
    """Write the elements of a plain array; dtype and shape are the caller's to write."""
    dtype = data.dtype
    if dtype.names is not None:  # field by field: the padding between them holds anything
        for name in dtype.names:
            feed_elements(sink, data[name])
    elif dtype.hasobject:
        sink.value(data.ravel().tolist())
    elif dtype.itemsize == 0 or data.size == 0:
        return
    elif dtype.kind in "fc":
        _feed_floats(sink, data)
    elif data.flags.c_contiguous:
        sink.bulk(_bytes(data))
    else:
        for block in _blocks(data):
            sink.bulk(_bytes(block))


def _feed_floats(sink: Sink, data: Any) -> None:
    import numpy as np

    for block in _blocks(data):
        flat = np.ascontiguousarray(block).reshape(-1)
        if flat.dtype.kind == "c":
            flat = flat.view(np.finfo(flat.dtype).dtype)
        if flat.dtype.itemsize > 8:  # extended precision has padding in its bytes
            mantissa, exponent = np.frexp(flat)
            high = mantissa.astype(np.float64)
            low = (mantissa - high).astype(np.float64)
            for part in (high, low, exponent.astype(np.int64)):
                _feed_floats(sink, part) if part.dtype.kind == "f" else sink.bulk(_bytes(part))
            continue
        odd = np.isnan(flat)
        if odd.any():
            flat = np.where(odd, flat.dtype.type(np.nan), flat).astype(flat.dtype, copy=False)
        sink.bulk(_bytes(flat))


def _blocks(data: Any) -> Iterator[Any]:
    """Yield an array in pieces of bounded size, in C order; views where it is possible."""
    if data.nbytes <= BLOCK_BYTES or data.ndim == 0:
        yield data
    elif data.flags.c_contiguous and data.ndim > 1:
        yield from _blocks(data.reshape(-1))
    else:
        row = data.nbytes // len(data)
        if row > BLOCK_BYTES and data.ndim > 1:
            for part in data:
                yield from _blocks(part)
        else:
            count = max(1, BLOCK_BYTES // max(row, 1))
            for start in range(0, len(data), count):
                yield data[start : start + count]


def _bytes(data: Any) -> Any:
    """Return the bytes of an array; without a copy when it is contiguous."""
    import numpy as np

    return memoryview(np.ascontiguousarray(data).reshape(-1).view(np.uint8))  # type: ignore[arg-type]  # a buffer


def _label(dtype: Any) -> str:
    if dtype.names is not None:
        return repr([(name, _label(dtype.fields[name][0])) for name in dtype.names])
    if dtype.subdtype is not None:
        return f"{dtype.subdtype[0].str}{dtype.subdtype[1]}"
    return "T" if dtype.kind == "T" else str(dtype.str)  # variable-width text
