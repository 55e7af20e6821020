#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The cost table's gates, on both back ends: exact counts, and bounds.

No operation of the table waits for a device, so each count must be the same in
every repetition, and plain and instrumented countings must agree.
"""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bench  # noqa: E402
import machine  # noqa: E402
import table  # noqa: E402

NULL_MOST = 48  # instructions of a null hypercall
NULL_VMCS = 5
BOOT_MOST = 20_000_000  # ExitBootServices to the host partition
BOOT_LINE = re.compile(r"parley: boot: (\d+) TSC ticks")
# What is executed natively must cost no exit.
NO_EXIT = (("time_read", "pv"), ("time_read", "hvm"), ("aspace_switch", "pv"),
           ("aspace_switch", "hvm"))
failed = 0


def check(good, name, why):
    global failed
    failed += not good
    print(f"PASS {name}" if good else f"FAIL {name}: {why}")


def boot_gate(name, boot):
    scale = 1 if name == "vmx" else 1 << machine.ICOUNT_SHIFT
    ticks = [int(m.group(1)) for m in map(BOOT_LINE.match, boot.result.lines)
             if m]
    cost = ticks[0] // scale if ticks else None
    check(cost is not None and cost <= BOOT_MOST, f"{name} boot",
          f"{cost} instructions, at most {BOOT_MOST}")
    print(f"boot on {name}: {cost} instructions")


def gates(name, rows, wrong, boots, calls):
    row = {(r.op, r.profile): r for r in rows}
    plain = boots[0].table
    loop = plain.get("loop", "hvm").v["tsc"]
    check(loop == 2, f"{name} a loop of 2 instructions", f"counts {loop}")
    fast = plain.get("null", "pv").v["tsc"] - 3
    check(fast <= NULL_MOST, f"{name} null hypercall",
          f"{fast} instructions, at most {NULL_MOST}")
    print(f"null hypercall on {name}: {table.number(fast)} instructions, "
          f"floor {table.number(row[('floor', '-')].root + calls)}")
    vmcs = row[("null", "pv")].vmcs
    check(vmcs is None or vmcs <= NULL_VMCS, f"{name} null accesses",
          f"{vmcs} VMREAD and VMWRITE, at most {NULL_VMCS}")
    for key in NO_EXIT:
        check(row[key].exits == 0, f"{name} {key[0]} {key[1]} without an exit",
              f"{row[key].exits} exits")
    # The preemption timer is set anew at some entries: less than one each.
    loose = [f"{r.op} {r.profile} {r.spread}" for r in rows
             if r.spread > max(1, r.total * 0.005)]
    check(not loose, f"{name} counts are the same each time",
          ", ".join(loose))
    check(not wrong, f"{name} both countings agree", "; ".join(wrong))
    boot_gate(name, boots[0])


def main():
    os.makedirs(bench.FOLDER, exist_ok=True)
    for emulator, name in bench.BACKENDS.items():
        try:
            rows, _, wrong, boots = bench.measure(emulator, auto=False)
            gates(name, rows, wrong, boots, bench.CALL_COUNTS[emulator])
        except (bench.Trouble, table.Bad, machine.Failure,
                RuntimeError) as error:
            check(False, f"{name} cost table",
                  str(error).replace("\n", " / "))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
