/* SPDX-License-Identifier: BSD-2-Clause */
/* Which vulnerabilities by speculation this CPU has, and what is done. Where
 * the CPU does not say that it is free of one, it is taken to have it. */
#include "boot/vulns.h"

/* clang-format off */
/* IA32_ARCH_CAPABILITIES (SDM Vol. 4, table 2-2). */
enum {
	RDCL_NO = 0,	IBRS_ALL = 1,	SKIP_L1DFL = 3,	SSB_NO = 4,
	MDS_NO = 5,	PSCHANGE_NO = 6, TAA_NO = 8,	SBDR_NO = 13,
	FBSDP_NO = 14,	PSDP_NO = 15,	FB_CLEAR = 17,	RRSBA = 19,
	GDS_CTRL = 25,	GDS_NO = 26,	RFDS_NO = 27,	RFDS_CLEAR = 28,
	ITS_NO = 62
};
/* CPUID 7: EBX, then EDX. */
enum { RTM = 11 };
enum { SRBDS_CTRL = 9, MD_CLEAR = 10, SPEC_CTRL = 26, FLUSH_CMD = 28, SSBD = 31 };
/* CPUID 0x80000008 EBX (APM Vol. 3, E.4.7); 0x80000021 EAX, then ECX. */
enum { AMD_IBPB = 12, AMD_IBRS = 14, AMD_SSBD = 24, AMD_SSB_NO = 26 };
enum { VERW_CLEAR = 5, AUTO_IBRS = 8, SRSO_NO = 29 };
enum { TSA_SQ_NO = 1, TSA_L1_NO = 2 };
/* clang-format on */

#define ZEN_1_2 0x17u
#define ZEN_3_4 0x19u

static bool cap(const struct vuln_cpu *c, u32 bit)
{
	return c->caps >> bit & 1;
}

static bool is(u32 reg, u32 bit) { return reg >> bit & 1; }

/* What a mitigation needs of the CPU. */
static u32 available(const struct vuln_cpu *c)
{
	u32 m = MIT_RSB | MIT_NX_LARGE;

	if (is(c->leaf7_d, SPEC_CTRL) || is(c->ext8_b, AMD_IBPB))
		m |= MIT_IBPB;
	if (cap(c, IBRS_ALL) || is(c->ext21_a, AUTO_IBRS))
		m |= MIT_IBRS_ALWAYS;
	else if (is(c->leaf7_d, SPEC_CTRL) || is(c->ext8_b, AMD_IBRS))
		m |= MIT_IBRS;
	if (is(c->leaf7_d, SSBD) || is(c->ext8_b, AMD_SSBD))
		m |= MIT_SSBD;
	if (is(c->leaf7_d, MD_CLEAR) || cap(c, FB_CLEAR) ||
	    cap(c, RFDS_CLEAR) || is(c->ext21_a, VERW_CLEAR))
		m |= MIT_VERW;
	if (is(c->leaf7_d, FLUSH_CMD))
		m |= MIT_L1D;
	return m;
}

/* ---- who is not affected: the reason, else NULL ---- */

static const char *not_intel(const struct vuln_cpu *c)
{
	return c->vendor == CPU_AMD ? "only Intel's CPUs have it" : NULL;
}

static const char *intel_no(const struct vuln_cpu *c, u32 bit)
{
	const char *why = not_intel(c);

	return why ? why : cap(c, bit) ? "the CPU says so" : NULL;
}

static const char *no_gds(const struct vuln_cpu *c)
{
	return intel_no(c, GDS_NO);
}

static const char *no_its(const struct vuln_cpu *c)
{
	return intel_no(c, ITS_NO);
}

static const char *no_itlb(const struct vuln_cpu *c)
{
	return intel_no(c, PSCHANGE_NO);
}

static const char *no_rdcl(const struct vuln_cpu *c)
{
	return intel_no(c, RDCL_NO);
}

static const char *no_mds(const struct vuln_cpu *c)
{
	return intel_no(c, MDS_NO);
}

static const char *no_mmio(const struct vuln_cpu *c)
{
	return intel_no(c, cap(c, FBSDP_NO) && cap(c, PSDP_NO) ? SBDR_NO : 63);
}

static const char *no_rfds(const struct vuln_cpu *c)
{
	return intel_no(c, RFDS_NO);
}

static const char *no_taa(const struct vuln_cpu *c)
{
	if (!is(c->leaf7_b, RTM))
		return "no transactional memory";
	return intel_no(c, TAA_NO);
}

static const char *no_retbleed(const struct vuln_cpu *c)
{
	if (c->vendor == CPU_AMD)
		return c->family >= ZEN_3_4 ? "newer than Zen 2" : NULL;
	return cap(c, IBRS_ALL) && !cap(c, RRSBA) ? "enhanced IBRS" : NULL;
}

static const char *no_srso(const struct vuln_cpu *c)
{
	if (c->vendor != CPU_AMD)
		return "only AMD's CPUs have it";
	if (is(c->ext21_a, SRSO_NO))
		return "the CPU says so";
	return c->family < ZEN_1_2 || c->family > ZEN_3_4 ?
		       "neither Zen 1 to 4" :
		       NULL;
}

static const char *no_ssb(const struct vuln_cpu *c)
{
	return cap(c, SSB_NO) || is(c->ext8_b, AMD_SSB_NO) ? "the CPU says so" :
							     NULL;
}

static const char *no_tsa(const struct vuln_cpu *c)
{
	if (c->vendor != CPU_AMD)
		return "only AMD's CPUs have it";
	if (is(c->ext21_c, TSA_SQ_NO) && is(c->ext21_c, TSA_L1_NO))
		return "the CPU says so";
	return c->family == ZEN_3_4 ? NULL : "neither Zen 3 nor 4";
}

static const char *nobody_free(const struct vuln_cpu *c) { return NULL; }

/* ---- the table ---- */

struct row {
	const char *name;
	const char *(*free)(const struct vuln_cpu *c);
	u32 needs;	  /* one of these MIT_* will do; 0: see `done` */
	bool done;	  /* needs nothing switched on */
	const char *how;  /* what is done */
	const char *lack; /* why it is open when nothing is available */
};

/* clang-format off */
static const struct row rows[VULN_COUNT] = {
	{ "gather_data_sampling", no_gds, 0, false, "",
	  "left to the microcode, which locks it by default" },
	{ "indirect_target_selection", no_its, 0, false, "",
	  "indirect branches of the hypervisor are not moved" },
	{ "itlb_multihit", no_itlb, MIT_NX_LARGE, false,
	  "no executable large page in a nested table", "" },
	{ "l1tf", no_rdcl, MIT_L1D, false,
	  "L1 data cache flushed at entry; switch SMT off as well",
	  "the CPU cannot flush its L1 data cache" },
	{ "mds", no_mds, MIT_VERW, false,
	  "buffers cleared at entry; switch SMT off as well",
	  "VERW clears no buffers on this CPU" },
	{ "meltdown", no_rdcl, 0, true,
	  "a guest's tables map no page of the hypervisor", "" },
	{ "mmio_stale_data", no_mmio, MIT_VERW, false,
	  "buffers cleared at entry", "VERW clears no buffers on this CPU" },
	{ "old_microcode", nobody_free, 0, false, "",
	  "its version is not looked at" },
	{ "reg_file_data_sampling", no_rfds, MIT_VERW, false,
	  "buffers cleared at entry", "VERW clears no buffers on this CPU" },
	{ "retbleed", no_retbleed, MIT_IBRS, false,
	  "IBRS at each exit", "returns of the hypervisor are not guarded" },
	{ "spec_rstack_overflow", no_srso, 0, false, "",
	  "returns of the hypervisor are not guarded" },
	{ "spec_store_bypass", no_ssb, MIT_SSBD, false,
	  "SSBD, always on", "the CPU has no SSBD" },
	{ "spectre_v1", nobody_free, 0, true,
	  "indices from guests are clamped", "" },
	{ "spectre_v2", nobody_free, MIT_IBPB, false,
	  "IBPB between partitions, RSB filled at exit, IBRS where there is",
	  "the CPU has no IBPB" },
	{ "srbds", not_intel, 0, false, "",
	  "left to the microcode, which locks it by default" },
	{ "tsa", no_tsa, MIT_VERW, false,
	  "buffers cleared at entry", "VERW clears no buffers on this CPU" },
	{ "tsx_async_abort", no_taa, MIT_VERW, false,
	  "buffers cleared at entry", "VERW clears no buffers on this CPU" },
	{ "vmscape", nobody_free, MIT_IBPB, false,
	  "IBPB before the host partition runs", "the CPU has no IBPB" },
};
/* clang-format on */

static struct vuln row_state(const struct row *r, const char *free, u32 usable,
			     bool on)
{
	struct vuln v = { r->name, VULN_OPEN, r->lack };

	if (free) {
		v.state = VULN_NOT_AFFECTED;
		v.reason = free;
	} else if (r->done || r->needs & usable) {
		v.state = r->done || on ? VULN_MITIGATED : VULN_OFF;
		v.reason = r->how;
	}
	return v;
}

u32 vulns_assess(const struct vuln_cpu *c, bool on, struct vuln *out)
{
	/* what no single one of them asks for, but all of them together */
	u32 usable = available(c),
	    want = MIT_RSB | (usable & (MIT_IBRS | MIT_IBRS_ALWAYS));

	for (u32 i = 0; i < VULN_COUNT; i++) {
		const char *free = rows[i].free(c);
		bool flush_idle = rows[i].needs & MIT_L1D && cap(c, SKIP_L1DFL);

		if (flush_idle)
			free = "the CPU says that a flush is not needed";
		out[i] = row_state(&rows[i], free, usable, on);
		if (!free)
			want |= rows[i].needs & usable;
	}
	return on ? want : 0;
}

const char *vuln_state_name(enum vuln_state s)
{
	static const char *const names[] = {
		[VULN_NOT_AFFECTED] = "not affected",
		[VULN_MITIGATED] = "mitigated",
		[VULN_OFF] = "off",
		[VULN_OPEN] = "open",
	};

	return names[s];
}

void vulns_read(struct vuln_cpu *c)
{
	u32 sign = cpuid(1, 0).a, max = cpuid(0x80000000, 0).a;
	bool seven = cpuid(0, 0).a >= 7;

	*c = (struct vuln_cpu){ .vendor = cpu_boot.vendor,
				.family = sign >> 8 & 15,
				.caps = cpu_boot.arch_capabilities };
	if (c->family == 15)
		c->family += sign >> 20 & 0xff;
	c->leaf7_b = seven ? cpuid(7, 0).b : 0;
	c->leaf7_d = seven ? cpuid(7, 0).d : 0;
	c->ext8_b = max >= 0x80000008 ? cpuid(0x80000008, 0).b : 0;
	c->ext21_a = max >= 0x80000021 ? cpuid(0x80000021, 0).a : 0;
	c->ext21_c = max >= 0x80000021 ? cpuid(0x80000021, 0).c : 0;
}
