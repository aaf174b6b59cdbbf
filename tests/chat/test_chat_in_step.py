"""Edits, deletions, reactions, receipts and unread counts: in the end everybody is in step, whatever happened."""

import pytest

from tests.chat.in_step import ROOMS, contents, play


@pytest.mark.parametrize("seed", range(5))
def test_all_devices_and_the_server_are_in_step_after_the_heal(seed):
    async def script(town):
        await town.come_in()
        town.faults(for_s=80)
        await town.live(for_s=80)
        await town.heal()
        await town.page_in()
        assert town.disagreements() == []
        for room_id in ROOMS:
            log = await town.server_has(room_id)
            for name, app in town.apps().items():
                assert contents(app.chat.room(room_id).snapshot) == log, f"{room_id} at {name} and at the server"
        ana = {(room_id, shown) for room_id, name, shown, _ in town.unread() if name.startswith("ana")}
        assert len(ana) == len(ROOMS), "her two devices count the same"
        assert all(not app.chat.room(room_id).snapshot.gap for app in town.apps().values() for room_id in ROOMS)
        return town.done

    done = play(script, seed=seed)
    assert done.sent > 20
    assert min(done.edited, done.deleted, done.reacted, done.read) >= 2
    assert done.faults > 5
