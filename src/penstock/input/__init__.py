"""Typed input for runs. Reference page: advanced/interactive."""

from penstock.input.run_input import RunInput as RunInput
from penstock.input.run_input import keyset_from_base_key as keyset_from_base_key
from penstock.input.run_input import keyset_from_paused_state as keyset_from_paused_state

__all__ = ["RunInput", "keyset_from_base_key", "keyset_from_paused_state"]
