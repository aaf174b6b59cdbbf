"""The live lab: a server and phones, each behind its own chaos proxy, in one call."""

from __future__ import annotations

import asyncio
import atexit
import random
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit

from realtime.lab.background import BackgroundLoop, background_loop
from realtime.lab.phone import Phone
from realtime.lab.recorder import Recorder
from realtime.network.profiles import Profile
from realtime.network.proxy import ChaosProxy
from realtime.server.push.local_gateway import LocalGateway
from realtime.server.realtime_server import RealtimeServer
from realtime.utils import ambient
from realtime.utils.ids import new_id

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Lab", "Phone", "start"]

T = TypeVar("T")

_POLL_S = 0.02


def start(
    *,
    rooms: Iterable[str] = ("lobby",),
    url: str | None = None,
    seed: int | None = None,
    **server_options: Any,
) -> Lab:
    """Start a lab: an embedded server, ready for phones. Several labs may run at once.

    Args:
        rooms: which rooms every phone joins.
        url: of a Socket.IO server of one's own, ``http://host:port``, instead of the embedded one.
        seed: makes the proxies' losses and jitter, the phones' ids and backoff the same at every start.
        **server_options: of :class:`~realtime.server.realtime_server.RealtimeServer`; ``port`` is any free one.

    Raises:
        ServerStartError: the server cannot listen.
        ValueError: the address cannot be reached through a proxy.
    """
    return Lab(rooms=rooms, url=url, seed=seed, **server_options)


class Lab:
    """A server and its phones on the background loop. Close it, or use it in a ``with`` block. See :func:`start`."""

    def __init__(
        self,
        *,
        rooms: Iterable[str] = ("lobby",),
        url: str | None = None,
        seed: int | None = None,
        **server_options: Any,
    ) -> None:
        self.background: BackgroundLoop = background_loop()
        self.rooms = tuple(rooms)
        self.server: RealtimeServer | None = None
        self._phones: dict[str, Phone] = {}
        self._seed = ambient.new_random().getrandbits(64) if seed is None else seed
        self._ids = self._random("ids")
        self._is_closed = False
        self._began_s = self.background.call(self.background.loop.time)
        self._recorder = Recorder(self._clock, receivers=self._members)
        if url is None:
            settings: dict[str, Any] = {"port": 0, "rng": self._random("server")}
            self.server = RealtimeServer(**settings | server_options)
            self.background.run(self.server.start())
            url = self.server.url
        elif server_options:
            raise TypeError(f"with url= there is no embedded server to take {', '.join(server_options)}")
        self.url = url
        self._upstream = _address(url)
        _open[self] = None

    def __repr__(self) -> str:
        if self._is_closed:
            return "<Lab closed>"
        phones = [f"{phone.name}: {phone.network.label}, {phone.state.value}" for phone in self._phones.values()]
        return f"<Lab {'; '.join(phones) or 'without phones'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- phones

    @property
    def phones(self) -> dict[str, Phone]:
        """The phones by name."""
        return dict(self._phones)

    def phone(
        self,
        name: str,
        profile: Profile | str | None = "wifi",
        *,
        user_id: str | None = None,
        rooms: Iterable[str] | None = None,
        connect: bool = True,
        **options: Any,
    ) -> Phone:
        """A phone of this name, connected and in its rooms. One that exists gets the profile and is returned.

        Args:
            name: the phone's.
            profile: its network; None has no limits.
            user_id: whose phone it is; by default it belongs to a user of its own name.
            rooms: which it joins instead of the lab's.
            connect: connect now, and wait for it.
            **options: of :class:`~realtime.connection.socket_manager.SocketManager`.

        Raises:
            ConnectTimeout: no connection in time; there is no such phone then.
            ProfileError: no profile of this name.
        """
        if self._is_closed:
            raise RuntimeError("this lab is closed: start a new one with realtime.lab.start()")
        if (phone := self._phones.get(name)) is None:
            chosen = self.rooms if rooms is None else tuple(rooms)
            return self.background.run(self._add(name, profile, user_id or name, chosen, connect, options))
        if options or rooms is not None or (user_id or name) not in (name, phone.user_id):
            raise ValueError(f"phone {name!r} exists, and its options cannot change: close() it first")
        phone.network.profile = profile
        return phone

    async def _add(
        self,
        name: str,
        profile: Profile | str | None,
        user_id: str,
        rooms: tuple[str, ...],
        connect: bool,
        options: dict[str, Any],
    ) -> Phone:
        proxy = ChaosProxy(*self._upstream, profile=profile, rng=self._random(f"proxy {name}"))
        await proxy.start()
        try:
            phone = Phone(
                name,
                user_id=user_id,
                proxy=proxy,
                rooms=rooms,
                background=self.background,
                gateway=self._gateway(),
                rng=self._random(f"phone {name}"),
                clock=self._clock,
                on_act=lambda act, detail: self._recorder.acted(name, act, detail),
                on_send=lambda message: self._recorder.sent(name, message),
                options=options,
            )
        except BaseException:
            await proxy.stop()
            raise
        phone.on_close = lambda: self._forget(phone)
        self._phones[name] = phone
        self._recorder.watch(phone)
        phone.start()
        if connect:
            try:
                await phone.aconnect()
            except BaseException:
                await phone.aclose()
                raise
        return phone

    def _forget(self, phone: Phone) -> None:
        self._recorder.unwatch(phone.name)
        self._phones.pop(phone.name, None)

    # -- life

    def notify(
        self,
        user_id: str,
        title: str,
        body: str = "",
        *,
        id: str | None = None,
        data: Mapping[str, Any] | None = None,
        room_id: str | None = None,
        collapse_key: str | None = None,
        urgent: bool = False,
    ) -> str:
        """Tell a user something: inside the app where they look at it, otherwise by push.

        Args:
            user_id: whom.
            title: one line.
            body: the text.
            id: by which it is known on every way that it comes; by default a new one.
            data: for the app; ``url`` is where a tap leads.
            room_id: the room that it is about.
            collapse_key: it takes the place of an older one with the same.
            urgent: it passes through quiet hours.

        Returns:
            Its id.

        Raises:
            RuntimeError: the lab is over another server, which it cannot ask for that.
        """
        if (server := self.server) is None:
            raise RuntimeError(f"only a lab with a server of its own can notify: tell {self.url} in its own way")
        chosen = new_id(self._ids) if id is None else id
        self.background.call(
            lambda: server.notify(
                user_id,
                id=chosen,
                title=title,
                body=body,
                data=data,
                room_id=room_id,
                collapse_key=collapse_key,
                is_urgent=urgent,
            )
        )
        return chosen

    def wait_until(self, condition: Callable[[], T], timeout_s: float = 30.0, what: str = "the condition") -> T:
        """Wait until ``condition()`` is true, asking every 20 ms on the calling thread.

        Args:
            condition: what to wait for.
            timeout_s: for how long, in seconds.
            what: names it in the error.

        Returns:
            What the condition returned.

        Raises:
            TimeoutError: it did not come true.
        """
        expired, pause = threading.Event(), threading.Event()
        timer = self.background.call(self.background.loop.call_later, timeout_s, expired.set)
        try:
            while not (found := condition()):
                if expired.is_set():
                    raise TimeoutError(f"not within {timeout_s:g} s: {what}. This is {self!r}")
                pause.wait(_POLL_S)
            return found
        finally:
            self.background.call(timer.cancel)

    def close(self) -> None:
        """Take all phones out and stop the server; what was recorded stays. May be repeated."""
        if not self._is_closed:
            self._is_closed = True
            _open.pop(self, None)
            self.background.run(_whatever_interrupts(self._close()))

    async def _close(self) -> None:
        await asyncio.gather(*(phone.aclose() for phone in tuple(self._phones.values())))
        if self.server is not None:
            await self.server.stop()

    # -- records

    def to_frame(self) -> pd.DataFrame:
        """The session as a timeline: one row per event, oldest first."""
        return self._recorder.to_frame()

    def session(self) -> pd.DataFrame:
        """The same as :meth:`to_frame`."""
        return self._recorder.to_frame()

    def messages(self) -> pd.DataFrame:
        """One row per message."""
        return self._recorder.messages()

    def deliveries(self) -> pd.DataFrame:
        """One row per message and phone that received it."""
        return self._recorder.deliveries()

    def delivery_report(self) -> pd.DataFrame:
        """One row per message: who should have got it, who did, and how often too often."""
        return self._recorder.delivery_report()

    def states(self) -> pd.DataFrame:
        """One row per change of a connection's state."""
        return self._recorder.states()

    def positions(self) -> pd.DataFrame:
        """One row per position and phone that learnt of it."""
        return self._recorder.positions()

    def presence(self) -> pd.DataFrame:
        """One row per coming, change and going of a member of a room, and phone that learnt of it."""
        return self._recorder.presence()

    def notifications(self) -> pd.DataFrame:
        """One row per thing that happened to a notification on a phone."""
        return self._recorder.notifications()

    def link_samples(self) -> pd.DataFrame:
        """One row per phone and half second."""
        return self._recorder.link_samples()

    def links(self) -> pd.DataFrame:
        """One row per phone and half second: what its access link is like."""
        return self._recorder.links()

    def radio(self) -> pd.DataFrame:
        """One row per phone: how long its radio has been on."""
        return self._recorder.radio()

    # -- inside

    def _clock(self) -> float:
        return self.background.loop.time() - self._began_s

    def _members(self, room_id: str) -> list[str]:
        return [name for name, phone in self._phones.items() if room_id in phone.chat.client.rooms]

    def _gateway(self) -> LocalGateway | None:
        found = None if self.server is None else self.server.push.gateways.get("local")
        return found if isinstance(found, LocalGateway) else None

    def _random(self, purpose: str) -> random.Random:
        return random.Random(f"{self._seed}/{purpose}")


_open: dict[Lab, None] = {}


async def _whatever_interrupts(work: Coroutine[Any, Any, None]) -> None:
    """Run it to its end, even if nobody waits for it any more."""
    await asyncio.shield(asyncio.ensure_future(work))


@atexit.register
def _close_all() -> None:
    for lab in tuple(_open):
        lab.close()


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "ws") or not parts.hostname:
        raise ValueError(f"{url!r} cannot be put behind a proxy, which passes no https: use http://host:port")
    return parts.hostname, parts.port or 80
