# SPDX-License-Identifier: BSD-2-Clause
"""What gen.py makes of exits.def, whose head says what form it has; and the
tables by which a trace is decoded."""
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))


def parse(rows, types):
    """Rows of (number, name, arguments as (name, type), text)."""
    exits = []
    for number, name, rest in rows:
        args, _, text = rest.partition(" ")
        args = [] if args == "-" else [a.split(":") for a in args.split(",")]
        if number != len(exits) or len(args) > 3 or \
                any(len(a) != 2 or a[1] not in types for a in args):
            raise ValueError("exits.def: exit %s: a number left out, or a bad "
                             "argument" % name)
        exits.append((number, name, args, text))
    return exits


def constants(exits):
    out = ["#define PV_EXIT_%s %du\n" % (n, v) for v, n, _, _ in exits]
    out += ["\n/* X(NAME) for each of those. */\n#define PV_EXIT_LIST(X)"]
    out += [" \\\n\tX(%s)" % n for _, n, _, _ in exits] + ["\n"]
    return "".join(out)


def names(exits):
    out = ["#define PV_EXIT_NAMES {"]
    out += [' \\\n\t"%s",' % n.lower() for _, n, _, _ in exits]
    return "".join(out) + " \\\n}\n"


# ---- what decodes a trace ----

STRUCTS = """#include <pvabi/abi.h>
#include <pvabi/calls.h>

enum {%s };

/* The names of an argument's values, or of its bits; name 0 ends them. */
struct pv_decode_name {
	const char *name;
	uint64_t value;
};

/* An argument, or a second result; name 0: there is none. */
struct pv_decode_item {
	const char *name;
	int type; /* PV_DECODE_* */
	const struct pv_decode_name *names;
};

struct pv_decode {
	const char *name;
	unsigned args;
	struct pv_decode_item arg[6], result;
};

"""


def constants_of(header, prefix, suffix=r"\w*"):
    """Names of the header's constants that begin with prefix and `_`."""
    return re.findall(r"^#define (%s_(?!ALL\b)\w+) \d+%s\b" % (prefix, suffix),
                      header, re.M)


def names_of(item, header, rights):
    """The C constants that an argument's value may be made of."""
    of = item.get("of")
    if item.get("form") == "enum()":
        return constants_of(header, of)
    if item.get("form") != "flags()":
        return []
    if of == "PV_RIGHT_ALL":
        return rights
    return constants_of(header, of[:-4], "ull") if of.endswith("_ALL") else [of]


def decode_item(item, header, rights):
    known = names_of(item, header, rights)
    kind = "ENUM" if item.get("form") == "enum()" else item["type"].upper()
    return '{ "%s", PV_DECODE_%s, %s }' % (
        item["name"], kind, "pv_decode_%s" % item["of"] if known else 0)


def decode_names(items, header, rights):
    lists = {i["of"]: names_of(i, header, rights) for i in items}
    return ["static const struct pv_decode_name pv_decode_%s[] = {\n%s"
            "\t{ 0, 0 },\n};\n\n" % (of, "".join(
                '\t{ "%s", %s },\n' % (n, n) for n in known))
            for of, known in sorted(lists.items(), key=str) if known]


def decode_row(name, args, result, header, rights):
    made = [decode_item(a, header, rights) for a in args]
    last = decode_item(result, header, rights) if result else "{ 0, 0, 0 }"
    return '\t{ "%s", %d, { %s }, %s },\n' % (
        name, len(args), ", ".join(made) or "{ 0, 0, 0 }", last)


def decode(calls, exits, rights, head):
    with open(os.path.join(HERE, "include/pvabi/abi.h"), encoding="utf-8") as f:
        header = f.read()
    g = "PVABI_DECODE_H"
    out = [head % ("Calls and exits, as a tracer shows them.", g, g), STRUCTS %
           "".join(" PV_DECODE_%s," % t for t in
                   "U64 U32 TSC GPA HANDLE FLAGS ENUM".split())]
    out += decode_names([a for c in calls for a in c["args"]], header, rights)
    out += ["static const struct pv_decode pv_decode_calls[] = {\n"]
    out += [decode_row(c["name"], c["args"], c["result"], header, rights)
            for c in calls]
    out += ["};\n\nstatic const struct pv_decode pv_decode_exits[] = {\n"]
    out += [decode_row(n.lower(), [{"name": a, "type": t} for a, t in args],
                       None, header, rights) for _, n, args, _ in exits]
    return "".join(out) + "};\n\n#endif\n"
