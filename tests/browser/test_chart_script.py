"""A chart alone in a page: its colours are the theme's, however the theme comes."""

import pytest

from widgets.live_widget import static

STAGE = """
window.ending = new AbortController();
const paint = ({ context, width, height, colour }) => {
    context.fillStyle = colour("accent");
    context.fillRect(0, 0, width, height);
};
const shown = chart({ label: "Round trip", height: 20, paint, words: () => "1 ms", signal: ending.signal });
document.body.append(shown.node);
window.canvas = shown.node.querySelector("canvas");
window.colour = () => [...canvas.getContext("2d").getImageData(1, 1, 1, 1).data].join();
shown.draw([], 60);
"""
RED, BLUE, GREEN = "255,0,0,255", "0,0,255,255", "0,128,0,255"


@pytest.fixture
def page(stage):
    page = stage("")
    page.clock.install()
    page.goto("about:blank")
    page.add_style_tag(content=f":root {{ --rt-accent: red; --rt-text: black }} {static('network_panel.css')}")
    page.add_script_tag(content=f"{{ {static('elements.js', 'chart.js')}\n{STAGE} }}")
    return page


def paint(page, colour):
    """What a change of theme does."""
    page.evaluate("colour => document.documentElement.style.setProperty('--rt-accent', colour)", colour)


def painted(page, colour):
    page.wait_for_function("colour => window.colour() === colour", arg=colour)
    return True


def test_it_takes_the_colours_of_another_theme_each_time(page):
    assert painted(page, RED)
    for name, colour in (("blue", BLUE), ("green", GREEN), ("red", RED)):
        paint(page, name)
        assert painted(page, colour)


def test_so_it_does_where_the_page_moves_nothing(page):
    page.add_style_tag(content="* { transition: none !important }")
    test_it_takes_the_colours_of_another_theme_each_time(page)


def test_hidden_while_the_theme_changes_it_has_the_new_colours_when_shown(page):
    assert painted(page, RED)
    page.evaluate("() => { canvas.parentNode.hidden = true; }")
    paint(page, "blue")
    page.evaluate("() => { canvas.parentNode.hidden = false; }")
    assert painted(page, BLUE)


def test_a_chart_that_is_gone_looks_no_more(page):
    assert painted(page, RED)
    page.evaluate("""() => {
        window.looks = 0;
        const look = window.getComputedStyle;
        window.getComputedStyle = (...args) => { window.looks += 1; return look(...args); };
    }""")
    page.wait_for_function("() => window.looks > 0")
    page.evaluate("() => { ending.abort(); window.looks = 0; }")
    page.clock.run_for(60_000)
    assert page.evaluate("() => window.looks") == 0
