/* SPDX-License-Identifier: BSD-2-Clause */
/* What VMX needs of the machine, and switching it on (SDM Vol. 3C, 24.7 and
 * 3D, appendix A). */
#include "virt/vmx/vmx.h"
#include "lib/x86.h"
#include "lib/log.h"

#define MSR_FEATURE_CONTROL 0x3A
#define FC_LOCKED 1ull
#define FC_VMXON 4ull
/* clang-format off */
enum {
	MSR_VMX_BASIC = 0x480, MSR_VMX_PIN, MSR_VMX_PROC, MSR_VMX_EXIT,
	MSR_VMX_ENTRY, MSR_VMX_MISC, MSR_VMX_CR0_FIXED0,
	MSR_VMX_CR4_FIXED0 = 0x488,
	MSR_VMX_PROC2 = 0x48b, MSR_VMX_EPT_VPID,
	MSR_VMX_TRUE_PIN, /* and PROC, EXIT, ENTRY */
};
/* clang-format on */
#define BASIC_TRUE (1ull << 55)

struct vmx_caps vmx_caps;

enum group { PIN, PROC, PROC2, EXITC, ENTRYC, GROUPS };

/* Each control that is needed, and what a machine without it lacks. */
static const struct {
	enum group group;
	u32 bits;
	const char *name;
} needed[] = {
	{ PIN, PIN_EXTINT, "external-interrupt exiting" },
	{ PIN, PIN_NMI, "NMI exiting" },
	{ PROC, PROC_TSC_OFFSET, "TSC offsetting" },
	{ PROC, PROC_HLT, "HLT exiting" },
	{ PROC, PROC_MWAIT | PROC_MONITOR, "MONITOR and MWAIT exiting" },
	{ PROC, PROC_RDPMC, "RDPMC exiting" },
	{ PROC, PROC_CR8_LOAD | PROC_CR8_STORE, "CR8 exiting" },
	{ PROC, PROC_IO_BITMAPS, "I/O bitmaps" },
	{ PROC, PROC_MSR_BITMAPS, "MSR bitmaps" },
	{ PROC, PROC_SECONDARY, "secondary controls" },
	{ PROC2, PROC2_EPT, "EPT" },
	{ PROC2, PROC2_VPID, "VPID" },
	{ PROC2, PROC2_UNRESTRICTED, "unrestricted guest" },
	{ EXITC, EXITC_HOST64, "64-bit host" },
	{ EXITC, EXITC_SAVE_DEBUG, "saving of debug controls" },
	{ EXITC, EXITC_SAVE_PAT | EXITC_LOAD_PAT, "switching of PAT" },
	{ EXITC, EXITC_SAVE_EFER | EXITC_LOAD_EFER, "switching of EFER" },
	{ ENTRYC, ENTRYC_LOAD_DEBUG, "loading of debug controls" },
	{ ENTRYC, ENTRYC_LOAD_PAT, "loading of guest PAT" },
	{ ENTRYC, ENTRYC_LOAD_EFER, "loading of guest EFER" },
};

#define CLASSIC_PROC                                                 \
	(PROC_INVLPG | PROC_RDTSC | PROC_CR3_LOAD | PROC_CR3_STORE | \
	 PROC_MOV_DR | PROC_PAUSE)

static const char *lacking(const char *what)
{
	static char text[80];

	fmt_buf(text, sizeof(text), "this CPU's VMX has no %s", what);
	return text;
}

static u64 caps_of(enum group g)
{
	u32 base = rdmsr(MSR_VMX_BASIC) & BASIC_TRUE ? MSR_VMX_TRUE_PIN :
						       MSR_VMX_PIN;

	return rdmsr(g == PROC2	 ? MSR_VMX_PROC2 :
		     g == EXITC	 ? base + 2 :
		     g == ENTRYC ? base + 3 :
				   base + g);
}

/* Low half: must be 1; high half: may be 1. */
static const char *controls(void)
{
	u32 *out[GROUPS] = { &vmx_caps.pin, &vmx_caps.proc, &vmx_caps.proc2,
			     &vmx_caps.exit, &vmx_caps.entry };
	bool timer;
	size_t i;

	/* PROC_SECONDARY stands before PROC2, whose MSR depends on it */
	for (i = 0; i < array_size(needed); i++) {
		enum group g = needed[i].group;
		u32 bits = needed[i].bits;

		if (bits & ~(u32)(caps_of(g) >> 32))
			return lacking(needed[i].name);
		*out[g] |= bits;
	}
	if (!(caps_of(PROC) >> 32 & PROC_WINDOW))
		return lacking("interrupt window");
	timer = caps_of(PIN) >> 32 & PIN_TIMER &&
		caps_of(EXITC) >> 32 & EXITC_SAVE_TIMER;
	vmx_caps.pin |= timer ? PIN_TIMER : 0;
	vmx_caps.exit |= timer ? EXITC_SAVE_TIMER : 0;
	vmx_caps.proc2 |= caps_of(PROC2) >> 32 & (PROC2_WBINVD | PROC2_RDTSCP);
	vmx_caps.proc2_classic = vmx_caps.proc2 |
				 (caps_of(PROC2) >> 32 & PROC2_DESC);
	for (i = 0; i < GROUPS; i++)
		*out[i] |= (u32)caps_of(i);
	vmx_caps.proc &= ~(CLASSIC_PROC & ~(u32)caps_of(PROC));
	vmx_caps.proc_classic = vmx_caps.proc | CLASSIC_PROC;
	return NULL;
}

static const char *ept_probe(void)
{
	static const struct {
		u64 any;
		const char *name;
	} need[] = {
		{ 1ull << 6, "4-level EPT" },
		{ 1ull << 14, "write-back EPT paging structures" },
		{ 1ull << 16, "2 MiB EPT pages" },
		{ 1ull << 20, "INVEPT" },
		{ 3ull << 25, "INVEPT" },
		{ 1ull << 32, "INVVPID" },
		{ 1ull << 42, "INVVPID of all contexts" },
	};
	u64 c = rdmsr(MSR_VMX_EPT_VPID);
	size_t i;

	for (i = 0; i < array_size(need); i++)
		if (!(c & need[i].any))
			return lacking(need[i].name);
	ept_format.gb_pages = c >> 17 & 1;
	vmx_caps.invept_single = c >> 25 & 1;
	vmx_caps.invvpid_addr = c >> 40 & 1;
	return NULL;
}

const char *vmx_probe(void)
{
	u64 fc = rdmsr(MSR_FEATURE_CONTROL);
	const char *lack;

	if (fc & FC_LOCKED && !(fc & FC_VMXON))
		return "VMX is disabled in firmware (IA32_FEATURE_CONTROL is "
		       "locked without VMXON)";
	vmx_caps = (struct vmx_caps){ 0 };
	lack = controls();
	if (lack)
		return lack;
	lack = ept_probe();
	if (lack)
		return lack;
	vmx_caps.revision = (u32)rdmsr(MSR_VMX_BASIC) & 0x7fffffff;
	vmx_caps.timer_shift = rdmsr(MSR_VMX_MISC) & 31;
	vmx_caps.cr0_fixed = rdmsr(MSR_VMX_CR0_FIXED0) & ~(CR0_PE | CR0_PG);
	vmx_caps.cr4_fixed = rdmsr(MSR_VMX_CR4_FIXED0);
	return NULL;
}

const char *vmx_cpu_on(struct cpu *c)
{
	struct virt_cpu *pc = c->virt;
	u64 fc = rdmsr(MSR_FEATURE_CONTROL);
	u8 bad;

	if (!(fc & FC_LOCKED))
		wrmsr(MSR_FEATURE_CONTROL, fc | FC_LOCKED | FC_VMXON);
	else if (!(fc & FC_VMXON))
		return "IA32_FEATURE_CONTROL of this CPU forbids VMXON";
	write_cr0(read_cr0() | vmx_caps.cr0_fixed);
	write_cr4(read_cr4() | vmx_caps.cr4_fixed | CR4_VMXE);
	*(u32 *)hpa_ptr(hpa(pc->area[0])) = vmx_caps.revision;
	__asm__ volatile("vmxon %1\n\tsetbe %0"
			 : "=r"(bad)
			 : "m"(pc->area[0])
			 : "cc", "memory");
	if (bad)
		return "VMXON failed";
	pc->max_tag = 0xffff;
	return NULL;
}
