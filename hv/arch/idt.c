/* SPDX-License-Identifier: BSD-2-Clause */
/* GDT, TSS, IDT of each CPU, and the end of a CPU that takes an exception. */
#include "arch/idt.h"
#include "arch/early.h"
#include "arch/irq.h"
#include "arch/power.h"
#include "arch/x86.h"
#include "lib/log.h"
#include "lib/panic.h"

#define GDT_ENTRIES 16
#define DESC_CODE64 0x00AF9B000000FFFFull /* accessed, so never written */
#define DESC_DATA 0x00CF93000000FFFFull
#define DESC_TSS 0x0000890000000000ull
#define GATE_INTERRUPT 0x8E00ull
#define IDT_VECTORS 256
#define EXCEPTIONS 32

/* Intel SDM 3A, figure 8-11. */
struct tss {
	u32 reserved0;
	u32 rsp[6];
	u32 reserved1[2];
	u32 ist[14]; /* 7 pairs, not 8-aligned */
	u32 reserved2[2];
	u16 reserved3, iomap;
};
static_assert_size(struct tss, 104);

struct table_ptr {
	u16 limit;
	u64 base;
} __attribute__((packed));

extern const u8 idt_stubs[] __attribute__((visibility("hidden")));
extern const u8 msr_read_insn[] __attribute__((visibility("hidden")));
extern const u8 msr_write_insn[] __attribute__((visibility("hidden")));
extern const u8 msr_failed[] __attribute__((visibility("hidden")));

static u64 (*idt)[2];

u64 cpu_stack_start(const struct cpu *c, u32 ist)
{
	if (!ist)
		return c->stack_top - 8;
	return c->ist_base + ist * HV_STACK_SIZE - 16;
}

static u32 ist_of(u32 vector)
{
	switch (vector) {
	case VEC_NMI:
		return IST_NMI;
	case VEC_DF:
		return IST_DF;
	case VEC_MC:
		return IST_MC;
	default:
		return 0;
	}
}

static void build_idt(void)
{
	idt = early_alloc(1, PAGE_SIZE);
	for (u32 v = 0; v < IDT_VECTORS; v++) {
		u64 at = (u64)idt_stubs + v * IDT_STUB_SIZE;

		idt[v][0] = (at & 0xFFFF) | SEL_CODE << 16 |
			    (u64)ist_of(v) << 32 | GATE_INTERRUPT << 32 |
			    (at >> 16 & 0xFFFF) << 48;
		idt[v][1] = at >> 32;
	}
}

static void build_tss(struct cpu *c)
{
	struct tss *tss = c->tss;

	for (u32 i = 1; i <= IST_COUNT; i++) {
		u64 top = cpu_stack_start(c, i);

		tss->ist[2 * (i - 1)] = (u32)top;
		tss->ist[2 * (i - 1) + 1] = (u32)(top >> 32);
	}
	tss->iomap = sizeof(*tss);
}

static void build_gdt(struct cpu *c)
{
	u64 tss = (u64)c->tss;

	c->gdt[SEL_CODE / 8] = DESC_CODE64;
	c->gdt[SEL_DATA / 8] = DESC_DATA;
	c->gdt[SEL_TSS / 8] = DESC_TSS | (sizeof(struct tss) - 1) |
			      (tss & 0xFFFFFF) << 16 | (tss >> 24 & 0xFF) << 56;
	c->gdt[SEL_TSS / 8 + 1] = tss >> 32;
}

static void load_segments(void)
{
	__asm__ volatile(
		"pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq;"
		"1: movl %1, %%ds; movl %1, %%es; movl %1, %%ss;"
		"xorl %%eax, %%eax; movl %%eax, %%fs; movl %%eax, %%gs;"
		"lldt %%ax; movl %2, %%eax; ltr %%ax"
		:
		: "i"(SEL_CODE), "r"(SEL_DATA), "i"(SEL_TSS)
		: "rax", "memory");
}

void idt_load(struct cpu *c)
{
	struct table_ptr g = { GDT_ENTRIES * 8 - 1, (u64)c->gdt };
	struct table_ptr i = { IDT_VECTORS * 16 - 1, 0 };

	if (!idt)
		build_idt();
	build_tss(c);
	build_gdt(c);
	i.base = (u64)idt;
	__asm__ volatile("lgdt %0" : : "m"(g));
	load_segments();
	__asm__ volatile("lidt %0" : : "m"(i));
}

void nmi_take(void)
{
	if (__atomic_load_n(&panic_active, __ATOMIC_ACQUIRE))
		for (;;)
			__asm__ volatile("cli; hlt");
	cpu_this()->nmis++;
}

static void print_regs(const struct cpu_regs *r)
{
	log("parley: rip %016lx  rsp %016lx  rflags %08lx  cs %02lx ss %02lx\n",
	    r->rip, r->rsp, r->rflags, r->cs, r->ss);
	log("parley: rax %016lx  rbx %016lx  rcx %016lx\n", r->rax, r->rbx,
	    r->rcx);
	log("parley: rdx %016lx  rsi %016lx  rdi %016lx\n", r->rdx, r->rsi,
	    r->rdi);
	log("parley: rbp %016lx  r8  %016lx  r9  %016lx\n", r->rbp, r->r8,
	    r->r9);
	log("parley: r10 %016lx  r11 %016lx  r12 %016lx\n", r->r10, r->r11,
	    r->r12);
	log("parley: r13 %016lx  r14 %016lx  r15 %016lx\n", r->r13, r->r14,
	    r->r15);
}

static const char *exception_name(u64 vector)
{
	static const char names[][4] = {
		"DE", "DB", "NMI", "BP", "OF", "BR", "UD", "NM",
		"DF", "?",  "TS",  "NP", "SS", "GP", "PF", "?",
		"MF", "AC", "MC",  "XM", "VE", "CP",
	};

	return vector < array_size(names) ? names[vector] : "?";
}

/* Where to look for return addresses: on a stack of this CPU, above its guard
 * page (an overflow comes here by #DF), else on the one we are on. */
static u64 trace_start(const struct cpu_regs *r)
{
	const struct cpu *c = cpu_this();
	u64 base = r->rsp & ~(HV_STACK_SIZE - 1);

	if (base != (c->stack_top & ~(HV_STACK_SIZE - 1)) &&
	    r->rsp - c->ist_base >= IST_COUNT * HV_STACK_SIZE)
		return (u64)r;
	return r->rsp < base + PAGE_SIZE ? base + PAGE_SIZE : r->rsp;
}

/* Called by the stubs with interrupts off; returns only for NMI and for the
 * two instructions that may fault. */
void exception_entry(struct cpu_regs *r);

void exception_entry(struct cpu_regs *r)
{
	if (r->vector == VEC_NMI) {
		nmi_take();
		return;
	}
	if (r->vector == VEC_GP &&
	    (r->rip == (u64)msr_read_insn || r->rip == (u64)msr_write_insn)) {
		r->rip = (u64)msr_failed;
		return;
	}
	panic_begin();
	log("parley: panic: exception #%s (%lu), error code 0x%lx\n",
	    exception_name(r->vector), r->vector, r->error);
	print_regs(r);
	if (panic_ops.registers)
		panic_ops.registers();
	panic_trace(r->rip, trace_start(r));
	panic_end();
}
