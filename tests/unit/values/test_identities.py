"""Ids as text, and the values of state types."""

from __future__ import annotations

import pickle
from uuid import UUID

from penstock._ids import id_text, new_id
from penstock._values.states import StateType


def test_the_text_of_an_id_is_what_str_makes_of_it() -> None:
    ids = [new_id() for _ in range(100)] + [UUID(int=0), UUID(int=2**128 - 1)]

    assert [id_text(one) for one in ids] == [str(one) for one in ids]


def test_a_new_id_is_a_whole_uuid() -> None:
    made = new_id()

    assert pickle.loads(pickle.dumps(made)) == made
    assert (made.version, made.is_safe.value) == (7, None)


def test_state_types_have_their_names_as_values_and_can_be_found_by_them() -> None:
    assert [kind.value for kind in StateType] == [kind.name for kind in StateType]
    assert [StateType(kind.value) for kind in StateType] == list(StateType)
    assert [str(kind) for kind in StateType] == [kind.name for kind in StateType]
    assert all(pickle.loads(pickle.dumps(kind)) is kind for kind in StateType)
