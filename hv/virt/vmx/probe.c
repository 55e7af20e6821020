/* SPDX-License-Identifier: BSD-2-Clause */
/* What VMX needs of the machine, and switching it on (SDM Vol. 3C, 24.7 and
 * 3D, appendix A). */
#include "virt/vmx/vmx.h"
#include "lib/regs.h"
#include "arch/x86.h"
#include "lib/log.h"

#define MSR_FEATURE_CONTROL 0x3A
#define FC_LOCKED 1ull
#define FC_VMXON 4ull
#define MSR_VMX_BASIC 0x480
#define MSR_VMX_PIN 0x481
#define MSR_VMX_PROC 0x482
#define MSR_VMX_EXIT 0x483
#define MSR_VMX_ENTRY 0x484
#define MSR_VMX_MISC 0x485
#define MSR_VMX_CR0_FIXED0 0x486
#define MSR_VMX_CR4_FIXED0 0x488
#define MSR_VMX_PROC2 0x48B
#define MSR_VMX_EPT_VPID 0x48C
#define MSR_VMX_TRUE_PIN 0x48D
#define BASIC_TRUE (1ull << 55)

struct vmx_caps vmx_caps;

enum group { PIN, PROC, PROC2, EXITC, ENTRYC, GROUPS };

/* Each control that is needed, and what a machine without it lacks. */
static const struct {
	enum group group;
	u32 bit;
	const char *name;
} needed[] = {
	{ PIN, PIN_EXTINT, "external-interrupt exiting" },
	{ PIN, PIN_NMI, "NMI exiting" },
	{ PROC, PROC_WINDOW, 0 }, /* checked, not set */
	{ PROC, PROC_TSC_OFFSET, "TSC offsetting" },
	{ PROC, PROC_HLT, "HLT exiting" },
	{ PROC, PROC_MWAIT, "MWAIT exiting" },
	{ PROC, PROC_RDPMC, "RDPMC exiting" },
	{ PROC, PROC_CR8_LOAD, "CR8-load exiting" },
	{ PROC, PROC_CR8_STORE, "CR8-store exiting" },
	{ PROC, PROC_IO_BITMAPS, "I/O bitmaps" },
	{ PROC, PROC_MSR_BITMAPS, "MSR bitmaps" },
	{ PROC, PROC_MONITOR, "MONITOR exiting" },
	{ PROC, PROC_SECONDARY, "secondary controls" },
	{ PROC2, PROC2_EPT, "EPT" },
	{ PROC2, PROC2_VPID, "VPID" },
	{ PROC2, PROC2_UNRESTRICTED, "unrestricted guest" },
	{ EXITC, EXITC_SAVE_DEBUG, "saving of debug controls" },
	{ EXITC, EXITC_HOST64, "64-bit host" },
	{ EXITC, EXITC_SAVE_PAT, "saving of PAT" },
	{ EXITC, EXITC_LOAD_PAT, "loading of PAT" },
	{ EXITC, EXITC_SAVE_EFER, "saving of EFER" },
	{ EXITC, EXITC_LOAD_EFER, "loading of EFER" },
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

	for (i = 0; i < array_size(needed); i++) {
		enum group g = needed[i].group;
		u32 bit = needed[i].bit;

		if (g == PROC2 && !(caps_of(PROC) >> 32 & PROC_SECONDARY))
			return lacking("secondary controls");
		if (!(caps_of(g) >> 32 & bit))
			return lacking(needed[i].name ? needed[i].name :
							"interrupt window");
		*out[g] |= needed[i].name ? bit : 0;
	}
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
	u64 c = rdmsr(MSR_VMX_EPT_VPID);

	if (!(c >> 6 & 1))
		return lacking("4-level EPT");
	if (!(c >> 14 & 1))
		return lacking("write-back EPT paging structures");
	if (!(c >> 16 & 1))
		return lacking("2 MiB EPT pages");
	if (!(c >> 20 & 1) || !(c >> 25 & 3))
		return lacking("INVEPT");
	if (!(c >> 32 & 1) || !(c >> 42 & 1))
		return lacking("INVVPID of all contexts");
	vmx_caps.gb_pages = c >> 17 & 1;
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
