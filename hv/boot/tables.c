/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptor tables, registers and local APIC of each CPU, as the hypervisor
 * has them. */
#include "boot/machine.h"
#include "lib/lapic.h"
#include "lib/panic.h"
#include "lib/x86.h"

#define DESC_CODE64 0x00AF9B000000FFFFull /* accessed, so never written */
#define DESC_DATA 0x00CF93000000FFFFull
#define DESC_TSS 0x0000890000000000ull
#define GATE_INTERRUPT 0x8E00ull
#define IDT_VECTORS 256
#define BASE_X2APIC (1u << 10) /* of MSR_APIC_BASE */
#define BASE_ENABLE (1u << 11)
#define MSR_GS_BASE 0xC0000101

/* Intel SDM 3A, figure 8-11. */
struct tss {
	u32 reserved0;
	u64 rsp[3], reserved1, ist[7], reserved2;
	u16 reserved3, iomap;
} __attribute__((packed));
static_assert_size(struct tss, sizeof(((struct cpu *)NULL)->tss));

struct table_ptr {
	u16 limit;
	u64 base;
} __attribute__((packed));

struct boot_own boot_own;

static u64 idt[IDT_VECTORS][2];

/* The stack that the TSS names for a vector, 0: stay (Intel SDM 3A 6.14.5). */
static const u8 ist_of[IDT_VECTORS] = {
	[VEC_NMI] = 1, [VEC_DF] = 2, [VEC_MC] = IST_STACKS
};

static void idt_build(void)
{
	for (u32 v = 0; v < IDT_VECTORS; v++) {
		u64 at = (u64)hv_vectors + v * HV_VECTOR_SIZE;

		idt[v][0] = (at & 0xFFFF) | SEL_CODE << 16 |
			    (GATE_INTERRUPT | ist_of[v]) << 32 |
			    (at >> 16 & 0xFFFF) << 48;
		idt[v][1] = at >> 32;
	}
}

struct cpu *cpu_make(u32 n, u32 apic_id)
{
	u64 stack = boot_own.stacks + n * CPU_STACKS * HV_STACK_SIZE;
	struct cpu *c =
		(struct cpu *)(boot_own.cpu_pages + n * CPU_PAGES * PAGE_SIZE);
	struct tss *t = (struct tss *)c->tss;
	u64 tss = (u64)t;

	*c = (struct cpu){
		.self = c,
		.index = n,
		.apic_id = apic_id,
		.stacks = stack,
		.idt = (u64)idt,
		.sched = (u8 *)c + CPU_PAGE_SCHED * PAGE_SIZE,
		.virt = (u8 *)c + CPU_PAGE_VIRT * PAGE_SIZE,
		.gdt = { 0, DESC_CODE64, DESC_DATA,
			 DESC_TSS | (sizeof(c->tss) - 1) |
				 (tss & 0xFFFFFF) << 16 |
				 (tss >> 24 & 0xFF) << 56,
			 tss >> 32 },
	};
	t->iomap = sizeof(*t);
	for (u32 i = 0; i < CPU_STACKS; i++) {
		stack += HV_STACK_SIZE;
		*(struct cpu **)(stack - 8) = c;
		t->ist[i] = stack - 16;
	}
	cpu_table[n] = c;
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
	if (cpu_boot.vendor == CPU_AMD && mitigations & MIT_IBRS_ALWAYS)
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_AIBRSE);
	write_cr3(read_cr3()); /* no translation with the old PAT stays */
}

static void lapic_init(void)
{
	const u32 start[][2] = {
		{ APIC_TPR, 0 },
		{ APIC_LVT_LINT0, LVT_MASKED },
		{ APIC_LVT_LINT1, LVT_NMI },
		{ APIC_LVT_ERROR, LVT_MASKED },
		{ APIC_TIMER_DIVIDE, DIVIDE_BY_1 },
		{ APIC_TIMER_INIT, 0 },
		{ APIC_LVT_TIMER,
		  VEC_TIMER | (cpu_feat.tsc_deadline ? LVT_DEADLINE : 0) },
	};

	lapic_on();
	for (u32 i = 0; i < array_size(start); i++)
		lapic_write(start[i][0], start[i][1]);
	mb(); /* the mode before any write of the deadline (SDM 10.5.4.1) */
	for (u32 i = 0; i < 8; i++)
		lapic_write(APIC_EOI, 0); /* what firmware left in service */
}

void lapic_on(void)
{
	u64 base = rdmsr(MSR_APIC_BASE) | BASE_ENABLE;

	wrmsr(MSR_APIC_BASE, base); /* xAPIC first: no other way in */
	if (cpu_feat.x2apic)
		wrmsr(MSR_APIC_BASE, base | BASE_X2APIC);
	lapic_write(APIC_SVR, SVR_ENABLED);
}

void cpu_take(const struct cpu *c)
{
	const char *wrong;

	if (!c->index)
		idt_build();
	load_tables(c);
	wrmsr(MSR_GS_BASE, (u64)c);
	load_registers(&cpu_feat);
	lapic_init();
	wrong = virt_on(c);
	if (wrong)
		panic("CPU %u: %s", c->index, wrong);
}
