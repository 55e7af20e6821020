/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers that are the same on every CPU. */
#include "arch/cpu.h"
#include "arch/idt.h"
#include "lib/x86.h"

struct cpu *cpu_table[CPU_MAX];
u32 cpu_count;

void cpu_tables_init(struct cpu *c)
{
	const struct cpu_features *f = &cpu_feat;
	u64 cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	cr4 |= f->la57_on ? CR4_LA57 : 0;
	cr4 |= f->pge ? CR4_PGE : 0;
	cr4 |= f->xsave ? CR4_OSXSAVE : 0;
	cr4 |= f->smep ? CR4_SMEP : 0;
	cr4 |= f->smap ? CR4_SMAP : 0;
	idt_load(c);
	write_cr0(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG);
	write_cr4(cr4);
	if (f->xsave)
		xsetbv(0, f->xcr0_mask);
	wrmsr(MSR_PAT, PAT_RESET);
	write_cr3(read_cr3()); /* no translation with the old PAT stays */
}
