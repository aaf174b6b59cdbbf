"""Units of time in the network model: integer nanoseconds."""

NS = 1_000_000_000  # nanoseconds in a second
MS = 1_000_000  # nanoseconds in a millisecond
NEVER_NS = 1 << 62  # later than everything: "no timer"
