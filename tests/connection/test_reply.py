"""What the handlers of an event return is its acknowledgement."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from realtime.connection.reply import answer
from realtime.utils.event_emitter import EventEmitter


def ask(*handlers: Any) -> list[list[Any]]:
    events, replies = EventEmitter(), []
    for handler in handlers:
        events.on("ask", handler)
    answer(events.dispatch("ask"), replies.append)
    return replies


async def returning(value: Any, after: asyncio.Event | None = None) -> Any:
    if after is not None:
        await after.wait()
    return value


def fail() -> None:
    raise RuntimeError("handler failed")


async def settle() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


def test_the_first_value_that_is_not_none_answers() -> None:
    assert ask(lambda: None, lambda: "a", lambda: "b") == [["a"]]


def test_falsy_values_are_values() -> None:
    assert ask(lambda: 0) == [[0]]


def test_handled_without_a_value_is_an_empty_answer() -> None:
    assert ask(lambda: None) == [[]]


def test_what_nobody_handled_is_not_answered(caplog: pytest.LogCaptureFixture) -> None:
    assert ask() == []
    assert ask(fail) == []


async def test_async_handlers_answer_when_they_are_done() -> None:
    ready = asyncio.Event()
    replies = ask(lambda: None, lambda: returning("late", ready), lambda: returning(None))
    await settle()
    assert replies == []
    ready.set()
    await settle()
    assert replies == [["late"]]


async def test_only_the_first_async_value_counts() -> None:
    replies = ask(lambda: returning("a"), lambda: returning("b"))
    await settle()
    assert replies == [["a"]]


async def test_async_handlers_without_a_value_answer_empty_once_all_are_done() -> None:
    ready = asyncio.Event()
    replies = ask(lambda: returning(None, ready), lambda: returning(None))
    await settle()
    assert replies == []
    ready.set()
    await settle()
    assert replies == [[]]


async def test_async_handlers_that_all_failed_do_not_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def fail_later() -> None:
        raise RuntimeError("handler failed")

    async def cancelled() -> None:
        raise asyncio.CancelledError

    replies = ask(fail_later, cancelled)
    await settle()
    assert replies == []
    replies = ask(lambda: None, fail_later)
    await settle()
    assert replies == [[]]
