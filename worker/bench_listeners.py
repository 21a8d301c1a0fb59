"""Hundreds of pages that listen, in one cheap process: the load of ``worker.bench_sockets``.

Reads one JSON object a line (where to listen; ``cut``; ``until``) and answers each with one. Like a
page it keeps the last number that it heard and asks for what came after when its line was cut;
unlike a page it comes back at once, all of them in the same moment.
"""

import asyncio
import json
import sys
from contextlib import suppress
from datetime import datetime
from time import monotonic, time
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

#: How long the last event may take before it counts as missed.
PATIENCE = 60.0


class Page:
    def __init__(self, address: str, session: str, path: str) -> None:
        self.address = address
        self.cookie = {"Cookie": f"sessionid={session}"}
        self.url = address.replace("http", "ws", 1) + path
        self.first = self.last = -1
        self.numbers: list[int] = []
        self.late: list[float] = []
        self.reloads = 0
        self.line: ClientConnection | None = None
        self.greeted = asyncio.Event()
        self.news = asyncio.Event()

    async def stay(self) -> None:
        """Connects, and connects again, for ever."""
        while True:
            with suppress(OSError, ConnectionClosed, InvalidStatus, TimeoutError):
                after = f"?after={self.last}" if self.last >= 0 else ""
                async with connect(
                    self.url + after,
                    origin=Origin(self.address),
                    additional_headers=self.cookie,
                    compression=None,
                    ping_interval=None,
                    open_timeout=PATIENCE,
                ) as self.line:
                    async for text in self.line:
                        self.hear(json.loads(text))
            self.line = None
            await asyncio.sleep(0.05)

    def hear(self, told: dict[str, Any]) -> None:
        if told["type"] == "event":
            self.numbers.append(told["number"])
            self.late.append(time() - datetime.fromisoformat(told["at"]).timestamp())
            self.last = max(self.last, told["number"])
            self.news.set()
        elif told["type"] == "hello":
            if self.first < 0:
                self.first = self.last = told["last"]
            self.greeted.set()
        else:
            self.reloads += 1

    def cut(self) -> None:
        """The line goes dead without a goodbye."""
        self.greeted.clear()
        if self.line is not None:
            self.line.transport.abort()

    async def until(self, last: int) -> None:
        while self.last < last:
            self.news.clear()
            await self.news.wait()


class Pages:
    def __init__(self) -> None:
        self.all: list[Page] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def do(self, what: str, asked: dict[str, Any]) -> dict[str, Any]:
        if what == "listen":
            self.all = [Page(asked["address"], *one) for one in asked["pages"]]
            self.tasks = [asyncio.create_task(page.stay()) for page in self.all]
            return await self._greeted()
        if what == "cut":
            for page in self.all:
                page.cut()
            return await self._greeted()
        if what == "until":
            return await self._report(asked["last"])
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        return {}

    async def _greeted(self) -> dict[str, Any]:
        """Seconds until every page was let in."""
        begun = monotonic()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(page.greeted.wait() for page in self.all))
        return {"seconds": round(monotonic() - begun, 3)}

    async def _report(self, last: list[int]) -> dict[str, Any]:
        """What was heard since the last report, once every page has its stream's last number."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(
                    *(page.until(number) for page, number in zip(self.all, last, strict=True))
                )
        found: dict[str, Any] = {"late": [], "missed": 0, "doubled": 0, "reloads": 0}
        for page, number in zip(self.all, last, strict=True):
            heard = set(page.numbers)
            found["missed"] += len(set(range(page.first + 1, number + 1)) - heard)
            found["doubled"] += len(page.numbers) - len(heard)
            found["reloads"] += page.reloads
            found["late"] += [round(one, 4) for one in page.late]
            page.first, page.numbers, page.late, page.reloads = number, [], [], 0
        return found


async def main() -> None:
    loop, pages = asyncio.get_running_loop(), Pages()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        asked = json.loads(line)
        print(json.dumps(await pages.do(asked.pop("do"), asked)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
