"""Serializers of results. Reference page: api-ref/python/prefect-serializers."""

from penstock._results.serializers import JSONSerializer as JSONSerializer
from penstock._results.serializers import PickleSerializer as PickleSerializer
from penstock._results.serializers import Serializer as Serializer

__all__ = ["JSONSerializer", "PickleSerializer", "Serializer"]
