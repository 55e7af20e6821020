/* SPDX-License-Identifier: BSD-2-Clause */
/* What Parley needs of VMX, and what this CPU's has (SDM Vol. 3D, appendix A;
 * the controls: Vol. 3C, 25.6 to 25.8). */
#include "boot/machine.h"
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

enum control_bits {
	PIN_EXTINT = 1 << 0,    PIN_NMI = 1 << 3,       PIN_TIMER = 1 << 6,
	PROC_WINDOW = 1 << 2,   PROC_TSC_OFFSET = 1 << 3,
	PROC_HLT = 1 << 7,      PROC_INVLPG = 1 << 9,   PROC_MWAIT = 1 << 10,
	PROC_RDPMC = 1 << 11,   PROC_RDTSC = 1 << 12,   PROC_CR3_LOAD = 1 << 15,
	PROC_CR3_STORE = 1 << 16,           PROC_CR8_LOAD = 1 << 19,
	PROC_CR8_STORE = 1 << 20,           PROC_MOV_DR = 1 << 23,
	PROC_IO_BITMAPS = 1 << 25,          PROC_MSR_BITMAPS = 1 << 28,
	PROC_MONITOR = 1 << 29, PROC_PAUSE = 1 << 30,   PROC2_EPT = 1 << 1,
	PROC2_DESC = 1 << 2,    PROC2_RDTSCP = 1 << 3,  PROC2_VPID = 1 << 5,
	PROC2_WBINVD = 1 << 6,  PROC2_UNRESTRICTED = 1 << 7,
	EXIT_SAVE_DEBUG = 1 << 2,           EXIT_HOST64 = 1 << 9,
	EXIT_SAVE_PAT = 1 << 18,            EXIT_LOAD_PAT = 1 << 19,
	EXIT_SAVE_EFER = 1 << 20,           EXIT_LOAD_EFER = 1 << 21,
	EXIT_SAVE_TIMER = 1 << 22,          ENTRY_LOAD_DEBUG = 1 << 2,
	ENTRY_LOAD_PAT = 1 << 14,           ENTRY_LOAD_EFER = 1 << 15,
};
#define PROC_SECONDARY (1u << 31)

/* Groups of bits that are no controls. */
enum { BASIC = VMX_CONTROLS, EPT };

/* Where a group's bits are: control groups have in the low half what must be 1
 * and in the high half what may be 1. */
static const u16 group_msr[] = {
	[VMX_PIN] = MSR_VMX_TRUE_PIN,     [VMX_PROC] = MSR_VMX_TRUE_PROC,
	[VMX_PROC2] = MSR_VMX_PROC2,      [VMX_EXIT] = MSR_VMX_TRUE_EXIT,
	[VMX_ENTRY] = MSR_VMX_TRUE_ENTRY, [BASIC] = MSR_VMX_BASIC,
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
	{ VMX_PIN, PIN_EXTINT, "external-interrupt exiting" },
	{ VMX_PIN, PIN_NMI, "NMI exiting" },
	{ VMX_PROC, PROC_WINDOW, "interrupt window" },
	{ VMX_PROC, PROC_TSC_OFFSET, "TSC offsetting" },
	{ VMX_PROC, PROC_HLT, "HLT exiting" },
	{ VMX_PROC, PROC_MWAIT | PROC_MONITOR, "MONITOR and MWAIT exiting" },
	{ VMX_PROC, PROC_RDPMC, "RDPMC exiting" },
	{ VMX_PROC, PROC_CR8_LOAD | PROC_CR8_STORE, "CR8 exiting" },
	{ VMX_PROC, PROC_IO_BITMAPS | PROC_MSR_BITMAPS, "I/O and MSR bitmaps" },
	{ VMX_PROC, PROC_SECONDARY, "secondary controls" },
	{ VMX_PROC2, PROC2_EPT, "EPT" },
	{ VMX_PROC2, PROC2_VPID, "VPID" },
	{ VMX_PROC2, PROC2_UNRESTRICTED, "unrestricted guest" },
	{ VMX_EXIT, EXIT_HOST64, "64-bit host" },
	{ VMX_EXIT, EXIT_SAVE_DEBUG, "saving of debug controls" },
	{ VMX_EXIT, EXIT_SAVE_PAT | EXIT_LOAD_PAT, "switching of PAT" },
	{ VMX_EXIT, EXIT_SAVE_EFER | EXIT_LOAD_EFER, "switching of EFER" },
	{ VMX_ENTRY, ENTRY_LOAD_DEBUG, "loading of debug controls" },
	{ VMX_ENTRY, ENTRY_LOAD_PAT, "loading of guest PAT" },
	{ VMX_ENTRY, ENTRY_LOAD_EFER, "loading of guest EFER" },
	{ EPT, 1ull << 6, "4-level EPT" },
	{ EPT, 1ull << 14, "write-back EPT paging structures" },
	{ EPT, 1ull << 16, "2 MiB EPT pages" },
	{ EPT, 1ull << 20 | 1ull << 25, "INVEPT of single contexts" },
	{ EPT, 1ull << 32 | 1ull << 40, "INVVPID of addresses" },
	{ EPT, 1ull << 42, "INVVPID of all contexts" },
	{ VMX_PIN, PIN_TIMER, NULL },
	{ VMX_EXIT, EXIT_SAVE_TIMER, NULL },
	{ VMX_PROC2, PROC2_WBINVD | PROC2_RDTSCP, NULL },
};
static const u32 classic[VMX_CONTROLS] = {
	[VMX_PROC] = PROC_INVLPG | PROC_RDTSC | PROC_CR3_LOAD | PROC_CR3_STORE |
		 PROC_MOV_DR | PROC_PAUSE,
	[VMX_PROC2] = PROC2_DESC,
};
/* clang-format on */

/* Fills vmx_caps.control. NULL, or what is missing. */
static const char *controls(void)
{
	static char text[80];

	for (u32 i = 0; i < array_size(wanted); i++) {
		u8 g = wanted[i].group;
		u64 cap = rdmsr(group_msr[g]), bits = wanted[i].bits;

		cap = g < VMX_CONTROLS ? cap >> 32 : cap;
		if (wanted[i].name && bits & ~cap) {
			fmt_buf(text, sizeof(text), "this CPU's VMX has no %s",
				wanted[i].name);
			return text;
		}
		if (g < VMX_CONTROLS)
			vmx_caps.control[0][g] |= bits & cap;
	}
	for (u32 g = 0; g < VMX_CONTROLS; g++) {
		u64 cap = rdmsr(group_msr[g]);
		u32 *base = &vmx_caps.control[0][g];

		*base |= cap;
		vmx_caps.control[1][g] = *base | (classic[g] & cap >> 32);
	}
	return NULL;
}

const char *vmx_caps_read(void)
{
	u64 fc = rdmsr(MSR_FEATURE_CONTROL);
	const char *lack;

	if (fc & FC_LOCKED && !(fc & FC_VMXON))
		return "VMX is disabled in firmware (IA32_FEATURE_CONTROL is "
		       "locked without VMXON)";
	lack = controls();
	if (lack)
		return lack;
	vmx_caps.timer = vmx_caps.control[0][VMX_EXIT] & EXIT_SAVE_TIMER;
	nested_caps = (struct nested_caps){
		.levels = 4,
		.tags = 0xffff,
		.gb_pages = rdmsr(MSR_VMX_EPT_VPID) >> 17 & 1,
		.dirty = rdmsr(MSR_VMX_EPT_VPID) >> 21 & 1,
	};
	vmx_caps.revision = (u32)rdmsr(MSR_VMX_BASIC) & 0x7fffffff;
	vmx_caps.timer_shift = rdmsr(MSR_VMX_MISC) & 31;
	vmx_caps.cr0_fixed = rdmsr(MSR_VMX_CR0_FIXED0) & ~(CR0_PE | CR0_PG);
	vmx_caps.cr4_fixed = rdmsr(MSR_VMX_CR4_FIXED0);
	return NULL;
}

/* SDM Vol. 3C, 24.7. */
const char *vmx_on(u64 area)
{
	u64 fc = rdmsr(MSR_FEATURE_CONTROL);
	bool bad;

	if (!(fc & FC_LOCKED))
		wrmsr(MSR_FEATURE_CONTROL, fc | FC_LOCKED | FC_VMXON);
	else if (!(fc & FC_VMXON))
		return "IA32_FEATURE_CONTROL of this CPU forbids VMXON";
	write_cr0(read_cr0() | vmx_caps.cr0_fixed);
	write_cr4(read_cr4() | vmx_caps.cr4_fixed | CR4_VMXE);
	*(u32 *)hpa_ptr(hpa(area)) = vmx_caps.revision;
	__asm__ volatile("vmxon %1" : "=@ccbe"(bad) : "m"(area) : "memory");
	return bad ? "VMXON failed" : NULL;
}
