/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a CPU that takes an exception. */
#include "arch/exception.h"
#include "lib/cpu.h"
#include "lib/log.h"
#include "lib/panic.h"

#define VMRUN_CODE 0xd8010fu /* its three bytes */

static void print_regs(const struct exception_regs *r)
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

/* Where to look for return addresses: on a stack of this CPU, above its guard
 * page (an overflow comes here by #DF), else on the one we are on. */
static u64 trace_start(const struct exception_regs *r)
{
	u64 base = r->rsp & ~(HV_STACK_SIZE - 1);

	if (r->rsp - cpu_of_stack()->stacks >= CPU_STACKS * HV_STACK_SIZE)
		return (u64)r;
	return r->rsp < base + PAGE_SIZE ? base + PAGE_SIZE : r->rsp;
}

/* Bochs keeps a guest's pending single step over #VMEXIT, and raises it here.
 * The guest has lost nothing: who emulates the instruction raises its own. */
static bool is_guests_step(const struct exception_regs *r)
{
	return r->vector == VEC_DB &&
	       *(const u32 *)(r->rip - 4) >> 8 == VMRUN_CODE;
}

void exception_entry(struct exception_regs *r)
{
	static const char names[][4] = {
		"DE", "DB", "NMI", "BP", "OF", "BR", "UD", "NM",
		"DF", "?",  "TS",  "NP", "SS", "GP", "PF", "?",
		"MF", "AC", "MC",  "XM", "VE", "CP",
	};

	if (r->vector == VEC_NMI) {
		if (load_acquire(&panic_active))
			cpu_stop();
		return;
	}
	if (is_guests_step(r))
		return;
	panic_begin();
	log("parley: panic: exception #%s (%lu), error code 0x%lx\n",
	    r->vector < array_size(names) ? names[r->vector] : "?", r->vector,
	    r->error);
	print_regs(r);
	panic_end(r->rip, trace_start(r));
}
