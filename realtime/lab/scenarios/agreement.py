"""What everybody shows in the end, compared: the contents of messages, receipts, and who types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec

from realtime.chat.message import Marker, Message, MessageStatus, RoomState
from realtime.sim.report import Violation

SERVER = "the server"

States: TypeAlias = Mapping[str, Mapping[str, RoomState]]
"""Device → room → what it shows."""
Logs: TypeAlias = Mapping[str, Mapping[str, bytes]]
"""Room → message id → the body that the server has."""


class _Body(msgspec.Struct):
    text: str = ""
    deleted: bool = False
    reactions: dict[str, list[str]] = {}


def disagreements(states: States, logs: Logs, *, now_s: float) -> list[Violation]:
    """What is not the same to everybody, each once.

    Args:
        states: of the devices that live.
        logs: the messages that the server holds; rooms that are missing are not compared with it.
        now_s: when this was.
    """
    rooms = dict.fromkeys([*logs, *(room_id for shown in states.values() for room_id in shown)])
    found = []
    for room_id in rooms:
        shown = {device: rooms_of[room_id] for device, rooms_of in states.items() if room_id in rooms_of}
        kind_and_text = [
            *(("divergent", text) for text in _contents(room_id, shown, logs.get(room_id, {}))),
            *(("divergent", text) for text in _markers(room_id, shown)),
            *(("stale", text) for text in (*_receipts(room_id, shown), *_typing(room_id, shown))),
        ]
        found += [Violation(kind, f"in the end {text}", now_s) for kind, text in kind_and_text]
    return found


def _contents(room_id: str, shown: Mapping[str, RoomState], log: Mapping[str, bytes]) -> Iterator[str]:
    first = {message_id: (SERVER, _as_logged(body)) for message_id, body in log.items()}
    told: set[str] = set()
    for device, state in shown.items():
        known_from = max((gap.before for gap in state.gaps), default=0)  # what changed earlier messages may be missing
        for message in state.messages:
            if message.offset is None or message.offset < known_from:
                continue
            name, content = message.message_id, _as_shown(message)
            witness, other = first.setdefault(name, (device, content))
            if other != content and name not in told:
                told.add(name)
                yield f"{name!r} of {room_id} is to {witness} {other}, {device} {content}"


def _as_logged(body: bytes) -> str:
    logged = msgspec.json.decode(body, type=_Body)
    return _content(logged.text, logged.deleted, {emoji: tuple(users) for emoji, users in logged.reactions.items()})


def _as_shown(message: Message) -> str:
    return _content(message.text, message.is_deleted, {each.emoji: each.user_ids for each in message.reactions})


def _content(text: str, is_deleted: bool, reactions: Mapping[str, tuple[str, ...]]) -> str:
    if is_deleted:
        return "a tombstone"
    return " ".join([repr(text), *(f"{emoji} {', '.join(users)}" for emoji, users in reactions.items())])


def _markers(room_id: str, shown: Mapping[str, RoomState]) -> Iterator[str]:
    for user_id in dict.fromkeys(user_id for state in shown.values() for user_id in state.markers):
        read = {device: state.markers.get(user_id, Marker(user_id)).read for device, state in shown.items()}
        [(first, marker), *others] = read.items()
        other = next((device for device, its in others if its != marker), None)
        if other is not None:
            yield f"{user_id} has read {marker} of {room_id} to {first}, {read[other]} to {other}"


def _receipts(room_id: str, shown: Mapping[str, RoomState]) -> Iterator[str]:
    """Of messages that another user has, the author knows so."""
    has: dict[str, str] = {}
    for device, state in shown.items():
        has |= {message.message_id: device for message in state.messages if not message.mine}
    for device, state in shown.items():
        for message in state.messages:
            if message.mine and message.status is MessageStatus.SENT and message.message_id in has:
                what = f"{message.message_id!r} of {room_id} as sent"
                yield f"{device} shows {what}, and {has[message.message_id]} has it, who is another user"


def _typing(room_id: str, shown: Mapping[str, RoomState]) -> Iterator[str]:
    for device, state in shown.items():
        for user_id in state.typing:
            yield f"{device} still shows {user_id} typing in {room_id}"
