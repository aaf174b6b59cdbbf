"""A flow's entry in the address and NAT tables of a phone's access."""

from __future__ import annotations

from realtime.network.access_link import AccessLink


class Binding:
    """Lets the packets of one flow pass until its address is gone or the NAT has forgotten it; then no more.

    Args:
        access: the phone's access link.
        now_ns: when the flow begins.

    Attributes:
        is_gone: nothing passes any more.
    """

    __slots__ = ("_access", "_address", "_epoch", "_used_ns", "is_gone")

    def __init__(self, access: AccessLink, now_ns: int) -> None:
        self._access = access
        self._address = access.radio.address(now_ns)
        self._epoch = access.epoch_at(now_ns)
        self._used_ns = now_ns
        self.is_gone = False

    def renew(self, now_ns: int) -> None:
        """A request is sent, for which a NAT makes a new entry; an address that is gone stays so."""
        if self._access.radio.address(now_ns) == self._address:
            self._epoch = self._access.epoch_at(now_ns)
            self._used_ns = now_ns
            self.is_gone = False

    def passes(self, now_ns: int) -> bool:
        """Whether a packet of the flow, in either direction, passes now. It keeps the NAT's entry fresh."""
        access = self._access
        idle_ns = access.nat_idle_ns
        if idle_ns is not None and now_ns - self._used_ns > idle_ns and now_ns - access.nat_since_ns > idle_ns:
            self.is_gone = True
        self._used_ns = now_ns
        if now_ns >= access.next_epoch_ns:
            access.epoch_at(now_ns)
        if self._epoch != access.epoch:
            self.is_gone = True
        return not self.is_gone

    def is_alive(self, now_ns: int) -> bool:
        """Whether a packet that is under way still finds its way."""
        access = self._access
        if now_ns >= access.next_epoch_ns:
            access.epoch_at(now_ns)
        if self._epoch != access.epoch:
            self.is_gone = True
        return not self.is_gone

    def holds_until_ns(self, now_ns: int) -> int:
        """Until when :meth:`passes` need not be asked, as long as the access link does not change."""
        access = self._access
        return access.next_epoch_ns if access.nat_idle_ns is None and self.is_alive(now_ns) else now_ns
