"""Traces recorded by others, which are not ours to give: they lie beside the checkout, or nowhere."""

from pathlib import Path

REAL = Path(__file__).resolve().parents[3] / "shared" / "traces"
