/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * More vCPUs than CPUs: for `ms=` milliseconds all of them compute, and then
 * each must have had its share of the CPU, and know what it waited for it.
 */
#include "check.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/smp.h"
#include "kit/time.h"

#define PART 20 /* a difference of one in so many passes: 5% */

struct sample {
	uint64_t tsc, run, steal;
};

static uint32_t ready, stop;

static void compute(void *arg)
{
	(void)arg;
	__atomic_fetch_add(&ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
		__asm__ volatile("" ::: "memory");
}

static void sample(unsigned vcpu, struct pv_vcpu_stats *s, struct sample *to)
{
	if (pv_partition_stats(PV_SELF, vcpu, kit_gpa(s)))
		kit_panic("no statistics of vCPU %u", vcpu);
	*to = (struct sample){ kit_tsc(), s->run_tsc, s->steal_tsc };
}

static bool near(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) <= b / PART;
}

static void judge(unsigned vcpu, const struct sample *from,
		  const struct sample *to)
{
	uint64_t all = to->tsc - from->tsc, run = to->run - from->run;

	check(near(run, all / kit_vcpus()), "share", "vCPU %u: %u of 1000",
	      vcpu, (unsigned)(run * 1000 / all));
	check(near(run + to->steal - from->steal, all), "steal",
	      "vCPU %u: ran or waited %u of 1000", vcpu,
	      (unsigned)((run + to->steal - from->steal) * 1000 / all));
}

int kit_main(const char *cmdline)
{
	struct pv_vcpu_stats *s = kit_pages_alloc(1);
	struct sample from[KIT_VCPUS_MAX], to[KIT_VCPUS_MAX];
	unsigned i, n = kit_vcpus();
	uint64_t until;

	for (i = 1; i < n; i++)
		if (kit_vcpu_start(i, compute, NULL))
			kit_panic("vCPU %u does not start", i);
	while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) < n - 1)
		__asm__ volatile("" ::: "memory");
	for (i = 0; i < n; i++)
		sample(i, s, &from[i]);
	until = kit_time_ns() + kit_option_u64("ms", 2000) * KIT_MS;
	while (kit_time_ns() < until)
		;
	for (i = 0; i < n; i++)
		sample(i, s, &to[i]);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < n; i++)
		judge(i, &from[i], &to[i]);
	return check_summary("share");
}
