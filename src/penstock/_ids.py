"""Identifiers and run names: time-ordered UUIDs and two-word slugs."""

from __future__ import annotations

import os
import random
import time
from uuid import UUID, SafeUUID

import orjson

#: The bits of a UUID that say its version, 7, and its variant.
_CLEAR = (1 << 128) - 1 & ~(0xF << 76) & ~(0x3 << 62)
_MARKS = (0x7 << 76) | (0x2 << 62)
_new, _set = object.__new__, object.__setattr__
_UNKNOWN = SafeUUID.unknown

#: Randomness for names and identifiers. Re-seeded in a forked child, or parent and child would agree.
_rng = random.Random(os.urandom(16))
os.register_at_fork(after_in_child=lambda: _rng.seed(os.urandom(16)))


def now_us() -> int:
    """Return the wall clock as microseconds since 1970 UTC, the unit of every stored timestamp."""
    return time.time_ns() // 1000


def new_id() -> UUID:
    """Return a version 7 UUID: 48 bits of milliseconds, then randomness, so that id order is time order."""
    bits = (time.time_ns() // 1_000_000) << 80 | _rng.getrandbits(80)
    made: UUID = _new(UUID)  # four are made for every task run; UUID(int=…) checks what is known to be right
    _set(made, "int", bits & _CLEAR | _MARKS)
    _set(made, "is_safe", _UNKNOWN)
    return made


def id_text(identity: UUID) -> str:
    """Return the text of a UUID, in half the time `str` takes: three are written for every task run."""
    return orjson.dumps(identity)[1:-1].decode()


_ADJECTIVES = [
    "able",
    "amber",
    "ancient",
    "awake",
    "azure",
    "bold",
    "brave",
    "breezy",
    "bright",
    "brisk",
    "calm",
    "careful",
    "cheerful",
    "clever",
    "copper",
    "cosmic",
    "crisp",
    "curious",
    "daring",
    "deft",
    "eager",
    "early",
    "earnest",
    "elegant",
    "fair",
    "fearless",
    "fleet",
    "fluent",
    "fond",
    "frosty",
    "gentle",
    "gilded",
    "glad",
    "golden",
    "graceful",
    "grand",
    "happy",
    "hardy",
    "honest",
    "humble",
    "jolly",
    "keen",
    "kind",
    "lively",
    "loyal",
    "lucid",
    "lucky",
    "lunar",
    "mellow",
    "merry",
    "mighty",
    "misty",
    "modest",
    "mossy",
    "nimble",
    "noble",
    "olive",
    "patient",
    "placid",
    "plucky",
    "polite",
    "proud",
    "quick",
    "quiet",
    "rapid",
    "ready",
    "robust",
    "rosy",
    "rustic",
    "sage",
    "serene",
    "sharp",
    "shiny",
    "silent",
    "silver",
    "sleek",
    "smooth",
    "snowy",
    "solar",
    "solid",
    "spry",
    "stable",
    "steady",
    "stellar",
    "still",
    "sturdy",
    "sunny",
    "swift",
    "tidal",
    "tidy",
    "tranquil",
    "true",
    "upbeat",
    "valiant",
    "velvet",
    "vivid",
    "warm",
    "wise",
    "witty",
]
_NOUNS = [
    "alder",
    "badger",
    "basin",
    "beacon",
    "beaver",
    "bison",
    "brook",
    "canal",
    "canyon",
    "cedar",
    "cicada",
    "cliff",
    "comet",
    "condor",
    "coral",
    "cove",
    "crane",
    "creek",
    "current",
    "dolphin",
    "dove",
    "eagle",
    "egret",
    "elk",
    "falcon",
    "fern",
    "finch",
    "fjord",
    "fox",
    "gazelle",
    "glacier",
    "gorge",
    "grouse",
    "gull",
    "harbor",
    "hare",
    "hawk",
    "heron",
    "hill",
    "ibex",
    "inlet",
    "iris",
    "ivy",
    "jackal",
    "jay",
    "kestrel",
    "kite",
    "lagoon",
    "lake",
    "lark",
    "leopard",
    "lichen",
    "lily",
    "lynx",
    "magpie",
    "maple",
    "marmot",
    "marten",
    "meadow",
    "mill",
    "moose",
    "moth",
    "newt",
    "oak",
    "ocelot",
    "orca",
    "osprey",
    "otter",
    "owl",
    "panda",
    "pelican",
    "penguin",
    "petrel",
    "pine",
    "plover",
    "pond",
    "puffin",
    "quail",
    "rapids",
    "raven",
    "reed",
    "reef",
    "ridge",
    "river",
    "robin",
    "salmon",
    "seal",
    "shoal",
    "sluice",
    "sparrow",
    "spring",
    "spruce",
    "stork",
    "stream",
    "swan",
    "tern",
    "thrush",
    "tide",
    "trout",
    "turbine",
    "turtle",
    "valley",
    "walrus",
    "weir",
    "willow",
    "wren",
]


def generate_slug(n_words: int = 2) -> str:
    """Return a random name of `n_words` words joined by dashes, such as ``brisk-otter``."""
    words = [_rng.choice(_ADJECTIVES) for _ in range(n_words - 1)]
    return "-".join([*words, _rng.choice(_NOUNS)])


def short_hex(digits: int = 3) -> str:
    """Return `digits` random hexadecimal digits, the ending of default task run names."""
    return f"{_rng.getrandbits(4 * digits):0{digits}x}"
