"""Running files and importing modules and objects. Reference page: api-ref prefect-utilities-importtools."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from penstock._ids import short_hex
from penstock._loading.entrypoints import Entrypoint
from penstock.exceptions import ScriptError


@contextmanager
def import_folders(*first: Path | str, last: tuple[Path | str, ...] = ()) -> Iterator[None]:
    """Put folders at the begin, and others at the end, of the import path for the time of the block."""
    added = [str(folder) for folder in first]
    behind = [str(folder) for folder in last if str(folder) not in sys.path]
    sys.path[:0] = added
    sys.path.extend(behind)
    try:
        yield
    finally:
        for folder in [*added, *behind]:
            if folder in sys.path:
                sys.path.remove(folder)


def load_script_as_module(path: str) -> ModuleType:
    """Run a Python file and return the module it made.

    Its name is unlike any other, so that ``if __name__ == "__main__"`` does not run and several threads may load
    the same file. The module can be found by its name while it runs and no longer: what it defines is pickled by
    value, as no other process could import it.

    Args:
        path: the file; modules beside it can be imported by it.

    Raises:
        ScriptError: it raised; `user_exc` is what. FileNotFoundError: there is no such file.
    """
    file = Entrypoint(path, "", is_file=True).file().resolve()
    name = f"__penstock_loader_{short_hex(12)}__"
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path!r} is not a Python file.")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        with import_folders(file.parent, Path.cwd()):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ScriptError(user_exc=error, path=path) from error
    finally:
        sys.modules.pop(name, None)
    return module


def load_module(module_name: str) -> ModuleType:
    """Import a module; those beside the working directory and beside the module itself can be imported, too.

    Raises:
        ModuleNotFoundError: there is none of this name.
    """
    beside: tuple[Path, ...] = ()
    try:
        beside = (Entrypoint(module_name, "", is_file=False).file().parent,)
    except FileNotFoundError:
        pass  # built in, or in an archive
    # Last, because the modules of a package may have the names of some in the standard library.
    with import_folders(Path.cwd(), last=beside):
        return import_module(module_name)


def member(owner: Any, qualname: str) -> Any:
    """Return ``owner.a.b`` for ``"a.b"``.

    Raises:
        AttributeError: there is no such member.
    """
    for name in qualname.split("."):
        owner = getattr(owner, name)
    return owner


def load_place(entrypoint: Entrypoint) -> ModuleType:
    """Run the file or import the module of an entrypoint.

    Raises:
        ScriptError: it raised. FileNotFoundError, ModuleNotFoundError: it is not there.
    """
    if entrypoint.is_file:
        return load_script_as_module(entrypoint.place)
    try:
        return load_module(entrypoint.place)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if entrypoint.place == missing or entrypoint.place.startswith(f"{missing}."):
            raise
        raise ScriptError(user_exc=error, path=entrypoint.place) from error
    except (Exception, SystemExit) as error:
        raise ScriptError(user_exc=error, path=entrypoint.place) from error


def import_object(import_path: str) -> Any:
    """Load an object: ``module.object``, ``module:object``, ``path/to/file.py:object``, ``…:object.method``.

    Raises:
        ScriptError: its file or module raised. AttributeError: there is no such object.
        FileNotFoundError, ModuleNotFoundError: its file or module is not there.

    Example:
        >>> import_object("os.path:join")("a", "b")
        'a/b'
    """
    entrypoint = Entrypoint.parse(import_path)
    return member(load_place(entrypoint), entrypoint.qualname)
