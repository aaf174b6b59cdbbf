"""What one may ask of a running proxy by name, with arguments as they come from JSON.

For whoever steers a proxy from outside: the control API and the lines of standard input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from realtime.network.figures import changed, figures
from realtime.network.link import MS, NS
from realtime.network.profiles import ProfileError, load_profiles, profile
from realtime.network.traces import Trace, load_mahimahi, load_trace
from realtime.protocol.errors import RealtimeError

if TYPE_CHECKING:
    from realtime.network.proxy import ChaosProxy

Act = Callable[["ChaosProxy"], None]


class ActionError(RealtimeError, ValueError):
    """An action does not exist, or its arguments are wrong. The message says what it takes."""


class _Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of one action."""


class _Nothing(_Arguments, frozen=True):
    pass


class _Profile(_Arguments, frozen=True):
    name: str | None


class _Conditions(_Arguments, frozen=True):
    down: dict[str, Any] = {}
    up: dict[str, Any] = {}


class _Trace(_Arguments, frozen=True):
    path: str | None
    up_path: str | None = None


class _Outage(_Arguments, frozen=True):
    for_s: Annotated[float, msgspec.Meta(gt=0)]


class _Partition(_Arguments, frozen=True):
    direction: Literal["both", "down", "up"] = "both"


def action(name: str, given: Any = None) -> Act:
    """Check what is asked for; the returned function does it. This may read a file, so call it off the proxy's loop.

    The function may raise ``ActionError`` as well, having changed nothing.

    Args:
        name: a key of :data:`ACTIONS`.
        given: its arguments, an object of plain JSON values; None is none.

    Raises:
        ActionError: there is no such action, or its arguments are wrong.
    """
    if name not in ACTIONS:
        raise ActionError(f"there is no {name!r}; there are {', '.join(ACTIONS)}")
    arguments, prepare = ACTIONS[name]
    try:
        checked = msgspec.convert({} if given is None else given, arguments)
    except msgspec.ValidationError as error:
        takes = ", ".join(arguments.__struct_fields__) or "nothing"
        raise ActionError(f"{name} takes {takes}: {error}") from error
    act = prepare(checked)

    def carry_out(proxy: ChaosProxy) -> None:
        try:
            act(proxy)
        except ValueError as error:
            raise ActionError(f"{name}: {error}") from error

    return carry_out


def state_of(proxy: ChaosProxy) -> dict[str, Any]:
    """Everything one may know of a proxy, in plain JSON values; units stand in the names."""
    now_ns = proxy.now_ns()
    sample = proxy.sample()
    return {
        "listen": proxy.address,
        "upstream": _address(*proxy.upstream),
        "label": proxy.label,
        "profile": None if proxy.profile is None else proxy.profile.name,
        "trace": None if proxy.trace is None else proxy.trace.name,
        "state": proxy.state,
        "conditions": {way: figures(proxy.conditions(way), now_ns) for way in ("down", "up")},
        "stats": asdict(proxy.stats),
        "sample": {
            "down_rate_kbps": _kbps(sample.down_rate_bps),
            "up_rate_kbps": _kbps(sample.up_rate_bps),
            "rtt_ms": sample.rtt_ns / MS,
            "down_loss": sample.down_loss,
            "up_loss": sample.up_loss,
            "is_down": sample.is_down,
            "radio": sample.radio,
            "radio_on_s": sample.radio_on_ns / NS,
            "down_backlog_bytes": sample.down_backlog_bytes,
            "up_backlog_bytes": sample.up_backlog_bytes,
        },
    }


def offered_profiles() -> list[dict[str, Any]]:
    """The profiles that come with the installation, in plain JSON values."""
    return [
        {
            "name": each.name,
            "title": each.title,
            "source": each.source,
            "rtt_ms": each.rtt_s * 1000,
            "down": figures(each.down, 0),
            "up": figures(each.up, 0),
        }
        for each in load_profiles().values()
    ]


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _kbps(rate_bps: int | None) -> float | None:
    return None if rate_bps is None else rate_bps / 1000


# -- from arguments to acts


def _choose(given: _Profile) -> Act:
    try:
        chosen = None if given.name is None else profile(given.name)
    except ProfileError as error:
        raise ActionError(str(error)) from error
    return lambda proxy: proxy.set_profile(chosen)


def _change(given: _Conditions) -> Act:
    wanted: dict[Literal["down", "up"], dict[str, Any]] = {"down": given.down, "up": given.up}
    if not any(wanted.values()):
        raise ActionError("conditions takes down, up: give at least one figure of down or up")

    def act(proxy: ChaosProxy) -> None:
        new = {}
        for way, values in wanted.items():
            try:
                new[way] = changed(proxy.conditions(way), values) if values else None
            except ValueError as error:
                raise ValueError(f"{way}: {error}") from error
        proxy.set_conditions(down=new["down"], up=new["up"])

    return act


def _follow(given: _Trace) -> Act:
    try:
        trace = _load(given)
    except (ValueError, ImportError) as error:  # damaged, no path at all, or GPX without gpxpy
        raise ActionError(str(error)) from error
    except OSError as error:
        raise ActionError(f"cannot read {error.filename}: {error.strerror}") from error
    return lambda proxy: proxy.follow(trace)


def _load(given: _Trace) -> Trace | None:
    if given.path is None:
        return None
    if given.up_path is None:
        return load_trace(Path(given.path))
    return load_mahimahi(Path(given.path), Path(given.up_path))


def _partition(given: _Partition) -> Act:
    if given.direction == "both":
        return lambda proxy: proxy.partition()
    direction = given.direction
    return lambda proxy: proxy.partition_oneway(direction)


def _plain(act: Act) -> tuple[type[_Arguments], Callable[[Any], Act]]:
    return _Nothing, lambda _: act


ACTIONS: Mapping[str, tuple[type[_Arguments], Callable[[Any], Act]]] = {
    "profile": (_Profile, _choose),
    "conditions": (_Conditions, _change),
    "trace": (_Trace, _follow),
    "offline": _plain(lambda proxy: proxy.offline()),
    "online": _plain(lambda proxy: proxy.online()),
    "unplug": _plain(lambda proxy: proxy.unplug()),
    "replug": _plain(lambda proxy: proxy.replug()),
    "outage": (_Outage, lambda given: lambda proxy: proxy.outage(given.for_s)),
    "partition": (_Partition, _partition),
    "repair": _plain(lambda proxy: proxy.repair()),
    "hold": _plain(lambda proxy: proxy.hold()),
    "release": _plain(lambda proxy: proxy.release()),
    "nat-expire": _plain(lambda proxy: proxy.nat_expire()),
    "change-address": _plain(lambda proxy: proxy.change_address()),
    "reset": _plain(lambda proxy: proxy.reset()),
}
