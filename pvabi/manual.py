#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the reference manual: manual.md, the ABI's table, the constants and
structures of abi.h, and an example of each call.

  manual.py FILE
"""
import os
import re
import sys

import gen


FIELD = re.compile(r"\s*(?:(/\*.*?\*/)|struct\s*\{(.*?)\}\s*(\w+)\[(\w+)\];|"
                   r"((?:struct )?\w+)\s+([^;{}]+);)", re.S)
SIZES = {"char": 1, "uint8_t": 1, "uint16_t": 2, "uint32_t": 4, "uint64_t": 8}


def words(comment):
    """A comment's text."""
    lines = [re.sub(r"^\s*\*? ?", "", l).strip()
             for l in comment[2:-2].split("\n")]
    return " ".join(l for l in lines if l).replace("|", "\\|")


class Header:
    """abi.h: its constants and structures, with what their comments say."""

    def __init__(self):
        with open(os.path.join(gen.HERE, "include/pvabi/abi.h"),
                  encoding="utf-8") as f:
            self.text = f.read().replace("\\\n", " ")
        self.structs, self.sizes = [], dict(SIZES)
        for about, name, body in re.findall(
                r"((?:^/\*(?:[^*]|\*(?!/))*\*/\n)?)^struct (\w+) \{(.*?)^\};",
                self.text, re.S | re.M):
            rows, size = self.fields(body)
            self.sizes["struct " + name] = size
            self.structs.append((name, words(about.strip()) if about else "",
                                 size, rows))

    def number(self, text):
        if text.isdigit():
            return int(text)
        found = re.search(r"#define %s (\d+)" % text, self.text)
        if found:
            return int(found.group(1))
        whole, less = text.split(" - ")
        return int(whole) - int(less)

    def align(self, kind):
        return min(self.sizes[kind], 8) if kind in SIZES else 8

    def fields(self, body, base=0, prefix=""):
        """Rows (offset, bytes, type, name, text), and the size of it all."""
        rows, at, last = [], base, 1  # last: fields of one declaration
        for note, inner, outer, count, kind, names in FIELD.findall(body):
            if note:
                if not rows or "\n" in body[:body.index(note)].rpartition(";")[2]:
                    rows.append(("", "", "", "", words(note)))
                else:
                    rows[-last:] = [r[:4] + (words(note),) for r in rows[-last:]]
                continue
            if inner:
                n = self.number(count)
                part, end = self.fields(inner, at, "%s[0]." % outer)
                rows += part
                rows.append((end, (end - at) * (n - 1), "",
                             "%s[1..%d]" % (outer, n - 1), "the others alike"))
                at += (end - at) * n
                continue
            last = len(names.split(","))
            for name in names.split(","):
                m = re.match(r"\s*(\w+)\s*(?:\[(.*)\])?\s*$", name)
                n = self.number(m[2]) if m[2] else 1
                at += -at % self.align(kind)
                size = self.sizes[kind] * n
                kind_name = kind.replace("_t", "").replace("uint", "u")
                rows.append((at, size, kind_name + ("[%d]" % n if m[2] else ""),
                             prefix + m[1], ""))
                at += size
        return rows, at + -at % 8 if not prefix else at

    def constants(self):
        """(name, value, text) of all that are numbers."""
        found = re.findall(r"^#define (PV_\w+)(\(n\))?[ \t]+([^\n]*?)"
                           r"[ \t]*(?:/\*(.*?)\*/[^\n]*)?$", self.text, re.M | re.S)
        for name, argument, value, text in found:
            value = re.sub(r"\b(0x[0-9a-f]+|\d+)u(?:ll)?\b|\b(0x[0-9a-f]+|\d+)ull\b",
                           lambda m: m[1] or m[2], value)
            yield name + argument, " ".join(value.split()), \
                words("/*%s*/" % text)


def doc_struct(name, about, size, rows):
    out = "### struct %s\n\n%s%s bytes.\n\n" % (
        name, about + (" " if about.endswith(".") else ". ") if about else "",
        format(size, ","))
    out += "| offset | bytes | type | field | meaning |\n|---|---|---|---|---|\n"
    for at, n, kind, field, text in rows:
        pad = re.search(r"(^|\.)(pad\d*|rest)$", field)
        out += "| %s | %s | %s | %s | %s |\n" % (
            at, n, kind, "`%s`" % field if field else "",
            text or ("0" if pad else ""))
    return out + "\n"


def read(name):
    with open(os.path.join(gen.HERE, name), encoding="utf-8") as f:
        return f.read()


def examples():
    """The text of each example, by its call's name; what they use, by ''."""
    shown = {"": read("examples.h").split("\n\n", 1)[1].strip()}
    for name in ("examples_guest.c", "examples_host.c"):
        parts = re.split(r"^/\* example: (\w+) \*/\n", read(name), flags=re.M)
        shown.update((k, v.strip()) for k, v in zip(parts[1::2], parts[2::2]))
    return shown


def code(text):
    return "```c\n%s\n```\n\n" % text


def doc_call(c, example):
    out = "### %s\n\n%s\n\n" % (c["name"], c["doc"])
    out += "| register | name | type | meaning |\n|---|---|---|---|\n"
    out += "| RAX | | u64 | %d in; status out |\n" % c["nr"]
    for reg, a in zip(gen.REGS, c["args"]):
        more = ", %d to %d" % a["range"] if a["range"] else ""
        note = gen.FORMS[a["form"]][3]
        more += note % a["of"].replace("PAGE_SIZE", "4096") if "%" in note else note
        out += "| %s | %s | %s%s | %s |\n" % (reg, a["name"], a["type"], more, a["text"])
    if c["result"]:
        r = c["result"]
        out += "| RDX (out) | %s | %s | %s |\n" % (r["name"], r["type"], r["text"])
    out += "\n"
    if c.get("more"):
        out += c["more"] + "\n\n"
    if c["right"]:
        out += "Right: %s on the %s that `%s` names.\n\n" % (
            c["right"][1], gen.OBJECTS[c["right"][0]][2], c["right"][2])
    out += "Blocks: %s. In a batch: %s. Bound: %s.%s\n\n" % (
        "yes" if c["blocks"] else "no", "yes" if gen.in_batch(c) else "no", c["bound"],
        "" if c["returns"] else " Does not return, but with an error.")
    if c["errors"]:
        out += "| error | cause |\n|---|---|\n"
        out += "".join("| %s | %s |\n" % e for e in c["errors"]) + "\n"
    else:
        out += "No errors.\n\n"
    return out + code(example)


def table(title, heads, rows):
    return "## %s\n\n| %s |\n|%s\n%s\n" % (
        title, " | ".join(heads), "---|" * len(heads),
        "".join("| %s |\n" % " | ".join(map(str, r)) for r in rows))


def gen_docs(calls, errors, rights, exits):
    shown, header = examples(), Header()
    for name in {c["name"] for c in calls} ^ (shown.keys() - {""}):
        raise gen.Bad("examples: an example for each call, and no other: %s"
                      % name)
    out = read("manual.md").rstrip() + "\n\n"
    out += table("Status values", ("value", "name", "meaning"), errors)
    out += table("Rights", ("bit", "name", "what it allows"), rights)
    out += table("Exit kinds", ("index", "name", "counted in `pv_vcpu_stats.exits`"),
                 [(n, "PV_EXIT_" + name, text) for n, name, _, text in exits])
    out += table("Constants", ("name", "value", "meaning"), header.constants())
    out += "## Structures\n\n" + "".join(doc_struct(*s) for s in header.structs)
    out += "## Calls\n\nThe examples use:\n\n" + code(shown[""])
    out += "".join(doc_call(c, shown[c["name"]]) for c in calls)
    return out.rstrip() + "\n"


def main(argv):
    if len(argv) != 1:
        sys.exit(__doc__)
    errors = gen.parse_numbered("errors.def")
    calls = gen.parse_calls({n for _, n, _ in errors})
    gen.write(argv[0], gen_docs(calls, errors, gen.parse_numbered("rights.def"),
                                gen.parse_exits()))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except gen.Bad as e:
        sys.exit("manual.py: %s" % e)
