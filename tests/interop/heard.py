"""What a stock client has heard, and what it was answered."""

import json
from typing import Any

from tests.processes import JsonChild


def events(client: JsonChild, name: str) -> list[list[Any]]:
    """The events of this name that a stock client has received so far, each with its arguments."""
    return [told["event"] for told in client.told if told.get("event", [""])[0] == name]


async def event(client: JsonChild, name: str) -> list[Any]:
    """The first event of this name, as soon as it has come."""
    await client.find(lambda line: f'"event":["{name}"' in line or None)
    return events(client, name)[0]


async def heard(client: JsonChild, name: str, **values: Any) -> dict[str, Any]:
    """The payload of the first event of this name that has these values, as soon as it has come."""

    def look(line: str) -> dict[str, Any] | None:
        told, payload, *_ = [*json.loads(line).get("event", ["", {}]), {}]
        return payload if told == name and all(payload.get(key) == each for key, each in values.items()) else None

    return await client.find(look)


async def asked(client: JsonChild, name: str, *args: Any) -> Any:
    """Send an event with a callback, and return what that is given; one question of a name at a time."""
    before = sum(told.get("ack") == name for told in client.told)
    await client.do(call=[name, *args])
    [answer] = (await client.tells_times(before + 1, ack=name))[-1]["args"]
    return answer


async def dropped(client: JsonChild, *, recovered: bool) -> None:
    """The client loses its transport, and is back; it says whether its session goes on."""
    connects = sum("connect" in told for told in client.told)
    await client.do(drop=True)
    back = (await client.tells_times(connects + 1, "connect"))[-1]
    assert back.get("recovered", False) is recovered  # JavaScript has it undefined where there is nothing to recover
