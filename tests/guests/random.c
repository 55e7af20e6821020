/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random calls from all vCPUs at once, for `ms=` milliseconds from `seed=`:
 * numbers, handles and addresses are half sense, half noise. What a call may
 * write goes to a scratch area, so that the guest itself lives on.
 */
#include "check.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/smp.h"
#include "kit/time.h"

#define SCRATCH_PAGES 16u
#define SCRATCH_SIZE (SCRATCH_PAGES * KIT_PAGE_SIZE)
#define HANDLES 16u

static uint64_t scratch, until;
static uint64_t handles[HANDLES]; /* results of calls, racing on purpose */
static uint32_t running, wrong;
static uint64_t made;

/* Left out: what ends, pauses or stops the guest, takes its memory away, replaces
 * its vCPUs' registers, could sleep for ever, prints,
 * replaces its upcall, or makes it the server of its own accesses, which nobody
 * answers then. */
static const uint8_t left_out[] = {
	PV_CALL_exit,
	PV_CALL_crash,
	PV_CALL_vcpu_stop,
	PV_CALL_vcpu_start,
	PV_CALL_vcpu_wait,
	PV_CALL_vcpu_upcall_set,
	PV_CALL_event_send_wait,
	PV_CALL_mem_release,
	PV_CALL_vcpu_state_set,
	PV_CALL_console_write,
	PV_CALL_partition_pause,
	PV_CALL_partition_console_write,
	PV_CALL_io_serve,
	PV_CALL_io_serve_notify,
};

static bool is_left_out(uint64_t nr)
{
	for (unsigned i = 0; i < sizeof(left_out); i++)
		if (nr == left_out[i])
			return true;
	return false;
}

/* The argument that says where a call writes its answer, or -1. */
static int answer_arg(uint64_t nr)
{
	switch (nr) {
	case PV_CALL_console_read:
	case PV_CALL_log_read:
		return 0;
	case PV_CALL_partition_status:
	case PV_CALL_partition_console_read:
		return 1;
	case PV_CALL_partition_stats:
	case PV_CALL_partition_calls:
	case PV_CALL_vcpu_state_get:
		return 2;
	case PV_CALL_partition_dirty_read:
	case PV_CALL_partition_translate:
		return 3;
	default:
		return -1;
	}
}

static uint64_t value(uint64_t *seed)
{
	uint64_t r = rand_next(seed), k = r >> 32;

	switch (r % 8) {
	case 0:
		return scratch + k % SCRATCH_SIZE;
	case 1:
		return scratch + k % SCRATCH_PAGES * KIT_PAGE_SIZE;
	case 2:
		return handles[k % HANDLES];
	case 3:
		return k % 5000;
	case 4:
		return 1ull << k % 64;
	case 5:
		return r | 1ull << 45; /* never memory of ours */
	case 6:
		return kit_info()->host;
	default:
		return k % 4;
	}
}

/* A number and its arguments. */
static uint64_t choose(uint64_t *seed, uint64_t a[6])
{
	uint64_t nr = rand_next(seed) % (PV_CALL_COUNT + 2);
	int answer = answer_arg(nr);

	if (is_left_out(nr))
		nr = PV_CALL_nop;
	for (unsigned i = 0; i < 6; i++)
		a[i] = value(seed);
	/* not over the guest's own tables, code and stacks */
	if (answer >= 0 && a[answer] < 1ull << 32)
		a[answer] = scratch + a[answer] % SCRATCH_SIZE;
	return nr;
}

/* Some of them in one exit; entries is a page of the caller's alone. */
static uint64_t batch(uint64_t *seed, uint64_t entries)
{
	uint64_t n = 1 + rand_next(seed) % 8, st, done;
	struct pv_batch_entry *e = kit_ptr(entries);

	for (unsigned i = 0; i < n; i++)
		e[i].call = (uint32_t)choose(seed, e[i].arg);
	st = pv_batch(entries, n, 0, &done);
	for (unsigned i = 0; i < n; i++)
		if (st || e[i].status >= PV_ERROR_COUNT)
			return PV_ERROR_COUNT;
	return PV_OK;
}

static uint64_t call(uint64_t *seed, uint64_t entries)
{
	uint64_t a[6], nr = choose(seed, a), st, result;

	if (nr == PV_CALL_batch)
		return batch(seed, entries);
	st = pv_call6(nr, a[0], a[1], a[2], a[3], a[4], a[5], &result);
	if (st == PV_OK && result)
		handles[rand_next(seed) % HANDLES] = result;
	return st;
}

static void work(void *arg)
{
	uint64_t seed = (uint64_t)(uintptr_t)arg, n = 0;
	void *page = kit_pages_alloc(1);

	if (!page)
		__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	for (; page && kit_time_ns() < until; n++)
		if (call(&seed, kit_gpa(page)) >= PV_ERROR_COUNT)
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&made, n, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
}

int kit_main(const char *cmdline)
{
	uint64_t seed = kit_option_u64("seed", 1);

	until = kit_time_ns() + kit_option_u64("ms", 1000) * KIT_MS;
	/* behind it there is room for the longest answer */
	scratch = kit_gpa(kit_pages_alloc(2 * SCRATCH_PAGES));
	running = kit_vcpus();
	for (unsigned i = 1; i < kit_vcpus(); i++)
		if (kit_vcpu_start(i, work, (void *)(seed * 7919 + i)))
			kit_panic("vCPU %u does not start", i);
	work((void *)(seed * 7919));
	/* asleep, as the others may have a lower priority by now */
	while (__atomic_load_n(&running, __ATOMIC_ACQUIRE))
		kit_sleep_ns(KIT_MS);
	check(made > 100 && !wrong, "random-calls",
	      "%llu calls, %u unknown statuses", (unsigned long long)made,
	      wrong);
	printf("%llu calls from seed %llu\n", (unsigned long long)made,
	       (unsigned long long)seed);
	return check_summary("random");
}
