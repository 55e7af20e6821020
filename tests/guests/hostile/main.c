/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hostile guests: `test=NAME` picks one, `test=refused` runs all that a guest
 * survives. A test that must end the guest prints `about to` and then does it:
 * the exit code 9 that follows says that it was not stopped.
 */
#include <string.h>

#include "hostile.h"
#include "kit/time.h"

static const struct hostile *const lists[] = { insn_tests, reg_tests,
					       memory_tests, call_tests,
					       exhaust_tests };

static struct {
	uint64_t rsp, rbp, rbx, r12, r13, r14, r15;
} saved;
uint64_t try_error, try_cr2, try_rip;
static int caught;

/* Goes back to where try_enter was called; the frame's flags stay. */
static void catch (struct kit_frame *f)
{
	caught = (int)f->vector;
	try_error = f->error;
	try_rip = f->rip;
	__asm__ volatile("movq %%cr2, %0" : "=r"(try_cr2));
	f->rsp = saved.rsp + 8;
	f->rip = *(uint64_t *)(uintptr_t)saved.rsp;
	f->rbp = saved.rbp;
	f->rbx = saved.rbx;
	f->r12 = saved.r12;
	f->r13 = saved.r13;
	f->r14 = saved.r14;
	f->r15 = saved.r15;
	f->cs = 0x08;
	f->ss = 0x10;
	f->rflags &= ~0x100ull;
}

/* Saves what a call preserves, then goes on in fn(arg), whose return is its
 * own. */
__attribute__((naked, noinline)) static void try_enter(void (*fn)(uint64_t arg),
						       uint64_t arg)
{
	__asm__ volatile("movq %%rsp, %0\n\t"
			 "movq %%rbp, %1\n\t"
			 "movq %%rbx, %2\n\t"
			 "movq %%r12, %3\n\t"
			 "movq %%r13, %4\n\t"
			 "movq %%r14, %5\n\t"
			 "movq %%r15, %6\n\t"
			 "movq %%rdi, %%rax\n\t"
			 "movq %%rsi, %%rdi\n\t"
			 "jmp *%%rax"
			 : "=m"(saved.rsp), "=m"(saved.rbp), "=m"(saved.rbx),
			   "=m"(saved.r12), "=m"(saved.r13), "=m"(saved.r14),
			   "=m"(saved.r15));
}

int try(void (*fn)(uint64_t arg), uint64_t arg)
{
	static const uint8_t vectors[] = { 0,  1,  3,  4,  5,  6,  7,  8,
					   10, 11, 12, 13, 14, 16, 17, 19 };
	unsigned i;

	caught = -1;
	for (i = 0; i < sizeof(vectors); i++)
		kit_trap_set(vectors[i], catch);
	try_enter(fn, arg);
	for (i = 0; i < sizeof(vectors); i++)
		kit_trap_set(vectors[i], NULL);
	return caught;
}

static bool run_one(const struct hostile *t)
{
	if (t->dies) {
		printf("hostile: about to: %s\n", t->name);
		kit_sleep_ns(KIT_MS);
		t->run();
		printf("FAIL %s: was not stopped\n", t->name);
		kit_exit(9);
	}
	t->run();
	return true;
}

static unsigned run_matching(const char *name)
{
	const struct hostile *t;
	unsigned i, n = 0;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (t = lists[i]; t->name; t++)
			if (!strcmp(name, t->name) ||
			    (!strcmp(name, "refused") && !t->dies))
				n += run_one(t);
	return n;
}

int kit_main(const char *cmdline)
{
	char name[32];

	if (!kit_option("test", name, sizeof(name)))
		kit_panic("test=NAME is missing");
	if (!run_matching(name))
		kit_panic("no such test: %s", name);
	return check_summary("hostile");
}
