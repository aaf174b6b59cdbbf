"""A push service in the server's own process, for simulated and live phones of the lab."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from realtime.server.push.gateway import DELIVERED, Gone, Outcome, Parcel, Push

_log = logging.getLogger("realtime.push")

Receive = Callable[[Mapping[str, Any]], object]


class LocalGateway:
    """Delivers by a channel of its own, which has nothing to do with the app's connection.

    It stands for the push service and the device's system: an app in the background, or one that does not run, gets
    its pushes all the same. What comes while a device is off waits until it is on, of each collapse key the newest.
    Several servers, or one before and after a restart, may share one.

    Args:
        max_kept: how many wait for each device; the oldest goes.
    """

    max_batch = 1000
    receipts_after_s, max_receipts = 0.0, 1
    can_withdraw = True

    def __init__(self, *, max_kept: int = 100) -> None:
        self._max_kept = max_kept
        self._receivers: dict[str, tuple[object, Receive]] = {}
        self._kept: dict[str, dict[str, tuple[Push, float]]] = {}  # by kind, oldest first, with its end
        self._revoked: set[str] = set()

    def __repr__(self) -> str:
        return f"<LocalGateway devices={len(self._receivers)}>"

    @property
    def waiting(self) -> int:
        """How many wait for devices that are off."""
        return sum(map(len, self._kept.values()))

    def attach(self, token: str, receive: Receive) -> Callable[[], None]:
        """A device is on: ``receive(payload)`` is called with what waited and what comes, until the device is off.

        A queue's ``put_nowait`` will do. The call is made on the server's loop.

        Returns:
            A function that says that it is off; calling it twice is harmless.
        """
        key = object()
        self._revoked.discard(token)
        self._receivers[token] = key, receive
        now = asyncio.get_running_loop().time()
        for push, expires in self._kept.pop(token, {}).values():
            if now < expires:
                self._call(receive, push)

        def detach() -> None:
            if self._receivers.get(token, (None,))[0] is key:
                del self._receivers[token]

        return detach

    def revoke(self, token: str) -> None:
        """The app was removed: its token is dead."""
        self._receivers.pop(token, None)
        self._kept.pop(token, None)
        self._revoked.add(token)

    def check(self, token: str) -> str | None:
        """See :class:`~realtime.server.push.gateway.Gateway`."""
        return None if 0 < len(token) <= 256 else "a local token has 1 to 256 characters"

    async def send(self, batch: Sequence[Parcel]) -> list[Outcome]:
        """See :class:`~realtime.server.push.gateway.Gateway`."""
        return [self._deliver(parcel) for parcel in batch]

    async def receipts(self, tickets: Sequence[str]) -> dict[str, Outcome]:
        """See :class:`~realtime.server.push.gateway.Gateway`; it gives no tickets."""
        return {}

    async def close(self) -> None:
        """See :class:`~realtime.server.push.gateway.Gateway`; what waits for devices is kept."""

    def _deliver(self, parcel: Parcel) -> Outcome:
        token = parcel.token.token
        if token in self._revoked:
            return Gone("the app was removed")
        receiver = self._receivers.get(token)
        if receiver is None:
            self._keep(token, parcel.push)
        else:
            self._call(receiver[1], parcel.push)
        return DELIVERED

    def _keep(self, token: str, push: Push) -> None:
        kept = self._kept.setdefault(token, {})
        if push.withdraws:
            for kind in [kind for kind, (each, _) in kept.items() if each.id == push.id]:
                del kept[kind]
        kind = f"withdraw {push.id}" if push.withdraws else push.collapse_key or f"id {push.id}"
        kept.pop(kind, None)
        kept[kind] = push, asyncio.get_running_loop().time() + push.ttl_s
        if len(kept) > self._max_kept:
            del kept[next(iter(kept))]

    @staticmethod
    def _call(receive: Receive, push: Push) -> None:
        try:
            receive(push.to_wire())
        except Exception:
            _log.exception("a device failed to take the push %r", push.id)
