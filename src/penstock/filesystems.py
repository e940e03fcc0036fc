"""File systems for results and code. Reference page: api-ref/python/prefect-filesystems."""

from penstock._results.filesystems import LocalFileSystem as LocalFileSystem
from penstock._results.filesystems import NullFileSystem as NullFileSystem
from penstock._results.filesystems import ReadableDeploymentStorage as ReadableDeploymentStorage
from penstock._results.filesystems import ReadableFileSystem as ReadableFileSystem
from penstock._results.filesystems import RemoteFileSystem as RemoteFileSystem
from penstock._results.filesystems import WritableDeploymentStorage as WritableDeploymentStorage
from penstock._results.filesystems import WritableFileSystem as WritableFileSystem

__all__ = [
    "LocalFileSystem",
    "NullFileSystem",
    "ReadableDeploymentStorage",
    "ReadableFileSystem",
    "RemoteFileSystem",
    "WritableDeploymentStorage",
    "WritableFileSystem",
]
