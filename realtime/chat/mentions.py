"""Who is named in a text (pure)."""

from __future__ import annotations

import re

# Not within a word ("me@home.org"); a name begins and ends with a letter, a digit or "_", and has . : - inside.
_MENTION = re.compile(r"(?<![\w@])@(\w(?:[\w.:-]*\w)?)")


def mentions(text: str) -> tuple[str, ...]:
    """The user ids that follow an ``@`` in a text, each once, in the order of the text."""
    if "@" not in text:
        return ()
    return tuple(dict.fromkeys(_MENTION.findall(text)))


def mention_parts(text: str) -> tuple[str, ...]:
    """A text in parts: plain, a mention with its ``@``, plain, and so on; they join to the text again."""
    return tuple("@" * (index % 2) + part for index, part in enumerate(_MENTION.split(text)))
