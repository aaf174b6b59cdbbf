"""Hooks for reacton: components that show the same observable state as the widgets, and act on it."""

try:
    import reacton as _reacton  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "realtime.hooks needs reacton, which is not installed: pip install 'realtime-lab[hooks]'", name=error.name
    ) from error
