"""The live lab: ``lab = realtime.lab.start()``, then ``ana = lab.phone("ana", profile="lte")``."""

from realtime.lab.live import Lab, Phone, start

__all__ = ["Lab", "Phone", "start"]
