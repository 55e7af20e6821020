#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Kill the host partition, and guests, in the middle of I/O, at random points:
stress.py [ROUNDS], 50 of each by default.

A boot has several rounds. In one kind the host partition dies again and again,
each time at a random instruction of what it does for a guest's disk, or of its
start; the guest's requests all succeed, and each byte it was told is written is
there. In another kind guests are killed while their requests are under way:
another guest's data stays, memory that the next one gets is blank, and in the end
as many pages are free as at first. In a third one the host partition dies beneath
SQLite: what was committed is there, and the database is whole. In a fourth one it
dies beneath two guests that exchange numbered frames, and one of them asks the
network behind the card: what is lost is sent again, and no frame has a wrong byte.

SEED= plays the same boots again; it is printed. The emulators do not run the same
way twice, so a point is met again more or less. JOBS= as in suite.py.
"""
import concurrent.futures
import os
import random
import re
import subprocess
import sys

import suite

LIVES, KILLS = 7, 6  # rounds in a boot, at most
FEW = 20  # rounds in all: then they are spread over more boots
SLOW = 200  # requests a second that QEMU's disk ends where guests are killed
# Where the host partition finds its disk: QEMU has all, Bochs IDE.
PLACES = [("svm", "virtio"), ("vmx", "ide"), ("svm", "ahci"), ("vmx", "ide"),
          ("svm", "nvme"), ("vmx", "ide"), ("svm", "ide"), ("vmx", "ide")]
DIED = re.compile(r"parley: the host partition died: .* at rip (\w+)")
ANEW = "parley: the host partition starts anew, for the {}. time"
WHAT = {"host": "host dies", "guest": "guest dies",
        "sqlite": "host dies under SQLite", "net": "host dies under a network"}
# The card: an e1000, or virtio-net, which Bochs has not.
CARDS = [{"nic": "net"},
         {"devices": "-netdev user,id=net,restrict=on -device virtio-net-pci,"
          "netdev=net,disable-legacy=on,romfile=,addr=5,mac=52:54:00:12:34:56"}]
REJECT = [r"\bFAIL\b", r"cannot be served", r"^host: guest \S+: died"]


class Case(suite.Case):
    """A case that is made up; see suite.py for what it says."""

    def __init__(self, name, keys, ordered, config):
        super().__init__(os.path.join(suite.HERE, "cases", "restart.case"))
        self.name = name
        self.keys.update(keys)
        self.parts = {"expect": [], "ordered": ordered, "reject": REJECT,
                      "config": config.splitlines()}


class Stress(suite.Boot):
    """One boot, of some rounds; `told` is called with a line for each."""

    def __init__(self, case, backend, smp, rounds):
        super().__init__(case, backend, smp)
        self.rounds, self.told, self.again = rounds, None, ""

    def judge(self, result):
        bad = super().judge(result)
        bad = [f"{b} ({self.again})" for b in bad]
        if self.told:
            self.told(self, bad, result.lines)
        return bad


def deaths(rng, rounds):
    """Where each life ends: a step of the devices, and instructions behind it,
    or instructions of its start."""
    lines = []
    for life in range(rounds):
        if life and rng.random() < .2:
            lines.append(f"0:{int(2 ** rng.uniform(4, 15))}")
            continue
        step = rng.randint(1, 120) if rng.random() < .6 else rng.randint(1, 12)
        lines.append(str(step) if rng.random() < .15 else
                     f"{step}:{rng.randint(1, 3000)}")
    return lines


def host_dies(kind, index, rounds, seed, guests, signs, **keys):
    """A boot in which it does; guests(rng, rounds) is the configuration's rest,
    the signs are what they print, and the keys the case's."""
    rng = random.Random(f"{kind} {seed} {index}")
    backend, disk = PLACES[index % len(PLACES)]
    points = deaths(rng, rounds)
    config = ["[host]", "memory = 32M", *(f"crash = {p}" for p in points),
              guests(rng, rounds)]
    ordered = [line for n in range(1, rounds + 1)
               for line in (DIED.pattern, ANEW.format(n))]
    keys = {"disk": disk, "timeout": "300", **keys}
    if disk in ("virtio", "nvme"):  # where there is PCI Express it is reset
        machine = rng.choice(("", "-machine q35"))
        keys["devices"] = f"{keys.get('devices', '')} {machine}".strip()
    case = Case(f"stress-{kind}-{index}", keys, ordered + signs,
                "\n".join(config))
    case.points = points
    return Stress(case, backend, 1 + (index + index // 2) % 2, rounds)


def disk_guests(rng, rounds):
    return f"""[guest disk]
image = restart.elf
cmdline = "rounds=20 restarts={rounds} seed={rng.randint(1, 1 << 30)}"
profile = {rng.choice(("pv", "pv", "hvm"))}
disk = data:part=data
[guest folder]
image = refold.elf
cmdline = "restarts={rounds}"
folder = share:part=esp/parley"""


def under_disk(index, rounds, seed):
    return host_dies("host", index, rounds, seed, disk_guests, [
        r"^\[disk\] PASS no-request-failed$", r"^\[disk\] PASS no-wrong-byte$",
        r"^\[disk\] PASS host-restarted$", r"^host: guest disk: exit code 0$",
        r"^host: guest folder: exit code 0$"])


def sqlite_guests(rng, rounds):
    """So many transactions that each life ends amid them, or behind."""
    return f"""[guest fill]
image = sqlite.elf
memory = 32M
cmdline = "do=fill n={20 + 30 * rounds}"
disk = data:part=data
[guest check]
image = sqlite.elf
memory = 32M
cmdline = "do=check"
disk = data:part=data
start = after fill"""


def under_sqlite(index, rounds, seed):
    return host_dies("sqlite", index, rounds, seed, sqlite_guests, [
        r"^\[fill\] filled up to", r"^\[check\] PASS integrity$",
        r"^\[check\] PASS committed$", r"^host: guest check: exit code 0$"])


def net_guests(rng, rounds):
    send, echo = (rng.choice(("pv", "pv", "hvm")) for _ in range(2))
    return f"""[guest send]
image = renet.elf
cmdline = "role=send restarts={rounds} gateway=@GATEWAY@"
profile = {send}
net = net:switch,mac=52:54:00:12:34:56
[guest echo]
image = renet.elf
cmdline = "role=echo"
profile = {echo}
net = net:switch"""


def under_net(index, rounds, seed):
    card = CARDS[index // 2 % 2 if PLACES[index % len(PLACES)][0] == "svm"
                 else 0]
    case = host_dies("net", index, rounds, seed, net_guests, [
        r"^host: guest send: exit code 0$"], **card)
    case.case.parts["expect"] = [
        r"^\[send\] PASS all-came-back$", r"^\[send\] PASS outside$",
        r"^\[send\] PASS no-wrong-byte$", r"^\[send\] PASS host-restarted$",
        r"^\[echo\] PASS no-wrong-byte$", r"^host: guest echo: exit code 0$"]
    return case


def kill_round(rng, n):
    """Guests of one round: one that is killed, its time, and who looks then."""
    profile = rng.choice(("pv", "pv", "hvm", "classic"))
    start = f"start = after blank{n - 1}" if n > 1 else ""
    time = int(2 ** rng.uniform(5, 9))
    image = rng.choice(("restart", "flood"))
    return f"""[guest io{n}]
image = {image}.elf
profile = {profile}
cmdline = "rounds=1000000 restarts=0 base=64 seed={rng.randint(1, 1 << 30)}"
disk = data:part=data
{start}
kill = after time{n}
[guest time{n}]
image = victim.elf
cmdline = "ms={time}"
{start}
[guest blank{n}]
image = blank.elf
cmdline = "ms=200"
memory = 24M
start = after io{n}
"""


def guest_dies(index, rounds, seed):
    rng = random.Random(f"guest {seed} {index}")
    backend, disk = PLACES[index % len(PLACES)]
    config = "[host]\nmemory = 32M\ncount = yes\n" + "".join(
        kill_round(rng, n) for n in range(1, rounds + 1)) + f"""[guest disk]
image = restart.elf
cmdline = "rounds=20 restarts=0 ms={rounds * 400}"
disk = data:part=data
"""
    case = Case(f"stress-guest-{index}", {
        "disk": disk, "timeout": "240",
        "devices": f"-set drive.disk.throttling.iops-total={SLOW}"}, [],
                config)
    case.parts["expect"] = [line for n in range(1, rounds + 1) for line in (
        f"^host: guest io{n}: killed$",
        rf"^\[blank{n}\] PASS memory-blank$")] + [
                            r"^\[disk\] PASS no-request-failed$",
                            r"^\[disk\] PASS no-wrong-byte$",
                            r"^host: guest disk: exit code 0$"]
    return Killed(case, backend, 1 + (index + index // 2) % 2, rounds)


class Killed(Stress):
    """As many pages are free in the end as at first."""

    def judge(self, result):
        free = [int(m.group(1)) for m in map(re.compile(
            r"host: (\d+) pages are free").match, result.lines) if m]
        bad = super().judge(result)
        if len(free) != 2 or free[0] != free[1]:
            bad.append(f"free pages: {free} ({self.again})")
        return bad


def boots(make, most, rounds, seed):
    """So many rounds of a kind, in boots that take turns among the places."""
    first = random.Random(seed).randrange(len(PLACES) // 2) * 2
    counts = [min(most, rounds - at) for at in range(0, rounds, most)]
    return [make(first + i, n, seed) for i, n in enumerate(counts)]


def jobs(rounds, seed):
    few = 3 if rounds < FEW else max(LIVES, KILLS)
    made = boots(under_disk, min(few, LIVES), rounds, seed) + \
        boots(guest_dies, min(few, KILLS), rounds, seed) + \
        boots(under_sqlite, min(few, LIVES), rounds if rounds >= FEW else 1,
              seed) + \
        boots(under_net, min(few, LIVES), rounds, seed)
    for boot in made:
        boot.again = f"again: make stress STRESS_ROUNDS={rounds} SEED={seed}"
    return made


def some_seed():
    return os.environ.get("SEED") or \
        str(random.SystemRandom().randint(1, 999999))


def functions():
    """The host partition's, by address, as far as nm can tell."""
    done = subprocess.run(["nm", "-n", os.path.join(suite.OUTPUT, "host.elf")],
                          stdout=subprocess.PIPE, text=True, check=False)
    lines = [l.split() for l in done.stdout.splitlines()]
    return [(int(l[0], 16), l[2]) for l in lines
            if len(l) == 3 and l[1] in "tT"]


def places(lines):
    """Where each life has ended: {1: "rip", ...}; old lines may come again."""
    found, rip = {}, ""
    for line in lines:
        died = DIED.search(line)
        rip = died.group(1) if died else rip
        for n in range(1, LIVES + 1):
            if line == ANEW.format(n):
                found.setdefault(n, rip)
    return found


class Progress:
    """A line for each round."""

    def __init__(self):
        self.done = dict.fromkeys(WHAT, 0)
        self.functions = functions()

    def where(self, rip):
        name = ""
        for at, function in self.functions:
            if at <= int(rip, 16):
                name = f" ({function})"
        return f", rip {rip}{name}"

    def tell(self, boot, bad, lines):
        kind = boot.case.name.split("-")[1]
        points = getattr(boot.case, "points", None)
        rips = places(lines)
        for n in range(boot.rounds):
            self.done[kind] += 1
            rip = rips.get(n + 1)
            where = f"at {points[n]}" if points else f"guest io{n + 1}"
            where += self.where(rip) if rip else ""
            print(f"{WHAT[kind]}, round {self.done[kind]}: {boot.backend}, "
                  f"{boot.smp} CPU{'s' * (boot.smp > 1)}, "
                  f"{boot.case.keys['disk']}, {where}: "
                  f"{'FAILED' if bad else 'ok'}", flush=True)


def main():
    rounds = int(sys.argv[1] if len(sys.argv) > 1 else
                 os.environ.get("STRESS_ROUNDS") or 50)
    seed = some_seed()
    only = os.environ.get("STRESS_ONLY", "")
    print(f"stress: {rounds} rounds of each kind; SEED={seed} plays them again",
          flush=True)
    tally, progress = suite.Tally(), Progress()
    todo = [j for j in jobs(rounds, seed) if only in j.name]
    for job in todo:
        job.told = progress.tell
    with concurrent.futures.ThreadPoolExecutor(
            int(os.environ.get("JOBS") or 2)) as pool:
        for future in [pool.submit(suite.run_one, j, tally) for j in todo]:
            future.result()
    for failure in tally.failures:
        print(f"FAILED: {failure}")
    print(f"{sum(progress.done.values())} rounds, "
          f"{len(tally.failures)} failures; SEED={seed}")
    return 1 if tally.failures or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
