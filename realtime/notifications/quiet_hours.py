"""Hours of the day in which a phone keeps still."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo


class QuietHours:
    """From one time of the day to another, by the local clock; over midnight if the end is before the start.

    Args:
        start: ``HH:MM``; still from then on.
        end: ``HH:MM``; no longer then.
        zone: whose clock; None: this machine's.

    Raises:
        ValueError: these are no times of the day, or they are the same.
    """

    def __init__(self, start: str, end: str, *, zone: tzinfo | None = None) -> None:
        self._start, self._end, self._zone = _time(start), _time(end), zone
        if self._start == self._end:
            raise ValueError(
                f"quiet hours from {start} to {end} are none at all, or the whole day: give different times"
            )

    def __repr__(self) -> str:
        return f"<QuietHours {self.start} to {self.end}>"

    @property
    def start(self) -> str:
        """``HH:MM``."""
        return f"{self._start:%H:%M}"

    @property
    def end(self) -> str:
        """``HH:MM``."""
        return f"{self._end:%H:%M}"

    def ends_at(self, wall_s: float) -> float | None:
        """When the quiet ends; None if it is not quiet.

        Args:
            wall_s: now, in seconds since the Unix epoch.
        """
        local = datetime.fromtimestamp(wall_s, self._zone)
        clock = local.time()
        if self._start < self._end:
            is_quiet, is_next_day = self._start <= clock < self._end, False
        else:
            is_quiet, is_next_day = clock >= self._start or clock < self._end, clock >= self._start
        if not is_quiet:
            return None
        day = local.date() + timedelta(days=is_next_day)
        end = datetime.combine(day, self._end, self._zone)
        return end.replace(fold=local.fold).timestamp()  # of an hour that comes twice, the same one


def _time(text: str) -> time:
    try:
        hours, minutes = text.split(":")
        return time(int(hours), int(minutes))
    except ValueError as error:
        raise ValueError(f"quiet hours are given like '22:00' and '07:00', not {text!r}") from error
