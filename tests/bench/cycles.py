# SPDX-License-Identifier: BSD-2-Clause
"""The cost table in cycles: for KVM and real hardware, where the TSC counts
time and no instruction count is at hand. Each loop of the bench guest is a
sample: its TSC ticks, without the idle ones, over its operations."""
import math
import re

import table

HEADER = "operation,profile,mitigations,n,minimum,p5,median,p95,exits"
BACK_END = re.compile(r"^parley: back end (\w+)")
MITIGATIONS = re.compile(r"^parley: mitigations (\w+)")
LOOP = re.compile(r"^(?:\[[^\]]*\] )?MEASURE-LOOP ")
NOTES = (
    "CYCLES, not instructions: ticks of the TSC for one operation, its loop "
    "included, idle",
    "time taken off; n samples, their minimum, 5th percentile, median and 95th "
    "percentile.",
    "They hold for this machine, and depend on what else it does. Under an "
    "emulator that",
    "is no cycle-accurate model they mean nothing: that is for testing the "
    "form.",
)


def percentile(values, percent):
    """By nearest rank."""
    return sorted(values)[max(math.ceil(len(values) * percent / 100) - 1, 0)]


class Row:
    """One operation in one profile."""

    def __init__(self, op, profile, mitigations, reps):
        samples = [s for rep in reps.values() for s in rep if s["n"]]
        self.op, self.profile, self.mitigations = op, profile, mitigations
        each = [s["tsc"] / (s["n"] * s["per"]) for s in samples]
        self.figures = [len(each), min(each), percentile(each, 5),
                        percentile(each, 50), percentile(each, 95)]
        self.exits = 1 if op == "floor" else percentile(
            [table.exits_of(table.per_operation(*pair))
             for pair in reps.values() if len(pair) == 2], 50)

    def words(self):
        return [self.op, self.profile, self.mitigations,
                *(table.number(x) for x in self.figures),
                table.number(self.exits)]


def rows(lines):
    """From the lines of one boot."""
    ops = table.parse(lines)
    found = [m.group(1) for m in map(MITIGATIONS.match, lines) if m]
    mitigations = "off" if found[:1] == ["off"] else "auto"
    return [Row(*key, mitigations, ops[key])
            for key in [*table.order(ops), ("floor", "-")] if key in ops]


def back_end(lines):
    """svm or vmx, as the hypervisor's banner says."""
    found = [m.group(1) for m in map(BACK_END.match, lines) if m]
    if not found:
        raise table.Bad("no line names the back end")
    return found[0].lower()


def csv(all_rows):
    return "\n".join([HEADER, *(",".join(r.words()) for r in all_rows)]) + "\n"


def text(all_rows, title):
    form = "{:24} {:8} {:5}{:>5}{:>13}{:>13}{:>13}{:>13}{:>8}"
    head = ("operation", "profile", "mit.", "n", "minimum", "5%", "median",
            "95%", "exits")
    return "\n".join([title, "", form.format(*head),
                      *(form.format(*r.words()) for r in all_rows), "",
                      *NOTES]) + "\n"
