# SPDX-License-Identifier: BSD-2-Clause
"""From the lines of the bench guest to the cost table.

A sample counts one loop of n operations: the TSC, and the counters of the
guest's vCPUs and of the host partition. The figures are differences of 2n and n
iterations. Totals come from the plain boot; the split from the boot with the
probe, whose cost is calibrated with loops of known length and taken off.
"""
import re
import statistics

from legend import LEGEND

HEADER = ("operation,profile,mitigations,root_instructions,"
          "guest_instructions,host_instructions,exits,vmcs_accesses,"
          "exits_by_reason")
# In all profiles; these come first in the table.
EXACT = ("null", "batch_64", "time_read", "timer_set", "console_byte",
         "console_line", "event_send", "ipi", "event_wait", "aspace_switch",
         "cpu_query", "reg_read", "notify", "disk_read_4k", "block_qd1",
         "block_qd32", "net_round_trip", "net_frame", "page_fault",
         "pte_update", "user_syscall")
# These wait for an emulated device.
SERVED = ("disk_read_4k_device", "disk_qd32")
DEVICE = SERVED + ("disk_qd32_direct", "disk_qd32_trapped")  # see split.py
# And these take so long that the scheduler's timer falls into each repetition.
MEDIAN = DEVICE + ("net_frame",)
OPERATIONS = EXACT + SERVED
# Measured in the plain boot alone, and one way of a round trip: the probe and
# the counters take in what comes before and after.
ALONE = ("event_wake", "floor")
PROFILES = ("pv", "hvm", "classic")
DEVICE_RUNS = 21
# Loops whose length is known: instructions an iteration, without the exit.
KNOWN = {"loop": 2, "call_fast": 3, "exit": 2, "call_known": 104,
         "exit_known": 103, "event_wake": 4}
# Of which no row of the table is made: they check others.
CHECKS = (*KNOWN, "after_io", "after_irq", "floor")
# VMREAD and VMWRITE that the stub counts itself: at a call that it answers, at
# a call that it leaves to C half way, at any other exit (vmx/stub.S).
STUB_ACCESSES = (4, 2, 1)
LINE = re.compile(r"^(?:\[[^\]]*\] )?(BENCH|MEASURE) (.*)$")
FIELDS = ("op profile n per rep known tsc idle calls guest_tsc vmcs kinds"
          " h_calls h_guest_tsc h_vmcs h_kinds").split()
# pvabi/exits.def, by which a vCPU's exits are counted.
KINDS = ("none", "hcall", "cpuid", "msr", "io", "hlt", "cr", "dr", "mmio",
         "invlpg", "rdtsc", "desc", "pause", "exception", "xsetbv",
         "virt_insn", "wbinvd", "monitor", "window", "host_irq", "deadline",
         "triple", "entry_fail", "other")
HCALL = KINDS.index("hcall")  # a call that left the fast path
IRQS = (KINDS.index("host_irq"), KINDS.index("deadline"))  # nobody asked
# One way of a round trip, which differs by itself from boot to boot.
ALONE_ALLOWED = 1.0
# Not the same to the instruction: where the free frames lie, and on SVM how many
# ASIDs are used up (by starting a vCPU, too, as vcpu_yield_to does), differs a
# little from one run to the next.
NEARLY = ("partition_create", "partition_destroy", "partition_create_destroy",
          "vcpu_start", "vcpu_yield_to", "mem_populate", "mem_release",
          "console_line", "console_write", "net_round_trip")
NEARLY_ALLOWED = 0.01

class Bad(Exception):
    """The lines do not give a table; the text says why."""


def kinds_read(text):
    """{exit kind: count} of `1:16,4:32`."""
    return {} if text == "-" else \
        {int(k): int(n) for k, n in (w.split(":") for w in text.split(","))}


def sample(words):
    """The counts of one line."""
    s = dict(zip(FIELDS, words))
    for key in FIELDS[2:]:
        s[key] = kinds_read(s[key]) if key.endswith("kinds") else int(s[key])
    s["tsc"] -= s["idle"]  # nobody works then
    for side in ("", "h_"):
        kinds = s[side + "kinds"]
        s[side + "slow"] = kinds.get(HCALL, 0)
        s[side + "exits"] = sum(kinds.values()) - s[side + "slow"]
        s[side + "irqs"] = sum(kinds.get(k, 0) for k in IRQS)
    if s["op"] == "floor":
        s["profile"] = "-"
    return s


def nothing(s):
    """The sample of no pass, for one that has no other beside it."""
    return {k: {} if isinstance(v, dict) else 0 if k != "per" and
            isinstance(v, int) else v for k, v in s.items()}


def parse(lines):
    """{(op, profile): {rep: [sample of n, sample of 2n]}}"""
    ops = {}
    for found in filter(None, map(LINE.match, lines)):
        words = found.group(2).split()
        if len(words) != len(FIELDS):
            raise Bad(f"a garbled line: {found.group(0)}")
        s = sample(words)
        pairs = ops.setdefault((s["op"], s["profile"]), {}) \
            .setdefault(s["rep"], [])
        if found.group(1) == "MEASURE":  # of the kit, which counts one pass
            pairs.append(nothing(s))
        pairs.append(s)
    if not ops:
        raise Bad("there are no samples")
    return ops


FIGURES = ("known", "tsc", "idle") + tuple(
    side + k for side in ("", "h_")
    for k in ("calls", "slow", "exits", "irqs", "guest_tsc", "vmcs"))


def per_operation(one, two):
    """The difference of two samples, per operation."""
    count = (two["n"] - one["n"]) * one["per"]
    out = {k: (two[k] - one[k]) / count for k in FIGURES}
    for side in ("kinds", "h_kinds"):
        out[side] = {k: (two[side].get(k, 0) - one[side].get(k, 0)) / count
                     for k in sorted(set(one[side]) | set(two[side]))}
    return out


def exits_of(v):
    return sum(v[k] for k in ("calls", "exits", "h_calls", "h_exits"))


def reasons_of(v):
    """{reason: exits}; `call` is every hypercall, of both partitions."""
    out = {"call": v["calls"] + v["h_calls"]}
    for k, name in enumerate(KINDS):
        if k != HCALL:
            out[name] = v["kinds"].get(k, 0) + v["h_kinds"].get(k, 0)
    return {name: n for name, n in out.items() if n}


def nearly(op):
    """The share by which countings of a row may differ."""
    return NEARLY_ALLOWED if op in NEARLY else 0


class Row:
    """One operation in one profile, from one boot: figures per operation.

    What waits for no device takes the same instructions each time, but for an
    interrupt of the scheduler's timer, which only adds: the least of the
    repetitions is the figure, and two of them must have it. What waits for a
    device has the median.
    """

    def __init__(self, key, reps):
        pairs = [r for r in reps.values() if len(r) == 2]
        if not pairs:
            raise Bad(f"{key}: no samples")
        self.op, self.profile = key
        self.n, self.reps = pairs[0][0]["n"], len(pairs)
        self.alone = not pairs[0][0]["n"]  # a guest's own, pass by pass
        if self.op in MEDIAN or self.alone:
            self.take_median([per_operation(*p) for p in pairs])
        else:
            self.take_least(pairs)

    def take_least(self, pairs):
        least = [min(side, key=lambda s: s["tsc"]) for side in zip(*pairs)]
        near = 1 + nearly(self.op)
        more = [sum(s["tsc"] > low["tsc"] * near for s in side)
                for low, side in zip(least, zip(*pairs))]
        self.v = per_operation(*least)
        self.disturbed = sum(more)
        self.same = all(len(pairs) - m >= min(2, len(pairs)) for m in more) \
            and not any(s["idle"] or s["irqs"] or s["h_irqs"] for s in least)
        self.low = self.high = self.v["tsc"]

    def take_median(self, diffs):
        self.v = {k: statistics.median(d[k] for d in diffs) for k in FIGURES}
        for side in ("kinds", "h_kinds"):
            self.v[side] = {
                k: statistics.median(d[side].get(k, 0) for d in diffs)
                for k in sorted(set().union(*(d[side] for d in diffs)))}
        self.disturbed, self.same = 0, True
        self.low = min(d["tsc"] for d in diffs)
        self.high = max(d["tsc"] for d in diffs)

    def rescale(self, scale):
        for key in ("tsc", "idle", "guest_tsc", "h_guest_tsc"):
            self.v[key] /= scale
        self.low = self.low / scale - self.v["known"]
        self.high = self.high / scale - self.v["known"]
        self.v["tsc"] -= self.v["known"]

    def fast(self, side=""):
        """Calls that the stub answers."""
        return self.v[side + "calls"] - self.v[side + "slow"]

    def slow(self, side=""):
        """Entries that C makes."""
        return self.v[side + "exits"] + self.v[side + "slow"]

    def exits(self):
        return exits_of(self.v)

    def vmcs(self):
        return self.v["vmcs"] + self.v["h_vmcs"]


class Boot:
    """All rows of one boot; counts in instructions."""

    def __init__(self, lines):
        self.rows = {k: Row(k, r) for k, r in parse(lines).items()}
        self.scale = self.find_scale()
        for row in self.rows.values():
            row.rescale(self.scale)

    def find_scale(self):
        """TSC ticks an instruction, from a loop of known length."""
        ticks = self.get("loop", "pv").v["tsc"]
        scale = ticks / KNOWN["loop"]
        if scale != int(scale) or scale < 1:
            raise Bad(f"a loop of {KNOWN['loop']} instructions counts "
                      f"{ticks} TSC ticks: not an exact count")
        return scale

    def get(self, op, profile):
        row = self.rows.get((op, profile))
        if not row:
            raise Bad(f"no samples of {op} in {profile}")
        return row


class Probe:
    """What the probe adds: to a call and to any other exit, with the entry
    after it, in all and to the guest's part; and to each VMREAD and VMWRITE
    that C makes."""

    def __init__(self, plain, probed, call_counts):
        call, other = (probed.get(op, "pv") for op in ("call_fast", "exit"))
        self.known = KNOWN["call_fast"] + call_counts
        self.guest = {"fast": call.v["guest_tsc"] - self.known,
                      "slow": other.v["guest_tsc"] - KNOWN["exit"]
                      - call_counts}
        self.total = {"call": self.added(plain, call)}
        self.access = self.access_cost(plain, probed)
        self.total["exit"] = self.added(plain, other) \
            - self.access * self.by_c(other)

    @staticmethod
    def added(plain, row):
        return row.v["tsc"] - plain.get(row.op, row.profile).v["tsc"]

    def access_cost(self, plain, probed):
        """From two exits with different numbers of accesses."""
        rows = [probed.get("exit", "pv"), probed.get("aspace_switch",
                                                     "classic")]
        cost, by_c = ([f(r) for r in rows] for f in
                      (lambda r: self.added(plain, r), self.by_c))
        return (cost[1] - cost[0]) / (by_c[1] - by_c[0]) if by_c[0] else 0

    @staticmethod
    def by_c(row):
        """VMREAD and VMWRITE that the stub has not counted itself."""
        if not row.vmcs():
            return 0
        half = row.v["slow"] + row.v["h_slow"]
        counts = (row.fast() + row.fast("h_"), half,
                  row.v["exits"] + row.v["h_exits"])
        return row.vmcs() - sum(c * n for c, n in zip(counts, STUB_ACCESSES))

    def split(self, row):
        """(guest's, host partition's) instructions."""
        def part(side):
            return row.v[side + "guest_tsc"] - \
                self.guest["fast"] * row.fast(side) - \
                self.guest["slow"] * row.slow(side)
        return part(""), part("h_")

    def expected(self, row):
        """What the plain boot must have counted in all."""
        calls = row.v["calls"] + row.v["h_calls"]
        exits = row.v["exits"] + row.v["h_exits"]
        return row.v["tsc"] - self.total["call"] * calls - \
            self.total["exit"] * exits - self.access * self.by_c(row)


class Cost:
    """A line of the table."""

    def __init__(self, row, mitigations, guest, host, vmcs):
        self.op, self.profile, self.mitigations = \
            row.op, row.profile, mitigations
        self.row, self.total = row, row.v["tsc"]
        self.guest, self.host = guest, host
        self.root = self.total - guest - host
        # the leanest handler does not even count
        self.exits = row.exits() if row.op not in ALONE else 1
        self.vmcs = vmcs
        self.reasons = reasons_of(row.v)

    def csv(self):
        return ",".join([self.op, self.profile, self.mitigations,
                         *(number(x) for x in (self.root, self.guest,
                                               self.host, self.exits,
                                               self.vmcs)),
                         " ".join(f"{k}:{number(n)}" for k, n in
                                  self.reasons.items()) or "-"])


def number(x):
    if x is None:
        return "-"
    return f"{x:.2f}".rstrip("0").rstrip(".") if x else "0"


def disagreement(probe, plain, probed):
    """Why the two countings of a row do not agree; "" when they do."""
    if plain.op in MEDIAN:  # no two boots are alike
        return ""
    expected, total = probe.expected(probed), plain.v["tsc"]
    allowed = total * (ALONE_ALLOWED if plain.alone else nearly(plain.op))
    if abs(expected - total) <= allowed:
        return ""
    return (f"{plain.op} in {plain.profile}: {number(total)} instructions in "
            f"all, {number(expected)} by the probe")


def with_auto(rows, mitigated):
    """The rows, and those of a boot with mitigations beside them."""
    out = []
    for r in rows:
        out.append(r)
        if (r.op, r.profile) in mitigated.rows and r.op != "floor":
            out.append(Cost(mitigated.get(r.op, r.profile), "auto", r.guest,
                            r.host, r.vmcs))
    return out


def order(rows):
    """The table's: what all profiles have first, then by the samples'."""
    first = [(op, p) for op in OPERATIONS for p in PROFILES
             if (op, p) in rows or op in EXACT]
    names = dict.fromkeys(op for op, _ in rows
                          if op not in OPERATIONS and op not in CHECKS)
    return first + [(op, p) for op in names for p in PROFILES
                    if (op, p) in rows]


def measured(rows):
    """Those that a guest measured by itself, in its order."""
    return [key for key, row in rows.items() if row.alone]


def costs(plain, probed, call_counts, vmcs_counted, keys=None):
    """(list of Cost, Probe, list of complaints), without mitigations."""
    probe, out, wrong = Probe(plain, probed, call_counts), [], []
    for key in order(plain.rows) if keys is None else keys:
        row, other = plain.get(*key), probed.get(*key)
        guest, host = probe.split(other)
        wrong += [x for x in [disagreement(probe, row, other)] if x]
        wrong += [f"{key[0]} in {key[1]}: not the same in each repetition"
                  for r in (row, other) if not r.same]
        vmcs = other.vmcs() if vmcs_counted else None
        out.append(Cost(row, "off", guest, host, vmcs))
    if keys is None:
        out.append(Cost(plain.get("event_wake", "pv"), "off",
                        KNOWN["event_wake"] + call_counts, 0, None))
        out.append(Cost(plain.get("floor", "-"), "off", probe.known, 0,
                        3 if vmcs_counted else None))
    return out, probe, wrong


def csv(rows):
    return "\n".join([HEADER, *(r.csv() for r in rows)]) + "\n"


def ratio(value, base):
    if not base or base <= 0:
        return "-"
    return f"{value / base:.1f}x"


def device_lines(rows):
    """Median and spread of what waits for a device."""
    out = []
    for r in rows:
        if r.op in DEVICE and r.mitigations == "off":
            out.append(f"  {r.op} {r.profile:8} median {number(r.total)}, "
                       f"least {number(r.row.low)}, most "
                       f"{number(r.row.high)}, {r.row.reps} runs")
    return ["", "Rows that wait for an emulated device, all instructions "
            "without the idle time:", *out] if out else []


def legend(rows):
    """What stands for the operations in rows."""
    names = {r.op for r in rows}
    out = [f"  {op:24} {pv}" + (f" | {trap}" if trap else "")
           for op, pv, trap in LEGEND if op in names]
    return ["", "What stands for each operation (pv | hvm and classic); a "
            "row with a call's name is", "that call, or what stands for it "
            "there:", *out] if out else []


def text(rows, title, note):
    """The table for people."""
    base = {r.op: r for r in rows
            if r.profile == "pv" and r.mitigations == "off"}
    out = [title, "", f"{'operation':24} {'profile':8} {'mit.':5}"
           f"{'root':>10}{'guest':>10}{'host':>9}{'exits':>6}{'vmcs':>9}"
           f"{'all':>11}{'root/pv':>9}{'all/pv':>9}"]
    for r in rows:
        pv = base.get(r.op)
        out.append(f"{r.op:24} {r.profile:8} {r.mitigations:5}"
                   f"{number(r.root):>10}{number(r.guest):>10}"
                   f"{number(r.host):>9}{number(r.exits):>6}"
                   f"{number(r.vmcs):>9}{number(r.total):>11}"
                   f"{ratio(r.root, pv and pv.root):>9}"
                   f"{ratio(r.total, pv and pv.total):>9}")
    out += [*device_lines(rows), *legend(rows)]
    return "\n".join(out + ["", *note]) + "\n"
