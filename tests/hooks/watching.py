"""What the tests of the hooks share: state that counts who follows it, and components that are always taken down."""

import contextlib

import reacton

from realtime.utils.observable import Observable


class Counted(Observable):
    """An observable that knows how many follow it."""

    def __init__(self, snapshot):
        super().__init__(snapshot)
        self.followers = 0

    def observe(self, callback):
        unobserve, is_over = super().observe(callback), []
        self.followers += 1

        def end():
            if not is_over:
                is_over.append(True)
                self.followers -= 1
            unobserve()

        return end


@contextlib.contextmanager
def drawn(element, **options):
    """The root widget of a rendered element; and the render context, which is closed at the end."""
    widget, context = reacton.render_fixed(element, **options)
    try:
        yield widget, context
    finally:
        context.close()
