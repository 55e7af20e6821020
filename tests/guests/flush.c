/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vcpu_flush_tlb: one vCPU reads through a mapping that another one changes.
 * After the call it must see the new page. How often it saw the old one before
 * the call says whether the machine can show the difference.
 */
#include "check.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/smp.h"
#include "kit/time.h"

#define VA 0x5000000000ull
#define ROUNDS 20u
#define LIMIT (20 * KIT_SECOND)

enum { READ, SLEEP, FLUSH, END };

static struct {
	uint32_t what; /* what vCPU 1 does */
	uint32_t count;
	uint32_t seen; /* before count goes on */
} far __attribute__((aligned(64)));
static uint32_t *pages[2];
static uint32_t wakes;

static void woken(void *arg)
{
	(void)arg;
	wakes++;
}

static void other(void *arg)
{
	const volatile uint32_t *p = kit_ptr(VA);
	uint32_t what;

	(void)arg;
	while ((what = __atomic_load_n(&far.what, __ATOMIC_ACQUIRE)) != END) {
		if (what == SLEEP)
			__asm__ volatile("cli; sti; hlt" ::: "memory");
		else if (what == FLUSH)
			kit_tlb_flush(1);
		__atomic_store_n(&far.seen, *p, __ATOMIC_RELAXED);
		__atomic_fetch_add(&far.count, 1, __ATOMIC_RELEASE);
	}
}

static uint32_t count(void)
{
	return __atomic_load_n(&far.count, __ATOMIC_ACQUIRE);
}

/* What vCPU 1 reads from now on; ~0: it stands still. */
static uint32_t seen_next(void)
{
	uint64_t until = kit_time_ns() + LIMIT;
	uint32_t n = count();

	while (count() - n < 2 && kit_time_ns() < until)
		kit_yield();
	return count() - n < 2 ? ~0u : far.seen;
}

static void change(unsigned to)
{
	if (!kit_map(VA, kit_gpa(pages[to]), 4096, KIT_READ))
		kit_panic("no mapping");
}

static void running(void)
{
	unsigned i, old = 0, bad = 0;

	for (i = 1; i <= ROUNDS && !bad; i++) {
		change(i & 1);
		/* on another CPU it goes on meanwhile */
		old += seen_next() != (i & 1);
		kit_tlb_flush(2);
		bad += seen_next() != (i & 1);
	}
	printf("flush: the old page was read in %u of %u rounds\n", old,
	       ROUNDS);
	check(!bad, "a vCPU that runs is flushed", "round %u: reads %u", i,
	      far.seen);
}

/* In HLT: the flush waits for it, and does not wake it. */
static void sleeping(void)
{
	unsigned i, bad = 0;
	uint32_t n;

	for (i = 0; i < 5 && !bad; i++) {
		__atomic_store_n(&far.what, SLEEP, __ATOMIC_RELEASE);
		kit_sleep_ns(5 * KIT_MS);
		n = count();
		change(i & 1);
		kit_tlb_flush(3);
		kit_sleep_ns(KIT_MS);
		bad += count() != n;
		__atomic_store_n(&far.what, READ, __ATOMIC_RELEASE);
		kit_ipi(1, 0);
		bad += seen_next() != (i & 1);
	}
	check(!bad, "one that sleeps is not woken, and flushed",
	      "round %u: reads %u", i, far.seen);
}

/* Both at once, so that each CPU waits for the other. */
static void mutual(void)
{
	uint32_t from = count();
	unsigned i;

	__atomic_store_n(&far.what, FLUSH, __ATOMIC_RELEASE);
	for (i = 0; i < 100; i++)
		kit_tlb_flush(2);
	check(seen_next() != ~0u && count() != from, "both flush each other",
	      "vCPU 1 stands still");
	__atomic_store_n(&far.what, READ, __ATOMIC_RELEASE);
}

int kit_main(const char *cmdline)
{
	unsigned i;

	(void)cmdline;
	for (i = 0; i < 2; i++) {
		pages[i] = kit_pages_alloc(1);
		*pages[i] = i;
	}
	kit_ipi_register(0, woken, NULL);
	change(0);
	if (kit_vcpu_start(1, other, NULL))
		kit_panic("vCPU 1 does not start");
	running();
	sleeping();
	mutual();
	__atomic_store_n(&far.what, END, __ATOMIC_RELEASE);
	return check_summary("flush");
}
