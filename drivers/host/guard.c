/* SPDX-License-Identifier: BSD-2-Clause */
/* Guarded accesses: each instruction names where to go on if it faults. */
#include "guard.h"

#include "kit/irq.h"
#include "kit/kit.h"

#define TRAP_GP 13u
#define TRAP_PF 14u

extern const struct guard_fixup __start_host_fixup[], __stop_host_fixup[];

/* On a fault the instruction is skipped and `bad` stays 1. */
#define GUARDED(insn)             \
	"1:	" insn "\n\t"     \
	"xorl %k[bad], %k[bad]\n" \
	"2:\n\t" GUARD_FIXUP("1b", "2b")

static uint64_t target(const int32_t *distance)
{
	return (uint64_t)(uintptr_t)distance + (uint64_t)(int64_t)*distance;
}

static kit_trap_fn before_gp, before_pf;

static void fault(struct kit_frame *f)
{
	kit_trap_fn next = f->vector == TRAP_GP ? before_gp : before_pf;

	for (const struct guard_fixup *x = __start_host_fixup;
	     x < __stop_host_fixup; x++) {
		if (f->rip != target(&x->insn))
			continue;
		f->rip = target(&x->resume);
		return;
	}
	if (next)
		next(f);
	else
		kit_panic("trap %u error %x at %lx", (unsigned)f->vector,
			  (unsigned)f->error, (unsigned long)f->rip);
}

void guard_init(void)
{
	before_gp = kit_trap_set(TRAP_GP, fault);
	before_pf = kit_trap_set(TRAP_PF, fault);
}

bool guard_copy(void *to, const void *from, size_t n)
{
	size_t words = n / 8;
	uint32_t bad = 1;

	n %= 8;
	__asm__ volatile(GUARDED("rep movsq")
			 : [bad] "+r"(bad), "+D"(to), "+S"(from), "+c"(words)
			 :
			 : "memory", "cc");
	if (bad || !n)
		return !bad;
	bad = 1;
	__asm__ volatile(GUARDED("rep movsb")
			 : [bad] "+r"(bad), "+D"(to), "+S"(from), "+c"(n)
			 :
			 : "memory", "cc");
	return !bad;
}

bool guard_in(uint16_t port, unsigned size, uint32_t *v)
{
	uint32_t bad = 1;
	uint32_t got = 0xffffffffu;

	if (size == 1)
		__asm__ volatile(GUARDED("inb %%dx, %%al")
				 : [bad] "+r"(bad), "+a"(got)
				 : "d"(port)
				 : "cc");
	else if (size == 2)
		__asm__ volatile(GUARDED("inw %%dx, %%ax")
				 : [bad] "+r"(bad), "+a"(got)
				 : "d"(port)
				 : "cc");
	else
		__asm__ volatile(GUARDED("inl %%dx, %%eax")
				 : [bad] "+r"(bad), "+a"(got)
				 : "d"(port)
				 : "cc");
	*v = size == 1 ? got & 0xff : size == 2 ? got & 0xffff : got;
	return !bad;
}

bool guard_out(uint16_t port, unsigned size, uint32_t v)
{
	uint32_t bad = 1;

	if (size == 1)
		__asm__ volatile(GUARDED("outb %%al, %%dx")
				 : [bad] "+r"(bad)
				 : "a"(v), "d"(port)
				 : "cc", "memory");
	else if (size == 2)
		__asm__ volatile(GUARDED("outw %%ax, %%dx")
				 : [bad] "+r"(bad)
				 : "a"(v), "d"(port)
				 : "cc", "memory");
	else
		__asm__ volatile(GUARDED("outl %%eax, %%dx")
				 : [bad] "+r"(bad)
				 : "a"(v), "d"(port)
				 : "cc", "memory");
	return !bad;
}
