"""Which devices can be pushed, and of which rooms they want to hear."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from realtime.server.engine.base import Note
from realtime.server.push.gateway import PlatformName, PushToken
from realtime.server.push.push_notes import made, names, value

TOKENS_OF_A_USER = 20
"""The oldest goes beyond: nobody carries more devices, and a browser that is set up anew leaves its old ones."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """A token, as a note."""

    user_id: str
    device_id: str
    platform: PlatformName
    number: int  # in the order of their coming


class PushDirectory:
    """Tokens, and the rooms of the devices that have one (pure).

    Keep what :meth:`changes` returns, and give it to :meth:`restore` of the next process's.
    """

    def __init__(self) -> None:
        self._number = 0
        self._changed: dict[tuple[str, str | tuple[str, str, str]], object] = {}
        self._tokens: dict[str, PushToken] = {}
        self._of_user: dict[str, dict[str, PushToken]] = {}
        self._rooms: dict[str, dict[tuple[str, str], int]] = {}  # with the time since when
        self._of_device: dict[tuple[str, str], dict[str, None]] = {}

    def __len__(self) -> int:
        """Tokens."""
        return len(self._tokens)

    def rooms(self) -> tuple[str, ...]:
        """The rooms that somebody wants to hear of."""
        return tuple(self._rooms)

    def changes(self) -> list[Note]:
        """What is to be kept for the next process since the last call."""
        changed, self._changed = self._changed, {}
        return [made(kind, key, each) for (kind, key), each in changed.items()]

    def restore(self, tokens: Iterable[Note], rooms: Iterable[Note]) -> None:
        """Go on with what was kept."""
        for kept, token in sorted(((value(note, _Kept), note.key) for note in tokens), key=lambda each: each[0].number):
            self._put(PushToken(kept.user_id, kept.device_id, kept.platform, token))
            self._number = kept.number
        for note in rooms:
            self.subscribe(*names(note), since_ms=value(note, int))
        self._changed = {}

    def put(self, token: PushToken) -> list[PushToken]:
        """Note a token; returns those whose place it takes: the device's old one, or another user's of the device."""
        known = self._tokens.get(token.token)
        if known == token:
            return []
        own = self._of_user.setdefault(token.user_id, {})
        kin = [each for each in own.values() if (each.device_id, each.platform) == (token.device_id, token.platform)]
        replaced = kin if known is None or known in kin else [*kin, known]
        self._tokens[token.token] = own[token.token] = token  # first, so that the device never lacks one
        for each in replaced:
            self._forget(each)
        self._put(token)
        self._number += 1
        kept = _Kept(token.user_id, token.device_id, token.platform, self._number)
        self._changed["push.token", token.token] = kept
        while len(own) > TOKENS_OF_A_USER:
            self._forget(next(iter(own.values())))
        return replaced

    def remove(self, token: str) -> PushToken | None:
        """Forget a token; a device without any hears of no room."""
        known = self._tokens.get(token)
        if known is not None:
            self._forget(known)
        return known

    def tokens(self, user_id: str, room_id: str | None = None) -> list[PushToken]:
        """All tokens of a user, or those of the devices that want to hear of a room."""
        own = self._of_user.get(user_id, {}).values()
        devices = self._rooms.get(room_id, {}) if room_id is not None else {}
        return [each for each in own if room_id is None or (user_id, each.device_id) in devices]

    def subscribe(self, room_id: str, user_id: str, device_id: str, *, since_ms: int = 0) -> None:
        """A device that has a token wants to hear of a room, of what is logged from some time on."""
        if (user_id, device_id) in self._rooms.get(room_id, ()):
            return
        if any(each.device_id == device_id for each in self._of_user.get(user_id, {}).values()):
            self._rooms.setdefault(room_id, {})[user_id, device_id] = since_ms
            self._changed["push.room", (room_id, user_id, device_id)] = since_ms
            self._of_device.setdefault((user_id, device_id), {})[room_id] = None

    def unsubscribe(self, room_id: str, user_id: str, device_id: str) -> bool:
        """It does not any more; returns whether it did."""
        devices = self._rooms.get(room_id, {})
        if (user_id, device_id) not in devices:
            return False
        del devices[user_id, device_id], self._of_device[user_id, device_id][room_id]
        self._changed["push.room", (room_id, user_id, device_id)] = None
        if not devices:
            del self._rooms[room_id]
        return True

    def is_heard(self, room_id: str) -> bool:
        """Whether anybody wants to hear of a room."""
        return room_id in self._rooms

    def users(self, room_id: str) -> set[str]:
        """The users with a device that wants to hear of a room."""
        return {user_id for user_id, _ in self._rooms.get(room_id, ())}

    def since(self, room_id: str) -> dict[str, int]:
        """Since when each of them does: the first of their devices, in ms since the Unix epoch."""
        found: dict[str, int] = {}
        for (user_id, _), since_ms in self._rooms.get(room_id, {}).items():
            found[user_id] = min(since_ms, found.get(user_id, since_ms))
        return found

    def _put(self, token: PushToken) -> None:
        self._tokens[token.token] = self._of_user.setdefault(token.user_id, {})[token.token] = token

    def _forget(self, token: PushToken) -> None:
        own = self._of_user.get(token.user_id, {})
        own.pop(token.token, None)
        if self._tokens.get(token.token) == token:
            del self._tokens[token.token]
            self._changed["push.token", token.token] = None
        if not any(each.device_id == token.device_id for each in own.values()):
            device = token.user_id, token.device_id
            for room_id in tuple(self._of_device.get(device, ())):
                self.unsubscribe(room_id, *device)
            self._of_device.pop(device, None)
        if not own:
            self._of_user.pop(token.user_id, None)
