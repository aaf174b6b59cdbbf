"""Which devices can be pushed, and of which rooms they want to hear."""

from __future__ import annotations

from typing import Protocol

from realtime.server.push.gateway import PushToken

TOKENS_OF_A_USER = 20
"""The oldest goes beyond: nobody carries more devices, and a browser that is set up anew leaves its old ones."""


class PushStore(Protocol):
    """What a service needs to know of devices; :class:`PushDirectory` keeps it in memory.

    Put it on a disk, and an offline phone is pushed after a restart of the server too.
    """

    def put(self, token: PushToken) -> list[PushToken]:
        """Note a token; returns those whose place it takes: the device's old one, or another user's of the device."""
        ...

    def remove(self, token: str) -> PushToken | None:
        """Forget a token; a device without any hears of no room."""
        ...

    def tokens(self, user_id: str, room_id: str | None = None) -> list[PushToken]:
        """All tokens of a user, or those of the devices that want to hear of a room."""
        ...

    def subscribe(self, room_id: str, user_id: str, device_id: str) -> None:
        """A device that has a token wants to hear of a room."""
        ...

    def unsubscribe(self, room_id: str, user_id: str, device_id: str) -> None:
        """It does not any more."""
        ...

    def users(self, room_id: str) -> set[str]:
        """The users with a device that wants to hear of a room."""
        ...


class PushDirectory:
    """Tokens and rooms in memory: a restart of the server forgets them until the devices come back."""

    def __init__(self) -> None:
        self._tokens: dict[str, PushToken] = {}
        self._of_user: dict[str, dict[str, PushToken]] = {}
        self._rooms: dict[str, dict[tuple[str, str], None]] = {}
        self._of_device: dict[tuple[str, str], dict[str, None]] = {}

    def __len__(self) -> int:
        """Tokens."""
        return len(self._tokens)

    def put(self, token: PushToken) -> list[PushToken]:
        """See :class:`PushStore`."""
        known = self._tokens.get(token.token)
        if known == token:
            return []
        own = self._of_user.setdefault(token.user_id, {})
        kin = [each for each in own.values() if (each.device_id, each.platform) == (token.device_id, token.platform)]
        replaced = kin if known is None or known in kin else [*kin, known]
        self._tokens[token.token] = own[token.token] = token  # first, so that the device never lacks one
        for each in replaced:
            self._forget(each)
        self._tokens[token.token] = self._of_user.setdefault(token.user_id, {})[token.token] = token
        while len(own) > TOKENS_OF_A_USER:
            self._forget(next(iter(own.values())))
        return replaced

    def remove(self, token: str) -> PushToken | None:
        """See :class:`PushStore`."""
        known = self._tokens.get(token)
        if known is not None:
            self._forget(known)
        return known

    def tokens(self, user_id: str, room_id: str | None = None) -> list[PushToken]:
        """See :class:`PushStore`."""
        own = self._of_user.get(user_id, {}).values()
        devices = self._rooms.get(room_id, {}) if room_id is not None else {}
        return [each for each in own if room_id is None or (user_id, each.device_id) in devices]

    def subscribe(self, room_id: str, user_id: str, device_id: str) -> None:
        """See :class:`PushStore`."""
        if any(each.device_id == device_id for each in self._of_user.get(user_id, {}).values()):
            self._rooms.setdefault(room_id, {})[user_id, device_id] = None
            self._of_device.setdefault((user_id, device_id), {})[room_id] = None

    def unsubscribe(self, room_id: str, user_id: str, device_id: str) -> None:
        """See :class:`PushStore`."""
        devices = self._rooms.get(room_id, {})
        if (user_id, device_id) not in devices:
            return
        del devices[user_id, device_id], self._of_device[user_id, device_id][room_id]
        if not devices:
            del self._rooms[room_id]

    def users(self, room_id: str) -> set[str]:
        """See :class:`PushStore`."""
        return {user_id for user_id, _ in self._rooms.get(room_id, ())}

    def _forget(self, token: PushToken) -> None:
        own = self._of_user.get(token.user_id, {})
        own.pop(token.token, None)
        if self._tokens.get(token.token) == token:
            del self._tokens[token.token]
        if not any(each.device_id == token.device_id for each in own.values()):
            device = token.user_id, token.device_id
            for room_id in tuple(self._of_device.get(device, ())):
                self.unsubscribe(room_id, *device)
            self._of_device.pop(device, None)
        if not own:
            self._of_user.pop(token.user_id, None)
