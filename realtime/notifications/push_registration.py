"""A device's push token on its way to the server (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

MAX_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True, repr=False)
class Register:
    """Tell the server the token."""

    token: str

    def __repr__(self) -> str:  # tokens are secrets
        return "Register(…)"


@dataclass(frozen=True, slots=True, repr=False)
class Unregister:
    """Tell the server that the token is not to be used any more."""

    token: str

    def __repr__(self) -> str:
        return "Unregister(…)"


ToTell: TypeAlias = Register | Unregister


class PushRegistration:
    """Tells the server the newest token until it has it. Pure: the caller passes the time.

    It is state, not a message: what was not answered on its connection is told again on the next one. A server that
    did not go on with this device's session may have forgotten the token, and is told it again.

    Send what :meth:`handle_timer` returns at :meth:`next_timer`, and say :meth:`done`, :meth:`failed` or
    :meth:`refused` of each.

    Args:
        retry_s: the first pause after a failure; each is twice as long, up to a minute.
    """

    def __init__(self, *, retry_s: float = 2.0) -> None:
        self._retry_s = retry_s
        self._wanted: ToTell | None = None
        self._confirmed: ToTell | None = None
        self._told: ToTell | None = None  # on the way, or refused for good
        self._is_refused = False
        self._is_online = False
        self._not_before = 0.0
        self._failures = 0
        self._was_told = False  # the server may know the wanted token

    @property
    def is_registered(self) -> bool:
        """Whether the server has the newest token."""
        return isinstance(self._wanted, Register) and self._confirmed == self._wanted

    def token(self, token: str, now: float) -> None:
        """The device has a token, the first one or another."""
        if self._wanted != Register(token):
            self._want(Register(token), now)
            self._was_told = False

    def log_out(self, now: float) -> None:
        """The user does not want to be pushed on this device any more."""
        if isinstance(self._wanted, Register):
            self._want(Unregister(self._wanted.token) if self._was_told else None, now)

    def connected(self, *, recovered: bool, now: float) -> None:
        """There is a connection; ``recovered``: to a server that went on with this device's session."""
        self._is_online = True
        if not recovered and isinstance(self._confirmed, Register):
            self._confirmed = None
        self._failures, self._not_before = 0, now

    def disconnected(self) -> None:
        """There is none any more."""
        self._is_online = False
        if self._told is not None and self._confirmed != self._told and not self._is_refused:
            self._told = None

    def done(self, told: ToTell, now: float) -> None:
        """The server has it."""
        if told == self._wanted:
            self._confirmed, self._told, self._failures = told, None, 0

    def failed(self, told: ToTell, now: float) -> None:
        """It could not be told, for now."""
        if told == self._told:
            self._told = None
            self._not_before = now + min(self._retry_s * 2**self._failures, MAX_PAUSE_S)
            self._failures = min(self._failures + 1, 16)

    def refused(self, told: ToTell) -> None:
        """The server will never take it."""
        if told == self._told:
            self._is_refused = True

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`, perhaps at once; None: there is nothing to tell."""
        is_due = self._is_online and self._wanted is not None and self._wanted not in (self._confirmed, self._told)
        return self._not_before if is_due else None

    def handle_timer(self, now: float) -> list[ToTell]:
        """What to tell now."""
        due = self.next_timer()
        if due is None or due > now or self._wanted is None:
            return []
        self._told, self._is_refused, self._was_told = self._wanted, False, True
        return [self._wanted]

    def _want(self, wanted: ToTell | None, now: float) -> None:
        self._wanted, self._told, self._is_refused = wanted, None, False
        self._failures, self._not_before = 0, now
