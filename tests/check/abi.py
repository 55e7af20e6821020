#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The ABI may change only together with its version.

pvabi/abi.txt holds the whole ABI as text: calls with all that they promise,
values, rights, constants, and each field's offset, size and type. `abi.py` compares it with the sources;
`abi.py --update` (make abi) rewrites it, but only when the version has moved
on as pvabi/ABI_CHANGES promises: the minor number when lines were added, the
major number when one was changed or removed (while major is 0, minor will do).
"""
import os
import re
import subprocess
import sys
import tempfile

from files import ROOT, read

sys.path.insert(0, os.path.join(ROOT, "pvabi"))
import gen  # noqa: E402
import manual  # noqa: E402

KEPT = "pvabi/abi.txt"
HEADER = "pvabi/include/pvabi/abi.h"
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
BLOCK = re.compile(r"struct\s*(\w*)\s*\{((?:[^{}]|\{[^{}]*\})*)\}([^;]*);")
NAME = re.compile(r"(\w+)\s*(?:\[[^\]]*\])*\s*(?:,|$)")


def table_lines():
    """The calls, status values, rights and exit kinds of the table."""
    errors = gen.parse_numbered("errors.def")
    lines = [f"status {n} {name}" for n, name, _ in errors]
    lines += [f"right {n} {name}"
              for n, name, _ in gen.parse_numbered("rights.def")]
    lines += [f"exit {n} {name}" for n, name, _, _ in gen.parse_exits()]
    for call in gen.parse_calls({name for _, name, _ in errors}):
        lines.append(f"call {call['nr']} {call['name']}")
        items = [*enumerate(call["args"])]
        items += [("result", call["result"])] if call["result"] else []
        for place, item in items:
            bounds = item["range"]
            lines.append(f"call {call['name']} {place} {item['name']} "
                         f"{item['form'].replace('()', '')}"
                         + (f"({item['of']})" if item["of"] else "")
                         + (f" {bounds[0]}..{bounds[1]}" if bounds else ""))
        lines += promises(call)
    return lines


def promises(call):
    """What a caller may rely on beside numbers and arguments."""
    name = call["name"]
    return [f"call {name} error {e}" for e, _ in sorted(call["errors"])] + (
        [f"call {name} right {' '.join(call['right'])}"]
        if call["right"] else []) + [
        f"call {name} {word}" for word, true in (
            ("blocks", call["blocks"]), ("ends", not call["returns"]),
            ("in-batch", gen.in_batch(call))) if true]


def type_lines():
    """Types of fields, and the order of exit kinds."""
    return [f"type {name}.{field} {kind}"
            for name, _, _, rows in manual.Header().structs
            for _, _, kind, field, _ in rows if kind] + [
        f"exit {n} {name}" for n, name, _ in gen.parse_numbered("exits.def")]


def fields(body, prefix=""):
    """Names of the fields of a structure's text, nested ones dotted."""
    found = []
    for inner in BLOCK.finditer(body):
        outer = inner.group(3).strip()
        plain = re.sub(r"\[[^\]]*\]", "[0]", outer)
        found.append(prefix + re.sub(r"\[.*", "", outer))
        found += fields(inner.group(2), f"{prefix}{plain}.")
    for line in BLOCK.sub("", body).split(";"):
        words = line.strip().split(None, 2 if "struct" in line else 1)
        if len(words) > 1:
            found += [prefix + n for n in NAME.findall(words[-1])]
    return found


def probe(header):
    """A C program that prints constants and layouts of the header."""
    text = COMMENT.sub("", header)
    out = [f'#include "{os.path.join(ROOT, HEADER)}"', "#include <stddef.h>",
           "#include <stdio.h>", "int main(void) {"]
    for name in re.findall(r"^#define (PV_\w+)[ \t]+\S", text, re.M):
        if not name.startswith("PV_ABI_"):
            out.append(f'printf("const {name} %#llx\\n", '
                       f"(unsigned long long)({name}));")
    for name in re.findall(r"^#define (PV_\w+)\(n\)", text, re.M):
        out.append(f'printf("const {name}(1) %#llx\\n", '
                   f"(unsigned long long)({name}(1)));")
    for struct, body, _ in BLOCK.findall(text):
        out.append(f'printf("struct {struct} %zu\\n", '
                   f"sizeof(struct {struct}));")
        for field in fields(body):
            member = f"((struct {struct} *)0)->{field}"
            out.append(f'printf("field {struct}.{field} %zu %zu\\n", '
                       f"offsetof(struct {struct}, {field}), "
                       f"sizeof({member}));")
    return "\n".join([*out, "}", ""])


def layout_lines():
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "probe")
        subprocess.run(["gcc", "-x", "c", "-w", "-", "-o", program],
                       input=probe(read(HEADER)), text=True, check=True)
        return subprocess.run([program], text=True, check=True,
                              stdout=subprocess.PIPE).stdout.splitlines()


def version_of(header):
    return tuple(int(re.search(rf"PV_ABI_{n} (\d+)u", header).group(1))
                 for n in ("MAJOR", "MINOR"))


def current():
    major, minor = version_of(read(HEADER))
    return [f"version {major}.{minor}", *table_lines(), *layout_lines(),
            *type_lines()]


def refused(old, new, changes):
    """Why the ABI may not go from old to new lines; None if it may."""
    was, now = (tuple(map(int, lines[0].split()[1].split(".")))
                for lines in (old, new))
    gone = set(old[1:]) - set(new[1:])
    if old[1:] != new[1:] and now <= was:
        return f"the ABI has changed, its version {was[0]}.{was[1]} has not"
    if gone and was[0] and now[0] == was[0]:
        return f"a major step is needed: {sorted(gone)[0]!r} changed or went"
    if f"\n## {now[0]}.{now[1]}\n" not in changes:
        return f"pvabi/ABI_CHANGES has no section {now[0]}.{now[1]}"
    return None


def difference(old, new):
    """The first lines that differ, as findings."""
    added, gone = set(new) - set(old), set(old) - set(new)
    found = [f"{KEPT}: {sign} {line}" for sign, lines, among in
             (("-", old, gone), ("+", new, added))
             for line in lines if line in among][:10]
    return found and [*found, "the ABI has changed: raise its version in "
                      "abi.h, say what in pvabi/ABI_CHANGES, then make abi"]


def findings():
    return difference(read(KEPT).splitlines(), current())


def update():
    new = current()
    old = read(KEPT).splitlines() if os.path.exists(
        os.path.join(ROOT, KEPT)) else ["version 0.0"]
    why = refused(old, new, read("pvabi/ABI_CHANGES"))
    if why:
        sys.exit(f"make abi: {why}")
    with open(os.path.join(ROOT, KEPT), "w", encoding="utf-8") as f:
        f.write("\n".join(new) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        sys.exit("\n".join(findings()) or 0)
