"""A hand that goes on typing until the other phone says so: who rests for three seconds types no more."""

from playwright.sync_api import Locator, expect

PATIENCE_MS = 500
ROUNDS = 40


def type_until(field: Locator, text: str, said: Locator) -> None:
    """Type the text, and its last letter again and again until ``said`` is to be seen."""
    field.press_sequentially(text)
    for _ in range(ROUNDS):
        try:
            return expect(said).to_be_visible(timeout=PATIENCE_MS)
        except AssertionError:
            field.press("Backspace")
            field.press_sequentially(text[-1])
    expect(said).to_be_visible()
