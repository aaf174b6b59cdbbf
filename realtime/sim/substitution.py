"""Functions of modules that answer differently in one thread.

Third-party code calls them where it likes. While a thread has a source, a replaced function asks the source's answer
there; in every other thread, and where the answer is ``NotImplemented``, it calls the original.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any, Generic, TypeAlias, TypeVar

S = TypeVar("S")

Answer: TypeAlias = tuple[ModuleType, str, Callable[..., Any]]  # the answer gets the source, then the arguments


class _ThisThread(threading.local):
    source: Any = None


class Substitution(Generic[S]):
    """Some functions, and what answers in their place.

    Args:
        answers: which functions of which modules, each with its answer; called when the first thread needs them.
    """

    def __init__(self, answers: Callable[[], Iterable[Answer]]) -> None:
        self._answers = answers
        self._this_thread = _ThisThread()
        self._lock = threading.Lock()
        self._users = 0
        self._originals: list[tuple[ModuleType, str, Any]] = []

    @property
    def source(self) -> S | None:
        """What answers in this thread."""
        source: S | None = self._this_thread.source
        return source

    @contextlib.contextmanager
    def of(self, source: S) -> Iterator[None]:
        """Let a source answer in this thread until the block ends. May be nested."""
        outer = self._this_thread.source
        self._install()
        self._this_thread.source = source
        try:
            yield
        finally:
            self._this_thread.source = outer
            self._uninstall()

    def _install(self) -> None:
        with self._lock:
            if not self._users:
                replaced = [(module, name, getattr(module, name), answer) for module, name, answer in self._answers()]
                for module, name, original, answer in replaced:
                    self._originals.append((module, name, original))
                    setattr(module, name, self._switch(original, answer))
            self._users += 1

    def _uninstall(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                for module, name, original in self._originals:
                    setattr(module, name, original)
                self._originals.clear()

    def _switch(self, original: Any, answer: Callable[..., Any]) -> Callable[..., Any]:
        """A function that asks the thread's source where there is one, and is the original elsewhere, for ever."""
        this_thread = self._this_thread

        def switch(*args: Any, **kwargs: Any) -> Any:
            source = this_thread.source
            given = NotImplemented if source is None else answer(source, *args, **kwargs)
            return original(*args, **kwargs) if given is NotImplemented else given

        return switch
