#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""parleyctl: drive a running Parley machine by its control channel.

usage: parleyctl [--socket=PATH|HOST:PORT] [--json] [--timeout=SECONDS] COMMAND

COMMAND is one of the machine's (parleyctl help), or
    events              prints events as they come, until the machine goes off
    wait NAME STATE     returns when that guest is exited, runs, ... (see list)
    stats SECONDS       the table again and again

The socket is that of PARLEY_SOCKET, else build/run/control.sock. Exit status: 0;
1 the command was refused; 2 wrong usage; 3 no machine, or no answer.
"""
import json
import os
import re
import socket
import sys
import time

DEFAULT = "build/run/control.sock"
HELLO_EVERY = 0.5  # a request that came before the channel was there is lost
ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "\\": "\\"}
STATES = ("off", "waits", "runs", "paused", "ends", "exited", "died", "killed",
          "failed")
STATS_LEAST = 0.1  # seconds


class Refused(Exception):
    """The machine does not do it; the text says why."""


class Wrong(Exception):
    """It was called wrongly; the text says how."""


class Unreachable(Exception):
    """There is no machine, or it does not answer."""


def connect(name):
    found = re.fullmatch(r"([^/]*):(\d+)", name)
    try:
        if found:
            return socket.create_connection((found[1] or "127.0.0.1",
                                             int(found[2])), 5)
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        s.connect(name)
        return s
    except OSError as error:
        raise Unreachable(f"{name}: {error.strerror or error}: does a machine "
                          "run, with control = com2?") from None


class Channel:
    """A connection: requests with their answers, and events in between."""

    def __init__(self, name, timeout=10):
        self.name, self.timeout = name, timeout
        self.socket = connect(name)
        self.rest, self.events, self.count = b"", [], 0
        # others may use the line, too: our answers have our ids
        self.own = f"{os.getpid()}-{time.monotonic_ns():x}"

    def hello(self):
        """Until the channel is there."""
        end = time.monotonic() + self.timeout
        while True:
            left = min(HELLO_EVERY, end - time.monotonic())
            if left <= 0:
                raise Unreachable(f"{self.name}: no answer within "
                                  f"{self.timeout:g} s")
            sent = self.send("list", [])
            answer = self.answer(sent, time.monotonic() + left)
            if answer:
                return

    def send(self, command, args):
        self.count += 1
        sent = f"{self.own}.{self.count}"
        line = json.dumps({"id": sent, "cmd": command, "args": args})
        try:
            self.socket.settimeout(self.timeout)
            self.socket.sendall(line.encode() + b"\n")
        except OSError as error:
            raise Unreachable(f"{self.name}: {error}") from None
        return sent

    def message(self, end):
        """The next object; None when the time is over."""
        while True:
            while b"\n" in self.rest:
                line, self.rest = self.rest.split(b"\n", 1)
                try:
                    found = json.loads(line)
                except ValueError:
                    continue  # the firmware's
                if isinstance(found, dict):
                    return found
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                return None
            except OSError as error:
                raise Unreachable(f"{self.name}: {error}") from None
            if not data:
                raise Unreachable(f"{self.name}: the machine is gone")
            self.rest += data

    def answer(self, sent, end):
        while True:
            message = self.message(end)
            if message is None or message.get("id") == sent:
                return message
            if "event" in message:
                self.events.append(message)

    def event(self, end):
        while not self.events:
            message = self.message(end)
            if message is None:
                return None
            if "event" in message:
                return message
        return self.events.pop(0)

    def call(self, command, *args):
        """The result; raises Refused or Unreachable."""
        sent = self.send(command, list(args))
        answer = self.answer(sent, time.monotonic() + self.timeout)
        if answer is None:
            raise Unreachable(f"{self.name}: no answer within "
                              f"{self.timeout:g} s")
        if not answer.get("ok"):
            raise Refused(answer.get("error", "refused"))
        return answer.get("result")


# ---- showing

def text_of(value):
    return "-" if value is None else str(value)


def table(rows):
    names = list(rows[0]) if rows else []
    lines = [names] + [[text_of(row[n]) for n in names] for row in rows]
    width = [max(len(line[i]) for line in lines) for i in range(len(names))]
    for line in lines if rows else []:
        print("  ".join(c.ljust(w) for c, w in zip(line, width)).rstrip())


def show(result, as_json):
    if as_json:
        print(json.dumps(result))
    elif isinstance(result, list):
        table(result)
    elif result is not None:
        sys.stdout.write(str(result))
    sys.stdout.flush()


# ---- commands of our own

def unescaped(text):
    def one(found):
        if found[1] in ESCAPES:
            return ESCAPES[found[1]]
        if len(found[1]) == 3 and found[1] != "x00":
            return chr(int(found[1][1:], 16))
        raise Wrong(f"type: {found[0]} is no character that can be typed")
    return re.sub(r"\\(x[0-9a-fA-F]{2}|.|$)", one, text)


def events(channel, _, as_json):
    while True:
        event = channel.event(time.monotonic() + 3600)
        if event is None:
            continue
        kind = event.pop("event")
        if as_json:
            print(json.dumps({"event": kind, **event}), flush=True)
        else:
            print(kind, *(f"{k}={v}" for k, v in event.items()), flush=True)
        if kind == "off":
            return


def wait(channel, args, _):
    name, state = args
    end = time.monotonic() + channel.timeout
    rows = {row["name"]: row["state"] for row in channel.call("list")}
    if name not in rows:
        raise Refused(f"there is no such guest: {name}")
    now = rows[name]
    while now != state:
        event = channel.event(end)
        if event is None:
            raise Unreachable(f"{name} is not {state} within "
                              f"{channel.timeout:g} s; it is {now}")
        if event["event"] == "off":
            raise Unreachable(f"the machine goes off; {name} is {now}")
        if event.get("name") == name:
            now = event["state"]


def stats(channel, args, as_json):
    while True:
        show(channel.call("stats"), as_json)
        time.sleep(float(args[0]))


OWN = {("events", 0): events, ("wait", 2): wait, ("stats", 1): stats}


def run(channel, command, args, as_json):
    channel.hello()
    if (command, len(args)) in OWN:
        OWN[command, len(args)](channel, args, as_json)
        return
    show(channel.call(command, *args), as_json)


def usage(why):
    print(f"parleyctl: {why}\n\n" + __doc__.split("\n\n", 1)[1].rstrip(),
          file=sys.stderr)
    return 2


def checked(command, args):
    """The arguments as they are sent; raises Wrong, before there is a machine."""
    if command == "stats" and len(args) == 1 and not (
            re.fullmatch(r"\d+(\.\d+)?", args[0])
            and float(args[0]) >= STATS_LEAST):
        raise Wrong(f"stats {args[0]}: expected seconds, at least "
                    f"{STATS_LEAST}")
    if command == "wait" and len(args) == 2 and args[1] not in STATES:
        raise Wrong(f"wait {args[1]}: expected one of {', '.join(STATES)}")
    if command == "type":
        return args[:1] + [unescaped(a) for a in args[1:]]
    return args


def main(argv):
    name = os.environ.get("PARLEY_SOCKET") or DEFAULT
    as_json, timeout = False, 10.0
    while argv and argv[0].startswith("-"):
        option, _, value = argv.pop(0).partition("=")
        if option in ("-h", "--help"):
            print(__doc__.rstrip())
            return 0
        if option == "--json" and not value:
            as_json = True
            continue
        if option in ("--socket", "--timeout") and not value and argv:
            value = argv.pop(0)
        if option == "--socket" and value:
            name = value
        elif option == "--timeout" and re.fullmatch(r"\d+(\.\d+)?", value):
            timeout = float(value)
        else:
            return usage(f"{option}: no such option, or its value is missing")
    if not argv:
        return usage("no command")
    try:
        args = checked(argv[0], argv[1:])
        run(Channel(name, timeout), argv[0], args, as_json)
    except Wrong as error:
        return usage(error)
    except Refused as error:
        print(f"parleyctl: {error}", file=sys.stderr)
        return 1
    except Unreachable as error:
        print(f"parleyctl: {error}", file=sys.stderr)
        return 3
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
