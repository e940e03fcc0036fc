"""Whether this version of Penstock can talk to a store of another one. Pure."""

from __future__ import annotations

from enum import Enum

from penstock._workspace import PROTOCOL


class Standing(Enum):
    """How a store's protocol stands to ours. A store serves its own protocol and the one before."""

    SERVES = "serves"
    #: It is older than we are: it is asked to finish and to make room for one of ours.
    OUTDATED = "outdated"
    #: It is so much newer that it no longer serves us.
    TOO_NEW = "too new"


def standing(theirs: int, ours: int = PROTOCOL) -> Standing:
    """Compare a store's protocol with a client's.

    Example:
        >>> [standing(theirs, ours=5).value for theirs in (4, 5, 6, 7)]
        ['outdated', 'serves', 'serves', 'too new']
    """
    if theirs < ours:
        return Standing.OUTDATED
    return Standing.SERVES if theirs <= ours + 1 else Standing.TOO_NEW
