"""Serializers of results. Reference page: api-ref/python/prefect-serializers."""

from penstock._results.json_values import object_decoder as prefect_json_object_decoder
from penstock._results.json_values import object_encoder as prefect_json_object_encoder
from penstock._results.serializers import CompressedJSONSerializer as CompressedJSONSerializer
from penstock._results.serializers import CompressedPickleSerializer as CompressedPickleSerializer
from penstock._results.serializers import CompressedSerializer as CompressedSerializer
from penstock._results.serializers import JSONSerializer as JSONSerializer
from penstock._results.serializers import PickleSerializer as PickleSerializer
from penstock._results.serializers import Serializer as Serializer

__all__ = [
    "CompressedJSONSerializer",
    "CompressedPickleSerializer",
    "CompressedSerializer",
    "JSONSerializer",
    "PickleSerializer",
    "Serializer",
    "prefect_json_object_decoder",
    "prefect_json_object_encoder",
]
