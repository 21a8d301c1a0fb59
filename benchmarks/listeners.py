"""Hundreds of pages that listen, in one cheap process: the load of ``benchmarks.sockets``.

Reads one JSON object a line (where to listen; ``cut``; ``until``) and answers each with one. Like a
page it keeps the last number that it heard and asks for what came after when its line was cut;
unlike a page it comes back at once, all of them in the same moment.
"""

import asyncio
import base64
import json
import os
import sys
from contextlib import suppress
from datetime import datetime
from time import monotonic, time
from typing import Any
from urllib.parse import urlsplit

#: How long the last event may take before it counts as missed.
PATIENCE = 60.0
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Page(asyncio.Protocol):
    """One page and its line. The protocol is written out: libraries cost more than the server."""

    def __init__(self, address: str, session: str, path: str) -> None:
        self.host, self.port = urlsplit(address).hostname or "", urlsplit(address).port or 80
        self.path = path
        self.head = (
            f"Host: {self.host}:{self.port}\r\nOrigin: {address}\r\nCookie: sessionid={session}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n"
        )
        self.first = self.last = -1
        self.numbers: list[int] = []
        self.late: list[float] = []
        self.reloads = 0
        self.line: asyncio.Transport | None = None
        self.gone = asyncio.Event()
        self.greeted = asyncio.Event()
        self.news = asyncio.Event()

    async def stay(self) -> None:
        """Connects, and connects again, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            self.gone.clear()
            self.unread = b""
            self.upgraded = False
            with suppress(OSError):
                await loop.create_connection(lambda: self, self.host, self.port)
                await self.gone.wait()
            self.line = None
            await asyncio.sleep(0.05)

    def connection_made(self, transport: Any) -> None:
        self.line = transport
        after = f"?after={self.last}" if self.last >= 0 else ""
        transport.write(f"GET {self.path}{after} HTTP/1.1\r\n{self.head}".encode())

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()

    def data_received(self, data: bytes) -> None:
        self.unread += data
        if not self.upgraded:
            head, end, rest = self.unread.partition(b"\r\n\r\n")
            if not end:
                return
            self.unread, self.upgraded = rest, True
            if b" 101 " not in head[:20]:
                self.abort()
        while (frame := self._frame()) is not None:
            opcode, content = frame
            if opcode == TEXT:
                self.hear(json.loads(content))
            elif opcode == PING and self.line is not None:
                # Masked with zeros, as a client's frames must be masked.
                self.line.write(bytes([128 + PONG, 128 + len(content), 0, 0, 0, 0]) + content)
            elif opcode == CLOSE:
                self.abort()

    def _frame(self) -> tuple[int, bytes] | None:
        """The next whole frame; a server's are not masked, and ours are never in parts."""
        data = self.unread
        if len(data) < 4:
            return None
        size, start = data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        if len(data) < start + size:
            return None
        self.unread = data[start + size :]
        return data[0] & 15, data[start : start + size]

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

    def abort(self) -> None:
        if self.line is not None:
            self.line.abort()

    def cut(self) -> None:
        """The line goes dead without a goodbye."""
        self.greeted.clear()
        self.abort()

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
