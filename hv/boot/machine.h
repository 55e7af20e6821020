/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the boot stage that look at the machine itself. */
#pragma once

#include "lib/bootinfo.h"
#include "lib/cpu.h"
#include "lib/iommu.h"

/* Private pages of each CPU: struct cpu, the scheduler's, the back end's three. */
enum { CPU_PAGE, CPU_PAGE_SCHED, CPU_PAGE_VIRT, CPU_PAGES = CPU_PAGE_VIRT + 3 };

/* What nobody needs but the boot stage, whose memory is the hypervisor's. */
struct boot_own {
	char mitigations[80]; /* "off", or "auto:" and their names */
	u64 cr3;       /* page tables: identity, W^X, guard pages; loaded */
	u64 stacks;    /* of each CPU that ACPI names, CPU_STACKS */
	u64 cpu_pages; /* of each CPU that ACPI names, CPU_PAGES zeroed ones */
	u64 ap_page;   /* hpa of the page below 1 MiB that a CPU starts in,
			     0 if none was free or there is one CPU */
};
extern struct boot_own boot_own;

/* Of the CPU, what nobody else needs. */
struct cpu_boot {
	enum cpu_vendor { CPU_INTEL, CPU_AMD, CPU_OTHER } vendor;
	char brand[49];
	bool invariant_tsc;
	u64 arch_capabilities; /* IA32_ARCH_CAPABILITIES, 0 if absent */
};
extern struct cpu_boot cpu_boot;

/* Fills cpu_feat and cpu_boot. Before anything that reads them. */
void cpu_features_read(void);

/* Fills vmx_caps or svm_caps, and nested_caps. NULL, or what is missing. After
 * cpu_features_read(). */
const char *virt_caps_read(void);
const char *vmx_caps_read(void); /* the same of a CPU that has VMX */

/* Fills the pages at bitmap, and makes them msr_bitmap. */
#define MSR_BITMAP_PAGES 2
void msrs_allow(u8 *bitmap);

/* Switches VMX or SVM on, on this CPU, whose data is at c->virt. NULL, or what
 * is wrong. When the CPU has its tables. */
const char *virt_on(const struct cpu *c) must_check;
const char *vmx_on(u64 area) must_check;

/* Fills guest_cpu. After clock_measure(). */
void guest_cpu_choose(void);

/* The APIC id of the CPU that runs this; the APIC is not touched. */
u32 cpu_boot_id(void);

/* Can configuration space be where the MCFG says, by the memory map? Then the
 * page tables have it. ecam_use() asks the machine, too, and fills pci_ecam;
 * after paging_init(), before pci_scan(). */
bool ecam_usable(const struct boot_info *bi);
void ecam_use(const struct boot_info *bi);
/* What the log says of it. */
void ecam_say(void);

/* Fills pci_funcs. Interrupts off, firmware's drivers gone. */
void pci_scan(void);

/* Finds what stops the functions that cannot be reset alone, and maps their
 * registers. After host_finish(), which has found out what can be theirs. */
void stops_find(const struct boot_host *h);

/*
 * Finds tsc_khz: from CPUID 0x15/0x16 where given, else against the PM timer
 * or the PIT; then lapic_khz, too, unless the TSC deadline makes it needless.
 * After ExitBootServices, interrupts off.
 */
void clock_measure(void);

/*
 * Chooses the largest BOOT_MEM_FREE range that held no firmware data for
 * early_alloc(), and puts an empty BOOT_MEM_HV range behind it. One entry of
 * the map has to be free. When the map is final.
 */
void early_init(struct boot_info *bi);

/*
 * Page tables for a CR3. FREE, HV: RW+NX; ACPI: read only; RUNTIME: read only,
 * or writable and executable if runtime is true; the image by its sections;
 * APICs; guard pages. After early_init().
 */
u64 paging_build(const struct boot_info *bi, bool runtime);

/* Builds boot_own.cr3 and power_runtime_cr3, fills the page in which other CPUs
 * start, and loads boot_own.cr3. */
void paging_init(struct boot_info *bi);

/* Maps the page at addr, of a device, in boot_own.cr3. After paging_init(). */
void paging_add_device(u64 addr);

/* Fills boot_own.ap_page, while it is writable: the code of trampoline.S, and behind
 * it a top table that a 32-bit CR3 can name. For paging_init(). */
void ap_page_fill(void);

/* Builds CPU n's structure, with its tables, in the stacks and the page set
 * aside for it; puts it into cpu_table. */
struct cpu *cpu_make(u32 n, u32 apic_id);
/* On that CPU: from what it started with to its own tables, registers, local
 * APIC and VMX or SVM. On its own stack. The first CPU is the first to do so. */
void cpu_take(const struct cpu *c);

/* Looks for the UART by its scratch register, sets 115200 8N1 with FIFO and
 * makes it the log's sink, if it is there. Again is no error. */
void uart_init(void);

/* Of the local APIC, beside what lib/lapic.h has. */
/* clang-format off */
enum {
	APIC_TPR = 0x80,        APIC_SVR = 0xF0,        APIC_LVT_TIMER = 0x320,
	APIC_LVT_LINT0 = 0x350, APIC_LVT_LINT1 = 0x360, APIC_LVT_ERROR = 0x370,
	APIC_TIMER_COUNT = 0x390, APIC_TIMER_DIVIDE = 0x3E0,
	SVR_ENABLED = 0x1FF, /* spurious: VEC_SPURIOUS of arch/irq.h */
	LVT_NMI = 0x400,        LVT_MASKED = 0x10000,   LVT_DEADLINE = 0x40000,
	DIVIDE_BY_1 = 0xB,      ICR_INIT = 0x500,       ICR_SIPI = 0x600,
};
/* clang-format on */

/* Switches the local APIC on, in the mode that lib/lapic.h uses. */
void lapic_on(void);

/* Masks every line of the PICs and I/O APICs, and counts the latter's pins. After
 * paging_init(). */
void irq_lines_mask(void);

/* Sets up the IOMMUs that ACPI names, so that no device reaches memory, and
 * says so in `iommu`; or finds a reason why not. After pci_scan(), before
 * early_frames(). */
void iommu_setup(const struct boot_info *bi);
/* What the log says of them. */
void iommu_say(void);

/* The two kinds: NULL, or why they cannot be used; a table that lets nothing
 * through; what the functions of pci_funcs need in iommu.table; sets up one. */
const char *vtd_check(void);
void *vtd_root(void);
void vtd_functions(void);
void vtd_start(struct iommu_unit *u, u64 root);
const char *amdvi_check(void);
void *amdvi_root(void);
void amdvi_functions(void);
void amdvi_start(struct iommu_unit *u, u64 root);

/*
 * Starts the other CPUs that ACPI names, each on a stack of its own; they take
 * their tables and wait for bi->ap_entry. One that does not answer in a second
 * is reported and left out. After clock_measure() and the first CPU's
 * cpu_take().
 */
void cpus_start(struct boot_info *bi);

/* RSP of a CPU that starts; the words above are cpu_this()'s. */
static inline u64 boot_stack_top(u32 cpu)
{
	return boot_own.stacks + (cpu + 1) * CPU_STACKS * HV_STACK_SIZE - 16;
}
