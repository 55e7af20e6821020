#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Generates everything that follows from the ABI's table (pvabi/*.def).

  gen.py OUTDIR         writes OUTDIR/pvabi/{calls,hcalls,decoders,declared,
                        grammar,stubs,decode,names}.h
  gen.py --list         prints "call error" pairs, for the coverage check

The head of calls.def says what form the table has.
"""
import os
import re
import sys

import gen_trace

HERE = os.path.dirname(os.path.abspath(__file__))
REGS = ["RDI", "RSI", "RDX", "RCX", "R8", "R9"]
VCPUS_MAX = 64
# An argument's form, with a parameter or without: its type in the ABI, what it
# becomes in the decoder (parameter, expression), what the manual adds.
FORMS = {
    "u64": ("u64", "u64 %s", "%s", ""),
    "u32": ("u32", "u32 %s", "(u32)%s", ""),
    "tsc": ("tsc", "u64 %s", "%s", ""),
    "handle": ("handle", "u64 %s", "%s", ""),
    "enum()": ("u32", "u32 %s", "(u32)%s", ": %s_*"),
    "flags()": ("flags", "u32 %s", "(u32)%s", ": %s"),
    "vcpu()": ("u32", "struct vcpu *%s", "%s", ""),
    "gpa": ("gpa", "gpa_t %s", "gpa(%s)", ""),
    "gpa()": ("gpa", "gpa_t %s", "gpa(%s)", ", %s-byte aligned"),
    "pages()": ("gpa", "gpa_t %s", "gpa(%s)", ", page-aligned"),
    "in()": ("gpa", "const struct {of} *%s", "&%s",
             ", 8-byte aligned: struct %s"),
    "out()": ("gpa", "struct {of} *%s", "&%s", ", 8-byte aligned: struct %s"),
}
COPY = "gmem_{0}(caller(), gpa({1}_arg), &{1}, sizeof({1}))"
# What a handle names: the variable for it, what finds it, its name for people.
OBJECTS = {
    "partition": ("struct partition *%s", "hcall_partition(%s, %s, &%s)",
                  "partition"),
    "going": ("struct handle %s",
              "handle_name(caller(), %s, HANDLE_PARTITION, %s, &%s)",
              "partition (also while it is being destroyed)"),
    "event": ("struct event %s",
              "event_named(caller(), %s, %s, &%s)", "event"),
    "device": ("struct device *%s", "device_find(caller(), %s, %s, &%s)",
               "device"),
}
HEAD = ("/* SPDX-License-Identifier: BSD-2-Clause */\n"
        "/* %s Generated from pvabi/ by gen.py. */\n"
        "#ifndef %s\n#define %s\n\n")


class Bad(ValueError):
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


def parse_exits():
    return gen_trace.parse(parse_numbered("exits.def"), FORMS)


def parse_arg(where, text):
    m = re.match(r"(\w+)\s+(\w+)(?:\((\w+)\))?\s+(?:(\d+)\.\.(\d+)\s+)?(.*)$",
                 text)
    form = m and m[2] + ("()" if m[3] else "")
    if form not in FORMS:
        raise Bad("%s: expected NAME TYPE [LO..HI] text" % where)
    bounds = (int(m[4]), int(m[5])) if m[4] else None
    if form == "vcpu()":
        bounds = (0, VCPUS_MAX - 1)
    if form in ("u32", "enum()") and (not bounds or bounds[1] >> 32):
        raise Bad("%s: a u32 needs a range" % where)
    return {"name": m[1], "type": FORMS[form][0], "form": form, "of": m[3],
            "range": bounds, "text": m[6]}


def parse_act(where, text):
    m = re.match(r"(\w+)\(([\w&, ]*)\)$", text)
    if not m:
        raise Bad("%s: expected FUNCTION(ARGUMENTS)" % where)
    return m[1], m[2].split(", ") if m[2] else []


def parse_right(where, text):
    words = text.split()
    if len(words) != 3 or words[0] not in OBJECTS:
        raise Bad("%s: expected OBJECT RIGHT ARG" % where)
    return words


def add_line(call, where, word, text, errors):
    if word in ("doc", "bound"):
        call[word] = (call.get(word, "") + " " + text).strip()
    elif word in ("blocks", "returns"):
        if text not in ("yes", "no"):
            raise Bad("%s: %s is yes or no" % (where, word))
        call[word] = text == "yes"
    elif word == "arg":
        call["args"].append(parse_arg(where, text))
    elif word == "result":
        call["result"] = parse_arg(where, text)
    elif word in ("right", "also"):
        call[word] = parse_right(where, text)
    elif word == "check":
        call["checks"].append(parse_act(where, text))
    elif word in ("does", "runs", "plain"):
        if {"does", "runs", "plain"} & set(call):
            raise Bad("%s: this call has its decoder already" % where)
        call[word] = text if word == "plain" else parse_act(where, text)
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
                          "errors": [], "result": None, "right": None,
                          "checks": [], "returns": True})
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


def gen_calls(calls, errors, rights, exits):
    g = "PVABI_CALLS_H"
    out = [HEAD % ("Call numbers, exit kinds, status values and rights.", g, g)]
    out += ["#define %s %du /* %s */\n" % (n, v, t) for v, n, t in errors]
    out += ["#define PV_ERROR_COUNT %du\n\n" % len(errors)]
    out += ["#define %s (1u << %d) /* %s */\n" % (n, v, t) for v, n, t in rights]
    out += ["#define PV_RIGHT_ALL ((1u << %d) - 1)\n\n" % len(rights)]
    out += ["#define PV_CALL_%s %du\n" % (c["name"], c["nr"]) for c in calls]
    out += ["#define PV_CALL_COUNT %du\n\n" % len(calls)]
    return "".join(out) + gen_trace.constants(exits) + "\n#endif\n"


def right_of(c, a):
    """What a handle argument has to name, and with which right; None."""
    rights = [c[word] for word in ("right", "also") if c.get(word)]
    return next((r for r in rights if r[2] == a["name"]), None)


def register(c, a):
    """What the decoder calls the register: the argument's name is that of what
    it stands for, where that is another thing."""
    other = a["form"] in ("vcpu()", "in()", "out()") or right_of(c, a)
    return a["name"] + ("_arg" if other else "")


def registers(c):
    return [register(c, a) for a in c["args"]] + \
        ["a%d" % i for i in range(len(c["args"]), len(REGS))]


def parameter(c, a):
    """An argument as the function takes it that carries the call out."""
    if right_of(c, a):
        kind = OBJECTS[right_of(c, a)[0]][0]
        return (kind if "*" in kind else "const " + kind.replace("%s", "*%s")) % a["name"]
    return FORMS[a["form"]][1].replace("{of}", a["of"] or "") % a["name"]


def value(c, a):
    """The same in the decoder, to hand it over."""
    if right_of(c, a):
        return ("%s" if "*" in OBJECTS[right_of(c, a)[0]][0] else "&%s") % a["name"]
    return FORMS[a["form"]][2] % a["name"]


def owner(a):
    return "caller()" if a["of"] == "caller" else a["of"]


def wrong(c):
    """What makes the arguments PV_EINVAL: C conditions."""
    bad = []
    for a in c["args"]:
        reg = register(c, a)
        if a["form"] == "vcpu()":
            bad += ["%s >= %s->nr_vcpus" % (reg, owner(a))]
        elif a["form"] == "flags()":
            bad += ["%s & ~(u64)%s" % (reg, a["of"])]
        elif a["form"] == "gpa()":
            bad += ["%s %% %s" % (reg, a["of"])]
        elif a["form"] in ("in()", "out()"):
            bad += ["%s %% 8" % reg]
        elif a["range"]:
            bad += ["%s < %d" % (reg, a["range"][0])] if a["range"][0] else []
            bad += ["%s > %d" % (reg, a["range"][1])]
    # with numbers that are known to be in their range
    bad += ["!pages_ok(%s, %s)" % (a["name"], a["of"])
            for a in c["args"] if a["form"] == "pages()"]
    return bad + ["!" + expression(c, *check) for check in c.get("checks", [])]


def attempt(expression):
    return ["err = %s;" % expression, "if (err)", "\treturn ret(err);"]


def variables(c):
    kinds = {"vcpu()": "struct vcpu *%s", "in()": "struct {of} %s",
             "out()": "struct {of} %s"}
    out = [OBJECTS[right_of(c, a)[0]][0] % a["name"] if right_of(c, a) else
           kinds[a["form"]].replace("{of}", a["of"]) % a["name"]
           for a in c["args"] if right_of(c, a) or a["form"] in kinds]
    out += ["struct partition *self = caller()"] if "each" in c.get("runs", ("", []))[1] else []
    return out + (["u64 %s = 0" % c["result"]["name"]] if c["result"] else [])


def decoding(c):
    """The statements that check the arguments, and fetch what they stand for."""
    out, bad = [], wrong(c)
    for a in c["args"]:
        if right_of(c, a):
            kind, right, name = right_of(c, a)
            out += attempt(OBJECTS[kind][1] % (register(c, a), right, name))
    if bad:
        out += ["if (%s)" % " ||\n\t    ".join(bad), "\treturn ret(PV_EINVAL);"]
    for a in c["args"]:
        if a["form"] == "vcpu()":
            out += ["%s = hcall_vcpu(%s, %s);" % (a["name"], owner(a), register(c, a))]
        elif a["form"] == "in()":
            out += attempt(COPY.format("read", a["name"]))
    return out


def expression(c, name, args):
    """A function called with what the names of its arguments stand for."""
    known = {a["name"]: value(c, a) for a in c["args"]}
    known.update({"caller": "caller()", "current": "vcpu_current()",
                  "more": "&more", "each": "hcall_each(self, base, mask)"})
    if c["result"]:
        known[c["result"]["name"]] = "&" + c["result"]["name"]
    known.update({a: a for a in args if re.match("&|[A-Z0-9]", a)})
    for a in args:
        if a not in known:
            raise Bad("calls.def: call %s has no %s" % (c["name"], a))
    return "%s(%s)" % (name, ", ".join(known[a] for a in args))


def call_of(c):
    """The expression that carries the call out."""
    items = c["args"] + ([c["result"]] if c["result"] else [])
    return expression(c, *(c.get("does") or c.get("runs") or (
        "call_" + c["name"], [a["name"] for a in items])))


def acting(c):
    """The statements that carry the call out, and return."""
    out = []
    for a in c["args"]:
        if a["form"] == "out()":
            out = ["return ret(%s);" % COPY.format("write", a["name"])]
    if "runs" in c:
        each = ["for (; mask; mask &= mask - 1)"] if "each" in c["runs"][1] else []
        return each + ["\t" * len(each) + call_of(c) + ";"] + (
            out or ["return ret(PV_OK);"])
    if out:
        return attempt(call_of(c)) + out
    if "more" in c.get("does", ("", []))[1]:
        return ["err = %s;" % call_of(c), "if (!err && more)",
                "\tvirt_call_resume(virt_current(), PV_CALL_%s, %s);" % (
                    c["name"], ", ".join(registers(c))), "return ret(err);"]
    if c["result"]:
        return ["err = %s;" % call_of(c),
                "return ret_value(err, %s);" % c["result"]["name"]]
    return ["return ret(%s);" % call_of(c)]


def decoder(c):
    body = decoding(c) + acting(c)
    names = variables(c)
    names += ["bool more"] if any("&more" in line for line in body) else []
    names += ["int err"] if any(line.startswith("err =") for line in body) else []
    return "/* %s */\nstatic struct hret hc_%s(%s)\n{\n%s%s\t%s\n}\n\n" % (
        c["doc"], c["name"], ", ".join("u64 " + r for r in registers(c)),
        "".join("\t%s;\n" % n for n in names), "\n" if names else "",
        "\n\t".join(body))


def by_hand(c):
    """The prototype of what hv/hcall has to define for a call, if anything."""
    if "plain" in c:
        return "struct hret hc_%s(%s);\n" % (
            c["name"], ", ".join("u64 a%d" % i for i in range(len(REGS))))
    if "does" in c or "runs" in c:
        return ""
    params = [parameter(c, a) for a in c["args"]]
    params += ["u64 *" + c["result"]["name"]] if c["result"] else []
    return "int call_%s(%s);\n" % (c["name"], ", ".join(params) or "void")


def in_batch(c):
    """It neither blocks nor resumes."""
    return not c["blocks"] and c["name"] != "batch" and \
        "more" not in c.get("does", ("", []))[1]


def gen_hcalls(calls):
    g = "PVABI_HCALLS_H"
    out = [HEAD % ("What hv/hcall defines for each call.", g, g)]
    out += [by_hand(c) for c in calls]
    return "".join(out) + "\n#endif\n"


def gen_decoders(calls):
    g = "PVABI_DECODERS_H"
    out = [HEAD % ("The decoders of the hypervisor.", g, g)]
    out += [decoder(c) for c in calls if "plain" not in c]
    out += ["/* By number, and from HCALL_BATCH on for what stands in a batch. */\n"
            "static void decoders_put(hcall_fn *table)\n{\n"]
    out += ["\ttable[%d] = hc_%s;\n\ttable[HCALL_BATCH + %d] = hc_%s;\n" % (
        c["nr"], c["name"], c["nr"], c["name"] if in_batch(c) else "unfit")
        for c in calls]
    return "".join(out) + "}\n\n#endif\n"


def gen_declared(calls, errors):
    """What each call may return, for a debug build to hold it to that."""
    g = "PVABI_DECLARED_H"
    number = {name: n for n, name, _ in errors}
    out = [HEAD % ("What each call may return.", g, g),
           "/* A second result, too; not at all, but with an error. */\n"
           "#define PV_DECLARED_RESULT (1u << 30)\n"
           "#define PV_DECLARED_ENDS (1u << 31)\n\n"
           "/* By call: those, and status values as bits. */\n"
           "#define PV_DECLARED {"]
    for c in calls:
        words = ["1u << %d" % number[e] for e in ["PV_OK"] + [e for e, _ in c["errors"]]]
        words += ["PV_DECLARED_RESULT"] if c["result"] else []
        words += [] if c["returns"] else ["PV_DECLARED_ENDS"]
        out += [" \\\n\t/* %s */ %s," % (c["name"], " | ".join(words))]
    return "".join(out) + " \\\n}\n\n#endif\n"


def gen_grammar(calls):
    """What the fuzzer makes arguments of."""
    g = "PVABI_GRAMMAR_H"
    out = [HEAD % ("The calls' arguments, as a table.", g, g)]
    out += ["#include <stdint.h>\n\nenum {"] + [" PV_GRAMMAR_%s," % t.upper() 
            for t in sorted({f[0] for f in FORMS.values()})]
    out += [" };\n\nstruct pv_grammar_arg {\n\tint kind, ranged;\n"
            "\tuint64_t lo, hi;\n};\n\nstatic const struct pv_grammar {\n"
            "\tconst char *name;\n\tunsigned args;\n"
            "\tstruct pv_grammar_arg arg[6];\n} pv_grammar[] = {\n"]
    for c in calls:
        args = ["{ PV_GRAMMAR_%s, %d, %d, %d }" % (
            a["type"].upper(), bool(a["range"]), *(a["range"] or (0, 0)))
            for a in c["args"]]
        out += ['\t{ "%s", %d, { %s } },\n' % (c["name"], len(args),
                                              ", ".join(args) or "{ 0, 0, 0, 0 }")]
    return "".join(out + ["};\n\n#endif\n"])


def stub(c):
    params = ["uint64_t %s" % a["name"] for a in c["args"]]
    params += ["uint64_t *%s" % c["result"]["name"]] if c["result"] else []
    args = [a["name"] for a in c["args"]] + ["0"] * (6 - len(c["args"]))
    out = "/* %s %s PV_*. */\n" % (
        c["doc"], "Status" if c["returns"] else "Does not return, but with")
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
    return "".join(out + [stub(c) for c in calls]) + "#endif\n"


def gen_names(calls, errors, exits):
    g = "PVABI_NAMES_H"
    out = [HEAD % ("Names, for people.", g, g)]
    out += ["#define PV_CALL_NAMES {"] + [' \\\n\t"%s",' % c["name"] for c in calls]
    out += [" \\\n}\n\n#define PV_ERROR_NAMES {"]
    out += [' \\\n\t"%s",' % n for _, n, _ in errors] + [" \\\n}\n\n"]
    return "".join(out) + gen_trace.names(exits) + "\n#endif\n"


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
    exits = parse_exits()
    calls = parse_calls({n for _, n, _ in errors})
    if argv[:1] == ["--list"]:
        for c in calls:
            print("%s PV_OK" % c["name"])
            for name, _ in c["errors"]:
                print("%s %s" % (c["name"], name))
    elif len(argv) == 1 and not argv[0].startswith("-"):
        base = os.path.join(argv[0], "pvabi")
        write(os.path.join(base, "calls.h"), gen_calls(calls, errors, rights, exits))
        write(os.path.join(base, "hcalls.h"), gen_hcalls(calls))
        write(os.path.join(base, "decoders.h"), gen_decoders(calls))
        write(os.path.join(base, "declared.h"), gen_declared(calls, errors))
        write(os.path.join(base, "grammar.h"), gen_grammar(calls))
        write(os.path.join(base, "stubs.h"), gen_stubs(calls))
        write(os.path.join(base, "decode.h"), gen_trace.decode(
            calls, exits, [n for _, n, _ in rights], HEAD))
        write(os.path.join(base, "names.h"), gen_names(calls, errors, exits))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as e:
        sys.exit("gen.py: %s" % e)
