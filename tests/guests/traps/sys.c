/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptor tables, single step, time, ports, code at page edges, the TLB. */
#include <string.h>

#include "kit/mm.h"
#include "kit/time.h"
#include "traps.h"

struct table {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static uint64_t gdt[10] __attribute__((aligned(16)));

static void desc_tables(struct table *g, struct table *i)
{
	struct table now, bad = { 0x7f, 1ull << 50 };

	__asm__ volatile("sgdt %0; sidt %1" : "=m"(*g), "=m"(*i));
	check(g->limit >= 0x27 && g->base && i->limit == 0xfff, "desc-store",
	      "%x %x", g->limit, i->limit);
	memcpy(gdt, (void *)(uintptr_t)g->base, 48);
	now = (struct table){ sizeof(gdt) - 1, (uintptr_t)gdt };
	__asm__ volatile("lgdt %0; lidt %1" ::"m"(now), "m"(*i));
	memset(&now, 0, sizeof(now));
	__asm__ volatile("sgdt %0" : "=m"(now));
	check(now.limit == sizeof(gdt) - 1 && now.base == (uintptr_t)gdt,
	      "desc-lgdt", "%x %llx", now.limit, (unsigned long long)now.base);
	/* (QEMU itself loads it) */
	if (kit_profile() == PV_PROFILE_CLASSIC) {
		INSN("lgdt %0", , "m"(bad));
		check(hit == VEC_GP, "desc-lgdt-refused", "%d", hit);
	}
	/* with a segment that has a base, and at the edge of a page */
	INSN("lidt (%0)", , "r"(0x700000000000ull));
	check(hit == VEC_PF, "desc-lidt-pf", "%d", hit);
}

static void desc_selectors(void)
{
	uint64_t r = ~0ull;
	uint16_t tr = 0, ldt = 1;

	__asm__ volatile("str %0" : "=m"(tr));
	__asm__ volatile("sldt %0; str %1" : "=m"(ldt), "+r"(r));
	check(tr == 0x18 && ldt == 0 && (uint32_t)r == 0x18, "desc-str",
	      "%x %x %llx", tr, ldt, (unsigned long long)r);
	gdt[3] &= ~(2ull << 40);
	INSN("ltr %w0", , "r"(0x18));
	check(hit == -1 && gdt[3] >> 41 & 1, "desc-ltr", "%d %llx", hit,
	      (unsigned long long)gdt[3]);
	INSN("ltr %w0", , "r"(0x18));
	check(hit == VEC_GP && hit_error == 0x18, "desc-ltr-busy", "%d %llx",
	      hit, (unsigned long long)hit_error);
	if (kit_profile() == PV_PROFILE_CLASSIC) {
		INSN("ltr %w0", , "r"(0));
		check(hit == VEC_GP && hit_error == 0, "desc-ltr-null", "%d",
		      hit);
	}
	/* an LDT of one page, not present at first */
	gdt[6] = 0x0000020000000fffull | ((uintptr_t)gdt & 0xffffff) << 16 |
		 ((uintptr_t)gdt >> 24 & 0xff) << 56;
	gdt[7] = (uintptr_t)gdt >> 32;
	INSN("lldt %w0", , "r"(0x30));
	check(hit == VEC_NP && hit_error == 0x30, "desc-lldt-np", "%d", hit);
	gdt[6] |= 1ull << 47;
	ldt = 0x30;
	INSN("lldt %0", , "m"(ldt));
	r = 0;
	__asm__ volatile("sldt %0" : "=r"(r));
	check(hit == -1 && r == 0x30, "desc-lldt", "%d %llx", hit,
	      (unsigned long long)r);
	INSN("lldt %w0", , "r"(0));
	INSN("lldt %w0", , "r"(0x08));
	check(hit == VEC_GP && hit_error == 8, "desc-lldt-type", "%d", hit);
}

void test_desc(void)
{
	struct table g, i;

	desc_tables(&g, &i);
	desc_selectors();
	gdt[3] &= ~(2ull << 40);
	memcpy((void *)(uintptr_t)g.base, gdt, 48);
	__asm__ volatile("lgdt %0; ltr %w1" ::"m"(g), "r"(0x18));
}

static volatile uint64_t steps[16];
static volatile unsigned nr_steps;

static void on_step(struct kit_frame *f)
{
	if (nr_steps < 16)
		steps[nr_steps] = f->rip;
	nr_steps++;
}

extern char step_1[], step_2[], step_3[];

/* A trap flag that is set stops behind an emulated instruction, too. */
void test_step(void)
{
	kit_trap_fn old = kit_trap_set(VEC_DB, on_step);

	__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq\n\t"
			 "nop\n"
			 "step_1: cpuid\n"
			 "step_2: outb %%al, $0x80\n"
			 "step_3: pushfq; andq $~0x100, (%%rsp); popfq"
			 :
			 : "a"(0), "c"(0)
			 : "rbx", "rdx", "memory", "cc");
	kit_trap_set(VEC_DB, old);
	check(nr_steps == 6 && steps[0] == (uintptr_t)step_1 &&
		      steps[1] == (uintptr_t)step_2 &&
		      steps[2] == (uintptr_t)step_3,
	      "single-step", "%u steps, %llx %llx %llx from %p", nr_steps,
	      (unsigned long long)steps[0], (unsigned long long)steps[1],
	      (unsigned long long)steps[2], (void *)step_1);
}

void test_tsc(void)
{
	uint64_t a = kit_tsc(), b = kit_tsc(), m = msr_read(0x10);
	uint32_t r[4], lo, hi, aux = 0;

	check(a <= b && b <= m && m - a < 1ull << 32, "tsc", "%llx %llx %llx",
	      (unsigned long long)a, (unsigned long long)b,
	      (unsigned long long)m);
	__asm__ volatile("cpuid"
			 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
			 : "a"(0x80000001u), "c"(0));
	if (!(r[3] >> 27 & 1))
		return;
	msr_write(0xc0000103, 0xabc);
	__asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi), "=c"(aux));
	check(aux == 0xabc && ((uint64_t)hi << 32 | lo) >= m, "rdtscp", "%x",
	      aux);
}

void test_ports(void)
{
	uint8_t space[5] = { 0, 0, 0, 0, 0x55 }, *buf = space + 1, *p = buf;
	uint64_t n = 3, rax = 0x1122334455667788ull;

	__asm__ volatile("inb $0x80, %%al" : "+a"(rax));
	check(rax == 0x11223344556677ffull, "port-in-8", "%llx",
	      (unsigned long long)rax);
	__asm__ volatile("inw %%dx, %%ax" : "+a"(rax) : "d"(0x1234));
	check(rax == 0x112233445566ffffull, "port-in-16", "%llx",
	      (unsigned long long)rax);
	__asm__ volatile("inl %%dx, %%eax" : "+a"(rax) : "d"(0xcfc));
	check(rax == 0xffffffff, "port-in-32", "%llx", (unsigned long long)rax);
	__asm__ volatile("rep insb" : "+D"(p), "+c"(n) : "d"(0x60) : "memory");
	check(n == 0 && p == buf + 3 && buf[0] == 0xff && buf[2] == 0xff &&
		      buf[3] == 0x55,
	      "port-ins", "%llu left", (unsigned long long)n);
	p = buf + 3;
	n = 4;
	__asm__ volatile("std; rep outsb; cld"
			 : "+S"(p), "+c"(n)
			 : "d"(0x80)
			 : "memory");
	check(n == 0 && p == space, "port-outs", "%llu left",
	      (unsigned long long)n);
	n = 0;
	p = NULL;
	__asm__ volatile("rep outsl" : "+S"(p), "+c"(n) : "d"(0x80));
	check(p == NULL, "port-outs-none", "%p", (void *)p);
	/* the memory operand faults: #PF, and nothing has moved */
	n = 2;
	p = (uint8_t *)0x700000000000ull;
	INSN("rep insb", ARGS("+D"(p), "+c"(n)), "d"(0x60));
	check(hit == VEC_PF && n == 2, "port-ins-pf", "%d", hit);
}

#define CODE_VA 0x600000000000ull

/* Runs the CPUID that is at CODE_VA. */
static uint64_t code_run(void)
{
	uint64_t rax = PV_CPUID_BASE;

	__asm__ volatile("call *%1"
			 : "+a"(rax)
			 : "r"(CODE_VA)
			 : "rbx", "rcx", "rdx", "rsi", "memory", "cc");
	return rax;
}

/* The same instruction in another page with a prefix, at the same address: with
 * the old length it would go on in the middle of it. */
void test_remap(void)
{
	static const uint8_t plain[] = { 0x0f, 0xa2, 0xc3 },
			     prefixed[] = { 0x67, 0x48, 0x0f, 0xa2, 0xc3 };
	uint8_t *a = kit_pages_alloc(1), *b = kit_pages_alloc(1);
	uint64_t x, y, z;

	memcpy(a, plain, sizeof(plain));
	memcpy(b, prefixed, sizeof(prefixed));
	kit_map(CODE_VA, kit_gpa(a), 4096, KIT_EXEC);
	x = code_run();
	kit_map(CODE_VA, kit_gpa(b), 4096, KIT_EXEC); /* INVLPG */
	y = code_run();
	kit_map(CODE_VA, kit_gpa(a), 4096, KIT_EXEC);
	memcpy(a, prefixed, sizeof(prefixed));
	z = code_run();
	kit_unmap(CODE_VA, 4096);
	check(x == PV_CPUID_MAX && y == x && z == x, "fetch-remapped",
	      "%llx %llx %llx", (unsigned long long)x, (unsigned long long)y,
	      (unsigned long long)z);
}

/* An emulated instruction that lies across two pages, then without its end. */
void test_fetch(void)
{
	uint8_t *pages = kit_pages_alloc(2), *code = pages + 4096 - 3;
	uint64_t rax = 0, at = CODE_VA + 4096 - 3;

	memcpy(code, "\x66\x66\x0f\xa2\xc3", 5); /* CPUID; RET */
	if (!kit_map(CODE_VA, kit_gpa(pages), 8192, KIT_EXEC))
		kit_panic("no map");
	INSN("call *%1", "+a"(rax), ARGS("r"(at), "c"(0)), "rbx", "rdx");
	check(hit == -1 && rax >= 0x16, "fetch-two-pages", "%d", hit);
	kit_unmap(CODE_VA + 4096, 4096);
	INSN("jmp *%1", "+a"(rax), ARGS("r"(at), "c"(0)), "rbx", "rdx");
	check(hit == VEC_PF && hit_error == 0x10, "fetch-pf", "%d error %llx",
	      hit, (unsigned long long)hit_error);
	kit_unmap(CODE_VA, 4096);
	kit_pages_free(pages, 2);
}

/* INVLPG and CR3 loads drop translations, whoever executes them. */
void test_tlb(void)
{
	uint64_t va = CODE_VA + 0x100000, other, was;
	volatile uint64_t *p = (void *)va;
	uint64_t *a = kit_pages_alloc(1), *b = kit_pages_alloc(1), x, y;

	a[0] = 0xa;
	b[0] = 0xb;
	kit_map(va, kit_gpa(a), 4096, KIT_WRITE);
	x = *p;
	kit_map(va, kit_gpa(b), 4096, KIT_WRITE); /* INVLPG */
	y = *p;
	check(x == 0xa && y == 0xb, "tlb-invlpg", "%llx %llx",
	      (unsigned long long)x, (unsigned long long)y);
	other = kit_root_clone();
	__asm__ volatile("movq %%cr3, %0; movq %1, %%cr3"
			 : "=&r"(was)
			 : "r"(other)
			 : "memory");
	x = *p;
	__asm__ volatile("movq %0, %%cr3" ::"r"(was) : "memory");
	check(x == 0xb && *p == 0xb, "tlb-cr3", "%llx", (unsigned long long)x);
	kit_unmap(va, 4096);
	INSN("movq (%1), %0", "=r"(x), "r"(va));
	check(hit == VEC_PF, "tlb-unmap", "%d", hit);
}
