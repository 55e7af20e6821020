# SPDX-License-Identifier: BSD-2-Clause
"""What the split costs a request of the emulated disk: served by the host
partition, by the guest that owns the disk, and served with traps."""
import copy
import re

from table import number

DISK = re.compile(r"^host: disk 0: virtio-blk at ([0-9a-f:.]+),")
# What it may cost at most. The counts wait for a device, which no gate holds.
INSTRUCTIONS, EXITS = 400, 0.3


def device_of(lines):
    """The PCI function of the disk that the guests shared; None: they had one
    that a guest cannot drive by itself."""
    found = [m.group(1) for m in map(DISK.match, lines) if m]
    return found[0] if found else None


def trapped(rows):
    """The row of disk_qd32 whose guest traps, by its own name."""
    out = [copy.copy(r) for r in rows
           if (r.op, r.profile, r.mitigations) == ("disk_qd32", "hvm", "off")]
    for r in out:
        r.op = "disk_qd32_trapped"
    return out


def line(row):
    return (f"  {row.op:20} median {number(row.total)}, least "
            f"{number(row.row.low)}, most {number(row.row.high)} "
            f"instructions, {number(row.exits)} exits, {row.row.reps} runs")


def text(rows):
    """The comparison, from the rows of the table."""
    by = {r.op: r for r in rows if r.mitigations == "off" and
          (r.op != "disk_qd32" or r.profile == "pv")}
    served, direct, traps = (by.get("disk_qd32" + end)
                             for end in ("", "_direct", "_trapped"))
    out = ["What the split costs a request of the disk, of 32 in its queue:",
           *(line(r) for r in (direct, served, traps) if r)]
    if direct:
        out.append(f"  served - direct: {number(served.total - direct.total)} "
                   f"instructions (at most {INSTRUCTIONS} wanted), "
                   f"{number(served.exits - direct.exits)} exits (at most "
                   f"{EXITS})")
    out.append(f"  trapped : calls = {traps.total / served.total:.2f}, of the "
               f"hypervisor's {traps.root / served.root:.2f}")
    return "\n".join(out) + "\n"
