# SPDX-License-Identifier: BSD-2-Clause
"""What gen.py makes of exits.def, whose head says what form it has."""


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
