"""Importing by name, by file, and later. Reference page: api-ref prefect-utilities-importtools."""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from penstock._loading.namespaces import safe_load_namespace as safe_load_namespace
from penstock._loading.scripts import import_object as import_object
from penstock._loading.scripts import load_module as load_module
from penstock._loading.scripts import load_script_as_module as load_script_as_module


def to_qualified_name(obj: Any) -> str:
    """Return the dotted name an object can be imported by."""
    return f"{obj.__module__}.{obj.__qualname__}"


def from_qualified_name(name: str) -> Any:
    """Import an object by its dotted name, or a module by its name.

    Raises:
        ModuleNotFoundError, AttributeError: there is no such module, or no such object in it.

    Example:
        >>> from_qualified_name("os.path.join").__name__
        'join'
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        if "." not in name:
            raise
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


class DelayedImportErrorModule(ModuleType):
    """Stands for a module that is not installed; says so when it is used.

    Args:
        error_message: what is raised, as a `ModuleNotFoundError`.
        name: the module's name.
        help_message: what to do about it.
    """

    def __init__(self, error_message: str, name: str, help_message: str | None = None) -> None:
        super().__init__(name)
        self.__error_message = error_message
        self.__help_message = help_message

    def __getattr__(self, attr: str) -> Any:
        if attr in {"__class__", "__file__", "__path__", "__wrapped__"}:
            raise AttributeError(attr)
        message = self.__error_message
        if self.__help_message:
            message = f"{message}\n{self.__help_message}"
        raise ModuleNotFoundError(message, name=self.__name__)


def lazy_import(name: str, error_on_import: bool = False, help_message: str | None = None) -> ModuleType:
    """Return a module that is imported when something of it is first used.

    Args:
        name: the module.
        error_on_import: raise at once when it is not installed, instead of at first use.
        help_message: added to that error, such as how to install it.

    Raises:
        ModuleNotFoundError: it is not installed, and `error_on_import` is set.
    """
    if name in sys.modules:
        return sys.modules[name]
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.loader is None:
        message = f"No module named {name!r}."
        if error_on_import:
            raise ModuleNotFoundError(f"{message}\n{help_message}" if help_message else message, name=name)
        return DelayedImportErrorModule(message, name, help_message)
    loader = importlib.util.LazyLoader(spec.loader)
    spec.loader = loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    return module


@dataclass(frozen=True)
class AliasedModuleDefinition:
    """One name under which a module can also be imported.

    Attributes:
        alias: the name to create.
        real: the module it stands for.
        callback: called with the alias when it is imported.
    """

    alias: str
    real: str
    callback: Callable[[str], None] | None = None


class AliasedModuleFinder(importlib.abc.MetaPathFinder):
    """Finds modules, and what is in them, under other names. Put it first in `sys.meta_path`.

    Args:
        aliases: the names.
    """

    def __init__(self, aliases: Iterable[AliasedModuleDefinition]) -> None:
        self.aliases = list(aliases)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for an alias, or for what is below it; None for any other name."""
        for definition in self.aliases:
            if fullname == definition.alias or fullname.startswith(f"{definition.alias}."):
                real = definition.real + fullname[len(definition.alias) :]
                found = importlib.util.find_spec(real)
                if found is None:
                    return None
                return ModuleSpec(
                    fullname,
                    AliasedModuleLoader(fullname, definition.callback, found),
                    origin=found.origin,
                    is_package=found.submodule_search_locations is not None,
                )
        return None


class AliasedModuleLoader(importlib.abc.Loader):
    """Gives the module itself for an alias, so that there are no two copies of it.

    Args:
        alias: the name that is imported.
        callback: called with it.
        real_spec: of the module it stands for.
    """

    def __init__(self, alias: str, callback: Callable[[str], None] | None, real_spec: ModuleSpec) -> None:
        self.alias = alias
        self.callback = callback
        self.real_spec = real_spec

    def exec_module(self, module: ModuleType) -> None:
        """Import the real module and put it where the alias is looked up."""
        real = importlib.import_module(self.real_spec.name)
        if self.callback is not None:
            self.callback(self.alias)
        sys.modules[self.alias] = real


__all__ = [
    "AliasedModuleDefinition",
    "AliasedModuleFinder",
    "AliasedModuleLoader",
    "DelayedImportErrorModule",
    "from_qualified_name",
    "import_object",
    "lazy_import",
    "load_module",
    "load_script_as_module",
    "safe_load_namespace",
    "to_qualified_name",
]
