/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls that a plain guest makes, a row each: its common case that
 * succeeds. Where the kit has the same by native instruction, the row exists
 * in the other profiles too. A new call: a function that makes it n times, and
 * a line in call_ops.
 */
#include "bench.h"
#include "kit/console.h"
#include "kit/irq.h"
#include "kit/mm.h"
#include "kit/ops.h"
#include "kit/time.h"

#define RUNS_MAX 32u /* of CALL_ROW */
#define REG_QUEUE_SEL 0x030u
#define BIT_SELF 3u
#define VECTOR 0x60u
#define PORT 9u /* nobody sends to it */
#define PRIORITY 1u
#define SLICE_US 5000u

static void query_run(uint32_t n)
{
	while (n--)
		kit_ops.query(PV_QUERY_VCPU);
}

/* ---- the console ---- */

static const char nuls[64]; /* the host partition drops them */

static void console_write_run(uint32_t n)
{
	while (n--)
		kit_ops.console_write(nuls, sizeof(nuls));
}

static void console_read_run(uint32_t n)
{
	char typed;

	while (n--)
		kit_ops.console_read(&typed, 1);
}

/* ---- vCPUs ---- */

static void nothing(void *arg) { (void)arg; }

/* Starts a vCPU, which comes to run as this one yields, and stops again. */
static void vcpu_start_run(uint32_t n)
{
	while (n--) {
		must(kit_vcpu_start(1, nothing, NULL));
		while (!kit_vcpu_stopped(1))
			pv_vcpu_yield();
	}
}

static void vcpu_yield_run(uint32_t n)
{
	while (n--)
		kit_yield();
}

/* Something is pending: the calls that wait return at once. */
static void pending_begin(void)
{
	kit_upcall_mask();
	must(pv_event_send(self_event));
}

static void vcpu_wait_run(uint32_t n)
{
	pending_begin();
	while (n--)
		must(pv_vcpu_wait(0));
	kit_upcall_unmask();
}

static void event_send_wait_run(uint32_t n)
{
	pending_begin();
	while (n--)
		must(pv_event_send_wait(self_event, 0));
	kit_upcall_unmask();
}

static bool ipi_start(void)
{
	kit_ipi_register(BIT_SELF, nothing, NULL);
	return true;
}

/* To this vCPU, with its upcall or interrupt. */
static void vcpu_ipi_run(uint32_t n)
{
	while (n--)
		kit_ops.ipi(0, BIT_SELF);
}

static void vcpu_upcall_set_run(uint32_t n)
{
	while (n--)
		must(pv_vcpu_upcall_set(KIT_VECTOR_UPCALL, 0));
}

static uint32_t yielding; /* vCPU 1 is at it */

static void yielder(void *arg)
{
	(void)arg;
	__atomic_store_n(&yielding, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&yielding, __ATOMIC_ACQUIRE))
		pv_vcpu_yield_to(0);
}

/* There and back; start and stop of the other vCPU do not depend on n. */
static void vcpu_yield_to_run(uint32_t n)
{
	must(kit_vcpu_start(1, yielder, NULL));
	while (!__atomic_load_n(&yielding, __ATOMIC_ACQUIRE))
		pv_vcpu_yield();
	while (n--)
		must(pv_vcpu_yield_to(1));
	__atomic_store_n(&yielding, 0, __ATOMIC_RELEASE);
	while (!kit_vcpu_stopped(1))
		pv_vcpu_yield();
}

static void vcpu_sched_set_run(uint32_t n)
{
	while (n--)
		must(pv_vcpu_sched_set(PV_SELF, 1, PRIORITY, SLICE_US, 0));
}

static struct pv_vcpu_state state __attribute__((aligned(64)));

/* Of vCPU 1, which has run and stopped. */
static void vcpu_state_get_run(uint32_t n)
{
	while (n--)
		must(pv_vcpu_state_get(PV_SELF, 1, kit_gpa(&state)));
}

static void vcpu_state_set_run(uint32_t n)
{
	while (n--)
		must(pv_vcpu_state_set(PV_SELF, 1, kit_gpa(&state)));
}

static bool state_start(void)
{
	vcpu_start_run(1);
	vcpu_state_get_run(1);
	return true;
}

static void vcpu_flush_tlb_run(uint32_t n)
{
	while (n--)
		must(pv_vcpu_flush_tlb(0, 1));
}

/* ---- vectors ---- */

static bool vector_start(void)
{
	kit_event_vector_register(VECTOR, nothing, NULL);
	return true;
}

/* To this vCPU, with its handler. */
static void vcpu_vector_send_run(uint32_t n)
{
	while (n--)
		must(pv_vcpu_vector_send(0, 1, VECTOR));
}

static void vector_eoi_run(uint32_t n)
{
	while (n--)
		must(pv_vector_eoi());
}

static void timer_vector_set_run(uint32_t n)
{
	while (n--)
		must(pv_timer_vector_set(VECTOR));
}

static void timer_vector_stop(void) { must(pv_timer_vector_set(0)); }

static void event_vector_set_run(uint32_t n)
{
	while (n--)
		must(pv_event_vector_set(PORT, VECTOR));
}

static void event_vector_stop(void) { must(pv_event_vector_set(PORT, 0)); }

/* ---- events and handles ---- */

static uint64_t handles[RUNS_MAX];

static void handles_close(uint32_t n)
{
	while (n--)
		must(pv_handle_close(handles[n]));
}

static void event_bind_run(uint32_t n)
{
	while (n--)
		must(pv_event_bind(PV_SELF, PORT, 0, &handles[n]));
}

/* ---- memory ---- */

static uint64_t pages; /* RUNS_MAX of them */

static bool pages_start(void)
{
	if (!pages)
		pages = kit_gpa(kit_pages_alloc(RUNS_MAX));
	return pages;
}

static void mem_share_run(uint32_t n)
{
	while (n--)
		must(pv_mem_share(kit_info()->host, pages + n * KIT_PAGE_SIZE,
				  1, PV_SHARE_WRITE));
}

static void mem_revoke_run(uint32_t n)
{
	while (n--)
		must(pv_mem_revoke(pages + n * KIT_PAGE_SIZE, 1));
}

/* A page that was released before, so the quota has room. */
static void mem_populate_run(uint32_t n)
{
	while (n--)
		must(pv_mem_populate(pages + n * KIT_PAGE_SIZE, 1,
				     PV_ORDER_4K));
}

static void mem_release_run(uint32_t n)
{
	while (n--)
		must(pv_mem_release(pages + n * KIT_PAGE_SIZE, 1));
}

/* ---- the rest ---- */

static void io_read_run(uint32_t n)
{
	while (n--)
		kit_ops.reg_read(disk_base, 4);
}

static void io_write_run(uint32_t n)
{
	while (n--)
		kit_ops.reg_write(disk_base + REG_QUEUE_SEL, 4, 0);
}

static void partition_stats_run(uint32_t n)
{
	static struct pv_vcpu_stats s;

	while (n--)
		must(pv_partition_stats(PV_SELF, 0, kit_gpa(&s)));
}

static void partition_calls_run(uint32_t n)
{
	static struct pv_vcpu_calls c __attribute__((aligned(64)));

	while (n--)
		must(pv_partition_calls(PV_SELF, 0, kit_gpa(&c)));
}

static void partition_status_run(uint32_t n)
{
	static struct pv_partition_status s;

	while (n--)
		must(pv_partition_status(PV_SELF, kit_gpa(&s)));
}

static void batch_run(uint32_t n)
{
	uint64_t done;

	while (n--)
		must(pv_batch(pages, 1, 0, &done));
}

const struct op call_ops[] = {
	OP("nop", 16, 1, null_run),
	CALL_ROW(query),
	OP("console_write", 4, 1, console_write_run),
	CALL_ROW(console_read),
	CALL_ROW(vcpu_start, .pv = true),
	CALL_ROW(vcpu_yield),
	CALL_ROW(vcpu_wait, .start = event_start, .pv = true),
	CALL_ROW(vcpu_ipi, .start = ipi_start),
	CALL_ROW(vcpu_upcall_set, .pv = true),
	OP("vcpu_yield_to", 16, 2, vcpu_yield_to_run, .pv = true),
	CALL_ROW(vcpu_sched_set, .pv = true),
	CALL_ROW(vcpu_state_get, .start = state_start, .pv = true),
	CALL_ROW(vcpu_state_set, .start = state_start, .pv = true),
	CALL_ROW(vcpu_flush_tlb, .pv = true),
	CALL_ROW(vcpu_vector_send, .start = vector_start, .pv = true),
	CALL_ROW(vector_eoi, .pv = true),
	CALL_ROW(timer_vector_set, .stop = timer_vector_stop, .pv = true),
	CALL_ROW(event_vector_set, .stop = event_vector_stop, .pv = true),
	CALL_ROW(event_bind, .prep = handles_align, .done = handles_close,
		 .pv = true),
	CALL_ROW(event_send_wait, .start = event_start, .pv = true),
	CALL_ROW(mem_share, .start = pages_start, .done = mem_revoke_run,
		 .pv = true),
	CALL_ROW(mem_revoke, .start = pages_start, .prep = mem_share_run,
		 .pv = true),
	CALL_ROW(mem_populate, .start = pages_start, .prep = mem_release_run,
		 .pv = true),
	CALL_ROW(mem_release, .start = pages_start, .done = mem_populate_run,
		 .pv = true),
	CALL_ROW(io_read, .start = ram_disk_start),
	CALL_ROW(io_write, .start = ram_disk_start),
	CALL_ROW(partition_stats, .pv = true),
	CALL_ROW(partition_calls, .pv = true),
	CALL_ROW(partition_status, .pv = true),
	CALL_ROW(batch, .start = pages_start, .pv = true),
	OPS_END,
};
