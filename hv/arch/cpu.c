/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptor tables and registers of each CPU, and the list of CPUs. */
#include "arch/cpu.h"
#include "arch/exception.h"
#include "arch/irq.h"
#include "lib/panic.h"
#include "lib/x86.h"

#define DESC_CODE64 0x00AF9B000000FFFFull /* accessed, so never written */
#define DESC_DATA 0x00CF93000000FFFFull
#define DESC_TSS 0x0000890000000000ull
#define GATE_INTERRUPT 0x8E00ull
#define IDT_VECTORS 256

struct table_ptr {
	u16 limit;
	u64 base;
} __attribute__((packed));

struct cpu *cpu_table[CPU_MAX];
u32 cpu_count;

static u64 idt[IDT_VECTORS][2];
static void (*ap_next)(void);

/* The stack that the TSS names for a vector, 0: stay (Intel SDM 3A 6.14.5). */
static const u8 ist_of[IDT_VECTORS] = {
	[VEC_NMI] = 1, [VEC_DF] = 2, [VEC_MC] = BOOT_IST_STACKS
};

static void idt_build(void)
{
	for (u32 v = 0; v < IDT_VECTORS; v++) {
		u64 at = (u64)exception_stubs + v * EXCEPTION_STUB_SIZE;

		idt[v][0] = (at & 0xFFFF) | SEL_CODE << 16 |
			    (GATE_INTERRUPT | ist_of[v]) << 32 |
			    (at >> 16 & 0xFFFF) << 48;
		idt[v][1] = at >> 32;
	}
}

/* The CPU with the MADT's entry n, in the stacks and the page set aside. */
static struct cpu *cpu_make(const struct boot_info *bi, u32 n)
{
	u64 stack = bi->stacks + n * BOOT_CPU_STACKS * HV_STACK_SIZE;
	struct cpu *c =
		(struct cpu *)(bi->cpu_pages + n * CPU_PAGES * PAGE_SIZE);
	u64 tss = (u64)&c->tss;

	*c = (struct cpu){
		.index = n,
		.apic_id = acpi.apic_ids[n],
		.stacks = stack,
		.sched = (u8 *)c + CPU_PAGE_SCHED * PAGE_SIZE,
		.virt = (u8 *)c + CPU_PAGE_VIRT * PAGE_SIZE,
		.gdt = { 0, DESC_CODE64, DESC_DATA,
			 DESC_TSS | (sizeof(c->tss) - 1) |
				 (tss & 0xFFFFFF) << 16 |
				 (tss >> 24 & 0xFF) << 56,
			 tss >> 32 },
		.tss = { .iomap = sizeof(c->tss) },
	};
	for (u32 i = 0; i < BOOT_CPU_STACKS; i++) {
		stack += HV_STACK_SIZE;
		*(struct cpu **)(stack - 8) = c;
		c->tss.ist[i] = stack - 16;
	}
	return c;
}

static void load_tables(const struct cpu *c)
{
	struct table_ptr g = { sizeof(c->gdt) - 1, (u64)c->gdt };
	struct table_ptr i = { sizeof(idt) - 1, (u64)idt };

	__asm__ volatile(
		"lgdt %0; lidt %1;"
		"pushq %2; leaq 1f(%%rip), %%rax; pushq %%rax; lretq;"
		"1: movl %3, %%ds; movl %3, %%es; movl %3, %%ss;"
		"xorl %%eax, %%eax; movl %%eax, %%fs; movl %%eax, %%gs;"
		"lldt %%ax; movl %4, %%eax; ltr %%ax"
		:
		: "m"(g), "m"(i), "i"(SEL_CODE), "r"(SEL_DATA), "i"(SEL_TSS)
		: "rax", "memory");
}

static void load_registers(const struct cpu_features *f)
{
	u64 optional = CR4_LA57 | CR4_PGE | CR4_OSXSAVE | CR4_SMEP | CR4_SMAP;

	write_cr0(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG);
	write_cr4(CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT |
		  (f->cr4 & optional));
	if (f->xsave)
		xsetbv(0, f->xcr0_mask);
	wrmsr(MSR_PAT, PAT_RESET);
	if (spec_ctrl)
		wrmsr(MSR_SPEC_CTRL, spec_ctrl);
	if (f->vendor == CPU_AMD && mitigations & MIT_IBRS_ALWAYS)
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_AIBRSE);
	write_cr3(read_cr3()); /* no translation with the old PAT stays */
}

static void cpu_online(void)
{
	load_tables(cpu_this());
	load_registers(&cpu_feat);
	lapic_init();
	__atomic_fetch_add(&cpu_count, 1, __ATOMIC_RELEASE);
}

static noreturn_fn void ap_main(void)
{
	cpu_online();
	ap_next();
	__builtin_unreachable();
}

void cpu_init(struct boot_info *bi, void (*ap_entry)(void))
{
	ap_next = ap_entry;
	idt_build();
	for (u32 n = 0; n < acpi.nr_cpus; n++)
		cpu_table[n] = cpu_make(bi, n);
	cpu_online();
	store_release(&bi->ap_entry, ap_main);
	while (load_acquire(&cpu_count) < acpi.nr_cpus)
		cpu_relax();
	if (cpu_count > 1)
		panic_stop_others = lapic_nmi_others;
}
