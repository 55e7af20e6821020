/* SPDX-License-Identifier: BSD-2-Clause */
/* What VMX needs of the machine, and switching it on (SDM Vol. 3C, 24.7 and
 * 3D, appendix A). */
#include "virt/vmx/vmx.h"
#include "lib/log.h"
#include "lib/x86.h"

/* clang-format off */
enum {
	MSR_FEATURE_CONTROL = 0x3a,
	MSR_VMX_BASIC = 0x480,      MSR_VMX_MISC = 0x485,
	MSR_VMX_CR0_FIXED0 = 0x486, MSR_VMX_CR4_FIXED0 = 0x488,
	MSR_VMX_PROC2 = 0x48b,      MSR_VMX_EPT_VPID = 0x48c,
	MSR_VMX_TRUE_PIN = 0x48d,   MSR_VMX_TRUE_PROC = 0x48e,
	MSR_VMX_TRUE_EXIT = 0x48f,  MSR_VMX_TRUE_ENTRY = 0x490,
	FC_LOCKED = 1,              FC_VMXON = 4,
};

struct vmx_caps vmx_caps;

/* Where a group's bits are: control groups have in the low half what must be 1
 * and in the high half what may be 1. */
static const u16 group_msr[] = {
	[PIN] = MSR_VMX_TRUE_PIN,     [PROC] = MSR_VMX_TRUE_PROC,
	[PROC2] = MSR_VMX_PROC2,      [EXITC] = MSR_VMX_TRUE_EXIT,
	[ENTRYC] = MSR_VMX_TRUE_ENTRY, [BASIC] = MSR_VMX_BASIC,
	[EPT] = MSR_VMX_EPT_VPID,
};

/* What is needed, and what a machine without it lacks; without a name, what is
 * used where it is there. An MSR that not every CPU has comes after the bit that
 * announces it. */
static const struct {
	u8 group;
	u64 bits;
	const char *name;
} wanted[] = {
	{ BASIC, 1ull << 55, "flexible default controls" },
	{ PIN, PIN_EXTINT, "external-interrupt exiting" },
	{ PIN, PIN_NMI, "NMI exiting" },
	{ PROC, PROC_WINDOW, "interrupt window" },
	{ PROC, PROC_TSC_OFFSET, "TSC offsetting" },
	{ PROC, PROC_HLT, "HLT exiting" },
	{ PROC, PROC_MWAIT | PROC_MONITOR, "MONITOR and MWAIT exiting" },
	{ PROC, PROC_RDPMC, "RDPMC exiting" },
	{ PROC, PROC_CR8_LOAD | PROC_CR8_STORE, "CR8 exiting" },
	{ PROC, PROC_IO_BITMAPS | PROC_MSR_BITMAPS, "I/O and MSR bitmaps" },
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
	{ EPT, 1ull << 6, "4-level EPT" },
	{ EPT, 1ull << 14, "write-back EPT paging structures" },
	{ EPT, 1ull << 16, "2 MiB EPT pages" },
	{ EPT, 1ull << 20 | 1ull << 25, "INVEPT of single contexts" },
	{ EPT, 1ull << 32 | 1ull << 40, "INVVPID of addresses" },
	{ EPT, 1ull << 42, "INVVPID of all contexts" },
	{ PIN, PIN_TIMER, NULL },
	{ EXITC, EXITC_SAVE_TIMER, NULL },
	{ PROC2, PROC2_WBINVD | PROC2_RDTSCP, NULL },
};
static const u32 classic[BASIC] = {
	[PROC] = PROC_INVLPG | PROC_RDTSC | PROC_CR3_LOAD | PROC_CR3_STORE |
		 PROC_MOV_DR | PROC_PAUSE,
	[PROC2] = PROC2_DESC,
};
/* clang-format on */

/* Fills vmx_caps.control. NULL, or what is missing. */
static const char *controls(void)
{
	static char text[80];

	for (u32 i = 0; i < array_size(wanted); i++) {
		u8 g = wanted[i].group;
		u64 cap = rdmsr(group_msr[g]), bits = wanted[i].bits;

		cap = g < BASIC ? cap >> 32 : cap;
		if (wanted[i].name && bits & ~cap) {
			fmt_buf(text, sizeof(text), "this CPU's VMX has no %s",
				wanted[i].name);
			return text;
		}
		vmx_caps.control[0][g] |= bits & cap;
	}
	for (u32 g = 0; g < BASIC; g++) {
		u64 cap = rdmsr(group_msr[g]);
		u32 *base = &vmx_caps.control[0][g];

		*base |= cap;
		vmx_caps.control[1][g] = *base | (classic[g] & cap >> 32);
	}
	return NULL;
}

const char *vmx_probe(void)
{
	u64 fc = rdmsr(MSR_FEATURE_CONTROL);
	const char *lack;

	if (fc & FC_LOCKED && !(fc & FC_VMXON))
		return "VMX is disabled in firmware (IA32_FEATURE_CONTROL is "
		       "locked without VMXON)";
	lack = controls();
	if (lack)
		return lack;
	ept_format.gb_pages = rdmsr(MSR_VMX_EPT_VPID) >> 17 & 1;
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
