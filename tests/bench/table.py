# SPDX-License-Identifier: BSD-2-Clause
"""From the lines of the bench guest to the cost table.

A sample counts one loop of n operations: the TSC, and the counters of the
guest's vCPUs and of the host partition. The figures are differences of 2n and n
iterations. Totals come from the plain boot; the split from the boot with the
probe, whose cost is calibrated with loops of known length and taken off.
"""
import re
import statistics

HEADER = ("operation,profile,mitigations,root_instructions,"
          "guest_instructions,host_instructions,exits,vmcs_accesses")
OPERATIONS = ("null", "time_read", "timer_set", "console_byte",
              "console_line", "event_send", "ipi", "event_wait",
              "aspace_switch", "cpu_query", "reg_read", "notify",
              "disk_read_4k")
PROFILES = ("pv", "hvm", "classic")
LINE = re.compile(r"^(?:\[[^\]]*\] )?BENCH (.*)$")
END = re.compile(r"^(?:\[[^\]]*\] )?BENCH-END (\w+) probe (\d)")
FIELDS = ("op profile n per rep tsc idle calls slow exits irqs guest_tsc vmcs"
          " h_calls h_slow h_exits h_irqs h_guest_tsc h_vmcs").split()

LEGEND = (
    ("null", "hypercall nop", "OUT to port 0x80"),
    ("time_read", "vCPU page and RDTSC", "RDTSC"),
    ("timer_set", "hypercall timer_set",
     "WRMSR to TSC_DEADLINE (or the x2APIC timer's count)"),
    ("console_byte", "hypercall console_write, 1 byte",
     "16550: IN of LSR, OUT of THR"),
    ("console_line", "hypercall console_write, 80 bytes",
     "16550: 80 times IN of LSR, OUT of THR"),
    ("event_send", "hypercall event_send to itself, upcall, handler",
     "WRMSR to SELF_IPI, vector, WRMSR to EOI, handler"),
    ("ipi", "hypercall vcpu_ipi, then vcpu_wait until one comes back",
     "WRMSR to ICR, then STI; HLT until one comes back; EOI"),
    ("event_wait", "hypercall event_send_wait, both ways",
     "WRMSR to ICR, STI; HLT, EOI, both ways"),
    ("aspace_switch", "MOV to CR3, native", "MOV to CR3"),
    ("cpu_query", "hypercall query", "CPUID"),
    ("reg_read", "hypercall io_read of MagicValue",
     "load from MagicValue of a virtio-mmio page"),
    ("notify", "hypercall io_write to QueueNotify", "store to QueueNotify"),
    ("disk_read_4k", "one request of a RAM disk that the host partition "
     "serves; io_write, vcpu_wait",
     "the same; store, STI; HLT, InterruptStatus, InterruptACK, EOI"),
    ("floor", "a call that the exit stub answers at once: the leanest "
     "possible handler", ""),
)


class Bad(Exception):
    """The lines do not give a table; the text says why."""


def parse(lines):
    """{(op, profile): {rep: {n: sample}}} and the set of ended guests."""
    ops, ended = {}, []
    for line in lines:
        found = END.match(line)
        if found:
            ended.append((found.group(1), int(found.group(2))))
        found = LINE.match(line)
        if not found:
            continue
        words = found.group(1).split()
        if len(words) != len(FIELDS):
            raise Bad(f"a garbled line: {line}")
        s = dict(zip(FIELDS, words))
        for key in FIELDS[2:]:
            s[key] = int(s[key])
        if s["op"] == "floor":
            s["profile"] = "-"
        reps = ops.setdefault((s["op"], s["profile"]), {})
        reps.setdefault(s["rep"], []).append(s)
    return ops, ended


def per_operation(one, two):
    """The difference of two samples, per operation."""
    count = (two["n"] - one["n"]) * one["per"]
    return {k: (two[k] - one[k]) / count for k in FIELDS[5:]}


class Row:
    """One operation in one profile, from one boot: medians per operation."""

    def __init__(self, key, reps):
        pairs = [r for r in reps.values() if len(r) == 2]
        if not pairs:
            raise Bad(f"{key}: no samples")
        quiet = [r for r in pairs if not any(
            s["irqs"] or s["h_irqs"] for s in r)]
        diffs = [per_operation(*r) for r in quiet or pairs]
        self.op, self.profile = key
        self.quiet, self.n = bool(quiet), pairs[0][0]["n"]
        self.reps = len(diffs)
        self.v = {k: statistics.median(d[k] for d in diffs)
                  for k in FIELDS[5:]}
        self.spread = max(d["tsc"] for d in diffs) - \
            min(d["tsc"] for d in diffs)

    def fast(self, side=""):
        return self.v[side + "calls"] - self.v[side + "slow"]

    def slow(self, side=""):
        return self.v[side + "exits"] + self.v[side + "slow"]

    def exits(self):
        return sum(self.v[k] for k in ("calls", "exits", "h_calls",
                                       "h_exits"))


class Boot:
    """All rows of one boot; counts in instructions."""

    def __init__(self, lines):
        ops, self.ended = parse(lines)
        self.rows = {k: Row(k, r) for k, r in ops.items()}
        self.scale = self.find_scale()
        for row in self.rows.values():
            for key in ("tsc", "idle", "guest_tsc", "h_guest_tsc"):
                row.v[key] /= self.scale
            row.spread /= self.scale

    def find_scale(self):
        """TSC ticks an instruction: the loop has two instructions a turn."""
        row = self.rows.get(("loop", "pv"))
        if not row:
            raise Bad("the bench guest printed no samples")
        scale = row.v["tsc"] / 2
        if scale != int(scale) or scale < 1:
            raise Bad("a loop of 2 instructions counts "
                      f"{row.v['tsc']} TSC ticks: not an exact count")
        return scale

    def get(self, op, profile):
        row = self.rows.get((op, profile))
        if not row:
            raise Bad(f"no samples of {op} in {profile}")
        return row


class Probe:
    """What the probe adds to an exit: to the guest's count, and in all. With
    VMX, counting an access outside of the fast path costs something too."""

    def __init__(self, plain, probed, call_counts):
        self.known = 3 + call_counts  # the loops call_fast and floor
        self.guest, self.total = {}, {}
        for kind, op, length in (("fast", "call_fast", 3),
                                 ("slow", "exit", 2)):
            row, known = probed.get(op, "pv"), length + call_counts
            self.guest[kind] = row.v["guest_tsc"] - known
            self.total[kind] = row.v["tsc"] - plain.get(op, "pv").v["tsc"]
        self.fast_vmcs = probed.get("call_fast", "pv").v["vmcs"]
        self.access = self.access_cost(plain, probed)
        self.total["slow"] -= self.access * probed.get("exit", "pv").v["vmcs"]

    def access_cost(self, plain, probed):
        """From two exits with different numbers of accesses."""
        keys = (("exit", "pv"), ("aspace_switch", "classic"))
        cost = [probed.get(*k).v["tsc"] - plain.get(*k).v["tsc"]
                for k in keys]
        vmcs = [probed.get(*k).v["vmcs"] for k in keys]
        return (cost[1] - cost[0]) / (vmcs[1] - vmcs[0]) \
            if vmcs[1] != vmcs[0] else 0

    def split(self, row):
        """(guest's, host partition's) instructions."""
        def part(side):
            return row.v[side + "guest_tsc"] - \
                self.guest["fast"] * row.fast(side) - \
                self.guest["slow"] * row.slow(side)
        return part(""), part("h_")

    def expected(self, row):
        """What the plain boot must have counted in all."""
        fast = row.fast() + row.fast("h_")
        slow = row.slow() + row.slow("h_")
        vmcs = row.v["vmcs"] + row.v["h_vmcs"] - self.fast_vmcs * fast
        return row.v["tsc"] - self.total["fast"] * fast - \
            self.total["slow"] * slow - self.access * vmcs


class Cost:
    """A line of the table."""

    def __init__(self, row, mitigations, guest, host, vmcs):
        self.op, self.profile, self.mitigations = \
            row.op, row.profile, mitigations
        self.total = row.v["tsc"]
        self.guest, self.host = guest, host
        self.root = self.total - guest - host
        # the leanest handler does not even count
        self.exits = row.exits() if row.op != "floor" else 1
        self.vmcs = vmcs
        self.spread, self.reps = row.spread, row.reps

    def csv(self):
        return ",".join([self.op, self.profile, self.mitigations,
                         *(number(x) for x in (self.root, self.guest,
                                               self.host, self.exits)),
                         number(self.vmcs)])


def number(x):
    if x is None:
        return "-"
    return f"{x:.2f}".rstrip("0").rstrip(".") if x else "0"


def costs(plain, probed, mitigated, call_counts, vmcs_counted):
    """(list of Cost, Probe, list of complaints)."""
    probe, out, wrong = Probe(plain, probed, call_counts), [], []
    keys = [(op, p) for op in OPERATIONS for p in PROFILES]
    for key in keys:
        row, split_row = plain.get(*key), probed.get(*key)
        guest, host = probe.split(split_row)
        expected = probe.expected(split_row)
        off = abs(expected - row.v["tsc"])
        # a call that leaves the fast path half way is taken for a slow exit
        half = row.v["slow"] + row.v["h_slow"]
        if off > max(1, row.v["tsc"] * 0.02) + 24 * half:
            wrong.append(f"{key[0]} in {key[1]}: {number(row.v['tsc'])} "
                         f"instructions in all, {number(expected)} by the "
                         "probe")
        vmcs = split_row.v["vmcs"] + split_row.v["h_vmcs"] \
            if vmcs_counted else None
        out.append(Cost(row, "off", guest, host, vmcs))
        if mitigated:
            out.append(Cost(mitigated.get(*key), "auto", guest, host, vmcs))
    floor = plain.get("floor", "-")
    out.append(Cost(floor, "off", probe.known, 0,
                    3 if vmcs_counted else None))
    return out, probe, wrong


def csv(rows):
    return "\n".join([HEADER, *(r.csv() for r in rows)]) + "\n"


def ratio(value, base):
    if not base or base.total <= 0:
        return "-"
    return f"{value / base.total:.1f}x"


def text(rows, title, note):
    """The table for people."""
    base = {r.op: r for r in rows
            if r.profile == "pv" and r.mitigations == "off"}
    out = [title, "", f"{'operation':14} {'profile':8} {'mit.':5}"
           f"{'root':>10}{'guest':>9}{'host':>10}{'exits':>8}{'vmcs':>8}"
           f"{'all':>11}{'to pv':>9}"]
    for r in rows:
        show = r.op if r.profile in ("pv", "-") and r.mitigations == "off" \
            else r.op
        out.append(f"{show:14} {r.profile:8} {r.mitigations:5}"
                   f"{number(r.root):>10}{number(r.guest):>9}"
                   f"{number(r.host):>10}{number(r.exits):>8}"
                   f"{number(r.vmcs):>8}{number(r.total):>11}"
                   f"{ratio(r.total, base.get(r.op)):>9}")
    out += ["", "What stands for each operation (pv | hvm and classic):"]
    out += [f"  {op:14} {pv}" + (f" | {trap}" if trap else "")
            for op, pv, trap in LEGEND]
    return "\n".join(out + ["", *note]) + "\n"


NOTES = (
    "Figures are instructions per operation. root: of the hypervisor, from "
    "the guest's",
    "instruction to its next one. guest: of the guest, the loop around the "
    "operation and",
    "its handlers included. host: of the host partition. exits: of both. "
    "vmcs: VMREAD and",
    "VMWRITE. to pv: all instructions, against profile pv. Not counted: what "
    "the CPU itself",
    "spends on a transition, on cache and TLB misses. A notification wakes "
    "the host",
    "partition, whose work is shared out over the notifications that it "
    "finds at once.",
)
EMULATOR_NOTES = {
    "bochs": ("Bochs: VMCALL counts 1 (as the guest's), VMRESUME 1 (as "
              "root's).",),
    "qemu": ("QEMU: an instruction that exits counts 0, VMRUN 1 (as "
             "root's).",),
}
