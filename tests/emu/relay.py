# SPDX-License-Identifier: BSD-2-Clause
"""Between a machine's second serial line and those who speak to it: a Unix
socket that takes any number of them. Whole lines go on, to the machine once its
control channel is ready, and from it to everybody."""
import contextlib
import os
import select
import socket
import threading

READY = b'{"event":"ready"}'
LINE_MOST = 1 << 20
PATH_MOST = 107  # struct sockaddr_un
SLOW_S = 5  # who does not take a line by then is let go


class Unusable(Exception):
    """There can be no socket of that name; the text says why."""


class Lines:
    """Bytes to lines; a line without an end is thrown away."""

    def __init__(self):
        self.rest = b""

    def feed(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        if len(self.rest) > LINE_MOST:
            self.rest = b""
        return [line + b"\n" for line in lines]


class Relay(threading.Thread):
    """line is the machine's end, a connected socket."""

    def __init__(self, path):
        super().__init__(daemon=True)
        if len(os.fsencode(path)) > PATH_MOST:
            raise Unusable(f"{path} is too long for a socket's name: "
                           "set RUN_DIR= to a shorter folder")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(8)
        self.line, self.ready, self.held = None, False, []
        self.clients = {}  # socket: its Lines

    def begin(self, line):
        self.line = line
        line.setblocking(True)
        self.start()

    def to_clients(self, text):
        for client in list(self.clients):
            try:
                client.sendall(text)
            except OSError:
                self.drop(client)

    def drop(self, client):
        del self.clients[client]
        client.close()

    def to_machine(self, text):
        if self.ready:
            self.line.sendall(text)
        else:
            self.held.append(text)

    def from_client(self, client):
        try:
            data = client.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.drop(client)
            return
        for text in self.clients[client].feed(data):
            self.to_machine(text)

    def from_machine(self, text):
        self.to_clients(text)
        if READY in text and not self.ready:
            self.ready = True
            for held in self.held:
                self.line.sendall(held)

    def run(self):
        lines = Lines()
        with contextlib.suppress(OSError, ValueError):
            while True:
                fds = [self.line, self.listener, *self.clients]
                ready = select.select(fds, [], [])[0]
                if self.listener in ready:
                    client = self.listener.accept()[0]
                    client.settimeout(SLOW_S)
                    self.clients[client] = Lines()
                for client in [c for c in ready if c in self.clients]:
                    self.from_client(client)
                if self.line not in ready:
                    continue
                data = self.line.recv(65536)
                if not data:
                    break
                for text in lines.feed(data):
                    self.from_machine(text)
        self.end()

    def end(self):
        for s in [self.listener, *self.clients]:
            s.close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)
