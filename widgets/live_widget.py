"""What every widget with a script of its own shares: it follows state, hands intents on, and ends cleanly."""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from realtime.utils.observable import Observable
from widgets.batching import Batcher
from widgets.feed import Feed

Action = Callable[[Mapping[str, Any]], object]

_STATIC = Path(__file__).parent / "static"
_log = logging.getLogger("realtime.widgets")


class LiveWidget(anywidget.AnyWidget):
    """Base of the widgets. A subclass says what to watch, what to show and what its page may ask for.

    State goes to the page as one batched message per interval (see :mod:`widgets.feed`); what the page asks for arrives
    on whichever thread the kernel chooses and is only handed on, never computed here.

    Args:
        watches: each change of one of these leads to one :meth:`compose` per batch.
        layout: an ``ipywidgets.Layout`` or a dict of its properties.
    """

    snapshot = traitlets.Any(help="{revision, state}: what a page starts from; read when it opens, never set").tag(
        sync=True, to_json=lambda _, widget: widget._feed.snapshot()
    )

    def __init__(self, *, watches: Iterable[Observable[Any]], layout: Any = None) -> None:
        self._feed = Feed(self.compose)
        self._followed = False
        super().__init__(**({} if layout is None else {"layout": layout}))
        # ipykernel 7.4 hands what a page says to whichever thread of the kernel its widget last spoke for, though that
        # thread computes, or has ended. Our widgets speak on their own: it shall go where the page sends it.
        self.comm._reply_subshell_for = None
        self.on_msg(self._receive)
        self._batcher = Batcher(self._flush, name=type(self).__name__)
        self._subscriptions = [watched.observe(lambda _: self._batcher.touch()) for watched in watches]
        self._batcher.touch()  # for what changed before the subscription

    def compose(self) -> Mapping[str, Any]:
        """The state to show now: names to JSON values. Called on any thread."""
        raise NotImplementedError

    @property
    def actions(self) -> Mapping[str, Action]:
        """What the page may ask for: message type to a function of the message."""
        raise NotImplementedError

    def refuse(self, kind: str, error: Exception) -> None:
        """Say on the page why something was not done.

        Args:
            kind: the type of the message that asked for it.
            error: the reason.
        """
        self.send({"type": "refused", "of": kind, "text": str(error) or type(error).__name__})

    def close(self) -> None:
        """End the subscriptions and remove every view. Calling it twice is harmless."""
        for unobserve in self.__dict__.pop("_subscriptions", ()):
            unobserve()
        if "_batcher" in self.__dict__:
            self._batcher.close()
        super().close()

    def _flush(self) -> None:
        changes = self._feed.changes()
        if changes is None:
            return
        if self._followed:
            self.send({"type": "changes", **changes})
        else:  # a page that is still loading its script would miss mere changes
            self.send({"type": "snapshot", **self._feed.snapshot()})

    def _receive(self, _: Any, content: Mapping[str, Any], buffers: object) -> None:
        kind = str(content.get("type"))
        if kind == "follow":
            self._followed = True
            self.send({"type": "snapshot", **self._feed.snapshot()})
            return
        try:
            if kind not in self.actions:
                raise ValueError(f"{type(self).__name__} cannot do {kind!r}; it can: {', '.join(self.actions)}")
            self.actions[kind](content)
        except Exception as error:  # the page is where the reader looks, not the kernel's log
            _log.exception("%r could not do %r", self, kind)
            self.refuse(kind, error)


def static(*names: str) -> str:
    """Files of ``widgets/static``, joined in this order: a script or a style sheet for the page."""
    return "\n".join((_STATIC / name).read_text(encoding="utf-8") for name in names)


def refuse_unknown(widget: str, constructor: Callable[..., Any], unknown: Mapping[str, Any]) -> None:
    """Raise TypeError if there are unknown options, naming those that exist.

    Args:
        widget: the name of the class, for the message.
        constructor: the function whose keyword-only parameters are the options.
        unknown: what its ``**unknown`` caught.
    """
    if not unknown:
        return
    options = [
        p.name for p in inspect.signature(constructor).parameters.values() if p.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    name = next(iter(unknown))
    close = difflib.get_close_matches(name, options, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else "."
    raise TypeError(f"{widget} has no option {name!r}{meant} Its options: {', '.join(options)}.")
