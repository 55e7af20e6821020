/* SPDX-License-Identifier: BSD-2-Clause */
/* Which vulnerabilities by speculation this CPU has, and what is done. */
#pragma once

#include "boot/machine.h"

/* What CPUID and the capability MSRs say. Fields that are absent are 0. */
struct vuln_cpu {
	enum cpu_vendor vendor;
	u32 family; /* with the extended family added (SDM Vol. 2, CPUID) */
	u32 leaf7_b, leaf7_d; /* CPUID 7, 0 */
	u32 ext8_b;	      /* CPUID 0x80000008 */
	u32 ext21_a, ext21_c; /* CPUID 0x80000021 */
	u64 caps;	      /* IA32_ARCH_CAPABILITIES */
};

enum vuln_state {
	VULN_NOT_AFFECTED,
	VULN_MITIGATED,
	VULN_OFF, /* it could be mitigated: mitigations = off */
	VULN_OPEN /* nothing that would help is there, or built */
};

/* One of those that Linux lists in /sys/devices/system/cpu/vulnerabilities. */
struct vuln {
	const char *name; /* Linux's */
	enum vuln_state state;
	const char *reason; /* a constant */
};

#define VULN_COUNT 18

/*
 * Fills all VULN_COUNT entries of out, in the order of their names. Returns the
 * MIT_* bits to switch on: 0 unless `on` (mitigations = auto). Pure.
 */
u32 vulns_assess(const struct vuln_cpu *c, bool on, struct vuln *out);

/*
 * Decides for this CPU, says it line by line on the console when `on`, and sets
 * `mitigations`, `spec_ctrl` and boot_own.mitigations.
 */
void vulns_report(void);

/* "not affected", "mitigated", "off", "open". */
const char *vuln_state_name(enum vuln_state s);

/* Asks this CPU; cpu_features_read() has run. */
void vulns_read(struct vuln_cpu *c);
