/* SPDX-License-Identifier: BSD-2-Clause */
/* Says what is done against leaks by speculation, and switches it on. */
#include "boot/boot.h"
#include "boot/options.h"
#include "boot/vulns.h"
#include "lib/log.h"
#include "lib/string.h"

#define SPEC_CTRL_IBRS 1u
#define SPEC_CTRL_SSBD 4u

static void name_all(u32 set, char *out, size_t size)
{
	static const char *const names[] = {
		"IBPB", "RSB fill",    "VERW", "L1D flush",
		"IBRS", "IBRS always", "SSBD", "4 KiB code pages",
	};
	const char *sep = "auto: ";

	for (u32 i = 0; i < array_size(names); i++)
		if (set >> i & 1) {
			size_t n = strlen(out);

			fmt_buf(out + n, size - n, "%s%s", sep, names[i]);
			sep = ", ";
		}
}

static void say_each(const struct vuln *list)
{
	for (u32 i = 0; i < VULN_COUNT; i++)
		say("parley: %25s  %12s  %s\n", list[i].name,
		    vuln_state_name(list[i].state), list[i].reason);
}

void vulns_report(void)
{
	bool on = boot_options.mitigations_auto;
	struct vuln list[VULN_COUNT];
	struct vuln_cpu c;
	u32 off = 0;

	vulns_read(&c);
	mitigations = vulns_assess(&c, on, list);
	if (mitigations & MIT_SSBD)
		spec_ctrl |= SPEC_CTRL_SSBD;
	if (mitigations & MIT_IBRS ||
	    (mitigations & MIT_IBRS_ALWAYS && c.vendor != CPU_AMD))
		spec_ctrl |= SPEC_CTRL_IBRS;
	for (u32 i = 0; i < VULN_COUNT; i++)
		off += list[i].state == VULN_OFF;
	if (on)
		say_each(list);
	else
		fmt_buf(boot_own.mitigations, sizeof(boot_own.mitigations),
			"off (auto would close %u vulnerabilities)", off);
	name_all(mitigations, boot_own.mitigations,
		 sizeof(boot_own.mitigations));
}
