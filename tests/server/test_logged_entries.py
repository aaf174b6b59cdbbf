"""What is logged: answers, and what is counted of them."""

import random

from realtime.server.engine.memory import MemoryEngine
from tests.server.fakes import FailingEngine, LateEngine
from tests.server.rig import Rig


def test_what_became_of_messages_is_counted():
    failures = ["m2"]
    rig = Rig(FailingEngine(MemoryEngine(rng=random.Random(0)), lambda draft: draft.message_id in failures))
    [ana] = rig.sessions("lobby", "ana")
    for message_id in ("m1", "m1", "m2"):
        rig.write(ana, message_id)
    counters = rig.counters
    assert (counters.messages_logged, counters.duplicates, counters.storage_failures) == (1, 1, 1)
    assert counters.refused == 1


def test_a_session_that_is_gone_is_not_waited_for():
    """Its client sends again on its next connection, in order by itself."""
    engine = LateEngine(FailingEngine(MemoryEngine(rng=random.Random(0)), lambda draft: True))
    rig = Rig(engine)
    ana, ben = rig.session("ana"), rig.session("ben")
    for session in (ana, ben):
        rig.namespace.rooms.join("lobby", session, session.member)
        rig.ask(session, "chat:message", {"roomId": "lobby", "messageId": "m1", "text": "x"})
    rig.namespace.remove(ana, "tunnel")
    ben.link = type(ben.link)()  # the same session on another connection
    engine.settle()
    assert rig.guard.held == 0
