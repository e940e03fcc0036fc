"""One line of a journal: what goes in comes out, and damage is noticed."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._journal.line import Line, TornLine, decode, encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
BODY = st.dictionaries(TEXT, JSON, max_size=5)


@given(st.integers(0, 2**40), TEXT, st.integers(0, 2**52), BODY)
def test_a_line_gives_back_what_was_written(seq, kind, at, body) -> None:
    raw = encode(seq, kind, at, body)

    assert raw.count(b"\n") == 1
    assert decode(raw.rstrip(b"\n")) == Line(seq, kind, at, body)


@given(BODY, st.data())
def test_a_changed_byte_is_noticed(body, data) -> None:
    raw = bytearray(encode(3, "log", 5, body)[:-1])
    place = data.draw(st.integers(0, len(raw) - 1).filter(lambda i: i != 8))
    raw[place] ^= data.draw(st.integers(1, 31))

    try:
        line = decode(bytes(raw))
    except TornLine:
        return
    assert place < 8  # the checksum in other letters (a and A) is the same number
    assert line == Line(3, "log", 5, body)


def test_ids_and_times_are_written_as_text() -> None:
    when = datetime(2026, 1, 2, tzinfo=UTC)
    line = decode(encode(0, "state", 1, {"id": UUID(int=7), "when": when})[:-1])

    assert line.body == {"id": str(UUID(int=7)), "when": "2026-01-02T00:00:00+00:00"}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("caf\udce9", "caf\\udce9"),
        (["\ud800"], ["\\ud800"]),
        ({"\udcff": 2**70}, {"\\udcff": str(2**70)}),
        ({1: "x"}, {"1": "x"}),
    ],
)
def test_what_json_cannot_hold_is_written_as_text(value, written) -> None:
    """A file name with an undecodable byte in a log message used to raise inside the journal."""
    assert decode(encode(0, "log", 1, {"message": value})[:-1]).body == {"message": written}


@pytest.mark.parametrize(
    "raw", [b"", b"00000000", b"zzzzzzzz [1]", b"00000000 {}", encode(0, "a", 1, {})[:-3]]
)
def test_what_is_not_a_line_is_torn(raw) -> None:
    with pytest.raises(TornLine):
        decode(raw)
