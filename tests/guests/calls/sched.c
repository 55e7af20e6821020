/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about the scheduling of vCPUs. */
#include "calls.h"
#include "kit/smp.h"
#include "kit/time.h"

static uint32_t spin;

static void spinner(void *arg)
{
	(void)arg;
	while (__atomic_load_n(&spin, __ATOMIC_ACQUIRE))
		__asm__ volatile("pause" ::: "memory");
}

/* Two vCPUs that share a CPU: one of them always waits. */
static void yield_to(void)
{
	uint64_t st = PV_ESTATE;
	unsigned i;

	spin = 1;
	E(PV_OK, vcpu_sched_set, PV_SELF, 0, 1, 5000, 1);
	E(PV_OK, vcpu_sched_set, PV_SELF, 1, 1, 5000, 1);
	kit_vcpu_start(1, spinner, NULL);
	for (i = 0; i < 100000 && st == PV_ESTATE; i++)
		st = pv_vcpu_yield_to(1);
	expect("vcpu_yield_to", "PV_OK", PV_OK, st);
	spin = 0;
	while (!kit_vcpu_stopped(1))
		kit_sleep_ns(KIT_MS);
	E(PV_ESTATE, vcpu_yield_to, 1);
	E(PV_OK, vcpu_sched_set, PV_SELF, 0, 1, 5000, 0);
	E(PV_OK, vcpu_sched_set, PV_SELF, 1, 1, 5000, 0);
}

void sched(void)
{
	E(PV_EINVAL, vcpu_yield_to, 64);
	E(PV_ESTATE, vcpu_yield_to, 0);
	RIGHTS(vcpu_sched_set, weak, 0, 1, 5000, 0);
	E(PV_EINVAL, vcpu_sched_set, PV_SELF, 64, 1, 5000, 0);
	E(PV_EINVAL, vcpu_sched_set, PV_SELF, 0, 8, 5000, 0);
	E(PV_EINVAL, vcpu_sched_set, PV_SELF, 0, 1, 99, 0);
	E(PV_EINVAL, vcpu_sched_set, PV_SELF, 0, 1, 1000001, 0);
	E(PV_EINVAL, vcpu_sched_set, PV_SELF, 0, 1, 5000, 1ull << 63);
	E(PV_ERIGHT, vcpu_sched_set, PV_SELF, 0, 2, 5000, 0);
	E(PV_ERIGHT, vcpu_sched_set, PV_SELF, 0, 1, 5001, 0);
	if (kit_vcpus() > 1)
		yield_to();
}
