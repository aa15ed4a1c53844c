"""A TCP proxy that behaves as badly as networks do: between the daemon and PostgreSQL, on loopback."""
import select
import socket
import struct
import threading

PIECE = 16384
RESET = struct.pack('ii', 1, 0)  # linger for no time: close() sends a reset


class Weather:
    """What one direction does to bytes. `left`: so many pass, then the connection is reset."""

    def __init__(self, stalled=False, delay_s=0.0, rate=None, left=None):
        self.stalled, self.delay_s, self.rate, self.left = stalled, delay_s, rate, left


class Link:
    """One connection of a client, and the one to the server that belongs to it."""

    def __init__(self, proxy, client):
        self.proxy, self.client = proxy, client
        self.server = socket.create_connection(proxy.target, timeout=10)
        for s in (self.client, self.server):
            s.setblocking(True)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.over = threading.Event()
        for source, sink, way in ((self.client, self.server, 'up'), (self.server, self.client, 'down')):
            threading.Thread(target=self.carry, args=(source, sink, way), daemon=True).start()

    def close(self, reset=False):
        self.over.set()
        for s in (self.client, self.server):
            try:
                if reset:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended
            s.close()

    def wait(self, seconds):
        """Waits, unless the link ends meanwhile."""
        return not self.over.wait(seconds)

    def clear(self, way):
        """Waits until bytes may go this way."""
        with self.proxy.changed:
            while self.proxy.weather[way].stalled and not self.over.is_set():
                self.proxy.changed.wait(0.2)
        return not self.over.is_set()

    def pass_on(self, sink, data, way):
        weather = self.proxy.weather[way]
        if weather.delay_s and not self.wait(weather.delay_s):
            return False
        if weather.rate and not self.wait(len(data) / weather.rate):
            return False
        if not self.clear(way):
            return False
        with self.proxy.changed:
            cut = weather.left is not None and weather.left < len(data)
            if cut:
                data, weather.left = data[:weather.left], None
                self.proxy.cuts += 1
            elif weather.left is not None:
                weather.left -= len(data)
        sink.sendall(data)
        if cut:
            self.close(reset=True)
        return not cut

    def carry(self, source, sink, way):
        try:
            while not self.over.is_set():
                select.select([source], [], [])
                data = source.recv(PIECE) if self.clear(way) else b''
                if not data or not self.pass_on(sink, data, way):
                    break
        except (OSError, ValueError):
            pass  # the other direction, or a fault, closed it
        self.close()
        self.proxy.forget(self)


class Proxy:
    """Listens on a port of its own and passes everything on, until told otherwise."""

    def __init__(self, host, port):
        self.target = (host, port)
        self.changed = threading.Condition()
        self.weather = {'up': Weather(), 'down': Weather()}
        self.links, self.lock, self.cuts = set(), threading.Lock(), 0
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                link = Link(self, client)
            except OSError:  # nobody is there: so it looks from here
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                client.close()
                continue
            with self.lock:
                self.links.add(link)

    def forget(self, link):
        with self.lock:
            self.links.discard(link)

    def be(self, up=None, down=None):
        """Changes what happens from now on; nothing: fair weather."""
        with self.changed:
            self.weather = {'up': up or Weather(), 'down': down or Weather()}
            self.changed.notify_all()

    def partition(self):
        self.be(up=Weather(stalled=True), down=Weather(stalled=True))

    def slow(self, delay_s, rate):
        self.be(up=Weather(delay_s=delay_s, rate=rate), down=Weather(delay_s=delay_s, rate=rate))

    def reset(self):
        """Ends every connection with a reset."""
        with self.lock:
            links = list(self.links)
        for link in links:
            link.close(reset=True)
        return len(links)

    def close(self):
        self.listener.close()
        self.reset()

