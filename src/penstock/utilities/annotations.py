"""Marks around arguments. Reference page: api-ref/python/prefect-utilities-annotations."""

from penstock._values.annotations import BaseAnnotation as BaseAnnotation
from penstock._values.annotations import NotSet as NotSet
from penstock._values.annotations import Quote as Quote
from penstock._values.annotations import allow_failure as allow_failure
from penstock._values.annotations import freeze as freeze
from penstock._values.annotations import opaque as opaque
from penstock._values.annotations import quote as quote
from penstock._values.annotations import unmapped as unmapped

__all__ = ["BaseAnnotation", "NotSet", "Quote", "allow_failure", "freeze", "opaque", "quote", "unmapped"]
