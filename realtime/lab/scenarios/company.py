"""Whom everybody sees in the end, and how, and where: compared with who is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from realtime.sim.report import Violation

if TYPE_CHECKING:
    from realtime.lab.sim_phone import SimPhone

_GREATER = ("busy", "online", "away")
"""Of the statuses of a user's devices, the first of these that is among them is the user's."""


def misjudged(phones: Sequence[SimPhone], *, now_s: float) -> list[Violation]:
    """What phones show of each other that is not so.

    Args:
        phones: those that live; all are looked at, and have a connection.
        now_s: when this was.
    """
    texts = (
        text
        for phone in phones
        for text in (
            *_members(phone, phones),
            *_statuses(phone, phones),
            *_markers(phone, phones),
            *_notifications(phone),
        )
    )
    return [Violation("stale", f"in the end {text}", now_s) for text in texts]


def _members(phone: SimPhone, phones: Sequence[SimPhone]) -> Iterator[str]:
    if not phone.tracks_presence:
        return
    for room_id in phone.chat.rooms:
        there = {
            other.name: (other.user_id, "active", other.status.chosen, other.status.own.snapshot.text)
            for other in phones
            if room_id in other.chat.rooms and _sees(phone, other)
        }
        room = phone.presence.room(room_id).snapshot
        shown = {each.device_id: (each.user_id, each.state, each.status, each.text) for each in room.members}
        yield from _differences(f"{phone.name} shows in {room_id}", there, shown)
        if not room.synced:
            yield f"{phone.name} does not know who is in {room_id}"


def _statuses(phone: SimPhone, phones: Sequence[SimPhone]) -> Iterator[str]:
    for user_id in phone.status.subscriptions:
        devices = [other for other in phones if other.user_id == user_id and other.status.chosen != "invisible"]
        chosen = {other.status.chosen for other in devices}
        status = next((each for each in _GREATER if each in chosen), "offline")
        texts = {other.status.own.snapshot.text for other in devices} - {None} or {None}
        shown = phone.status.users.snapshot.get(user_id)
        if shown is None:
            yield f"{phone.name} does not know how {user_id} is, who is {status}"
        elif shown.status != status:
            yield f"{phone.name} shows {user_id} as {shown.status}, who is {status}"
        elif shown.text not in texts:
            yield f"{phone.name} shows {user_id} with the words {shown.text!r}, who says {sorted(map(str, texts))}"


def _markers(phone: SimPhone, phones: Sequence[SimPhone]) -> Iterator[str]:
    for room_id in phone.chat.rooms:
        there = {
            other.user_id: True
            for other in phones
            if other.is_sharing and other.shares is not None and other.shares[1] == room_id
        }
        shown = dict.fromkeys(phone.location.room(room_id).snapshot.fixes, True)
        yield from _differences(f"the map of {phone.name} shows in {room_id}", there, shown)


def _notifications(phone: SimPhone) -> Iterator[str]:
    if phone.tray is None:
        return
    on_screen = [(payload["id"], payload.get("roomId"), payload["data"]) for payload in phone.tray.on_screen]
    entries = [entry.notification for entry in phone.in_app.state.snapshot.entries if entry.is_open]
    inside = [(each.id, each.room_id, each.data) for each in entries]
    for where, shown in (("on its lock screen", on_screen), ("open in its app", inside)):
        for name, room_id, data in shown:
            offset = data.get("offset")
            if offset is None or room_id not in phone.chat.rooms:
                continue
            marker = phone.chat.room(room_id).snapshot.markers.get(phone.user_id)
            if marker is not None and marker.read >= offset:
                yield f"{phone.name} has {name!r} {where}, and {phone.user_id} has read {room_id}"
    is_open = len(on_screen) + len(inside)
    if phone.push.badge != is_open:
        yield f"{phone.name} has {is_open} notifications open, and {phone.push.badge} on its badge"
    if not phone.push.state.snapshot.is_registered:
        yield f"{phone.name} cannot be pushed: the server does not have its token"


def _sees(phone: SimPhone, other: SimPhone) -> bool:
    return other.status.chosen != "invisible" or other.user_id == phone.user_id


def _differences(who: str, there: Mapping[str, object], shown: Mapping[str, object]) -> Iterator[str]:
    for name in dict.fromkeys([*there, *shown]):
        if name not in shown:
            yield f"{who} no {name}, who is there"
        elif name not in there:
            yield f"{who} {name}, who is not there"
        elif there[name] != shown[name]:
            yield f"{who} {name} as {shown[name]}, who is {there[name]}"
