/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs every test of the emulated instructions in this profile. */
#include "traps.h"

int hit;
uint64_t hit_error, resume;

static void caught(struct kit_frame *f)
{
	if (!resume)
		kit_panic("exception %u at %llx", (unsigned)f->vector,
			  (unsigned long long)f->rip);
	hit = (int)f->vector;
	hit_error = f->error;
	f->rip = resume;
	f->rflags &= ~0x100ull;
}

uint64_t msr_read(uint32_t msr)
{
	uint32_t lo = 0, hi = 0;

	INSN("rdmsr", ARGS("+a"(lo), "+d"(hi)), "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

void msr_write(uint32_t msr, uint64_t v)
{
	INSN("wrmsr", ,
	     ARGS("c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))));
}

bool has_apic(void) { return kit_profile() != PV_PROFILE_PV; }

int kit_main(const char *cmdline)
{
	static const uint8_t vectors[] = { 0, 6, 10, 11, 12, 13, 14 };
	unsigned i;

	for (i = 0; i < sizeof(vectors); i++)
		kit_trap_set(vectors[i], caught);
	test_cpuid();
	test_idiv();
	test_msr();
	test_cr();
	test_dr();
	test_desc();
	test_step();
	test_tsc();
	test_ports();
	test_devices();
	test_remap();
	test_fetch();
	test_tlb();
	test_apic();
	test_mmio();
	test_irqs();
	return check_summary("traps");
}
