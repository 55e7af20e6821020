/* SPDX-License-Identifier: BSD-2-Clause */
/* GDT, TSS, IDT of each CPU, and the end of a CPU that takes an exception. */
#include "arch/idt.h"
#include "arch/irq.h"
#include "arch/power.h"
#include "lib/x86.h"
#include "lib/early.h"
#include "lib/log.h"
#include "lib/panic.h"

#define GDT_ENTRIES 16
#define DESC_CODE64 0x00AF9B000000FFFFull /* accessed, so never written */
#define DESC_DATA 0x00CF93000000FFFFull
#define DESC_TSS 0x0000890000000000ull
#define GATE_INTERRUPT 0x8E00ull
#define IDT_VECTORS 256
#define IDT_STUB_SIZE 16 /* bytes a stub in idt_stubs.S */
#define VEC_NMI 2
#define VEC_DF 8
#define VEC_GP 13
#define VEC_MC 18
#define IST_COUNT BOOT_IST_STACKS

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

/* The stack that the TSS names for a vector, 0: stay (Intel SDM 3A 6.14.5). */
static u64 ist_of(u32 vector)
{
	static const u8 own[IST_COUNT] = { VEC_NMI, VEC_DF, VEC_MC };

	for (u32 i = 0; i < IST_COUNT; i++)
		if (own[i] == vector)
			return i + 1;
	return 0;
}

static void build_idt(void)
{
	idt = early_alloc(1, PAGE_SIZE);
	for (u32 v = 0; v < IDT_VECTORS; v++) {
		u64 at = (u64)idt_stubs + v * IDT_STUB_SIZE;

		idt[v][0] = (at & 0xFFFF) | SEL_CODE << 16 | ist_of(v) << 32 |
			    GATE_INTERRUPT << 32 | (at >> 16 & 0xFFFF) << 48;
		idt[v][1] = at >> 32;
	}
}

static void build_tss(struct cpu *c)
{
	struct tss *tss = c->tss;

	for (u32 i = 0; i < IST_COUNT; i++) {
		u64 top = c->ist_base + (i + 1) * HV_STACK_SIZE - 16;

		tss->ist[2 * i] = (u32)top;
		tss->ist[2 * i + 1] = (u32)(top >> 32);
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
	if (load_acquire(&panic_active))
		cpu_stop();
}

static void print_regs(const struct cpu_regs *r)
{
	static const char names[][4] = { "r15", "r14", "r13", "r12", "r11",
					 "r10", "r9",  "r8",  "rbp", "rdi",
					 "rsi", "rdx", "rcx", "rbx", "rax" };
	const u64 *v = &r->r15;

	log("parley: rip %016lx  rsp %016lx  rflags %08lx  cs %02lx ss %02lx\n",
	    r->rip, r->rsp, r->rflags, r->cs, r->ss);
	for (u32 i = 0; i < array_size(names); i += 3)
		log("parley: %3s %016lx  %3s %016lx  %3s %016lx\n", names[i],
		    v[i], names[i + 1], v[i + 1], names[i + 2], v[i + 2]);
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
