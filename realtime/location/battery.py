"""The battery, as the device reports it."""

from __future__ import annotations

from dataclasses import dataclass

from realtime.utils.observable import Observable


@dataclass(frozen=True, slots=True)
class BatteryStatus:
    """One report of the device.

    Args:
        level: 0 (empty) to 1 (full).
        is_charging: whether it is on a charger.
    """

    level: float
    is_charging: bool


class Battery(Observable[BatteryStatus]):
    """The device's battery; taken for full until it is reported otherwise. Call it on the loop's thread."""

    def __init__(self) -> None:
        super().__init__(BatteryStatus(level=1.0, is_charging=False))

    def __repr__(self) -> str:
        return f"<Battery {self.level:.0%}{' charging' if self.is_charging else ''}>".replace("%", " %")

    @property
    def level(self) -> float:
        """0 (empty) to 1 (full)."""
        return self.snapshot.level

    @property
    def is_charging(self) -> bool:
        """Whether it is on a charger."""
        return self.snapshot.is_charging

    def update(self, *, level: float | None = None, is_charging: bool | None = None) -> None:
        """Take a report of the device; what is not given stays.

        Raises:
            ValueError: the level is not within 0 and 1.
        """
        level = self.level if level is None else level
        if not 0 <= level <= 1:
            raise ValueError(f"level must be a fraction, 0 to 1, not {level}")
        status = BatteryStatus(level, self.is_charging if is_charging is None else is_charging)
        if status != self.snapshot:
            self.set(status)
