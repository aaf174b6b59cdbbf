"""Whether the user wants to be notified."""

from __future__ import annotations

import enum
from typing import Protocol


class PermissionStatus(enum.StrEnum):
    """What the user has said."""

    UNDETERMINED = "undetermined"
    GRANTED = "granted"
    DENIED = "denied"


class NotificationPermission(Protocol):
    """The device's own: iOS and browsers ask once, and take a no for ever."""

    @property
    def status(self) -> PermissionStatus:
        """What the user has said so far."""
        ...

    async def request(self) -> PermissionStatus:
        """Show the system's question, and wait for the answer."""
        ...


class Granted:
    """The permission of a device that asks nobody: a simulated phone, an old Android."""

    status = PermissionStatus.GRANTED

    async def request(self) -> PermissionStatus:
        """There is no question."""
        return self.status


async def ask(permission: NotificationPermission) -> PermissionStatus:
    """What the user says: who has said no is not asked again."""
    if permission.status is not PermissionStatus.UNDETERMINED:
        return permission.status
    return await permission.request()
