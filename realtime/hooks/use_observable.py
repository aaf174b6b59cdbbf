"""use_observable: what all hooks stand on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

import reacton

from realtime.hooks.render_queue import RenderQueue, render_queue
from realtime.utils.observable import Observable

T = TypeVar("T")
S = TypeVar("S")


@overload
def use_observable(observable: Observable[T], select: None = None) -> T: ...
@overload
def use_observable(observable: Observable[T], select: Callable[[T], S]) -> S: ...
def use_observable(observable: Observable[Any], select: Callable[[Any], Any] | None = None) -> Any:
    """The current snapshot; the component is rendered again when there is another one.

    Changes may come from any thread. They are gathered: a tree of components is rendered at most 25 times a second for
    all that has changed in it, on the loop of the kernel (without a kernel, where it was rendered first), always with
    the newest snapshots. While a cell computes, that loop stands still, and the component shows the rest afterwards.

    Args:
        observable: what to show; it may be another one at each render.
        select: a part of the snapshot, to be returned instead of it; as long as it stays equal, nothing is rendered.
    """
    follower: _Follower = reacton.use_memo(lambda: _Follower(render_queue()), [])
    _, set_count = reacton.use_state(0)
    reacton.use_effect(lambda: follower.follow(observable), [observable])
    return follower.show(observable, select, lambda: set_count(lambda count: count + 1))


class _Follower:
    """One ``use_observable`` of one component that is mounted."""

    def __init__(self, queue: RenderQueue) -> None:
        self._queue = queue
        self._is_mounted = False
        self._observable: Observable[Any]
        self._select: Callable[[Any], Any] | None
        self._render: Callable[[], None]
        self._snapshot: Any
        self._value: Any

    def show(self, observable: Observable[Any], select: Callable[[Any], Any] | None, render: Callable[[], None]) -> Any:
        """The value for the render that is going on."""
        self._observable, self._select, self._render = observable, select, render
        self._snapshot = observable.snapshot
        self._value = self._snapshot if select is None else select(self._snapshot)
        return self._value

    def follow(self, observable: Observable[Any]) -> Callable[[], None]:
        """Subscribe, once the component is there; returns what ends it."""
        unobserve = observable.observe(lambda _: self._queue.touch(self))
        self._is_mounted = True
        if observable.snapshot is not self._snapshot:  # it changed between the render and the subscription
            self._queue.touch(self)

        def end() -> None:
            self._is_mounted = False
            unobserve()

        return end

    def refresh(self) -> None:
        """Ask for a render if what is shown is not the newest; called by the queue."""
        if self._is_mounted and self._has_news():
            self._render()

    def _has_news(self) -> bool:
        snapshot = self._observable.snapshot
        if snapshot is self._snapshot:
            return False
        if self._select is None:
            return True
        try:
            return bool(self._select(snapshot) != self._value)
        except Exception:  # the render meets it again, and says whose it is
            return True
