"""Kinds of entrypoints. Reference page: api-ref prefect-types-entrypoint."""

from __future__ import annotations

from enum import Enum


class EntrypointType(Enum):
    """How a deployment finds its flow: by file (``path/to/file.py:function``) or by module (``package.module.function``)."""

    FILE_PATH = "file_path"
    MODULE_PATH = "module_path"


__all__ = ["EntrypointType"]
