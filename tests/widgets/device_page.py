"""What the script of a page says, written by hand."""

from typing import Any


def report(**changes: Any) -> dict[str, Any]:
    """A report of a page that has just been made the phone: in sight, online, nothing else asked for."""
    told: dict[str, Any] = {
        "type": "report",
        "page": "p1",
        "run": 1,
        "seq": 1,
        "phase": "on",
        "visible": True,
        "frozen": False,
        "online": True,
        "carrier": None,
        "speed": None,
        "battery": None,
        "position": {"sense": "off"},
        "notifications": {"sense": "off"},
        "fixes": [],
        "opened": [],
    }
    return told | changes


class Page:
    """A page that counts its reports; ``say`` is called with each."""

    def __init__(self, say: Any, name: str = "p1") -> None:
        self._say, self._name = say, name
        self._run = self._seq = 0
        self._state: dict[str, Any] = {}

    def start(self, **state: Any) -> None:
        """The button is pressed."""
        self._run += 1
        self._state = {}
        self.tell(**state)

    def tell(self, **state: Any) -> None:
        """A report: what was told before, with these changes; fixes and what was opened are told once."""
        self._seq += 1
        once = {name: state.pop(name) for name in ("fixes", "opened") if name in state}
        self._state |= state
        self._say(report(page=self._name, run=self._run, seq=self._seq, **self._state, **once))
