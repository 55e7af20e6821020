#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes the reference manual, of manual.md and the ABI's table.

  manual.py FILE
"""
import os
import sys

import gen


def doc_call(c):
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
    return out


def gen_docs(calls, errors, rights):
    with open(os.path.join(gen.HERE, "manual.md"), encoding="utf-8") as f:
        out = f.read().rstrip() + "\n\n"
    out += "## Status values\n\n| value | name | meaning |\n|---|---|---|\n"
    out += "".join("| %d | %s | %s |\n" % e for e in errors)
    out += "\n## Rights\n\n| bit | name | what it allows |\n|---|---|---|\n"
    out += "".join("| %d | %s | %s |\n" % r for r in rights)
    out += "\n## Calls\n\n" + "".join(doc_call(c) for c in calls)
    return out.rstrip() + "\n"


def main(argv):
    if len(argv) != 1:
        sys.exit(__doc__)
    errors = gen.parse_numbered("errors.def")
    calls = gen.parse_calls({n for _, n, _ in errors})
    gen.write(argv[0], gen_docs(calls, errors, gen.parse_numbered("rights.def")))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except gen.Bad as e:
        sys.exit("manual.py: %s" % e)
