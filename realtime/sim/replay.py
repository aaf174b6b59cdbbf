"""The one line that repeats a run: here, or on another machine with the same code."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from realtime.sim.fault_plan import FaultPlan
from realtime.sim.scenario import ScenarioError, scenario_reference

_SETTINGS = ("profile", "trace", "faults")  # of the command line


def replay_line(
    name: str,
    seed: int,
    *,
    profile: str | None = None,
    trace: str | None = None,
    faults: str | None = None,
    shuffle: bool = False,
) -> str:
    """The command line that repeats the run of a scenario, for any POSIX shell.

    Args:
        name: of the scenario, as the command line takes it.
        seed: the seed.
        profile: the name of the phones' network.
        trace: the path of the trace that the phones' networks follow.
        faults: a fault plan as JSON, where it is not the one that the seed draws.
        shuffle: as for :func:`~realtime.sim.world.simulate`.
    """
    words = ["realtime", "sim", name, "--seed", str(seed)]
    words += [] if profile is None else ["--profile", profile]
    words += [] if trace is None else ["--trace", trace]
    words += ["--shuffle"] if shuffle else []
    words += [] if faults is None else ["--faults", faults]
    return shlex.join(words)


def replay_command(
    main: Callable[..., object], *, seed: int, options: Mapping[str, Any] | None = None, shuffle: bool = False
) -> str:
    """What repeats ``simulate(main, …)``: a command line, or Python where ``main`` has no name elsewhere.

    Args:
        main: the scenario.
        seed: the seed.
        options: of the run; the command line knows ``profile``, ``trace`` and ``faults``.
        shuffle: as for :func:`~realtime.sim.world.simulate`.

    Raises:
        TypeError: an option of the command line is no text.
    """
    given = {key: _as_text(key, value) for key, value in (options or {}).items() if value is not None}
    if set(given) <= set(_SETTINGS):
        try:
            return replay_line(scenario_reference(main), seed, shuffle=shuffle, **given)
        except ScenarioError:
            pass
    name = getattr(main, "__name__", "main")
    words = [name if name.isidentifier() else "main", f"seed={seed}"]
    words += ["shuffle=True"] if shuffle else []
    words += [f"options={given!r}"] if given else []
    return f"simulate({', '.join(words)})"


def _as_text(key: str, value: Any) -> Any:
    if key == "faults" and isinstance(value, FaultPlan):
        return value.to_json()
    if key in _SETTINGS and not isinstance(value, str):
        raise TypeError(f"the option {key} must be text, not {value!r}")
    return value
