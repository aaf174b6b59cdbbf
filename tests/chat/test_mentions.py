"""Who is named in a text."""

import pytest

from realtime.chat.mentions import mention_parts, mentions


@pytest.mark.parametrize(
    ("text", "users"),
    [
        ("nobody", ()),
        ("@ana", ("ana",)),
        ("hi @ana, @ben!", ("ana", "ben")),
        ("@ana @ben @ana", ("ana", "ben")),  # each once, in the order of the text
        ('(@ana) "@ben" *@cleo*', ("ana", "ben", "cleo")),
        ("mail me@home.org", ()),  # a word goes on before the @
        ("me@@ana", ()),
        ("well.@ana", ("ana",)),  # a full stop does not
        ("ask @ana.", ("ana",)),  # and none at the end belongs to the name
        ("ask @ana-maria.k_2, or @dr.who...", ("ana-maria.k_2", "dr.who")),
        ("@ana's turn", ("ana",)),
        ("@ana:example.org", ("ana:example.org",)),  # as Matrix has it
        ("@zoë @李雷", ("zoë", "李雷")),
        ("@ ana", ()),
        ("@", ()),
        ("@-@.", ()),
        ("a line\n@ana", ("ana",)),
    ],
)
def test_mentions(text, users):
    assert mentions(text) == users


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nobody, me@home.org", ("nobody, me@home.org",)),
        ("hi @ana, @ben!", ("hi ", "@ana", ", ", "@ben", "!")),
        ("@ana", ("", "@ana", "")),
    ],
)
def test_a_text_is_taken_apart_at_its_mentions(text, parts):
    assert mention_parts(text) == parts
    assert "".join(parts) == text
