"""Small functions that decide about packets: a packet in, a verdict out."""

import pytest

from realtime.network.link import MS, NS, Deliver, Drop, DropReason
from realtime.network.tcp import HEADER_BYTES, SYN_BYTES, Segment
from realtime.network.tcp_segment import ACK, FIN, RST, SYN
from realtime.sim.rules import DROP, PacketView, Rules, delay, drop


def segment(data=b"", flags=ACK):
    return Segment(seq=1, ack=1, window=1000, flags=flags, data=data)


def packet(data=b"", *, source="ana", target="server", flags=ACK, now_ns=0):
    return PacketView.of(segment(data, flags), source, target, now_ns)


DATA = packet(b"hello")
ACKNOWLEDGEMENT = packet()


def test_what_a_rule_sees():
    seen = packet(b"hello", now_ns=7)
    assert (seen.source, seen.target, seen.data, seen.nbytes) == ("ana", "server", b"hello", 5 + HEADER_BYTES)
    assert (seen.kind, seen.now_ns) == ("data", 7)
    kinds = [packet(flags=flags).kind for flags in (SYN, SYN | ACK, ACK, FIN | ACK, RST)]
    assert kinds == ["syn", "syn-ack", "ack", "fin", "rst"]
    assert packet(flags=SYN).nbytes == SYN_BYTES
    assert str(seen) == "data ana → server, 57 bytes"


def judge(rules, packet):
    """As the network asks."""
    return rules.judge(segment(packet.data), packet.source, packet.target, packet.now_ns)


def test_the_first_rule_that_decides_decides():
    rules = Rules()
    asked = []

    def undecided(packet):
        asked.append(packet.data)

    with rules.installed(undecided), rules.installed(lambda packet: Deliver(5)), rules.installed(lambda packet: DROP):
        assert judge(rules, DATA) == Deliver(5)
    assert asked == [b"hello"]


def test_a_rule_holds_inside_its_block_only():
    rules = Rules()
    assert not rules
    with rules.installed(drop()):
        assert rules
        assert judge(rules, DATA) == Drop(DropReason.RULE)
    assert not rules
    assert judge(rules, DATA) is None
    with pytest.raises(ZeroDivisionError), rules.installed(drop()):
        raise ZeroDivisionError
    assert not rules


def test_one_function_may_be_installed_twice():
    rules = Rules()
    rule = drop()
    with rules.installed(rule):
        with rules.installed(rule):
            pass
        assert judge(rules, DATA) == DROP


def test_whoever_drives_the_network_hears_of_the_first_rule_and_of_the_last():
    told = []
    rules = Rules(on_change=told.append)
    with rules.installed(drop()), rules.installed(drop()):
        assert told == [True]
    assert told == [True, False]


def test_a_rule_may_install_and_remove_others():
    rules = Rules()
    guard = rules.installed(drop())

    def rule(packet):
        guard.__enter__()

    with rules.installed(rule):
        assert judge(rules, DATA) is None, "a rule that is new decides about the next packet"
        guard.__exit__(None, None, None)


@pytest.mark.parametrize("answer", [True, DropReason.RULE, "drop", 5])
def test_what_is_no_verdict_is_refused_by_name(answer):
    rules = Rules()

    def careless(packet):
        return answer

    with rules.installed(careless), pytest.raises(TypeError, match=r"careless.* Drop, Deliver or None, not"):
        judge(rules, DATA)


def test_a_packet_cannot_arrive_in_the_past():
    rules = Rules()
    with rules.installed(lambda packet: Deliver(4)), pytest.raises(ValueError, match=r"4 ns.* 5 ns"):
        judge(rules, packet(b"x", now_ns=5))


@pytest.mark.parametrize("rule", [None, "drop", 3])
def test_what_is_no_function_is_refused_at_once(rule):
    with pytest.raises(TypeError, match="a rule is a function"), Rules().installed(rule):
        pass


async def async_rule(packet):
    return None


def test_an_async_function_is_refused_at_once():
    with pytest.raises(TypeError, match="async"), Rules().installed(async_rule):
        pass


# -- usual rules


def fates(rule, *packets):
    return "".join("." if rule(packet) is None else "x" for packet in packets)


def test_drop_everything():
    assert fates(drop(), DATA, ACKNOWLEDGEMENT) == "xx"


def test_drop_by_what_it_is():
    assert fates(drop(kind="data"), DATA, ACKNOWLEDGEMENT) == "x."
    assert fates(drop(containing=b"ell"), DATA, packet(b"other")) == "x."
    assert fates(drop(source="ana"), DATA, packet(source="ben")) == "x."
    assert fates(drop(target="server"), DATA, packet(target="ben")) == "x."
    assert fates(drop(source="ana", kind="data", containing=b"h"), DATA, ACKNOWLEDGEMENT, packet(b"x")) == "x.."


def test_drop_the_nth_that_fits():
    assert fates(drop(nth=2, kind="data"), DATA, ACKNOWLEDGEMENT, DATA, DATA) == "..x."
    assert fates(drop(nth=range(2, 4)), *[DATA] * 5) == ".xx.."
    assert fates(drop(nth={1, 4}), *[DATA] * 5) == "x..x."


def test_each_rule_counts_for_itself():
    one, other = drop(nth=1), drop(nth=1)
    assert fates(one, DATA, DATA) == "x."
    assert fates(other, DATA, DATA) == "x."


def test_delay():
    rule = delay(1500, containing=b"late")
    assert rule(packet(b"late", now_ns=2 * NS)) == Deliver(3500 * MS)
    assert rule(packet(b"other", now_ns=2 * NS)) is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: drop(kind="date"), "kind.*'date'.*data"),
        (lambda: drop(nth=0), "counts from 1"),
        (lambda: drop(nth={0, 1}), "counts from 1"),
        (lambda: drop(nth=()), "nth is empty"),
        (lambda: drop(containing=b""), "containing"),
        (lambda: drop(containing="text"), "bytes"),
        (lambda: delay(-1), "delay"),
        (lambda: delay(float("nan")), "delay"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(make, words):
    with pytest.raises((ValueError, TypeError), match=words):
        make()
