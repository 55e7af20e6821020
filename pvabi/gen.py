#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Generates everything that follows from the ABI's table (pvabi/*.def).

  gen.py OUTDIR         writes OUTDIR/pvabi/{calls,hcalls,stubs,names}.h
  gen.py --docs FILE    writes the reference manual
  gen.py --list         prints "call error" pairs, for the coverage check

The table's form, in calls.def: `call NUMBER NAME` opens a block of indented
lines, each a keyword and its text: doc, arg (NAME TYPE [LO..HI] text), result
(NAME TYPE text), right (OBJECT RIGHT ARG), error (NAME cause), blocks, bound.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
REGS = ["RDI", "RSI", "RDX", "RCX", "R8", "R9"]
TYPES = {"u64", "u32", "gpa", "handle", "tsc", "flags"}
HEAD = ("/* SPDX-License-Identifier: BSD-2-Clause */\n"
        "/* %s Generated from pvabi/ by gen.py. */\n"
        "#ifndef %s\n#define %s\n\n")


class Bad(Exception):
    pass


def lines_of(name):
    path = os.path.join(HERE, name)
    with open(path, encoding="utf-8") as f:
        for n, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if line.strip() and not line.startswith("#"):
                yield "pvabi/%s:%d" % (name, n), line


def parse_numbered(name):
    rows = []
    for where, line in lines_of(name):
        m = re.match(r"(\d+)\s+(\w+)\s+(.*)$", line)
        if not m:
            raise Bad("%s: expected NUMBER NAME text" % where)
        rows.append((int(m[1]), m[2], m[3]))
    return rows


def parse_arg(where, text):
    m = re.match(r"(\w+)\s+(\w+)\s+(?:(\d+)\.\.(\d+)\s+)?(.*)$", text)
    if not m or m[2] not in TYPES:
        raise Bad("%s: expected NAME TYPE [LO..HI] text" % where)
    bounds = (int(m[3]), int(m[4])) if m[3] else None
    return {"name": m[1], "type": m[2], "range": bounds, "text": m[5]}


def add_line(call, where, word, text, errors):
    if word in ("doc", "bound"):
        call[word] = (call.get(word, "") + " " + text).strip()
    elif word == "blocks":
        call["blocks"] = text == "yes"
    elif word in ("arg", "result"):
        item = parse_arg(where, text)
        call["args"].append(item) if word == "arg" else call.update(result=item)
    elif word == "right":
        call["right"] = text.split()
    elif word == "error":
        name, cause = text.split(None, 1)
        if name not in errors:
            raise Bad("%s: no such error: %s" % (where, name))
        call["errors"].append((name, cause))
    else:
        raise Bad("%s: unknown keyword: %s" % (where, word))


def parse_calls(errors):
    calls = []
    for where, line in lines_of("calls.def"):
        m = re.match(r"call (\d+) (\w+)$", line)
        if m:
            calls.append({"nr": int(m[1]), "name": m[2], "args": [],
                          "errors": [], "result": None, "right": None})
            continue
        words = line.split(None, 1)
        if not line[0].isspace() or not calls or len(words) != 2:
            raise Bad("%s: expected `call NUMBER NAME` or an indented line" % where)
        add_line(calls[-1], where, words[0], words[1], errors)
    check_calls(calls)
    return calls


def check_calls(calls):
    for i, c in enumerate(calls):
        if c["nr"] != i:
            raise Bad("calls.def: call %s has number %d, expected %d"
                      % (c["name"], c["nr"], i))
        if len(c["args"]) > len(REGS):
            raise Bad("calls.def: call %s has too many arguments" % c["name"])
        for key in ("doc", "bound", "blocks"):
            if key not in c:
                raise Bad("calls.def: call %s lacks `%s`" % (c["name"], key))


def gen_calls(calls, errors, rights):
    g = "PVABI_CALLS_H"
    out = [HEAD % ("Call numbers, status values and rights.", g, g)]
    out += ["#define %s %du /* %s */\n" % (n, v, t) for v, n, t in errors]
    out += ["#define PV_ERROR_COUNT %du\n\n" % len(errors)]
    out += ["#define %s (1u << %d) /* %s */\n" % (n, v, t) for v, n, t in rights]
    out += ["#define PV_RIGHT_ALL ((1u << %d) - 1)\n\n" % len(rights)]
    out += ["#define PV_CALL_%s %du\n" % (c["name"], c["nr"]) for c in calls]
    out += ["#define PV_CALL_COUNT %du\n\n#endif\n" % len(calls)]
    return "".join(out)


def checks(c):
    """What the decoder checks first: HANDLE, RIGHT, RANGES (PV_SELF, 0 if none)."""
    who = "PV_SELF, 0"
    tests = []
    for i, a in enumerate(c["args"]):
        if c["right"] and c["right"][2] == a["name"]:
            who = "a%d, %s" % (i, c["right"][1])
        if a["range"]:
            low, high = a["range"]
            tests += ["a%d >= %d" % (i, low)] if low else []
            tests += ["a%d <= %d" % (i, high)]
    return "%s, %s" % (who, " && ".join(tests) or "true")


def gen_hcalls(calls):
    g = "PVABI_HCALLS_H"
    out = [HEAD % ("The decoders of the hypervisor.", g, g)]
    proto = "uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5"
    out += ["struct hret hc_%s(%s);\n" % (c["name"], proto) for c in calls]
    out += ["\n#define PV_CALL_LIST(X)"]
    out += [" \\\n\tX(%d, %s)" % (c["nr"], c["name"]) for c in calls]
    out += ["\n\n/* For each call: the handle, the right it needs, and the ranges. */\n"]
    out += ["#define PV_CHECKS_%s %s\n" % (c["name"], checks(c)) for c in calls]
    out += ["\n#endif\n"]
    return "".join(out)


def stub(c):
    params = ["uint64_t %s" % a["name"] for a in c["args"]]
    if c["result"]:
        params.append("uint64_t *%s" % c["result"]["name"])
    args = [a["name"] for a in c["args"]] + ["0"] * (6 - len(c["args"]))
    out = "/* %s Status PV_*. */\n" % c["doc"]
    out += "static inline uint64_t pv_%s(%s)\n{\n" % (
        c["name"], ", ".join(params) or "void")
    res = c["result"]["name"] if c["result"] else "(uint64_t *)0"
    out += "\treturn pv_call%d(PV_CALL_%s, %s%s);\n}\n\n" % (
        len(c["args"]), c["name"],
        "".join(a + ", " for a in args[:len(c["args"])]), res)
    return out


def raw_call(n):
    params = "".join(", uint64_t a%d" % i for i in range(n))
    fixed = {0: "D", 1: "S", 2: "d", 3: "c"}
    out = "static inline uint64_t pv_call%d(uint64_t nr%s, uint64_t *result)\n{\n" % (n, params)
    for i in (4, 5):
        if n > i:
            out += "\tregister uint64_t r%d __asm__(\"r%d\") = a%d;\n" % (i + 4, i + 4, i)
    out += "\tuint64_t v = %s;\n\n" % ("a2" if n > 2 else "0")
    outs = ['"+a"(nr)', '"+d"(v)']
    clob = ['"memory"', '"cc"', '"r10"', '"r11"']
    for i, (reg, name) in enumerate((("D", "rdi"), ("S", "rsi"))):
        if n > i:
            outs.append('"+%s"(a%d)' % (reg, i))
        else:
            clob.append('"%s"' % name)
    outs.append('"+c"(a3)') if n > 3 else clob.append('"rcx"')
    for i in (4, 5):
        if n > i:
            outs.append('"+r"(r%d)' % (i + 4))
        else:
            clob.append('"r%d"' % (i + 4))
    out += "\t__asm__ volatile(PV_CALL_INSN : %s : : %s);\n" % (
        ", ".join(outs), ", ".join(clob))
    out += "\tif (result)\n\t\t*result = v;\n\treturn nr;\n}\n\n"
    return out


def gen_stubs(calls):
    g = "PVABI_STUBS_H"
    out = [HEAD % ("The guest's side of each call.", g, g)]
    out += ["#include <pvabi/abi.h>\n#include <pvabi/calls.h>\n#include <stdint.h>\n\n",
            "/*\n * The instruction: the kit defines it so that the sites are patched for\n"
            " * the CPU's vendor; the default is for a kernel that runs on VMX only.\n */\n"
            "#ifndef PV_CALL_INSN\n#define PV_CALL_INSN \"vmcall\"\n#endif\n\n"]
    out += [raw_call(n) for n in range(7)]
    out += [stub(c) for c in calls]
    out += ["#endif\n"]
    return "".join(out)


def gen_names(calls, errors):
    g = "PVABI_NAMES_H"
    out = [HEAD % ("Names, for people.", g, g)]
    out += ["#define PV_CALL_NAMES {"] + [' \\\n\t"%s",' % c["name"] for c in calls]
    out += [" \\\n}\n\n#define PV_ERROR_NAMES {"]
    out += [' \\\n\t"%s",' % n for _, n, _ in errors] + [" \\\n}\n\n#endif\n"]
    return "".join(out)


def doc_call(c):
    out = "### %s\n\n%s\n\n" % (c["name"], c["doc"])
    out += "| register | name | type | meaning |\n|---|---|---|---|\n"
    out += "| RAX | | u64 | %d in; status out |\n" % c["nr"]
    for reg, a in zip(REGS, c["args"]):
        rng = ", %d to %d" % a["range"] if a["range"] else ""
        out += "| %s | %s | %s%s | %s |\n" % (reg, a["name"], a["type"], rng, a["text"])
    if c["result"]:
        r = c["result"]
        out += "| RDX (out) | %s | %s | %s |\n" % (r["name"], r["type"], r["text"])
    out += "\n"
    if c["right"]:
        out += "Right: %s on the %s that `%s` names.\n\n" % (
            c["right"][1], c["right"][0], c["right"][2])
    out += "Blocks: %s. Bound: %s.\n\n" % ("yes" if c["blocks"] else "no", c["bound"])
    if c["errors"]:
        out += "| error | cause |\n|---|---|\n"
        out += "".join("| %s | %s |\n" % e for e in c["errors"]) + "\n"
    else:
        out += "No errors.\n\n"
    return out


def gen_docs(calls, errors, rights):
    with open(os.path.join(HERE, "manual.md"), encoding="utf-8") as f:
        out = f.read().rstrip() + "\n\n"
    out += "## Status values\n\n| value | name | meaning |\n|---|---|---|\n"
    out += "".join("| %d | %s | %s |\n" % e for e in errors)
    out += "\n## Rights\n\n| bit | name | what it allows |\n|---|---|---|\n"
    out += "".join("| %d | %s | %s |\n" % r for r in rights)
    out += "\n## Calls\n\n" + "".join(doc_call(c) for c in calls)
    return out.rstrip() + "\n"


def write(path, text):
    """Writes only what changed, so that nothing is rebuilt for nothing."""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            if f.read() == text:
                return
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def main(argv):
    errors = parse_numbered("errors.def")
    rights = parse_numbered("rights.def")
    calls = parse_calls({n for _, n, _ in errors})
    if argv[:1] == ["--list"]:
        for c in calls:
            print("%s PV_OK" % c["name"])
            for name, _ in c["errors"]:
                print("%s %s" % (c["name"], name))
    elif argv[:1] == ["--docs"] and len(argv) == 2:
        write(argv[1], gen_docs(calls, errors, rights))
    elif len(argv) == 1 and not argv[0].startswith("-"):
        base = os.path.join(argv[0], "pvabi")
        write(os.path.join(base, "calls.h"), gen_calls(calls, errors, rights))
        write(os.path.join(base, "hcalls.h"), gen_hcalls(calls))
        write(os.path.join(base, "stubs.h"), gen_stubs(calls))
        write(os.path.join(base, "names.h"), gen_names(calls, errors))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Bad as e:
        sys.exit("gen.py: %s" % e)
