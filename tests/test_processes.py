"""Child processes in tests are heard, and always end."""

import signal
import sys

import pytest

from tests.processes import Child, JsonChild

TALKER = "import sys; print('ready 7', flush=True); [print('heard', line, end='', flush=True) for line in sys.stdin]"


async def test_lines_are_found_whether_said_before_or_after_asking():
    async with Child(sys.executable, "-c", TALKER) as child:
        assert (await child.matching(r"ready (\d+)"))[1] == "7"
        await child.write("hello")
        await child.matching("heard hello")
        assert (await child.matching(r"ready (\d+)"))[1] == "7"
        assert await child.ended() == 0


async def test_a_process_that_ends_early_shows_what_it_said():
    async with Child(sys.executable, "-c", "import sys; print('one'); sys.exit('no port')") as child:
        with pytest.raises(AssertionError, match=r"(?s)ended before.*one.*no port"):
            await child.matching("ready")
        assert await child.ended() == 1


async def test_a_silent_process_is_ended_when_the_block_is_left():
    async with Child(sys.executable, "-c", "import time; time.sleep(1000)") as child:
        with pytest.raises(AssertionError, match="not said within"):
            await child.matching("ready", deadline_s=0.2)
    assert await child.ended() != 0


async def test_a_process_that_will_not_end_is_killed():
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)"
    async with Child(sys.executable, "-c", stubborn + "; time.sleep(1000)") as child:
        await child.matching("ready")
        child.patience_s = 0.1
    assert await child.ended() == -signal.SIGKILL


async def test_commands_and_messages_carry_bytes():
    echo = "import sys; [print(line, end='', flush=True) for line in sys.stdin]"
    async with JsonChild(sys.executable, "-c", echo) as child:
        await child.do(emit=["chat", b"\x00\xff", {"deep": [b"x"]}])
        assert await child.tells("emit") == {"emit": ["chat", b"\x00\xff", {"deep": [b"x"]}]}
        assert child.told == [{"emit": ["chat", b"\x00\xff", {"deep": [b"x"]}]}]
