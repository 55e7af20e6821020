#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the hypervisor's symbol table as assembly: symtab.py [LINKED.elf].

Symbols: symtab_count (u32), symtab_offset[] (u32, sorted, from the image
base), symtab_names (their strings, one behind the other).
"""
import subprocess
import sys


def functions(elf):
    out = subprocess.run(["nm", "-n", elf], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    seen = {}
    for line in out.splitlines():
        addr, kind, name = (line.split() + ["", "", ""])[:3]
        if kind in "tTwW" and name and name[0] != "." and kind:
            seen.setdefault(int(addr, 16), []).append(name)
    return [(addr, sorted(names)[0]) for addr, names in sorted(seen.items())]


def emit(table):
    print('\t.section .rodata.symtab, "a", @progbits')
    print("\t.balign 4")
    for name in ("count", "offset", "names"):
        print(f"\t.globl symtab_{name}\n\t.hidden symtab_{name}")
    print(f"symtab_count:\n\t.long {len(table)}\nsymtab_offset:")
    for addr, _ in table:
        print(f"\t.long {addr:#x}")
    print("symtab_names:")
    for _, name in table:
        print(f'\t.asciz "{name}"')
    print('\t.byte 0\n\t.section .note.GNU-stack, "", @progbits')


emit(functions(sys.argv[1]) if len(sys.argv) > 1 else [])
