/* SPDX-License-Identifier: BSD-2-Clause */
/* Cross-CPU requests: dropping translations, and waiting for quiet CPUs. */
#include "arch/iommu.h"
#include "arch/irq.h"
#include "core/gmem.h"
#include "core/sched.h"

/*
 * A request is a number; the CPU has answered when its answer has reached it.
 * To answer means only "I am in root mode": what the vCPU must do then stands
 * in its pending word, which it looks at before it enters again.
 */
static u32 asked[CPU_MAX], answered[CPU_MAX];

/* quiet_seen[c]: the last epoch that CPU c saw outside of any call. */
static u64 quiet_epoch, quiet_seen[CPU_MAX];

static void answer(u32 c)
{
	store_release(&answered[c], load_acquire(&asked[c]));
}

static void on_shoot(u32 vector)
{
	u32 c = cpu_this()->index;
	u64 e = load_seq(&quiet_epoch);

	answer(c);
	store_release(&quiet_seen[c], e);
}

void gmem_init(void) { irq_register(VEC_SHOOT, on_shoot); }

static void ask(u32 c)
{
	u32 self = cpu_this()->index;
	u32 n = __atomic_add_fetch(&asked[c], 1, __ATOMIC_SEQ_CST);

	lapic_ipi(cpu_table[c]->apic_id, VEC_SHOOT);
	/* two CPUs may ask each other with interrupts off: serve meanwhile */
	while ((s32)(load_acquire(&answered[c]) - n) < 0) {
		answer(self);
		cpu_relax();
	}
}

void gmem_shoot(struct partition *p, u64 vcpus, u32 pend)
{
	u32 self = cpu_this()->index;
	u64 cpus = 0;

	for (u32 i = 0; i < p->nr_vcpus; i++) {
		if (!(vcpus >> i & 1))
			continue;
		vcpu_pend(p->vcpus[i], pend);
		/* the bit is set before we look: who enters later sees it */
		if (p->vcpus[i]->cpu != self && sched_on_cpu(p->vcpus[i]))
			cpus |= 1ull << p->vcpus[i]->cpu;
	}
	for (; cpus; cpus &= cpus - 1)
		ask((u32)__builtin_ctzll(cpus));
}

void gmem_shootdown(struct partition *p)
{
	u64 retired = retired_take(p);

	__atomic_fetch_add(&p->space.gen, 1, __ATOMIC_SEQ_CST);
	gmem_shoot(p, ~0ull, PEND_FLUSH);
	if (iommu.kind)
		iommu_flush(p->id + 1);
	/* nobody is in there now, and who enters flushes first */
	if (retired)
		retired_free(p, retired);
}

u64 quiet_begin(void)
{
	u64 e = __atomic_add_fetch(&quiet_epoch, 1, __ATOMIC_SEQ_CST);
	u32 self = cpu_this()->index;

	/* the caller keeps nothing that it found before */
	store_release(&quiet_seen[self], e);
	for (u32 c = 0; c < cpu_count; c++)
		if (c != self)
			lapic_ipi(cpu_table[c]->apic_id, VEC_SHOOT);
	return e;
}

bool quiet_done(u64 epoch)
{
	for (u32 c = 0; c < cpu_count; c++)
		if (load_acquire(&quiet_seen[c]) < epoch)
			return false;
	return true;
}
