"""Who is typing, in a component."""

from realtime.hooks.use_typing import use_typing
from tests.hooks.watching import Shows
from tests.lab.sim_town import play
from tests.server.waiting import until


def test_typing_shows_at_the_other_and_ends_by_itself():
    async def script(town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        anas, bens = Shows(use_typing, ana.app.chat, "lobby"), Shows(use_typing, ben.app.chat, "lobby")
        with ben.inside(), bens.mounted():
            with ana.inside(), anas.mounted():
                anas.last.set()
                town.send(ben, "a message renders nobody's typing anew")
            await town.world.until(town.world.now_s + 30)
        return [value.users for value in bens.values], [value.users for value in anas.values]

    assert play(script) == ([(), ("ana",), ()], [()])


def test_a_killed_app_types_no_more():
    async def script(town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        bens = Shows(use_typing, ben.app.chat, "lobby")
        with ben.inside(), bens.mounted():
            with ana.inside():
                ana.app.chat.set_typing("lobby", True)
            await town.world.until(town.world.now_s + 1)
            assert bens.last.users == ("ana",)
            town.world.kill_app("ana")
            await town.world.until(town.world.now_s + 5)
        return bens.last.users

    assert play(script) == ()


async def test_a_phones_component_tells_it_on_the_labs_loop(lab, caplog):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    anas, bens = Shows(use_typing, ana, "lobby"), Shows(use_typing, ben, "lobby")
    with anas.mounted(), bens.mounted():
        anas.last.set()
        await until(lambda: bens.last.users == ("ana",))
        anas.last.set(False)
        await until(lambda: bens.last.users == ())
    elsewhere = Shows(use_typing, ana, "cellar")
    with elsewhere.mounted():
        elsewhere.last.set()
        await until(lambda: elsewhere.last.error is not None)
    assert "was not joined" in str(elsewhere.last.error)
