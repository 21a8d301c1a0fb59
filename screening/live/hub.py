"""The hub: one per web process. It reads each stream once and hands it to every socket here.

Its work comes in rounds. Whatever asks for one while another runs (a hint, sockets that arrive, a
right that may have ended, the clock) is answered by the next round together: 500 sockets that come
back at once cost a few visits to the database, not 500. Nothing depends on a hint arriving: the
hub looks everywhere by itself every ``LIVE_POLL_SECONDS``, and then also asks for every socket here
whether its person may still listen. Such an answer is believed for that long and no longer, and not
at all after a hint that this person's rights changed.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from math import inf
from weakref import WeakKeyDictionary

from django.conf import settings

from screening.live import push
from screening.live.buckets import Bucket
from screening.live.ear import Ear
from screening.live.reading import Database, Found, arrivals, news
from screening.live.standing import Refusal, Standing
from screening.live.stream import JOIN_SECONDS, NOTHING, Listener, Stream
from screening.models import Event

logger = logging.getLogger(__name__)

#: After a round that failed: short enough that nobody notices, and no busy loop.
PAUSE_SECONDS = 0.5

_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def hub_here() -> "Hub":
    """The hub of the running loop, begun with its first socket and ended with its last."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub(loop)
    return _hubs[loop]


class Hub:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        push.attach_loop(loop)
        self._loop = loop
        self._streams: dict[str, Stream] = {}
        self._people: defaultdict[int, set[Listener]] = defaultdict(set)
        #: How often a person may open a socket.
        self._doors: dict[int, Bucket] = {}
        #: When somebody's rights were last said to have changed.
        self._doubts: dict[int | None, float] = {}
        # What the next round is about.
        self._arriving: list[Listener] = []
        self._hinted: set[str] = set()
        self._doubted: set[int] = set()
        self._next_look = 0.0
        self._work = asyncio.Event()
        self._open = 0
        self._ending = False
        self._database = Database(loop)
        self._ear = Ear(heard=self._hear, joined=self._look_everywhere)
        self._reading = loop.create_task(self._read())

    # --- what sockets ask for -------------------------------------------------------------------

    def enter(self, listener: Listener) -> None:
        """A socket asks to be let in; its ``leave`` must follow."""
        self._open += 1
        self._arriving.append(listener)
        self._work.set()

    async def leave(self, listener: Listener) -> None:
        """The socket is gone. With the last one the hub ends."""
        self._open -= 1
        listener.refuse(listener.refusal or Refusal.TRY_AGAIN)
        if listener.standing is not None:
            _discard(self._people, listener.standing.user_id, listener)
            stream = self._streams[listener.standing.stream]
            stream.listeners.discard(listener)
            if not stream.listeners:
                del self._streams[stream.key]
        if self._open == 0:
            del _hubs[self._loop]
            self._ending = True
            self._work.set()
            await self._ear.close()
            # A round in progress ends by itself: its thread cannot be stopped.
            await self._reading
            await self._database.close()

    def replay(self, listener: Listener, after: int) -> None:
        """Sends again what came after this number, as far as it may be sent again."""
        if listener.standing is None or listener.refusal is not None:
            return
        stream = self._streams[listener.standing.stream]
        listener.rewind(after, stream.last)
        # Nothing before the next round, which fetches what is no longer held.
        listener.allowed, listener.rewound = NOTHING, True
        self._hint(stream.key)

    def next_for(self, listener: Listener) -> str | None:
        """The next message for this socket, or None when it has all that it may have."""
        if listener.standing is None:
            return None
        return self._streams[listener.standing.stream].next_for(listener)

    # --- what asks for a round ------------------------------------------------------------------

    def _hear(self, streams: Collection[str], people: Collection[int]) -> None:
        now = self._loop.time()
        self._doubts.update((user_id, now) for user_id in people)
        self._doubted.update(people)
        self._hinted.update(streams)
        self._wake_if_needed()

    def _wake_if_needed(self) -> None:
        """Where a hint concerns a socket here. After a round it may concern one that arrived."""
        if self._doubted & self._people.keys() or self._hinted & self._streams.keys():
            self._work.set()

    def _hint(self, key: str) -> None:
        self._hinted.add(key)
        self._work.set()

    def _look_everywhere(self) -> None:
        self._next_look = 0.0
        self._work.set()

    # --- rounds ---------------------------------------------------------------------------------

    async def _read(self) -> None:
        failed = False
        while not self._ending:
            with suppress(TimeoutError):
                wait = max(0.0, self._next_look - self._loop.time())
                await asyncio.wait_for(self._work.wait(), wait)
            self._work.clear()
            arriving, self._arriving = self._arriving, []
            try:
                await self._round(arriving)
                self._wake_if_needed()
                failed = False
            except Exception:
                # A database that is away. Who listens stays, and hears nothing until it is back.
                if not failed:
                    logger.exception("events cannot be read; trying again")
                failed = True
                for listener in arriving:
                    listener.refuse(Refusal.TRY_AGAIN)
                await asyncio.sleep(PAUSE_SECONDS)
                self._look_everywhere()

    async def _round(self, arriving: Collection[Listener]) -> None:
        """Lets in who arrives, reads what there is to say, asks who may hear it, and says it."""
        began = self._loop.time()
        everywhere = began >= self._next_look
        if everywhere:
            self._next_look = began + settings.LIVE_POLL_SECONDS
            self._tidy(began)
        hinted, self._hinted = self._hinted, set()
        doubted, self._doubted = self._doubted, set()
        looked = set(self._streams) if everywhere else hinted & self._streams.keys()
        if arriving or looked:
            found, newest = await self._database.ask(arrivals, {a.ask for a in arriving}, looked)
            for listener in arriving:
                self._admit(listener, found[listener.ask], newest, began)
        else:
            newest = {}
        await self._tell(newest, doubted, everywhere=everywhere)

    async def _tell(
        self, newest: Mapping[str, int], doubted: Iterable[int], *, everywhere: bool
    ) -> None:
        began = self._loop.time()
        streams = [self._streams[key] for key in newest if key in self._streams]
        unsure = self._unsure(streams, newest, everywhere=everywhere)
        unsure.update(*(self._people.get(user_id, ()) for user_id in doubted))
        spans = {one.key: span for one in streams if (span := one.span(newest[one.key]))}
        rows: dict[str, list[Event]] = {}
        found: Found = {}
        if spans or unsure:
            rows, found = await self._database.ask(news, spans, {one.ask for one in unsure})
        for listener in unsure:
            self._judge(listener, found, began)
        for stream in streams:
            stream.take_in(rows.get(stream.key, []), newest[stream.key])
            self._say(stream, began)

    def _admit(
        self,
        listener: Listener,
        verdict: Standing | Refusal,
        newest: Mapping[str, int],
        now: float,
    ) -> None:
        if listener.refusal is not None:
            return  # gone meanwhile
        if isinstance(verdict, Standing) and not self._has_room(verdict.user_id, now):
            verdict = Refusal.TOO_MANY
        if isinstance(verdict, Refusal):
            listener.refuse(verdict)
            return
        listener.standing, listener.checked = verdict, now
        last = newest[verdict.stream]
        stream = self._streams.setdefault(verdict.stream, Stream(verdict.stream, last))
        stream.listeners.add(listener)
        self._people[verdict.user_id].add(listener)
        listener.rewind(last if listener.after is None else listener.after, last)
        listener.admitted.set_result(last)

    def _has_room(self, user_id: int, now: float) -> bool:
        """Whether this person may open one more socket: neither too many nor too often."""
        most = settings.LIVE_SOCKETS_PER_PERSON
        door = self._doors.setdefault(user_id, Bucket(size=2 * most, refill=most / 60, now=now))
        return len(self._people.get(user_id, ())) < most and door.take(now)

    def _unsure(
        self, streams: Iterable[Stream], newest: Mapping[str, int], *, everywhere: bool
    ) -> set[Listener]:
        """The sockets whose person has to be asked for before anything more is said to them."""
        now = self._loop.time()
        return {
            one
            for stream in streams
            for one in stream.listeners
            if everywhere or (one.allowed != newest[stream.key] and not self._is_sure(one, now))
        }

    def _is_sure(self, listener: Listener, now: float) -> bool:
        age = now - listener.checked
        return age < settings.LIVE_POLL_SECONDS and not self._is_doubted(listener)

    def _is_doubted(self, listener: Listener) -> bool:
        who = listener.standing.user_id if listener.standing else None
        return listener.checked <= self._doubts.get(who, -inf)

    @staticmethod
    def _judge(listener: Listener, found: Found, began: float) -> None:
        verdict = found[listener.ask]
        if verdict == listener.standing:
            listener.checked = began
        else:
            refusal = verdict if isinstance(verdict, Refusal) else Refusal.NOT_ALLOWED
            listener.refuse(refusal)

    def _say(self, stream: Stream, began: float) -> None:
        """Lets everybody have all, except who was doubted, or asked for more, meanwhile."""
        now = self._loop.time()
        for listener in stream.listeners:
            if listener.allowed == stream.last:
                continue
            known = listener.checked >= began or self._is_sure(listener, now)
            if listener.rewound or not known or self._is_doubted(listener):
                self._hint(stream.key)
            else:
                listener.allowed = stream.last
                listener.awake.set()
        stream.trim()

    def _tidy(self, now: float) -> None:
        """Forgets what no answer that is still believed depends on."""
        oldest = now - settings.LIVE_POLL_SECONDS - JOIN_SECONDS
        self._doubts = {who: when for who, when in self._doubts.items() if when > oldest}
        self._doors = {who: door for who, door in self._doors.items() if not door.is_full(now)}


def _discard(people: dict[int, set[Listener]], user_id: int, listener: Listener) -> None:
    people[user_id].discard(listener)
    if not people[user_id]:
        del people[user_id]
