"""What the tests of the hooks share: state that counts who follows it, and components that are always taken down."""

import contextlib
import threading

import reacton
import reacton.ipywidgets as w

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


class Shows:
    """A component that uses one hook and notes what it returned at each render."""

    def __init__(self, hook, *args, **options):
        self.values = []
        self.threads = set()

        @reacton.component
        def component(args=args, options=options):
            self.values.append(hook(*args, **options))
            self.threads.add(threading.current_thread())
            return w.Label(value=str(len(self.values)))

        self.component = component

    @property
    def last(self):
        """What the newest render got."""
        return self.values[-1]

    @contextlib.contextmanager
    def mounted(self):
        """Shown until the end of the block; the render context."""
        with drawn(self.component()) as (_, context):
            yield context


def followers(observable):
    """How many follow any observable."""
    return len(observable._observers)


@contextlib.contextmanager
def drawn(element, **options):
    """The root widget of a rendered element; and the render context, which is closed at the end."""
    widget, context = reacton.render_fixed(element, **options)
    try:
        yield widget, context
    finally:
        context.close()
