"""Scenarios by name: the reference that a command line, another process or another machine takes.

A reference is ``package.module:function`` or ``path/file.py:function``. The function is async and takes the world.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from realtime.protocol.errors import RealtimeError

Scenario = Callable[[Any], Awaitable[Any]]

_DEFAULT_FUNCTION = "main"
_MODULE = re.compile(r"\w+(\.\w+)*")


class ScenarioError(RealtimeError):
    """A reference leads to no scenario, or a function has no reference."""


def scenario_reference(main: Callable[..., object]) -> str:
    """The reference of a function, for :func:`load_scenario` here or elsewhere.

    A file below the current directory is named from there, so that the reference holds in another copy of it. What
    wraps a function (:func:`functools.wraps`) goes by that function's name.

    Raises:
        ScenarioError: it is not at the top of a module or file: a nested function, a lambda, a notebook's.
    """
    for function in (main, inspect.unwrap(main)):
        if (place := _place(function)) is not None:
            return f"{place}:{function.__name__}"
    name = getattr(main, "__qualname__", type(main).__qualname__)
    raise ScenarioError(f"{name} has no name elsewhere: it is no async function at the top of a module or a file")


def load_scenario(reference: str) -> Scenario:
    """The function that a reference leads to. A file is read anew each time.

    Args:
        reference: without ``:function``, it is ``main``.

    Raises:
        ScenarioError: there is no such file, module or function, or it is not async, or does not take the world.
        Exception: what the module raised when it was imported.
    """
    place, _, function = reference.rpartition(":")
    if not function.isidentifier() or not place:
        place, function = reference, _DEFAULT_FUNCTION
    if place.endswith(".py"):
        module = _load_file(Path(place))
    elif _MODULE.fullmatch(place) and not place.startswith(":"):
        module = _load_module(place)
    else:
        raise ScenarioError(f"a scenario is PACKAGE.MODULE:FUNCTION or PATH.py:FUNCTION, not {reference!r}")
    return _checked(module, place, function)


# -- from a function to its name


def _place(function: Any) -> str | None:
    """The module or file at whose top a function stands."""
    if not isinstance(function, FunctionType) or not inspect.iscoroutinefunction(function):
        return None
    module = sys.modules.get(function.__module__)
    if module is None or getattr(module, function.__name__, None) is not function:
        return None
    return _importable_name(module) or _from_here(module)


def _importable_name(module: ModuleType) -> str | None:
    """A name that imports this module's file, with the current directory on the path as ``python -m`` has it."""
    file = _file(module)
    spec = module.__spec__
    name = module.__name__ if module.__name__ != "__main__" else spec.name if spec is not None else None
    if name is None or file is None:
        return None
    relative = Path(*name.split("."))
    for entry in ("", *sys.path):
        for candidate in (Path(entry, relative).with_suffix(".py"), Path(entry, relative, "__init__.py")):
            if candidate.is_file() and candidate.samefile(file):
                return name
    return None


def _file(module: ModuleType) -> Path | None:
    name = getattr(module, "__file__", None)
    path = None if name is None else Path(name)
    return path if path is not None and path.suffix == ".py" and path.is_file() else None


def _from_here(module: ModuleType) -> str | None:
    file, here = _file(module), Path.cwd()
    if file is None:
        return None
    absolute = file.resolve()
    return (absolute.relative_to(here) if absolute.is_relative_to(here) else absolute).as_posix()


# -- from a name to the function


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ScenarioError(f"there is no file {path} (from {Path.cwd()})")
    name = f"scenario_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise ScenarioError(f"{path} is no Python file")
    _put_on_path(str(path.resolve().parent))  # as Python does for a script: its neighbours can be imported
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _load_module(name: str) -> ModuleType:
    _put_on_path(os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise ScenarioError(f"there is no module {name}; a file is named by its path: path/file.py") from error
        raise


def _put_on_path(directory: str) -> None:
    if directory not in sys.path:
        sys.path.insert(0, directory)


def _checked(module: ModuleType, place: str, name: str) -> Scenario:
    found = getattr(module, name, None)
    if found is None:
        others = [key for key, value in vars(module).items() if inspect.iscoroutinefunction(value)]
        there = f"its async functions are {', '.join(sorted(others))}" if others else "it has no async functions"
        raise ScenarioError(f"there is no {name!r} in {place}; {there}")
    if not inspect.iscoroutinefunction(found):
        raise ScenarioError(f"{name} in {place} is not an async function: write `async def {name}(world):`")
    try:
        inspect.signature(found).bind(None)
    except TypeError:
        raise ScenarioError(f"{name} in {place} must take one argument, the world") from None
    scenario: Scenario = found
    return scenario
