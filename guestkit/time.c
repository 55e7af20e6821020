/* SPDX-License-Identifier: BSD-2-Clause */
/* Time from the vCPU page or the TSC, the vCPU's timer, sleeping, waiting. */
#include "kit/time.h"
#include "kit/call.h"
#include "kit/smp.h"
#include "kit/wait.h"
#include "internal.h"

typedef unsigned __int128 u128;

static uint64_t tsc_khz, tsc_start, tsc_mul; /* tsc_mul: ns << 32 per tick */

/* x * num / den where the result fits: without libgcc's 128-bit division. */
static uint64_t mul_div(uint64_t x, uint64_t num, uint64_t den)
{
	uint64_t lo, hi;

	__asm__("mulq %3" : "=a"(lo), "=d"(hi) : "0"(x), "r"(num) : "cc");
	if (hi >= den)
		return UINT64_MAX;
	__asm__("divq %2" : "+a"(lo), "+d"(hi) : "r"(den) : "cc");
	return lo;
}

void kit_time_start(void)
{
	tsc_khz = kit_info()->tsc_khz ? kit_info()->tsc_khz : 1000000;
	tsc_start = kit_tsc();
	tsc_mul = mul_div(1000000ull << 32, 1, tsc_khz);
}

uint64_t kit_utc_ns(void)
{
	const struct pv_start *s = kit_info();
	bool has = s->size >= offsetof(struct pv_start, utc) + sizeof(s->utc);

	return (has ? s->utc : 0) + mul_div(kit_tsc(), 1000000, tsc_khz);
}

uint64_t kit_tsc_khz(void) { return tsc_khz; }

/* The vCPU page's scale: read between two equal, even values of version. */
static uint64_t page_ns(const struct pv_vcpu_page *p, uint64_t tsc)
{
	uint64_t base, ns, mul;
	uint32_t version, shift;

	do {
		version = __atomic_load_n(&p->version, __ATOMIC_ACQUIRE);
		base = p->tsc_base;
		ns = p->ns_base;
		mul = p->tsc_mul;
		shift = p->tsc_shift;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((version & 1) ||
		 version != __atomic_load_n(&p->version, __ATOMIC_RELAXED));
	return ns + (uint64_t)((u128)(tsc - base) * mul >> shift);
}

uint64_t kit_time_ns_call(void) { return page_ns(kit_this()->page, kit_tsc()); }

uint64_t kit_time_ns_trap(void)
{
	return (uint64_t)((u128)(kit_tsc() - tsc_start) * tsc_mul >> 32);
}

uint64_t kit_time_ns(void) { return kit_ops.time_ns(); }

uint64_t kit_ns_of_tsc(uint64_t tsc)
{
	if (kit_op_path(KIT_OP_TIME) == KIT_CALL)
		return page_ns(kit_this()->page, tsc);
	return (uint64_t)((u128)(tsc - tsc_start) * tsc_mul >> 32);
}

/* A guess by frequency, then corrected upward to the scale in use. */
uint64_t kit_tsc_of_ns(uint64_t ns)
{
	uint64_t tsc = kit_tsc(), now = kit_ns_of_tsc(tsc);

	if (ns <= now)
		return tsc - mul_div(now - ns, tsc_khz, 1000000);
	tsc += mul_div(ns - now, tsc_khz, 1000000) + 1;
	while ((now = kit_ns_of_tsc(tsc)) < ns)
		tsc += mul_div(ns - now, tsc_khz, 1000000) + 1;
	return tsc;
}

void kit_timer_arm(uint64_t deadline_ns)
{
	kit_ops.timer_set(
		deadline_ns == KIT_FOREVER ? 0 : kit_tsc_of_ns(deadline_ns));
}

void kit_timer_set(uint64_t deadline_ns, void (*fn)(void *), void *arg)
{
	uint64_t flags = kit_irq_save();
	struct kit_vcpu *v = kit_this();

	v->timer_ns = deadline_ns;
	v->timer_fn = fn;
	v->timer_arg = arg;
	kit_timer_arm(deadline_ns);
	kit_irq_restore(flags);
}

/* The interrupt may be early, or meant for a kit_wait() that has ended. */
void kit_timer_run(void)
{
	struct kit_vcpu *v = kit_this();

	if (v->timer_ns == KIT_FOREVER)
		return;
	if (kit_time_ns() < v->timer_ns) {
		kit_timer_arm(v->timer_ns);
		return;
	}
	v->timer_ns = KIT_FOREVER;
	v->timer_fn(v->timer_arg);
}

/* With HLT a timer must end the wait; with vcpu_wait the call itself does,
 * but it does not see the local APIC: then it sleeps 1 ms at most. */
static void wait_once(uint64_t deadline_ns)
{
	struct kit_vcpu *v = kit_this();

	if (kit_op_path(KIT_OP_WAIT) == KIT_TRAP) {
		if (deadline_ns < v->timer_ns)
			kit_timer_arm(deadline_ns);
		kit_ops.wait(0);
		return;
	}
	if (kit_apic_on && deadline_ns > kit_time_ns() + KIT_MS)
		deadline_ns = kit_time_ns() + KIT_MS;
	kit_ops.wait(deadline_ns == KIT_FOREVER ? 0 :
						  kit_tsc_of_ns(deadline_ns));
}

bool kit_wait(uint64_t deadline_ns)
{
	uint64_t flags;

	if (deadline_ns != KIT_FOREVER && kit_time_ns() >= deadline_ns)
		return false;
	flags = kit_irq_save();
	wait_once(deadline_ns);
	kit_irq_restore(flags);
	return true;
}

void kit_sleep_ns(uint64_t ns)
{
	uint64_t until = kit_time_ns() + ns;

	while (kit_wait(until))
		;
}
