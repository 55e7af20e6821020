/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every hypercall, and every error of it that a plain guest can provoke: a line
 * `PASS call NAME STATUS` each. What only the host partition can provoke is in
 * its own self test.
 */
#include <string.h>

#include "calls.h"
#include "kit/smp.h"
#include "kit/wait.h"

uint64_t self, host, weak, stats_only, event, weak_event;
uint64_t page, last;

static void misc(void)
{
	E(PV_OK, nop, 0);
	E(PV_OK, query, PV_QUERY_VERSION);
	check(last == PV_ABI_VERSION, "query version", "%llx",
	      (unsigned long long)last);
	E(PV_EINVAL, query, 9);
	E(PV_EINVAL, exit, 256);
	E(PV_EINVAL, crash, page, 121);
	E(PV_EFAULT, crash, NOWHERE, 8);
	expect("999", "PV_ENOSYS", PV_ENOSYS, pv_call0(999, &last));
	expect("-1", "PV_ENOSYS", PV_ENOSYS, pv_call0(~0ull, &last));
	expect("127", "PV_ENOSYS", PV_ENOSYS, pv_call0(127, &last));
}

static void console(void)
{
	unsigned i;
	uint64_t st = 0;

	memset(kit_ptr(page), 0, 4096);
	E(PV_OK, console_write, page, 1);
	E(PV_EINVAL, console_write, page, 0);
	E(PV_EINVAL, console_write, page, 4097);
	E(PV_EFAULT, console_write, NOWHERE, 1);
	/* The reader may keep up for a while. */
	for (i = 0; i < 200000 && st != PV_EAGAIN; i++)
		st = pv_console_write(page, 4096, &last);
	expect("console_write", "PV_EAGAIN", PV_EAGAIN, st);
	kit_sleep_ns(50 * KIT_MS);
	E(PV_OK, console_read, page, 16);
	E(PV_EINVAL, console_read, page, 0);
	E(PV_EINVAL, console_read, page, 4097);
	E(PV_EFAULT, console_read, NOWHERE, 16);
}

/* ---- vCPUs ---- */

static uint32_t ran;
static void vcpu_state(void);

static void second(void *arg)
{
	(void)arg;
	ran++;
}

static void vcpu_start(void)
{
	struct pv_vcpu_start *s = kit_ptr(page);

	memset(s, 0, sizeof(*s));
	s->rip = 1ull << 63;
	E(PV_EINVAL, vcpu_start, 63, page);
	E(PV_EINVAL, vcpu_start, 64, page);
	E(PV_EINVAL, vcpu_start, 1, page + 4);
	E(PV_EINVAL, vcpu_start, 1, page);
	E(PV_EFAULT, vcpu_start, 1, NOWHERE);
	s->rip = 0x100000;
	E(PV_ESTATE, vcpu_start, 0, page);
	E(PV_ESTATE, vcpu_stop, 0);
	expect("vcpu_start", "PV_OK", PV_OK, kit_vcpu_start(1, second, NULL));
	while (!kit_vcpu_stopped(1))
		kit_sleep_ns(KIT_MS);
	expect("vcpu_stop", "PV_OK", PV_OK, kit_vcpu_start(1, second, NULL));
	while (!kit_vcpu_stopped(1))
		kit_sleep_ns(KIT_MS);
	check(ran == 2, "vcpu ran twice", "%u times", ran);
	vcpu_state();
}

static void ignored(void *arg) { (void)arg; }

/* Where vcpu_state_set sends the second vCPU. */
static void landed(void)
{
	__atomic_store_n(&ran, 100, __ATOMIC_RELEASE);
	pv_vcpu_stop();
}

static void vcpu_state(void)
{
	struct pv_vcpu_state *s = kit_ptr(page);
	uint64_t st, until = kit_time_ns() + 10 * KIT_SECOND;

	RIGHTS(vcpu_state_get, host, 0, page);
	RIGHTS(vcpu_state_set, host, 0, page);
	E(PV_ESTATE, vcpu_state_get, self, 0, page);
	while ((st = pv_vcpu_state_get(self, 1, page)) == PV_EAGAIN &&
	       kit_time_ns() < until)
		kit_yield();
	expect("vcpu_state_get", "PV_OK", PV_OK, st);
	E(PV_EFAULT, vcpu_state_get, self, 1, NOWHERE);
	E(PV_EFAULT, vcpu_state_set, self, 1, NOWHERE);
	E(PV_ESTATE, vcpu_state_set, self, 0, page);
	s->run = 1;
	s->rip = (uint64_t)(uintptr_t)landed;
	s->rsp = (s->rsp & ~15ull) - 8;
	E(PV_OK, vcpu_state_set, self, 1, page);
	while (__atomic_load_n(&ran, __ATOMIC_ACQUIRE) != 100 &&
	       kit_time_ns() < until)
		kit_yield();
	check(ran == 100, "vcpu ran on in a state of ours", "%u", ran);
}

/* Interrupts are off, so nothing is handled that was not asked for. */
static void vcpu(void)
{
	kit_irq_off();
	E(PV_OK, vcpu_yield, 0);
	kit_event_scan();
	E(PV_ETIME, vcpu_wait, 1);
	E(PV_OK, vcpu_ipi, 0, 1, 5);
	E(PV_OK, vcpu_wait, 0);
	kit_event_scan();
	E(PV_OK, timer_set, kit_tsc() + kit_tsc_khz());
	E(PV_OK, vcpu_wait, 0);
	kit_event_scan();
	kit_irq_on();
	E(PV_EINVAL, vcpu_ipi, 64, 1, 0);
	E(PV_EINVAL, vcpu_ipi, 0, 1, 64);
	E(PV_EINVAL, vcpu_ipi, 0, 1ull << 63, 0);
	E(PV_EINVAL, vcpu_ipi, 63, 1, 0);
	E(PV_EINVAL, vcpu_upcall_set, 5, 0);
	E(PV_EINVAL, vcpu_upcall_set, 256, 0);
	E(PV_EINVAL, vcpu_upcall_set, 240, 2);
	E(PV_OK, vcpu_upcall_set, KIT_VECTOR_UPCALL, 0);
	E(PV_EINVAL, timer_vector_set, 1);
	E(PV_EINVAL, timer_vector_set, 256);
	E(PV_OK, timer_vector_set, 0);
	E(PV_EINVAL, vcpu_vector_send, 64, 1, 64);
	E(PV_EINVAL, vcpu_vector_send, 0, 1, 31);
	E(PV_EINVAL, vcpu_vector_send, 0, 1, 256);
	E(PV_EINVAL, vcpu_vector_send, 0, 1ull << 63, 64);
	kit_event_vector_register(64, ignored, NULL);
	E(PV_OK, vcpu_vector_send, 0, 1, 64);
	E(PV_OK, vector_eoi, 0);
	E(PV_EINVAL, vcpu_flush_tlb, 64, 1);
	E(PV_EINVAL, vcpu_flush_tlb, 0, 1ull << 63);
	E(PV_EINVAL, vcpu_flush_tlb, 63, 1);
	E(PV_OK, vcpu_flush_tlb, 0, 1);
}

/* ---- events ---- */

static void events(void)
{
	uint64_t made[512], st = 0;
	unsigned n = 0;

	RIGHTS(event_bind, host, PORT, 0);
	E(PV_EINVAL, event_bind, self, 4096, 0);
	E(PV_EINVAL, event_bind, self, PORT, 63);
	E(PV_OK, event_bind, self, PORT, 0);
	event = last;
	while (n < 512 && !(st = pv_event_bind(self, PORT, 0, &made[n])))
		n++;
	expect("event_bind", "PV_ENOMEM", PV_ENOMEM, st);
	E(PV_ENOMEM, handle_derive, PV_SELF, event, PV_RIGHT_SEND);
	while (n--)
		pv_handle_close(made[n]);
	pv_handle_derive(PV_SELF, event, PV_RIGHT_GRANT, &weak_event);
	E(PV_EHANDLE, event_send, BAD);
	E(PV_EHANDLE, event_send, host);
	E(PV_ERIGHT, event_send, weak_event);
	E(PV_EHANDLE, event_send_wait, BAD, 1);
	E(PV_ERIGHT, event_send_wait, weak_event, 1);
	E(PV_EINVAL, event_vector_set, 4096, 64);
	E(PV_EINVAL, event_vector_set, PORT, 31);
	E(PV_EINVAL, event_vector_set, PORT, 256);
	E(PV_OK, event_vector_set, PORT, 32);
	E(PV_OK, event_vector_set, PORT, 0);
	kit_irq_off();
	E(PV_OK, event_send, event);
	kit_event_scan();
	E(PV_OK, event_send_wait, event, 0);
	kit_event_scan();
	kit_irq_on();
}

static uint64_t other_event;

/* To a port of the second vCPU, so that nothing is pending here. */
static void event_late(void)
{
	pv_event_bind(self, PORT + 1, 1, &other_event);
	kit_irq_off();
	kit_event_scan();
	E(PV_ETIME, event_send_wait, other_event, 1);
	kit_irq_on();
}

/* ---- memory ---- */

static void registers(void)
{
	const struct pv_device *d = kit_device(NULL, PV_DEV_VIRTIO, NULL);
	unsigned i;
	uint64_t st = 0;

	E(PV_EINVAL, io_read, 2, 0x80, 1);
	E(PV_EINVAL, io_read, PV_SPACE_PORT, 0x80, 3);
	E(PV_EINVAL, io_read, PV_SPACE_PORT, 0x80, 8);
	E(PV_EINVAL, io_read, PV_SPACE_MMIO, NOWHERE + 2, 4);
	E(PV_EFAULT, io_read, PV_SPACE_MMIO, NOWHERE, 4);
	E(PV_EINVAL, io_write, 2, 0x80, 1, 0);
	E(PV_EINVAL, io_write, PV_SPACE_PORT, 0x80, 1, 256);
	E(PV_EINVAL, io_write, PV_SPACE_MMIO, NOWHERE + 1, 2, 0);
	E(PV_EFAULT, io_write, PV_SPACE_MMIO, NOWHERE, 8, 0);
	if (d) {
		E(PV_OK, io_read, PV_SPACE_MMIO, d->base, 4);
		check(last == 0x74726976, "virtio magic", "%llx",
		      (unsigned long long)last);
		E(PV_OK, io_write, PV_SPACE_MMIO, d->base + 0x14, 4, 0);
	}
	RIGHTS(io_serve, host, 1, NOWHERE, 4096, PORT);
	E(PV_EINVAL, io_serve, self, 2, NOWHERE, 4096, PORT);
	E(PV_EINVAL, io_serve, self, 1, NOWHERE, 0, PORT);
	E(PV_EINVAL, io_serve, self, 1, NOWHERE + 8, 4096, PORT);
	E(PV_EINVAL, io_serve, self, 1, NOWHERE, 4096, 4096);
	E(PV_EEXIST, io_serve, self, 1, page, 4096, PORT);
	E(PV_OK, io_serve, self, 1, NOWHERE, 4096, PORT);
	E(PV_EEXIST, io_serve, self, 1, NOWHERE, 4096, PORT);
	RIGHTS(io_serve_notify, host, NOWHERE, PORT);
	E(PV_EINVAL, io_serve_notify, self, NOWHERE + 1, PORT);
	E(PV_EINVAL, io_serve_notify, self, NOWHERE, 4096);
	E(PV_EFAULT, io_serve_notify, self, NOWHERE + 8192, PORT);
	E(PV_OK, io_serve_notify, self, NOWHERE + 0x50, PORT);
	E(PV_OK, io_write, PV_SPACE_MMIO, NOWHERE + 0x50, 4, 1);
	for (i = 1; i < 64 && !st; i++)
		st = pv_io_serve(self, 1, NOWHERE + i * 4096, 4096, PORT);
	expect("io_serve", "PV_ENOMEM", PV_ENOMEM, st);
	E(PV_ENOMEM, io_serve_notify, self, NOWHERE + 0x60, PORT);
	RIGHTS(io_map, host, NOWHERE + 0x1000000);
	E(PV_EINVAL, io_map, self, NOWHERE + 1);
	E(PV_EINVAL, io_map, self, NOWHERE + 0x1000000);
	RIGHTS(io_copy, host, 1, page);
	E(PV_EINVAL, io_copy, self, 12345, page);
	RIGHTS(io_complete, host, 1, 0);
	E(PV_EINVAL, io_complete, self, 12345, 0);
}

/* ---- partitions ---- */

static void partitions(void)
{
	struct pv_partition_params *p = kit_ptr(page);
	unsigned i;
	uint64_t st = 0;

	memset(p, 0, 4096);
	RIGHTS(partition_create, PV_SELF, page);
	E(PV_EHANDLE, partition_create, host, page);
	RIGHTS(partition_populate, host, NOWHERE, 1);
	E(PV_EINVAL, partition_populate, self, NOWHERE + 1, 1);
	E(PV_EINVAL, partition_populate, self, NOWHERE, 0);
	E(PV_EEXIST, partition_populate, self, page, 1);
	E(PV_ENOMEM, partition_populate, self, NOWHERE + 0x2000000, 1048576);
	RIGHTS(partition_write, host, page, page, 1);
	E(PV_EINVAL, partition_write, self, page, page, 0);
	E(PV_EINVAL, partition_write, self, page, page, 65537);
	E(PV_ESTATE, partition_write, self, page, page, 1);
	RIGHTS(partition_start, host, page);
	E(PV_EINVAL, partition_start, self, page + 1);
	E(PV_EFAULT, partition_start, self, NOWHERE);
	((struct pv_vcpu_start *)p)->rip = 0x100000;
	E(PV_ESTATE, partition_start, self, page);
	RIGHTS(partition_pause, host, 0);
	RIGHTS(partition_resume, host, 0);
	E(PV_ESTATE, partition_resume, self);
	RIGHTS(partition_destroy, host, 0);
	E(PV_EINVAL, partition_destroy, self);
	RIGHTS(partition_stats, weak, 0, page);
	E(PV_EINVAL, partition_stats, self, 63, page);
	E(PV_EINVAL, partition_stats, self, 0, page + 1);
	E(PV_EFAULT, partition_stats, self, 0, NOWHERE);
	E(PV_OK, partition_stats, self, 0, page);
	RIGHTS(partition_calls, weak, 0, page);
	E(PV_EINVAL, partition_calls, self, 63, page);
	E(PV_EINVAL, partition_calls, self, 0, page + 1);
	E(PV_EFAULT, partition_calls, self, 0, NOWHERE);
	E(PV_OK, partition_calls, self, 0, page);
	RIGHTS(partition_status, weak, page);
	E(PV_EINVAL, partition_status, self, page + 4);
	E(PV_EFAULT, partition_status, self, NOWHERE);
	E(PV_OK, partition_status, self, page);
	RIGHTS(partition_enumerate, PV_SELF, 0);
	RIGHTS(partition_console_read, weak, page, 16);
	E(PV_EINVAL, partition_console_read, self, page, 0);
	E(PV_EFAULT, partition_console_read, self, NOWHERE, 16);
	kit_sleep_ns(50 * KIT_MS); /* what we printed is not ours to take */
	E(PV_OK, partition_console_read, self, page, 16);
	memset(p, 0, 4096);
	RIGHTS(partition_console_write, weak, page, 16);
	E(PV_EINVAL, partition_console_write, self, page, 4097);
	E(PV_EFAULT, partition_console_write, self, NOWHERE, 16);
	E(PV_OK, partition_console_write, self, page, 16);
	for (i = 0; i < 8 && !st; i++)
		st = pv_partition_console_write(self, page, 4096, &last);
	expect("partition_console_write", "PV_EAGAIN", PV_EAGAIN, st);
}

static void handles(void)
{
	uint64_t h = 0, child = 0;

	E(PV_EHANDLE, handle_derive, BAD, event, PV_RIGHT_SEND);
	E(PV_EHANDLE, handle_derive, PV_SELF, BAD, PV_RIGHT_SEND);
	E(PV_ERIGHT, handle_derive, host, event, PV_RIGHT_SEND);
	E(PV_ERIGHT, handle_derive, PV_SELF, weak, PV_RIGHT_SHARE);
	E(PV_ERIGHT, handle_derive, PV_SELF, weak_event, PV_RIGHT_SEND);
	E(PV_EINVAL, handle_derive, PV_SELF, event, 1ull << 40);
	E(PV_OK, handle_derive, PV_SELF, event, PV_RIGHT_SEND | PV_RIGHT_GRANT);
	h = last;
	pv_handle_derive(PV_SELF, h, PV_RIGHT_SEND, &child);
	E(PV_EINVAL, handle_close, PV_SELF);
	E(PV_EHANDLE, handle_close, BAD);
	E(PV_OK, handle_close, h);
	E(PV_EHANDLE, handle_close, h);
	E(PV_EHANDLE, event_send, child);
}

/* Only the host partition's handle of itself has the right to the machine. */
static void machine(void)
{
	E(PV_EHANDLE, irq_bind, BAD, 4, PORT);
	E(PV_ERIGHT, irq_bind, PV_SELF, 4, PORT);
	E(PV_EHANDLE, irq_ack, BAD, 4);
	E(PV_ERIGHT, irq_ack, PV_SELF, 4);
	E(PV_EHANDLE, log_read, BAD, page, 16);
	E(PV_ERIGHT, log_read, PV_SELF, page, 16);
	E(PV_EHANDLE, trace_map, BAD, 0, NOWHERE, PORT);
	E(PV_ERIGHT, trace_map, PV_SELF, 0, NOWHERE, PORT);
	E(PV_EHANDLE, trace_map, host, 0, NOWHERE, PORT);
	E(PV_EHANDLE, trace_set, BAD, self, 0);
	E(PV_ERIGHT, trace_set, PV_SELF, self, PV_TRACE_CALLS);
	E(PV_EHANDLE, partition_translate, BAD, PV_SELF, page, page);
	E(PV_EHANDLE, partition_translate, host, PV_SELF, page, page);
	E(PV_ERIGHT, partition_translate, PV_SELF, PV_SELF, page, page);
	E(PV_ERIGHT, partition_translate, PV_SELF, host, page, page);
	E(PV_EHANDLE, machine_off, BAD, 0);
	E(PV_ERIGHT, machine_off, PV_SELF, 0);
	E(PV_EHANDLE, machine_off, host, 0);
}

/* Entries of each kind: done, failed, refused; and the two that end a slice. */
static void batch(void)
{
	struct pv_batch_entry *e = kit_ptr(page);
	const struct pv_batch_entry entries[] = {
		{ .call = PV_CALL_nop, .status = 99 },
		{ .call = PV_CALL_query, .arg = { PV_QUERY_VERSION } },
		{ .call = PV_CALL_query, .arg = { 9 } },
		{ .call = PV_CALL_vcpu_wait },
		{ .call = PV_CALL_batch, .arg = { page + 64, 1 } },
		{ .call = PV_CALL_partition_populate },
		{ .call = 999 },
		{ .call = PV_CALL_vcpu_ipi, .arg = { 0, 1, 5 } },
		{ .call = PV_CALL_vcpu_yield },
		{ .call = PV_CALL_query, .arg = { PV_QUERY_VCPUS } },
	};
	static const uint32_t want[] = { PV_OK,	    PV_OK,     PV_EINVAL,
					 PV_EINVAL, PV_EINVAL, PV_EINVAL,
					 PV_ENOSYS, PV_OK,     PV_OK,
					 PV_OK };
	unsigned i;

	E(PV_EINVAL, batch, page + 32, 1, 0);
	E(PV_EINVAL, batch, page, 0, 0);
	E(PV_EINVAL, batch, page, 65, 0);
	E(PV_EINVAL, batch, page + 64, 64, 0);
	E(PV_EINVAL, batch, page, 1, 1);
	E(PV_EFAULT, batch, NOWHERE, 1, 0);
	E(PV_EFAULT, batch, ~0ull << 6 & ~4095ull, 1, 0);
	memcpy(e, entries, sizeof(entries));
	E(PV_OK, batch, page, 10, 0);
	check(last == 10, "batch says how many", "%u", (unsigned)last);
	for (i = 0; i < 10; i++)
		check(e[i].status == want[i], "batch entry", "%u: %s", i,
		      kit_status_name(e[i].status));
	check(e[1].value == PV_ABI_VERSION && e[9].value == kit_vcpus(),
	      "batch values", "%x %u", (unsigned)e[1].value,
	      (unsigned)e[9].value);
	e[0].status = e[1].status = 99;
	E(PV_OK, batch, page, 2, 1);
	check(e[0].status == 99 && !e[1].status, "batch begins with the second",
	      "%u %u", e[0].status, e[1].status);
	/* its page goes away while it runs: our own, mapped once more */
	e[0] = (struct pv_batch_entry){ .call = PV_CALL_mem_return,
					.status = 99,
					.arg = { NOWHERE, 1 } };
	e[1] = (struct pv_batch_entry){ .call = PV_CALL_nop, .status = 99 };
	E(PV_OK, mem_share, self, page, 1, PV_SHARE_WRITE);
	E(PV_OK, mem_accept, self, page, 1, NOWHERE);
	E(PV_EFAULT, batch, NOWHERE, 2, 0);
	check(e[0].status == 99 && e[1].status == 99,
	      "batch writes nothing without its page", "%u %u", e[0].status,
	      e[1].status);
	E(PV_OK, mem_revoke, page, 1);
}

int kit_main(const char *cmdline)
{
	self = kit_info()->self;
	host = kit_info()->host;
	page = kit_gpa(kit_pages_alloc(4));
	/* One handle of ourselves with too few rights for this, one for that. */
	check(!pv_handle_derive(PV_SELF, PV_SELF, PV_RIGHT_SHARE, &weak) &&
		      !pv_handle_derive(PV_SELF, PV_SELF, PV_RIGHT_STATS,
					&stats_only),
	      "call handle_derive PV_OK", "no handles");
	misc();
	batch();
	console();
	if (kit_vcpus() > 1)
		vcpu_start();
	vcpu();
	sched();
	events();
	if (kit_vcpus() > 1)
		event_late();
	memory();
	balloon();
	registers();
	partitions();
	handles();
	machine();
	return check_summary("calls");
}
