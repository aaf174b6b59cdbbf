"""A town where everybody talks, edits, deletes, reacts and reads in two rooms, on several devices, under faults."""

import asyncio
from types import SimpleNamespace

import msgspec

from realtime.lab.sim_phone import SimPhone
from realtime.lab.sim_server import SimServer
from realtime.protocol.errors import RealtimeError
from realtime.server.engine.memory import MemoryEngine
from realtime.sim.world import simulate

ROOMS = ("lobby", "tram")
USERS = {"ana-phone": "ana", "ana-tablet": "ana", "ben": "ben", "cleo": "cleo"}
EMOJI = ("👍", "🎉", "❤️")


class Town:
    """Four devices of three users, and a server whose engine outlives its process."""

    def __init__(self, world):
        self.world = world
        self.rng = world.rng("what people do")
        self.done = SimpleNamespace(sent=0, edited=0, deleted=0, reacted=0, read=0, faults=0, kills=0)
        self.engine = MemoryEngine(rng=world.rng("engine"))
        world.machine("server", lambda machine: SimServer(world, machine, engine=self.engine))
        profiles = ["lte", "slow-4g", "3g", "edge", "very-bad"]
        self.machines = {}
        for name, user in USERS.items():
            make = self._maker(name, user)
            self.machines[name] = world.machine(name, make, profile=self.rng.choice(profiles))

    def _maker(self, name, user):
        return lambda machine: SimPhone(self.world, machine, user_id=user, rooms=ROOMS, on_disk=True)

    def apps(self):
        """What runs, by device."""
        return {name: machine.app for name, machine in self.machines.items() if machine.is_running}

    async def come_in(self):
        await self.world.eventually(
            lambda: len(self.apps()) == len(USERS) and all(app.is_settled for app in self.apps().values()),
            within_s=120,
        )

    # --- what people do

    async def live(self, for_s):
        """Everybody does something every two seconds or so."""
        end_s = self.world.now_s + for_s
        while self.world.now_s < end_s:
            await asyncio.sleep(self.rng.expovariate(len(USERS) / 2.0))
            name = self.rng.choice(list(USERS))
            if (app := self.apps().get(name)) is not None:
                with self.world.on(name):
                    self.act(app)

    def act(self, app):
        room_id, rng = self.rng.choice(ROOMS), self.rng
        what = rng.choices(["send", "edit", "delete", "react", "read"], [6, 2, 1, 4, 2])[0]
        messages = app.chat.room(room_id).snapshot.messages
        try:
            match what:
                case "send":
                    app.send(room_id, f"{app.name} {self.done.sent}" + rng.choice(["", " @ana", " @ben"]))
                    self.done.sent += 1
                case "edit" if mine := [each for each in messages if each.mine and not each.is_deleted]:
                    app.chat.edit_message(room_id, rng.choice(mine[-5:]).message_id, f"edit @ana {self.done.edited}")
                    self.done.edited += 1
                case "delete" if mine := [each for each in messages if each.mine and not each.is_deleted]:
                    app.chat.delete_message(room_id, rng.choice(mine[-8:]).message_id)
                    self.done.deleted += 1
                case "react" if messages:
                    react = rng.choice([app.chat.add_reaction, app.chat.add_reaction, app.chat.remove_reaction])
                    react(room_id, rng.choice(messages[-6:]).message_id, rng.choice(EMOJI))
                    self.done.reacted += 1
                case "read":
                    self.done.read += app.chat.mark_read(room_id)
        except RealtimeError:
            pass  # it was deleted meanwhile, or is not here

    # --- what happens to them

    def faults(self, for_s):
        """Outages, resets, half-open deaths, naps and killed apps for everybody; the server dies once."""
        world, start_s, rng = self.world, self.world.now_s, self.world.rng("faults")
        for name in USERS:
            at_s = start_s
            while (at_s := at_s + rng.expovariate(1 / 15)) < start_s + for_s:
                length_s = rng.uniform(0.5, 15)
                match rng.choice(["outage", "reset", "unplug", "nap", "kill"]):
                    case "outage":
                        world.at(at_s).outage(name, for_s=length_s)
                    case "reset":
                        world.at(at_s).reset(name)
                    case "unplug":
                        world.at(at_s).unplug(name)
                        world.at(at_s + length_s).replug(name)
                    case "nap":
                        world.at(at_s).background(name)
                        world.at(at_s + length_s).foreground(name)
                    case "kill":
                        world.at(at_s).kill_app(name)
                        world.at(at_s + length_s).restart(name)
                        self.done.kills += 1
                self.done.faults += 1
                at_s += length_s
        world.at(start_s + for_s / 2).kill_app("server")
        world.at(start_s + for_s / 2 + 4).restart("server")

    async def heal(self):
        """Everything works again, and everybody has time to get even."""
        await asyncio.sleep(20)  # the last fault is over
        for name in USERS:
            self.world.restore(name)
            self.world.replug(name)
            self.world.foreground(name)
        await self.come_in()
        await self.world.eventually(self.is_even, within_s=240)

    def is_even(self):
        apps = self.apps().values()
        is_quiet = not any(app.socket.queued_messages for app in apps)
        return is_quiet and not self.disagreements()

    async def page_in(self):
        """Who started anew has the newest page only."""
        for name, app in self.apps().items():
            for room_id in ROOMS:
                with self.world.on(name):
                    loading = asyncio.ensure_future(whole(app.chat, room_id))
                await loading

    # --- what they show in the end

    def disagreements(self):
        """Where two devices differ in what both show."""
        found = []
        for room_id in ROOMS:
            states = {name: app.chat.room(room_id).snapshot for name, app in self.apps().items()}
            shown = {name: {each[1]: each for each in contents(state)} for name, state in states.items()}
            found += differing(room_id, "messages", in_common(shown))
            found += differing(room_id, "newest", {name: contents(state)[-1:] for name, state in states.items()})
            read = {
                name: {user: m.read for user, m in state.markers.items() if m.read} for name, state in states.items()
            }
            found += differing(room_id, "read markers", read)
            ana = {name: state for name, state in states.items() if USERS[name] == "ana"}
            statuses = {name: {each.message_id: each.status for each in state.messages} for name, state in ana.items()}
            found += differing(room_id, "statuses", in_common(statuses))
            for name, state in states.items():
                for each in state.messages:
                    if each.mine and each.status.value == "sent" and has(states, USERS[name], each.message_id):
                        found.append(f"{room_id}: {each.message_id} of {name} is with another user and shows as sent")
        found += [f"{room_id}: unread at {name}: {its}" for room_id, name, *its in self.unread() if its[0] != its[1]]
        return found

    def unread(self):
        """For each room and device what it counts as unread and what a recount says."""
        for room_id in ROOMS:
            for name, app in self.apps().items():
                state, user = app.chat.room(room_id).snapshot, USERS[name]
                read = state.markers[user].read if user in state.markers else 0
                left = [m for m in state.messages if not m.mine and m.offset > read and not m.is_deleted]
                recount = len(left), sum(user in m.mentions for m in left)
                yield room_id, name, (state.unread, state.mentioned), recount

    async def server_has(self, room_id):
        """The messages of the server's log as they stand."""
        found, last, more = [], 0, True
        while more:
            answer = asyncio.get_running_loop().create_future()
            self.engine.read(room_id, answer.set_result, after=last, before=None, limit=200)
            page = await answer
            for record in page.records:
                last = record.offset
                if record.event == "chat:message":
                    body = msgspec.json.decode(record.body)
                    reactions = tuple((emoji, tuple(users)) for emoji, users in body.get("reactions", {}).items())
                    deleted = body.get("deleted", False)
                    found.append((record.offset, body["messageId"], body["userId"], body["text"], deleted, reactions))
            more = page.more
        return found


async def whole(chat, room_id):
    while await chat.load_older(room_id):
        pass


def contents(state):
    return [
        (m.offset, m.message_id, m.user_id, m.text, m.is_deleted, tuple((r.emoji, r.user_ids) for r in m.reactions))
        for m in state.messages
    ]


def has(states, user, message_id):
    """Whether a device of another user has a message."""
    return any(
        any(message.message_id == message_id for message in state.messages)
        for name, state in states.items()
        if USERS[name] != user
    )


def in_common(shown):
    """Of each device what is loaded at all of them."""
    ids = sorted(set.intersection(*(set(its) for its in shown.values())))
    return {name: {each: its[each] for each in ids} for name, its in shown.items()}


def differing(room_id, what, shown):
    [(first, value), *others] = shown.items()
    return [f"{room_id}: {what} of {first} and {name}: {value} {its}" for name, its in others if its != value]


def play(script, *, seed=0):
    """Run ``script(town)`` and return what it returns."""

    async def main(world):
        town = Town(world)
        return await script(town)

    return simulate(main, seed=seed, max_virtual_s=3600).result
