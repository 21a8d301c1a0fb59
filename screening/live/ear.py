"""Hears the hints that ``push.py`` sends, and stays in their group whatever happens to the layer.

With Redis away nothing here ends: it is tried again until Redis is back.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import suppress

from channels.layers import get_channel_layer
from django.conf import settings

from screening.live.push import GROUP

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.5


class Ear:
    """``heard`` gets the streams and the people of each hint; ``joined`` is called whenever hints
    begin (or begin again) to arrive, since something may have been missed before."""

    def __init__(
        self,
        heard: Callable[[Collection[str], Collection[int]], None],
        joined: Callable[[], None],
    ) -> None:
        self._heard = heard
        self._joined = joined
        self._channel = ""
        self._tasks = [
            asyncio.create_task(self._listen()),
            asyncio.create_task(self._stay_joined()),
        ]

    async def close(self) -> None:
        while running := [task for task in self._tasks if not task.done()]:
            for task in running:
                task.cancel()
            # More than once: one that meets the layer's receive at the wrong moment is lost.
            await asyncio.wait(running, timeout=0.1)
        with suppress(Exception):
            # Redis may be away; what is left there expires by itself.
            await get_channel_layer().group_discard(GROUP, self._channel)

    async def _listen(self) -> None:
        away = False
        while True:
            try:
                layer = get_channel_layer()
                self._channel = await layer.new_channel()
                await layer.group_add(GROUP, self._channel)
                if away:
                    logger.info("hints are back")
                away = False
                self._joined()
                while True:
                    message = await layer.receive(self._channel)
                    self._heard(message["streams"], message["people"])
            except Exception as error:
                # Redis's own ConnectionError is no OSError; here every error means the same.
                if not away:
                    logger.warning("no hints for now; sockets look by themselves: %r", error)
                away = True
            await asyncio.sleep(PAUSE_SECONDS)

    async def _stay_joined(self) -> None:
        """A Redis that was restarted has forgotten who was in the group, and may not have been
        missed; and a membership of a group ends after a day."""
        while True:
            await asyncio.sleep(settings.LIVE_POLL_SECONDS)
            with suppress(Exception):
                await get_channel_layer().group_add(GROUP, self._channel)
