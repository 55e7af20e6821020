/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace's writer and reader: order, overwriting, what is told, calls that
 * wait. */
/* TEST-SRC: hv/core/trace.c drivers/host/trace_read.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/event.h"
#include "core/gmem.h"
#include "core/trace.h"
#include "host/trace_read.h"
#include "pvabi/calls.h"

static struct cpu cpu0;
struct cpu *cpu_table[CPU_MAX];
u32 cpu_count = 1;
u64 tsc_khz = 1000;
hcall_fn virt_hcall_table[2 * HCALL_TRACED];
static struct partition host, part;
static struct vcpu v;
static struct pv_trace_ring *ring;
static unsigned told;
static int map_status;

struct cpu *cpu_this(void) { return &cpu0; }

void *partition_pages(struct partition *p, unsigned order)
{
	if (p->pages == p->max_pages)
		return NULL;
	p->pages++;
	ring = aligned_alloc(4096, PAGE_SIZE << order);
	return memset(ring, 0, PAGE_SIZE << order);
}

void partition_pages_free(struct partition *p, void *at, unsigned order)
{
	p->pages--;
	free(at);
}

int gmem_map(struct partition *p, gpa_t at, hpa_t to, u64 size, u32 flags)
{
	assert_int_equal(flags, NP_READ);
	assert_int_equal(size, sizeof(struct pv_trace_ring));
	return map_status;
}

struct partition *partition_table[PARTITION_MAX];

void event_send(struct partition *p, u32 port)
{
	assert_ptr_equal(p, &host);
	assert_int_equal(port, 9);
	told++;
}

static u64 fake_reg(struct virt_vcpu *w, enum vreg r) { return 0x1234; }

static struct exit next_exit;

static void fake_decode(struct virt_vcpu *w, struct exit *x) { *x = next_exit; }

static const struct virt_ops fake = { .reg_get = fake_reg,
				      .exit_decode = fake_decode };
const struct virt_ops *virt = &fake;

static void make(void **state)
{
	(void)state;
	host.max_pages = 1;
	host.gen = 7;
	partition_table[0] = &host;
	part.id = 3;
	part.nr_vcpus = 1;
	part.vcpus[0] = &v;
	v.part = &part;
	v.id = 2;
	assert_int_equal(trace_set(&part, PV_TRACE_CALLS), PV_ESTATE);
	assert_int_equal(trace_map(&host, 1, gpa(0), 9), PV_EINVAL);
	host.pages = 1;
	assert_int_equal(trace_map(&host, 0, gpa(0), 9), PV_ENOMEM);
	host.pages = 0;
	map_status = PV_EEXIST;
	assert_int_equal(trace_map(&host, 0, gpa(0), 9), PV_EEXIST);
	assert_int_equal(host.pages, 1); /* it is there for the next try */
	map_status = PV_OK;
	assert_int_equal(trace_map(&host, 0, gpa(0), 8), PV_OK);
	assert_int_equal(trace_map(&host, 0, gpa(0), 9), PV_EEXIST);
	trace_unmapped(); /* it has started anew, and asks again */
	assert_int_equal(trace_map(&host, 0, gpa(0), 9), PV_OK);
	assert_int_equal(trace_map(&host, 0, gpa(0), 9), PV_EEXIST);
	assert_int_equal(host.pages, 1);
	assert_true(ring->magic == PV_TRACE_MAGIC && ring->tsc_khz == 1000);
	assert_int_equal(trace_set(&part, PV_TRACE_ALL), PV_OK);
	assert_ptr_equal(v.hw.table, virt_hcall_table + HCALL_TRACED);
	assert_ptr_not_equal(v.hw.decode, fake_decode);
}

static void call(u16 nr)
{
	struct pv_trace_record r = { .kind = PV_RECORD_CALL, .nr = nr };

	trace_call(&v, &r);
}

/* Wrapping, what is lost, and who is told. */
static void test_ring(void **state)
{
	struct trace_reader t = { .ring = ring };
	struct pv_trace_record r;
	u16 nr;

	assert_false(trace_read_peek(&t, &r));
	call(5);
	assert_true(trace_read_peek(&t, &r) && trace_read_peek(&t, &r));
	assert_true(r.seq == 1 && r.nr == 5 && r.part == 3 && r.vcpu == 2);
	trace_read_skip(&t);
	assert_false(trace_read_peek(&t, &r));
	for (nr = 0; nr < PV_TRACE_RECORDS + 10; nr++)
		call(nr);
	assert_int_equal(told, 2);
	for (nr = 10; trace_read_peek(&t, &r); nr++) {
		assert_int_equal(r.nr, nr);
		trace_read_skip(&t);
	}
	assert_int_equal(nr, PV_TRACE_RECORDS + 10);
	assert_int_equal(t.lost, 10);
	/* one that is being written is passed over, and counted */
	call(1);
	call(2);
	ring->record[(ring->head - 2) % PV_TRACE_RECORDS].seq = 0;
	assert_true(trace_read_peek(&t, &r) && r.nr == 2);
	assert_int_equal(t.lost, 11);
	host.gen++; /* it has gone: nobody is told, and nothing breaks */
	for (nr = 0; nr < PV_TRACE_RECORDS; nr++)
		call(nr);
	assert_int_equal(told, 2);
	host.gen--;
}

static struct pv_trace_record *last(void)
{
	return &ring->record[(ring->head - 1) % PV_TRACE_RECORDS];
}

static unsigned finished;

static void finish(struct vcpu *w)
{
	w->hw.gpr[R_AX] = PV_ETIME;
	w->hw.gpr[R_DX] = 6;
	finished++;
}

static void test_calls(void **state)
{
	u64 n = ring->head;

	v.call_finish = finish;
	call(PV_CALL_vcpu_wait);
	assert_int_equal(last()->flags, PV_RECORD_WAITS);
	assert_true(v.hw.pending & PEND_CALL && v.call_finish != finish);
	v.hw.pending = 0;
	v.call_finish(&v);
	assert_true(finished == 1 && ring->head == n + 2);
	assert_true(!last()->flags && last()->status == PV_ETIME &&
		    last()->value == 6 && last()->nr == PV_CALL_vcpu_wait);
	/* it blocks, and has no second half of its own */
	v.call_finish = NULL;
	v.hw.pending = PEND_BLOCK;
	v.hw.gpr[R_AX] = PV_OK;
	call(PV_CALL_vcpu_wait);
	assert_int_equal(last()->flags, PV_RECORD_WAITS);
	v.hw.pending = 0;
	v.call_finish(&v);
	assert_true(finished == 1 && !last()->flags);
	/* who stops does not return: call_finish is the starter's */
	v.call_finish = finish;
	v.hw.pending = PEND_BLOCK;
	call(PV_CALL_vcpu_stop);
	assert_true(!last()->flags && v.call_finish == finish);
	v.hw.pending = PEND_DIED;
	call(PV_CALL_exit);
	assert_true(!last()->flags && v.call_finish == finish);
	v.hw.pending = PEND_RESUME;
	call(PV_CALL_partition_populate);
	assert_int_equal(last()->flags, PV_RECORD_RESUMES);
	v.hw.pending = 0;
}

static void decode(struct exit x)
{
	struct exit got;

	next_exit = x;
	v.hw.decode(&v.hw, &got);
	assert_int_equal(got.kind, x.kind);
	assert_true(last()->kind == PV_RECORD_EXIT && last()->nr == x.kind &&
		    last()->rip == 0x1234);
}

static void test_exits(void **state)
{
	const u64 *a;

	v.hw.gpr[R_AX] = 1;
	v.hw.gpr[R_CX] = 0x10;
	v.hw.gpr[R_DX] = 2;
	decode((struct exit){ .kind = EXIT_CPUID, .hw_reason = 10 });
	a = last()->arg;
	assert_true(a[0] == 1 && a[1] == 0x10 && a[3] == 10);
	decode((struct exit){ .kind = EXIT_MSR, .variant = 1 });
	a = last()->arg;
	assert_true(a[0] == 0x10 && a[1] == 1 && a[2] == 0x200000001);
	decode((struct exit){
		.kind = EXIT_IO, .io_port = 0x3f8, .io_size = 1, .io_in = 1 });
	a = last()->arg;
	assert_true(a[0] == 0x3f8 && a[1] == 1 && a[2] == 1);
	decode((struct exit){ .kind = EXIT_CR,
			      .cr_nr = 3,
			      .cr_op = CR_READ,
			      .cr_gpr = 5,
			      .known = true });
	a = last()->arg;
	assert_true(a[0] == 3 && a[1] == CR_READ && a[2] == 5);
	decode((struct exit){ .kind = EXIT_CR, .cr_nr = 3 });
	assert_true(last()->flags == PV_RECORD_OPAQUE && !last()->arg[0]);
	decode((struct exit){
		.kind = EXIT_MMIO, .mmio_gpa = gpa(0x5000), .mmio_write = 1 });
	a = last()->arg;
	assert_true(a[0] == 0x5000 && a[1] == 1 && !a[2]);
	decode((struct exit){
		.kind = EXIT_INVLPG, .invlpg_gva = 9, .known = true });
	assert_int_equal(last()->arg[0], 9);
	decode((struct exit){ .kind = EXIT_RDTSC, .variant = 1 });
	assert_int_equal(last()->arg[0], 1);
	decode((struct exit){ .kind = EXIT_EXCEPTION,
			      .exc_vector = 6,
			      .exc_error = 2,
			      .exc_cr2 = 3 });
	a = last()->arg;
	assert_true(a[0] == 6 && a[1] == 2 && a[2] == 3);
	decode((struct exit){ .kind = EXIT_HCALL, .hw_reason = 99 });
	assert_int_equal(last()->arg[3], 0);
}

static void test_switches(void **state)
{
	static const struct {
		enum vcpu_state state;
		u32 pending, nr;
	} rows[] = {
		{ VCPU_RUNNING, 0, PV_LEFT_PREEMPTED },
		{ VCPU_WAITING, 0, PV_LEFT_WAITS },
		{ VCPU_IO, 0, PV_LEFT_IO },
		{ VCPU_STOPPED, 0, PV_LEFT_STOPPED },
		{ VCPU_IO, PEND_DIED, PV_LEFT_ENDED },
	};

	for (u32 i = 0; i < array_size(rows); i++) {
		v.state = rows[i].state;
		v.hw.pending = rows[i].pending;
		v.run_since = 5;
		trace_switch(&v);
		assert_true(last()->kind == PV_RECORD_SWITCH &&
			    last()->nr == rows[i].nr && last()->tsc == 5);
	}
}

static void test_off(void **state)
{
	u64 n = ring->head;

	assert_int_equal(trace_set(&part, PV_TRACE_SWITCHES), PV_OK);
	assert_ptr_equal(v.hw.table, virt_hcall_table);
	assert_ptr_equal(v.hw.decode, fake_decode);
	call(1); /* was on its way when that changed */
	assert_int_equal(ring->head, n);
	trace_switch(&v);
	assert_int_equal(ring->head, n + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(make),		 cmocka_unit_test(test_ring),
		cmocka_unit_test(test_calls),	 cmocka_unit_test(test_exits),
		cmocka_unit_test(test_switches), cmocka_unit_test(test_off),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(ring);
	return failed;
}
