"""Clients that do not wait: an open loop. Requests are sent when they are due, whatever became of those before them, and how
long an answer took counts from that moment (a client that waits for one answer before it asks again asks less the slower
it is served, and tells of nothing that it did not ask meanwhile)."""
import asyncio
import dataclasses
import socket
import threading
from urllib.parse import urlsplit


@dataclasses.dataclass
class Answer:
    n: int  # of its request
    due: float
    took: float  # since it was due
    status: int = 0  # 0: none, and why
    retry_after: bool = False
    why: str = ''


class Connection(asyncio.Protocol):
    """One, kept for the next request; one request at a time."""

    def __init__(self):
        self.transport = self.waiter = None
        self.bytes = b''

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, exc):
        if self.waiter and not self.waiter.done():
            self.waiter.set_exception(exc or ConnectionError('closed without an answer'))

    def data_received(self, data):
        self.bytes += data
        head, found, rest = self.bytes.partition(b'\r\n\r\n')
        if not found:
            return
        fields = dict(line.split(b': ', 1) for line in head.lower().split(b'\r\n')[1:])
        if len(rest) >= int(fields.get(b'content-length', 0)):
            self.bytes = b''
            self.waiter.set_result((int(head[9:12]), fields))

    def ask(self, request):
        self.waiter = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.waiter


class Crowd:
    """Sends @request(n), n = 0, 1, ..., @rate times a second. @url: as 'http://127.0.0.1:1'. start(), then stop()."""

    def __init__(self, url, request, rate, patience_s=60):
        self.at = (urlsplit(url).hostname, urlsplit(url).port)
        self.request, self.rate, self.patience_s = request, rate, patience_s
        self.answers, self.idle, self.sent, self.most = [], [], 0, 0
        self.stopping = False
        self.failed = None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        """No more requests; waits for all answers, in the order in which they were due."""
        self.stopping = True
        self.thread.join(self.patience_s + 30)
        assert not self.thread.is_alive() and self.failed is None, self.failed or 'a request hangs'
        return sorted(self.answers, key=lambda a: a.due)

    def run(self):
        try:
            asyncio.run(self.send())
        except Exception as e:  # pylint: disable=broad-except
            self.failed = repr(e)

    async def send(self):
        loop = asyncio.get_running_loop()
        began, asked = loop.time(), set()
        while not self.stopping:
            while began + self.sent / self.rate <= loop.time() and not self.stopping:
                asked.add(loop.create_task(self.one(self.sent, began + self.sent / self.rate)))
                self.sent += 1
            self.most = max(self.most, self.sent - len(self.answers))
            await asyncio.sleep(max(0, began + self.sent / self.rate - loop.time()))
        await asyncio.gather(*asked)
        for connection in self.idle:
            connection.transport.close()
        await asyncio.sleep(0)

    async def connect(self):
        s = socket.socket()
        s.setblocking(False)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(s, self.at)
        return (await loop.create_connection(Connection, sock=s))[1]

    async def one(self, n, due):
        loop = asyncio.get_running_loop()
        answer = Answer(n, due, 0)
        try:
            connection = self.idle.pop() if self.idle else await self.connect()
            answer.status, fields = await asyncio.wait_for(connection.ask(self.request(n)), self.patience_s)
            answer.retry_after = b'retry-after' in fields
            if fields.get(b'connection') == b'close':
                connection.transport.close()
            else:
                self.idle.append(connection)
        except (OSError, asyncio.TimeoutError) as e:
            answer.why = repr(e)
        answer.took = loop.time() - due
        self.answers.append(answer)


def share(values, q):
    """The value that a share @q of them does not exceed."""
    return sorted(values)[min(int(len(values) * q), len(values) - 1)] if values else float('nan')
