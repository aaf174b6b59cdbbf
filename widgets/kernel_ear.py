"""Whether the kernel can hear a page at all: what it says waits while a cell runs."""

from __future__ import annotations

from typing import Any


class KernelEar:
    """Deaf while a cell runs, unless something is heard all the same: newer kernels read widgets on another thread.

    Args:
        shell: the interactive shell, or None outside of IPython, where nothing keeps a page waiting.
    """

    def __init__(self, shell: Any | None) -> None:
        self._shell = shell
        self._is_running = False
        if shell is not None:
            shell.events.register("pre_run_cell", self._began)
            shell.events.register("post_run_cell", self._ended)

    @property
    def deaf(self) -> bool:
        """Whether what a page says now is read only later."""
        return self._is_running

    def heard(self) -> None:
        """Something was heard."""
        self._is_running = False

    def close(self) -> None:
        """Forget the shell. Calling it twice is harmless."""
        shell, self._shell, self._is_running = self._shell, None, False
        if shell is not None:
            shell.events.unregister("pre_run_cell", self._began)
            shell.events.unregister("post_run_cell", self._ended)

    def _began(self, info: object) -> None:
        self._is_running = True

    def _ended(self, result: object) -> None:
        self._is_running = False
