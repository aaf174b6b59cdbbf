"""Who a client is: its own word on a developer's machine, a checked token elsewhere."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from realtime.protocol.errors import RealtimeError
from realtime.server.rooms import Member

_log = logging.getLogger("realtime.server")

Authenticate = Callable[[Mapping[str, Any]], "str | Awaitable[str | None] | None"]

_Read = TypeVar("_Read", bound="_DeviceAuth")
_Name = Annotated[str, Meta(min_length=1, max_length=256)]


class AuthenticationFailed(RealtimeError):
    """A client is refused; raise it in an authenticator to say why.

    Args:
        message: for people; the client sees it.
        code: for programs.
    """

    def __init__(self, message: str, code: str = "not_authorized") -> None:
        super().__init__(message)
        self.code = code


class _DeviceAuth(msgspec.Struct, rename="camel"):
    device_id: _Name | None = None


class _DevelopmentAuth(_DeviceAuth):
    user_id: _Name | None = None


class Authenticator:
    """Finds the user of a connecting client.

    Args:
        authenticate: called with the client's ``auth`` object, which holds a ``token``; returns the user id, or
            None to refuse; may be async, and may raise :class:`AuthenticationFailed`. Without it, clients are
            believed: ``auth`` is ``{userId, deviceId?}``, and whoever sends no ``userId`` is named after its session.
    """

    def __init__(self, authenticate: Authenticate | None) -> None:
        self._authenticate = authenticate

    @property
    def believes_everybody(self) -> bool:
        """Whether this is development mode."""
        return self._authenticate is None

    def identify(self, auth: Mapping[str, Any] | None, sid: str) -> Member | Awaitable[Member]:
        """The user and the device of a client.

        Args:
            auth: as the client sent it.
            sid: names a device, and in development mode a user, that has no name of its own.

        Raises:
            AuthenticationFailed: now, or when what is returned is awaited.
        """
        auth = auth or {}
        if self._authenticate is None:
            claim = _read(auth, _DevelopmentAuth, "in development mode, auth is {userId, deviceId?}")
            return Member(claim.user_id or f"anonymous-{sid[:8]}", claim.device_id or sid)
        device_id = _read(auth, _DeviceAuth, "auth is {token, deviceId?}").device_id or sid
        try:
            answer = self._authenticate(auth)
        except Exception as error:
            raise _explained(error) from error
        if inspect.isawaitable(answer):
            return _finish(answer, device_id)
        return _member(answer, device_id)


async def _finish(answer: Awaitable[str | None], device_id: str) -> Member:
    try:
        user_id = await answer
    except Exception as error:
        raise _explained(error) from error
    return _member(user_id, device_id)


def _member(user_id: object, device_id: str) -> Member:
    if user_id is None or user_id == "":
        raise AuthenticationFailed("not authorized")
    if not isinstance(user_id, str):
        raise _explained(TypeError(f"the authenticator must return a user id as str, or None; got {user_id!r}"))
    return Member(user_id, device_id)


def _explained(error: Exception) -> AuthenticationFailed:
    if isinstance(error, AuthenticationFailed):
        return error
    _log.error("the authenticator failed; the client was refused", exc_info=error)
    return AuthenticationFailed("authentication failed on the server; its log says why", code="internal")


def _read(auth: Mapping[str, Any], kind: type[_Read], form: str) -> _Read:
    try:
        return msgspec.convert(auth, kind)
    except msgspec.ValidationError as error:
        raise AuthenticationFailed(f"{form}: {str(error).replace('$.', '')}", code="invalid_auth") from error
