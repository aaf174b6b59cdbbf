"""One connection through the proxy, with sockets and time that the test holds."""

import random

import pytest

from realtime.network.link import MS, NS, LinkConditions
from realtime.network.proxied_connection import SEND_BUFFER_BYTES
from tests.network.proxied_world import World


def test_the_first_byte_takes_a_round_trip_and_a_half():
    world = World()
    world.connection.client.data_received(b"hello")
    world.run(0.149)
    assert world.server.written == b""
    world.run(0.151)
    assert world.server.written == b"hello"
    assert world.access.up.delivered_bytes == 5


def test_a_server_that_speaks_first_is_heard_after_two_round_trips():
    """It cannot speak before the third packet has told it of the connection, after one and a half."""
    world = World().run(0.06)
    world.connection.server.data_received(b"220 welcome")
    world.run(0.199)
    assert world.client.written == b""
    world.run(0.201)
    assert world.client.written == b"220 welcome"
    assert world.access.down.delivered_bytes == 11


def test_what_comes_before_the_handshake_ends_is_held_back_at_the_buffers_size():
    world = World()
    world.connection.client.data_received(bytes(SEND_BUFFER_BYTES))
    assert not world.client.reading
    world.run(1)
    assert world.client.reading
    assert len(world.server.written) == SEND_BUFFER_BYTES


def test_a_refusal_is_a_reset_after_a_round_trip():
    world = World(listens=False).run(0.09)
    assert world.client.log == []
    world.run(0.11)
    assert world.client.log == ["linger", "abort"]
    assert world.forgotten


def test_an_answer_that_never_comes_times_out():
    world = World(listens=None)
    world.outage(True)
    world.run(126)
    assert world.client.log == []
    world.run(128)
    assert world.client.log == ["linger", "abort"]
    assert world.forgotten


def test_a_client_that_closes_while_nothing_answers_is_forgotten_and_never_reaches_the_server():
    world = World()
    world.outage(True)
    world.connection.client.data_received(b"GET /")
    world.connection.client.eof_received()
    world.run(0.9)
    assert not world.forgotten, "it may have said all it has to say"
    world.outage(False)
    world.run(2)
    assert world.forgotten
    assert not hasattr(world, "server")


def test_the_same_when_it_closes_later():
    world = World()
    world.outage(True)
    world.run(5)
    world.connection.client.eof_received()
    assert world.forgotten


def test_a_short_question_with_its_end_needs_no_patience():
    world = World()
    world.connection.client.data_received(b"question")
    world.connection.client.eof_received()
    world.run(1)
    assert world.server.written == b"question"
    assert world.server.log == ["eof"]
    world.connection.server.data_received(b"answer")
    world.connection.server.eof_received()
    assert world.server.log == ["eof", "close"]
    world.run(2)
    assert world.client.written == b"answer"
    assert world.client.log == ["eof", "close"]
    assert world.forgotten


def test_a_client_that_leaves_before_it_is_established_resets_the_server_when_it_answers():
    """The server's answer, sent at 50 ms, finds nobody at 100 ms; the reset is back at 150 ms."""
    world = World().run(0.06)
    world.client.abort()
    world.run(0.149)
    assert world.server.log == []
    world.run(0.151)
    assert world.server.log == ["linger", "abort"]
    assert world.forgotten


def test_a_client_that_leaves_while_the_proxy_connects_to_the_server():
    world = World(listens=None).run(0.06)
    world.client.abort()
    world.run(0.5)
    assert not world.forgotten
    late = world.open(world.connection.server)
    world.run(1)
    assert late.log == ["linger", "abort"]
    assert world.forgotten


def test_a_client_that_has_left_does_not_hear_of_a_refusal():
    world = World(listens=None).run(0.06)
    world.client.abort()
    world.connection.refused()
    assert world.forgotten


def test_a_server_socket_that_opens_after_the_end_is_closed():
    world = World(listens=None).run(0.06)
    world.connection.reset()
    assert world.forgotten
    assert world.open(world.connection.server).log == ["linger", "abort"]
    world.connection.refused()


def test_a_reset_travels_as_a_packet():
    world = World().connected()
    world.client.abort()
    world.run(1.049)
    assert world.server.log == []
    world.run(1.051)
    assert world.server.log == ["linger", "abort"]
    assert world.forgotten


def test_a_lost_reset_leaves_the_server_believing_until_it_speaks():
    """The phone's process is killed in a tunnel."""
    world = World().connected()
    world.outage(True)
    world.client.abort()
    world.run(60)
    world.outage(False)
    world.run(120)
    assert world.server.log == []
    world.connection.server.data_received(b"ping")
    world.run(121)
    assert world.server.log == ["linger", "abort"]
    assert world.forgotten


def test_an_orderly_close_is_not_mistaken_for_a_dead_socket_when_an_acknowledgement_is_lost():
    world = World().connected()
    world.connection.client.eof_received()
    world.run(2)
    world.access.interrupt_oneway("up")  # acknowledgements of the server's last words
    world.connection.server.data_received(b"last words")
    world.connection.server.eof_received()
    world.run(2.06)
    assert world.client.written == b"last words"
    assert world.client.log == ["eof", "close"]
    world.access.resume_oneway("up")
    world.run(30)
    assert world.server.log == ["eof", "close"]
    assert world.forgotten


def test_a_slow_reader_holds_the_sender_back_and_lets_it_go():
    world = World().connected()
    world.connection.server.pause_writing()
    for _ in range(4):
        world.connection.client.data_received(bytes(SEND_BUFFER_BYTES // 2))
        world.run(world.now_ns / NS + 1)
    assert world.server.written == b""
    assert not world.client.reading
    world.connection.server.resume_writing()
    world.run(world.now_ns / NS + 1)
    assert len(world.server.written) == 2 * SEND_BUFFER_BYTES
    assert world.client.reading


def test_a_reader_that_was_slow_from_the_start():
    world = World().run(0.06)
    world.connection.server.pause_writing()
    world.connection.client.data_received(b"x")
    world.run(5)
    assert world.server.written == b""
    world.connection.server.resume_writing()
    assert world.server.written == b"x"


def test_on_an_ideal_path_bytes_pass_without_a_timer():
    world = World(delay_ms=0)
    world.connection.client.data_received(b"x")
    assert world.server.written == b"x"
    world.connection.client.data_received(b"y")
    assert world.server.written == b"xy"
    assert world.access.up.delivered_bytes == 2
    world.run(1)
    assert [timer for timer in world.timers if not timer.is_cancelled] == []
    world.connection.server.data_received(b"z")
    assert world.client.written == b"z"
    assert [timer for timer in world.timers if not timer.is_cancelled] == []


def test_bytes_do_not_overtake_when_the_path_becomes_ideal():
    world = World().connected()
    world.connection.client.data_received(b"1")
    world.change(LinkConditions())
    world.connection.client.data_received(b"2")
    assert world.server.written == b""
    world.run(2)
    assert world.server.written == b"12"


def test_a_cut_connection_is_silent_until_the_sender_gives_up():
    """Nothing is ever acknowledged, so a sender learns of it after 15 minutes (ETIMEDOUT); a listener never."""
    world = World().connected()
    world.connection.cut()
    world.connection.client.data_received(b"hello?")
    world.run(900)
    assert world.client.log == []
    world.run(2000)
    assert world.client.log == ["linger", "abort"]
    assert world.server.log == []
    world.connection.server.eof_received()
    assert world.forgotten


def test_a_cut_in_the_handshake_ends_each_side_when_its_kernel_gives_up():
    """An unanswered SYN+ACK is repeated for 63 s (tcp_synack_retries), a SYN for 127 s."""
    world = World().run(0.06)
    world.connection.cut()
    world.run(62)
    assert world.server.log == []
    world.run(64)
    assert world.server.log == ["linger", "abort"]
    world.run(126)
    assert world.client.log == []
    world.run(128)
    assert world.client.log == ["linger", "abort"]
    assert world.forgotten


def test_a_client_that_resets_during_a_cut_handshake_is_not_heard_of():
    world = World().run(0.06)
    world.connection.cut()
    world.client.abort()
    world.run(10)
    assert world.server.log == []


def test_a_cut_before_the_request_arrived_only_loses_the_request():
    world = World().run(0.01)
    world.outage(True)
    world.connection.cut()
    world.run(0.5)
    world.outage(False)
    world.connection.client.data_received(b"x")
    world.run(1.2)
    assert world.server.written == b"x"


def test_reset_closes_both_at_once_and_only_once():
    world = World().connected()
    world.connection.reset()
    world.connection.reset()
    assert world.client.log == world.server.log == ["linger", "abort"]
    assert world.forgotten


def test_without_its_address_a_connection_is_half_open():
    """The phone has gone from Wi-Fi to LTE: what it had open there is dead, and nobody says so."""
    world = World().connected()
    world.access.change_address(world.clock.now_ns())
    world.connection.client.data_received(b"hello?")
    world.connection.server.data_received(b"hello?")
    world.run(900)
    assert world.client.log == world.server.log == []
    assert world.client.written == world.server.written == b""
    world.connection.client.eof_received()
    world.connection.server.eof_received()
    assert world.forgotten, "nobody is left to see a difference"


@pytest.mark.parametrize("delay_ms", [0, 50])
def test_a_forgotten_nat_entry_is_the_same(delay_ms):
    world = World(delay_ms=delay_ms).connected()
    world.access.nat_expire(world.clock.now_ns())
    world.connection.client.data_received(b"hello?")
    world.connection.server.data_received(b"hello?")
    world.run(60)
    assert world.client.written == world.server.written == b""
    assert world.client.log == world.server.log == []


def test_what_is_held_arrives_when_it_is_released():
    world = World().connected()
    world.access.hold(world.clock.now_ns())
    world.connection.client.data_received(b"1")
    world.connection.client.data_received(b"2")
    world.run(1.1)
    assert world.server.written == b""
    world.access.release(world.clock.now_ns())
    world.run(1.102)
    assert world.server.written == b"12"


def test_what_waits_in_the_queue_is_not_held_to_the_old_rate():
    """140 kB at 80 kbit/s take 14 s; at 8 Mbit/s what is left of them takes no quarter of a second."""
    world = World().connected()
    world.change(LinkConditions(rate_bps=80_000, queue_bytes=10**6))
    world.connection.client.data_received(bytes(140_000))
    world.run(2)
    assert 0 < len(world.server.written) < 20_000
    world.change(LinkConditions(rate_bps=8_000_000, queue_bytes=10**6))
    world.run(4)
    assert len(world.server.written) == 140_000


def test_a_late_loop_costs_no_time_in_the_model():
    """A window's worth of round trips, and nobody wakes up until all of them should be over."""
    punctual, late = World().connected(), World().connected()
    for world in (punctual, late):
        world.connection.client.data_received(bytes(100_000))
    while len(punctual.server.written) < 100_000:
        punctual.run(punctual.now_ns / NS + 0.05)
    late.now_ns = punctual.now_ns
    late.clock.now_ns()
    assert len(late.server.written) == 100_000


@pytest.mark.parametrize("who", ["client", "server"])
def test_an_end_that_comes_to_a_socket_just_reset_is_answered_with_a_reset(who):
    """asyncio, unlike uvloop, raises what the socket says."""
    world = World().connected()
    other = "server" if who == "client" else "client"
    getattr(world, who).is_dead = True
    getattr(world.connection, other).eof_received()
    world.run(3)
    assert getattr(world, who).log == ["abort"]
    assert getattr(world, other).log == ["linger", "abort"]
    assert world.forgotten


@pytest.mark.parametrize("who", ["client", "server"])
def test_data_that_arrives_at_a_closed_socket_is_answered_with_a_reset(who):
    world = World().connected()
    other = "server" if who == "client" else "client"
    world.outage(True)
    getattr(world, who).abort()
    world.outage(False)
    getattr(world.connection, other).data_received(b"are you there?")
    world.run(3)
    assert getattr(world, other).log == ["linger", "abort"]


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_network_does_every_byte_arrives_once_and_in_order(seed):
    """Data both ways while conditions, outages and slow readers come and go; then the path heals."""
    rng = random.Random(seed)
    world = World(delay_ms=rng.choice([0, 0, 5, 60]))
    ends = {"client": world.connection.client, "server": world.connection.server}
    sent = {"client": b"", "server": b""}
    for _ in range(rng.randrange(5, 60)):
        world.run(world.now_ns / NS + rng.choice([0, 0, 0.001, 0.03, 1.5]))
        name, act = rng.choice(["client", "server"]), rng.random()
        side = ends[name]
        if side.transport is None:
            continue
        if act < 0.6 and side.transport.reading:
            data = rng.randbytes(rng.choice([1, 30, 2000, 40_000]))
            sent[name] += data
            side.data_received(data)
        elif act < 0.7:
            way = rng.choice(["up", "down"])
            others = [LinkConditions(), LinkConditions(loss=0.2, delay_ns=20 * MS), LinkConditions(rate_bps=400_000)]
            world.access.set_conditions(world.clock.now_ns(), **{way: rng.choice(others)})
        elif act < 0.8:
            world.outage(rng.random() < 0.5)
        elif act < 0.85:
            world.access.hold(world.clock.now_ns())
            world.run(world.now_ns / NS + rng.choice([0, 0.03, 2]))
            world.access.release(world.clock.now_ns())
        elif act < 0.9 and not side.is_full:
            side.pause_writing()
        elif side.is_full:
            side.resume_writing()
    world.outage(False)
    world.change(LinkConditions(delay_ns=MS))
    for side in ends.values():
        if side.is_full:
            side.resume_writing()
    world.run(world.now_ns / NS + 300)
    for side in ends.values():
        side.eof_received()
    world.run(world.now_ns / NS + 300)
    assert world.server.written == sent["client"]
    assert world.client.written == sent["server"]
    assert world.client.log == world.server.log == ["eof", "close"]
    assert world.forgotten
