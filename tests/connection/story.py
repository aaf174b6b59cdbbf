"""A lifecycle, and everything that it decides, in words."""

from __future__ import annotations

import random
from typing import Any

from realtime.connection.actions import Action, Announce, Dial, HangUp, Probe, Settle, TellAppState
from realtime.connection.app_state import BackgroundPolicy
from realtime.connection.errors import ConnectError
from realtime.connection.lifecycle import Lifecycle
from realtime.connection.net_info import NetStatus, NetType
from realtime.connection.reconnection_strategy import ReconnectionStrategy

NO_ROUTE = ConnectError("http://server: no route")


class Story:
    """A lifecycle, and everything it ever decided, in words."""

    def __init__(
        self,
        *,
        background: BackgroundPolicy = BackgroundPolicy.DISCONNECT,
        reconnection: bool = True,
        connection_timeout_s: float = 20,
        **strategy: Any,
    ) -> None:
        options: dict[str, Any] = {"base_s": 1, "jitter": "none", "rng": random.Random(0)} | strategy
        self.life = Lifecycle(
            address="http://server",
            strategy=ReconnectionStrategy(**options) if reconnection else None,
            background=background,
            connection_timeout_s=connection_timeout_s,
        )
        self.words: list[str] = []
        self.settled: dict[object, Exception | None] = {}
        self.errors: list[Exception] = []

    def tell(self, actions: list[Action]) -> list[str]:
        words = [word for action in actions if (word := self._word(action))]
        self.words += words
        return words

    def _word(self, action: Action) -> str:
        match action:
            case Dial():
                return "dial"
            case HangUp(reason=reason, farewell=farewell):
                return f"{farewell.value} ({reason})"
            case Probe():
                return "probe"
            case TellAppState(state=state):
                return f"tell {state}"
            case Settle(waiter=waiter, error=error):
                self.settled[waiter] = error
                return f"settle {waiter}: {type(error).__name__ if error else 'connected'}"
            case Announce(event="state_change", args=(state,)):
                return state.name
            case Announce(event=event, args=args):
                self.errors += [arg for arg in args if isinstance(arg, Exception)]
                return f"{event}({', '.join(_short(arg) for arg in args)})"

    def timer(self) -> tuple[float, list[str]]:
        due = self.life.next_timer()
        assert due is not None
        return due, self.tell(self.life.handle_timer(due))


def _short(value: object) -> str:
    return (
        type(value).__name__
        if isinstance(value, Exception)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def connected(**options: Any) -> Story:
    story = Story(**options)
    story.tell(story.life.connect(0))
    story.tell(story.life.connected(0.1, recovered=False))
    story.words.clear()
    return story


def wifi(*, up: bool = True, kind: NetType = NetType.WIFI) -> NetStatus:
    return NetStatus(is_connected=up, type=kind if up else NetType.NONE)
