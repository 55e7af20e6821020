#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The ABI check catches what it is there for."""
import re
import sys

import abi
import manual

failed = []


def expect(name, good, why=""):
    print(f"PASS {name}" if good else f"FAIL {name}: {why}")
    if not good:
        failed.append(name)


def stepped(lines, version):
    return [f"version {version}", *lines]


def rules():
    base, more, less = ["call 0 nop", "call 1 x"], ["call 2 y"], ["call 0 nop"]
    notes = "\n## 0.2\n\n## 1.1\n\n## 2.0\n"

    def why(old, new):
        return abi.refused(old, new, notes)
    expect("abi-no-step", why(stepped(base, "1.0"), stepped(less, "1.0")))
    expect("abi-back-step", why(stepped(base, "1.1"), stepped(more, "1.0")))
    expect("abi-minor-removes", why(stepped(base, "1.0"), stepped(less, "1.1")))
    expect("abi-no-notes", why(stepped(base, "1.1"),
                               stepped(base + more, "1.2")))
    for name, old, new in (
            ("minor-adds", stepped(base, "1.0"), stepped(base + more, "1.1")),
            ("major-removes", stepped(base, "1.1"), stepped(less, "2.0")),
            ("draft-removes", stepped(base, "0.1"), stepped(less, "0.2"))):
        expect("abi-" + name, why(old, new) is None, why(old, new))


def sources_tell():
    """A changed number, argument or field shows as a difference."""
    now, header = abi.current(), abi.read(abi.HEADER)
    fields = {line.split()[1] for line in now if line.startswith("field")}
    want = {"pv_start.host", "pv_device.bar[0].io", "pv_vcpu_start.rsi"}
    expect("abi-fields-found", want <= fields, str(want - fields))
    declared = len(re.findall(r"^struct pv_\w+ \{", header, re.M))
    found = sum(line.startswith("struct ") for line in now)
    expect("abi-structs-found", found == declared, f"{found} of {declared}")
    for k, line in enumerate(now):
        if abi.difference(now, now[:k] + [line + "!"] + now[k + 1:]) == []:
            expect("abi-change-shows", False, line)
            return
    expect("abi-change-shows", True)


def every_promise_is_there():
    """What a change of one row of the table, or of one type, would show in."""
    now = set(abi.current())
    want = {"call mem_share error PV_EEXIST", "call mem_share 3 flags "
            "flags(PV_SHARE_WRITE)", "call vcpu_start 1 state in(pv_vcpu_start)",
            "call event_send right event PV_RIGHT_SEND event",
            "call vcpu_wait blocks", "call exit ends", "call nop in-batch",
            "type pv_start.name char[32]", "exit 5 HLT",
            "const PV_VCPU_PAGE(1) 0xff0002000"}
    expect("abi-promises", want <= now, str(want - now))


def table_is_checked():
    """A line of the table that no decoder can be made of is refused."""
    def refused(*lines):
        call = {"nr": 0, "name": "x", "args": [], "errors": [],
                "result": None, "right": None}
        try:
            for line in lines:
                abi.gen.add_line(call, "here", *line.split(None, 1), {"PV_A"})
            abi.gen.decoder({**call, "doc": ""})
        except abi.gen.Bad:
            return True
        return False
    expect("table-good", not refused("arg n u32 1..2 it", "does f(n, caller)"))
    for name, *lines in (
            ("no-range", "arg n u32 it"), ("wide", "arg n u32 0..4294967296 it"),
            ("type", "arg n bytes it"), ("mask", "arg n flags it"),
            ("object", "right door PV_RIGHT_SEND n"), ("error", "error PV_B it"),
            ("act", "does f"), ("argument", "arg n u64 it", "does f(m)"),
            ("twice", "arg n u64 it", "does f(n)", "plain it must be fast")):
        expect("table-" + name, refused(*lines), "not refused")


def manual_is_true():
    """Offsets are the compiler's; exit kinds are the hypervisor's; a call
    without an example is refused."""
    real = {tuple(l.split()[1:]) for l in abi.layout_lines()
            if l.startswith(("struct", "field"))}
    shown = set()
    for name, _, size, rows in manual.Header().structs:
        shown.add((name, str(size)))
        shown |= {(f"{name}.{field}", str(at), str(n))
                  for at, n, kind, field, _ in rows if kind}
    # the manual shows an array of structures by its first element
    missing = {r for r in real - shown if not re.search(r"\.bar$", r[0])}
    expect("manual-offsets", shown <= real and not missing,
           f"{sorted(shown - real)[:3]} {sorted(missing)[:3]}")
    text = abi.COMMENT.sub("", abi.read("hv/virt/virt.h"))
    kinds = re.findall(r"EXIT_(\w+)", re.search(
        r"enum exit_kind \{(.*?)\}", text, re.S).group(1))
    named = [n for _, n, _, _ in abi.gen.parse_exits()]
    expect("manual-exit-kinds", kinds == named,
           f"{kinds} {named}")
    errors = {n for _, n, _ in abi.gen.parse_numbered("errors.def")}
    calls = abi.gen.parse_calls(errors)
    try:
        manual.gen_docs(calls + [{**calls[0], "name": "unshown"}], [], [], [])
        expect("manual-wants-examples", False, "a call without one")
    except abi.gen.Bad:
        expect("manual-wants-examples", True)


rules()
sources_tell()
every_promise_is_there()
manual_is_true()
table_is_checked()
sys.exit(1 if failed else 0)
