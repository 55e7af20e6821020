#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The operator's shell and the control channel of a running machine, as people
and programs use them: `make run` on a terminal, and build/parleyctl."""
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

from terminal import OUTPUT, Terminal

TOOL = os.path.join(OUTPUT, "parleyctl")
LIMIT = 240
CONFIG = """[host]
memory = 32M
shell = yes
control = com2
[guest alpha]
image = ticker.elf
cmdline = code=7
disk = d:part=data:ro
[guest beta]
image = ticker.elf
cmdline = deaf
console = hvc:virtio
disk = o:part=data:overlay
disk = r:ram=1M
disk = n:null=1G
start = no
[guest talks]
image = net.elf
cmdline = role=ping
net = net:switch
start = no
[guest big]
image = ticker.elf
memory = 3G
start = no
"""
LONG = 2048  # bytes of a request, docs/operating.md
failures = []


def expect(name, good, why=""):
    print(f"PASS {name}" if good else f"FAIL {name}: {why!r}", flush=True)
    if not good:
        failures.append(name)


class Control:
    """build/parleyctl on one machine."""

    def __init__(self, path):
        self.path = path

    def argv(self, *words):
        return [TOOL, f"--socket={self.path}", "--timeout=60", *words]

    def run(self, *words):
        """(status, what it printed)"""
        done = subprocess.run(self.argv(*words), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True, check=False,
                              stderr=subprocess.STDOUT, timeout=LIMIT)
        return done.returncode, done.stdout

    def json(self, *words):
        status, text = self.run("--json", *words)
        return None if status else json.loads(text)

    def states(self):
        return {row["name"]: row["state"] for row in self.json("list")}

    def ticks(self, name):
        """How far that guest has counted."""
        return int(re.findall(r"tick (\d+)", self.json("console", name))[-1])


def in_time(true):
    """Is it so, at once or within some seconds?"""
    end = time.monotonic() + 30
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def progress(control, name):
    """Does it count on?"""
    before = control.ticks(name)
    return in_time(lambda: control.ticks(name) > before)


def starts(control, name):
    return control.json("console", name).count("tick 0\n")


def lives(control, tag):
    expect(f"list-{tag}", control.states() ==
           {"alpha": "runs", "beta": "off", "talks": "off", "big": "off"},
           control.states())
    status, text = control.run("list")
    expect(f"list-text-{tag}", not status and re.search(
        r"^alpha +runs +pv +1 +16 ", text, re.M), text)
    expect(f"start-{tag}", control.run("start", "beta") == (0, "")
           and control.states()["beta"] == "runs"
           and progress(control, "beta"))
    # more than fits into one of its buffers
    control.run("type", "beta", "x" * 200 + "beta\\r")
    expect(f"type-virtio-{tag}", in_time(
        lambda: re.search(r"typed: x+\n(.|\n)*typed: x*beta",
                          control.json("console", "beta"))),
           control.json("console", "beta")[-800:])
    status, text = control.run("start", "beta")
    expect(f"start-twice-{tag}", status == 1 and "runs already" in text, text)
    status, text = control.run("start", "big")
    expect(f"start-fails-{tag}", status == 1 and "cannot start" in text, text)
    expect(f"start-failed-{tag}", control.run("wait", "big", "failed")[0] == 0,
           control.states())


def pausing(control, tag):
    status, text = control.run("pause", "alpha")
    held = control.ticks("alpha")
    others = progress(control, "beta")
    expect(f"pause-{tag}", not status and control.ticks("alpha") == held
           and others and control.states()["alpha"] == "paused", text)
    expect(f"pause-twice-{tag}", control.run("pause", "alpha")[0] == 1)
    status, text = control.run("shutdown", "alpha")
    expect(f"shutdown-paused-{tag}", status == 1 and "paused" in text, text)
    expect(f"resume-{tag}", control.run("resume", "alpha")[0] == 0
           and progress(control, "alpha"), control.states())
    expect(f"resume-twice-{tag}", control.run("resume", "alpha")[0] == 1)


def ending(control, tag):
    asked = control.run("stop", "alpha", "60")
    ended = control.run("wait", "alpha", "exited")
    rows = {row["name"]: row for row in control.json("list")}
    expect(f"stop-{tag}", asked == (0, "") and not ended[0]
           and rows["alpha"]["code"] == 7, (asked, ended, rows))
    status, text = control.run("stop", "alpha")
    expect(f"stop-twice-{tag}", status == 1 and "does not run" in text, text)
    expect(f"start-again-{tag}", control.run("start", "alpha")[0] == 0
           and progress(control, "alpha"))
    before = starts(control, "alpha")
    expect(f"reboot-{tag}", control.run("reboot", "alpha", "60")[0] == 0
           and in_time(lambda: starts(control, "alpha") > before)
           and progress(control, "alpha"), control.states())
    # the other one does not listen
    expect(f"shutdown-deaf-{tag}", control.run("shutdown", "beta")[0] == 0
           and progress(control, "beta"))
    expect(f"stop-deaf-{tag}", control.run("stop", "beta", "1")[0] == 0
           and control.run("wait", "beta", "killed")[0] == 0,
           control.states())
    expect(f"destroy-{tag}", control.run("start", "beta")[0] == 0
           and control.run("destroy", "beta")[0] == 0
           and control.run("wait", "beta", "killed")[0] == 0,
           control.states())


def memory(control, tag):
    """`map`: each address leads somewhere else."""
    own = control.json("map", "alpha", "0x1234")[0]
    expect(f"map-own-{tag}", own["is_at"].endswith("234")
           and own["page_kib"] in (4, 2048, 1 << 20)
           and own["access"] == "rwx" and own["where"] == "its own", own)
    host = control.json("map", "host", "0x1234")[0]
    expect(f"map-host-{tag}", host["where"] == "its own"
           and host["is_at"] not in (own["is_at"], "0x1234"), (own, host))
    shared = control.json("map", "alpha", "0xff0000000")[0]
    expect(f"map-shared-page-{tag}", shared["access"] == "rw-"
           and re.match("the hypervisor's, for partition [1-9]",
                        shared["where"]), shared)
    disk = control.json("map", "alpha", "d", "5")[0]
    expect(f"map-disk-{tag}", disk["where"].startswith("disk 0 (")
           and disk["access"] is None and disk["page_kib"] is None
           and (int(disk["is_at"], 16) - 5) % 2048 == 0, disk)
    control.run("start", "beta")
    over = control.json("map", "beta", "o", "5")[0]
    expect(f"map-overlay-{tag}", (over["is_at"], over["where"]) ==
           (disk["is_at"], disk["where"]), over)
    ram = [control.json("map", "beta", "r", n)[0] for n in ("0", "2047")]
    expect(f"map-ram-{tag}", ram[0]["where"] == "memory of the host partition"
           and int(ram[1]["is_at"], 16) - int(ram[0]["is_at"], 16)
           == 2047 * 512, ram)
    null = control.json("map", "beta", "n", "5")[0]
    expect(f"map-null-{tag}", (null["is_at"], null["where"]) ==
           (None, "nowhere"), null)
    control.run("destroy", "beta")


def disk_of(control):
    """As `map` names the disk behind alpha's."""
    return control.json("map", "alpha", "d", "5")[0]["where"]


def showing(control, tag):
    rows = control.json("stats")
    expect(f"stats-{tag}", [r["name"] for r in rows[:2]] == ["(host)", "alpha"]
           and rows[1]["calls"] > 0, rows)
    row = control.json("devices")[0]
    expect(f"devices-{tag}", row["name"] == "disk 0" and row["state"] == "works"
           and row["driver"] in disk_of(control) and not row["errors"], row)
    control.run("start", "talks")  # to nobody
    expect(f"stats-net-{tag}", in_time(
        lambda: [r for r in control.json("stats") if r["name"] == "talks"
                 and r["io"] > 0 and r["io_kib"] >= 0]), control.json("stats"))
    control.run("destroy", "talks")
    memory(control, tag)
    control.run("type", "alpha", "hello\\r")
    expect(f"type-{tag}", in_time(
        lambda: "typed: hello" in control.json("console", "alpha")))
    log = control.json("log")
    expect(f"log-{tag}", "parley: back end " in log and "\0" not in log, log)
    status, text = control.run("help")
    expect(f"help-{tag}", not status and "reboot NAME [SECONDS]" in text, text)


def refusals(control, tag):
    for name, why, words in (
            ("command", "no such command (try help): lisst", ["lisst"]),
            ("arguments", "it is: stop NAME [SECONDS]", ["stop"]),
            ("guest", "no such guest: gamma", ["pause", "gamma"]),
            ("seconds", "expected seconds", ["stop", "alpha", "soon"]),
            ("trace", "expected on or off", ["trace", "alpha", "x"]),
            ("kinds", "expected some of", ["trace", "alpha", "on", "x"]),
            ("sector", "no such sector", ["map", "alpha", "d", "9999999"]),
            ("disk", "no such disk", ["map", "alpha", "e", "1"]),
            ("address", "expected an address", ["map", "alpha", "here"]),
            ("memory", "no memory there", ["map", "alpha", "0x80000000"])):
        status, text = control.run(*words)
        expect(f"refuses-{name}-{tag}", status == 1 and why in text
               and text.count("\n") == 1, (status, text))


def ask(path, data):
    """The lines that come back for some bytes, from an answer's on."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
        s.settimeout(30)
        s.connect(path)
        for part in data:
            s.sendall(part)
            time.sleep(0.05)
        text = b""
        while text.count(b'"ok":') < 1 or not text.endswith(b"\n"):
            text += s.recv(65536)
    return [json.loads(line) for line in text.splitlines()
            if b'"ok":' in line]


def lines(control, tag):
    """The channel itself: what is no request has an answer, too."""
    for name, why, data in (
            ("malformed", "this is no JSON", [b'{"cmd":\n']),
            ("bytes", "this is no JSON", [b"\xff\xfe\x80{\n"]),
            ("list", "a request is an object", [b"[1,2]\n"]),
            ("command", "cmd is", [b'{"id":1}\n']),
            ("depth", "nested too deeply", [b"[" * 1000 + b"\n"]),
            ("long", "the line is too long",
             [b'{"cmd":"' + b"x" * LONG + b'"}\n'])):
        answers = ask(control.path, data)
        expect(f"line-{name}-{tag}", len(answers) == 1
               and not answers[0]["ok"] and why in answers[0]["error"],
               answers)
    answers = ask(control.path, [b'\r\n\n{"id": "a\\u00e4", ',
                                 b'"cmd":"pause","args":["no\\u0062ody"]}\n'])
    expect(f"line-parts-{tag}", answers and answers[0]["id"] == "aä"
           and answers[0]["error"] == "there is no such guest: nobody", answers)


def shell(terminal, control, tag):
    """What a person types and sees, beside the programs."""
    terminal.text = ""
    terminal.type(b"lisst\x7f\x7f\x7fst\r")
    expect(f"shell-list-{tag}", terminal.wait(r"\nalpha +runs")
           and terminal.wait(r"parley> "), terminal.text[-400:])
    terminal.type(b"res\ta\t\r")
    expect(f"shell-completes-{tag}",
           terminal.wait(r"\nit is not paused: alpha"),
           terminal.text[-400:])
    terminal.type(b"trace alpha on\r")
    traced = terminal.wait(r"alpha\.0 +[\d.]+ console_write\(")
    terminal.type(b"trace alpha off\r")
    expect(f"shell-trace-{tag}", traced and terminal.wait(
        r"trace alpha off(.|\n)*parley> "), terminal.text[-400:])
    terminal.text = ""
    terminal.type(b"stats 1\r")
    twice = terminal.wait(r"io_kib(.|\n)*io_kib")
    terminal.type(b" ")
    expect(f"shell-stats-{tag}", twice and terminal.wait(r"parley> "),
           terminal.text[-400:])
    terminal.text = ""
    terminal.type(b"console alpha\r")
    shown = terminal.wait(r"\ntick 0\s(.|\n)*console of alpha")
    terminal.type(b"keys")
    plain = terminal.wait(r"\ntyped: ")
    terminal.type(b"\x1d")
    expect(f"shell-console-{tag}", shown and plain
           and terminal.wait("help lists the commands, Ctrl-] goes back")
           and terminal.wait(r"parley> "), terminal.text[-400:])
    terminal.text = ""
    terminal.type(b"\x1d")
    terminal.wait("console of alpha")
    control.run("stop", "alpha", "60")
    expect(f"shell-comes-back-{tag}", terminal.wait("guest alpha: exit code 7")
           and terminal.wait(r"parley> "), terminal.text[-400:])


def seen(events):
    """The events of alpha and of the machine, in short."""
    return " ".join(e.get("state", e["event"]) for e in events
                    if e.get("name") in ("alpha", None))


def machine(work, emulator, tag):
    path = os.path.join(work, "t.cfg")
    with open(path, "w", encoding="ascii") as f:
        f.write(CONFIG)
    t = Terminal(work, CFG=path, EMU=emulator,
                 **({"ACCEL": "tcg"} if emulator == "qemu" else {}))
    t.end = time.monotonic() + LIMIT
    t.wait(r"control channel: \S+ --socket=(\S+)")
    control = Control(os.path.join(work, "control.sock"))
    # the socket is there before the machine is
    t.wait("BdsDxe|parley: ")
    events = subprocess.Popen(control.argv("--json", "events"), text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        t.wait(r"tick 0")
        for part in (lives, pausing, ending, showing, refusals, lines):
            part(control, tag)
        shell(t, control, tag)
        status, text = control.run("off", "3")
        expect(f"off-{tag}", status == 0, text)
        status = t.status()
        expect(f"off-status-{tag}", status == 3 and
               "parley: power off, status 3" in t.text,
               (status, t.text[-500:]))
        told = seen(map(json.loads, events.communicate(timeout=30)[0]
                        .splitlines()))
        expect(f"events-{tag}", told.endswith(
            "paused runs exited runs exited runs exited off"), told)
        expect(f"no-machine-{tag}", control.run("list")[0] == 3)
    finally:
        events.kill()
        t.close()


def usage():
    """Whatever is called wrongly says so, without a machine."""
    for name, words in (("nothing", []), ("option", ["--xml", "list"]),
                        ("timeout", ["--timeout=x", "list"]),
                        ("socket", ["--socket"]), ("stats", ["stats", "x"]),
                        ("stats-zero", ["stats", "0"]),
                        ("state", ["wait", "web", "running"]),
                        ("escape", ["type", "web", "a\\q"]),
                        ("escape-last", ["type", "web", "a\\"]),
                        ("escape-hex", ["type", "web", "\\\\\\x4"]),
                        ("escape-zero", ["type", "web", "\\x00"])):
        done = subprocess.run([TOOL, *words], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True, check=False,
                              stderr=subprocess.STDOUT, timeout=60)
        expect(f"parleyctl-usage-{name}", done.returncode == 2
               and "usage: parleyctl" in done.stdout, done.stdout)
    status, text = Control("/nowhere/x.sock").run(
        "type", "web", "\\\\q \\x41\\r\\\\\\n")
    expect("parleyctl-escapes", status == 3, text)
    status, text = Control("/nowhere/x.sock").run("list")
    expect("parleyctl-no-socket", status == 3 and "/nowhere/x.sock" in text,
           text)


if __name__ == "__main__":
    chosen = sys.argv[1:] or ["svm", "vmx"]
    usage()
    for backend in chosen:
        with tempfile.TemporaryDirectory(prefix="parley-") as folder:
            machine(folder, "qemu" if backend == "svm" else "bochs", backend)
    sys.exit(1 if failures else 0)
