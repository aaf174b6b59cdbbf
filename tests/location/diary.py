"""What people saw of each other, from the first to the last moment, written down as it happened."""

from realtime.utils import ambient


class Diary:
    """One line for each thing that happened; of the same thing again and again, the first."""

    def __init__(self, world):
        self.world = world
        self.lines = []
        self.at_s = []

    def note(self, line):
        if not self.lines or self.lines[-1] != line:
            self.lines.append(line)
            self.at_s.append(self.world.now_s)

    def when(self, line):
        """Seconds at which a line was written."""
        return [at_s for each, at_s in zip(self.lines, self.at_s, strict=True) if each == line]

    def watch(self, observer, subject):
        """What ``observer`` shows of the position of ``subject``."""
        location, name = observer.location, observer.host
        location.on("update", lambda user, fix: user == subject and self.note(f"{name}: {subject} moves"))
        location.on("stop", lambda user, room, why: user == subject and self.note(f"{name}: {subject} is off: {why}"))


def marker_age_s(observer, subject="ana"):
    """How old the position is that ``observer`` shows; None if there is none."""
    fix = observer.location.room("lobby").snapshot.fixes.get(subject)
    return None if fix is None else (ambient.wall_time_ms() - fix.timestamp_ms) / 1000
