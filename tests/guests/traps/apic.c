/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC by x2APIC MSRs, and device registers in memory. */
#include <string.h>

#include "kit/mm.h"
#include "kit/time.h"
#include "traps.h"

#define VEC_A 0x61
#define VEC_B 0x82

static volatile unsigned got[2], order[8], nr;

static void on_a(void *arg)
{
	got[0]++;
	order[nr++ % 8] = 0;
}

static void on_b(void *arg)
{
	got[1]++;
	order[nr++ % 8] = 1;
}

static bool wait_for(volatile unsigned *n, unsigned value)
{
	uint64_t until = kit_tsc() + kit_tsc_khz() * 5000; /* a busy host */

	while (*n < value && kit_tsc() < until)
		__asm__ volatile("pause" ::: "memory");
	return *n >= value;
}

static void apic_priorities(void)
{
	uint64_t cr8;

	kit_irq_off();
	msr_write(0x83f, VEC_A);
	msr_write(0x83f, VEC_B);
	check(msr_read(0x823) >> 1 & 1 && msr_read(0x824) >> 2 & 1, "apic-irr",
	      "%d", hit);
	kit_irq_on();
	check(wait_for(&got[0], 1) && got[1] == 1 && order[0] == 1 &&
		      order[1] == 0,
	      "apic-order", "%u %u", got[0], got[1]);
	msr_write(0x808, 0x80);
	msr_write(0x83f, VEC_A);
	__asm__ volatile("nop; nop");
	check(got[0] == 1 && msr_read(0x80a) == 0x80, "apic-tpr", "%u", got[0]);
	__asm__ volatile("movq %%cr8, %0" : "=r"(cr8));
	check(cr8 == 8, "apic-cr8", "%llx", (unsigned long long)cr8);
	__asm__ volatile("movq %0, %%cr8" ::"r"(0ull));
	check(wait_for(&got[0], 2), "apic-tpr-down", "%u", got[0]);
}

static void apic_timer(void)
{
	unsigned before = got[1];
	uint64_t lvt = msr_read(0x832), t0;

	kit_irq_off();
	msr_write(0x83e, 0xb);
	msr_write(0x832, VEC_B);
	t0 = kit_tsc();
	msr_write(0x838, (uint32_t)kit_tsc_khz()); /* 1 ms */
	while (got[1] == before)
		__asm__ volatile("sti; hlt; cli" ::: "memory");
	check(kit_tsc() - t0 >= kit_tsc_khz() && msr_read(0x839) == 0,
	      "apic-one-shot", "%llu ticks",
	      (unsigned long long)(kit_tsc() - t0));
	msr_write(0x832, 1u << 17 | VEC_B);
	msr_write(0x838, (uint32_t)kit_tsc_khz());
	kit_irq_on();
	check(wait_for(&got[1], before + 4), "apic-periodic", "%u",
	      got[1] - before);
	msr_write(0x838, 0);
	msr_write(0x832, 2u << 17 | VEC_B);
	before = got[1];
	msr_write(0x6e0, kit_tsc() + kit_tsc_khz());
	check(wait_for(&got[1], before + 1) && msr_read(0x6e0) == 0,
	      "apic-deadline", "%u", got[1] - before);
	msr_write(0x832, lvt);
}

static unsigned fired;

/* The second time comes only to end a sleep that the first one did not. */
static void on_deadline(void *arg)
{
	if (!fired++)
		msr_write(0x6e0, kit_tsc() + kit_tsc_khz() * 1000);
}

/* STI holds an interrupt off until HLT has begun, which it ends. The divisions
 * keep an emulator busy in the code that STI ends. */
static void apic_sti_hlt(void)
{
	uint64_t lvt = msr_read(0x832), seed = 1, step = kit_tsc_khz() / 20;
	unsigned i, slept = 0, early = 0;

	kit_irq_off();
	kit_vector_register(VEC_A, on_deadline, NULL);
	msr_write(0x832, 2u << 17 | VEC_A);
	for (i = 0; i < 1000 && slept < 3; i++) {
		fired = 0;
		msr_write(0x6e0, kit_tsc() + rand_next(&seed) % step);
		__asm__ volatile("xorl %%edx, %%edx; movl $1, %%eax;"
				 ".rept 100; divq %0; .endr; sti; hlt; cli"
				 :
				 : "r"(1ull)
				 : "rax", "rdx", "memory", "cc");
		slept += fired > 1;
		early += !fired;
		msr_write(0x6e0, 0);
	}
	kit_irq_on();
	msr_write(0x832, lvt);
	check(!slept && !early, "sti-hlt",
	      "of %u sleeps %u missed it, %u ended early", i, slept, early);
}

static void apic_refused(void)
{
	unsigned bad = 0;

	msr_write(0x80b, 1);
	bad += hit != VEC_GP;
	msr_write(0x802, 1);
	bad += hit != VEC_GP;
	msr_read(0x80b);
	bad += hit != VEC_GP;
	msr_write(0x808, 0x100);
	bad += hit != VEC_GP;
	msr_write(0x1b, 0xfee00900);
	bad += hit != VEC_GP;
	check(!bad, "apic-refused", "%u", bad);
}

void test_apic(void)
{
	if (!has_apic()) {
		msr_read(0x802);
		check(hit == VEC_GP, "apic-absent", "%d", hit);
		return;
	}
	kit_vector_register(VEC_A, on_a, NULL);
	kit_vector_register(VEC_B, on_b, NULL);
	apic_priorities();
	apic_timer();
	apic_sti_hlt();
	apic_refused();
	kit_vector_register(VEC_A, NULL, NULL);
	kit_vector_register(VEC_B, NULL, NULL);
}

/* virtio-mmio: MagicValue 0, Version 4, DeviceID 8; Sel 0x14 is written. */
#define MAGIC 0x74726976u

void test_mmio(void)
{
	const struct pv_device *d = kit_device(NULL, PV_DEV_VIRTIO, NULL);
	uint64_t base, rax = ~0ull, r9 = 0, flags;
	uint32_t buf[4] = { 0 }, *p = buf;
	uint64_t si, n = 2;

	if (!d)
		return;
	base = d->base;
	__asm__ volatile(
		"movl (%2), %%eax; movl 4(%2,%3,4), %%r9d; mov %%r9, %1"
		: "+a"(rax), "=r"(r9)
		: "r"(base), "r"(0ull)
		: "r9", "memory");
	check(rax == MAGIC && r9 == 2, "mmio-load", "%llx %llx",
	      (unsigned long long)rax, (unsigned long long)r9);
	__asm__ volatile("cmpl %2, (%1); pushfq; popq %0"
			 : "=r"(flags)
			 : "r"(base), "i"(MAGIC)
			 : "memory", "cc");
	check(flags & 0x40, "mmio-cmp", "%llx", (unsigned long long)flags);
	rax = 0x80000000;
	__asm__ volatile("addl (%1), %%eax" : "+a"(rax) : "r"(base) : "cc");
	check(rax == MAGIC + 0x80000000u, "mmio-add", "%llx",
	      (unsigned long long)rax);
	__asm__ volatile("testl $2, 4(%1); pushfq; popq %0"
			 : "=r"(flags)
			 : "r"(base)
			 : "memory", "cc");
	check(!(flags & 0x40), "mmio-test", "%llx", (unsigned long long)flags);
	si = base;
	__asm__ volatile("rep movsl" : "+S"(si), "+D"(p), "+c"(n)::"memory");
	check(n == 0 && p == buf + 2 && si == base + 8 && buf[0] == MAGIC &&
		      buf[1] == 2,
	      "mmio-movs", "%x %x", buf[0], buf[1]);
	/* stores of each form; what they say is the server's affair */
	__asm__ volatile("movl $0, 0x14(%0); movl %k1, 0x14(%0);"
			 "andl $0, 0x30(%0); leaq 0x14(%0), %%rdi;"
			 "xorl %%eax, %%eax; movq $1, %%rcx; rep stosl;"
			 "xchgl %%eax, 0x30(%0)"
			 :
			 : "r"(base), "r"(0)
			 : "rax", "rcx", "rdi", "memory", "cc");
	check(true, "mmio-store", "-");
}
