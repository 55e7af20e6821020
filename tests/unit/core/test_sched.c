/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduler's queues, blocking, timers and placement, on a fake machine. */
/* TEST-SRC: hv/core/sched.c hv/core/timer.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/irq.h"
#include "lib/machine.h"
#include "lib/x86.h"
#include "core/event.h"
#include "core/sched.h"
#include "core/vapic.h"
#include "lib/panic.h"

#define SECOND 1000000000ull

static struct cpu cpus[2], *self = &cpus[0];
static struct partition part;
static struct vcpu vcpus[6];
static struct pv_vcpu_page vpages[6];
static u32 ipis, fired;
static u64 armed;
static const struct vcpu *event_for;
static struct sched_cpu scheds[2];

struct cpu *cpu_table[CPU_MAX];
u32 cpu_count;
u64 tsc_khz = 1000000;

struct cpu *cpu_this(void) { return self; }

void lapic_ipi(u32 apic_id, u32 vector)
{
	assert_int_equal(vector, VEC_KICK);
	assert_int_not_equal(apic_id, self->apic_id);
	ipis++;
}

bool event_pending(const struct vcpu *v) { return v == event_for; }

void vapic_timer_fired(struct vcpu *v) { fail(); }
void event_timer(struct vcpu *v) { fired |= 1u << v->id; }

void panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

static void fake_arm(struct virt_vcpu *v, u64 tsc) { armed = tsc; }

static const struct virt_ops fake = { .name = "fake",
				      .deadline_arm = fake_arm };
const struct virt_ops *virt = &fake;

static int setup(void **state)
{
	memset(vcpus, 0, sizeof(vcpus));
	memset(&part, 0, sizeof(part));
	self = &cpus[0];
	ipis = fired = 0;
	armed = 0;
	memset(vpages, 0, sizeof(vpages));
	event_for = NULL;
	part.state = PV_STATE_RUNNING;
	cpu_count = 2;
	for (u32 i = 0; i < 2; i++) {
		cpus[i].index = i;
		cpus[i].apic_id = 10 + i;
		cpu_table[i] = &cpus[i];
		memset(&scheds[i], 0, sizeof(scheds[i]));
		cpus[i].sched = &scheds[i];
		sched_init_cpu(&cpus[i]);
	}
	for (u32 i = 0; i < 6; i++) {
		vcpus[i].id = i;
		vcpus[i].part = &part;
		vcpus[i].priority = 1;
		vcpus[i].page = &vpages[i];
		vcpus[i].hw.deadline = TIMER_NEVER;
		for (u32 n = 0; n < TIMER_COUNT; n++)
			vcpus[i].timers[n].owner = &vcpus[i];
	}
	return 0;
}

static int teardown(void **state) { return 0; }

static void places_on_the_least_loaded(void **state)
{
	assert_int_equal(sched_place(0), 0);
	assert_int_equal(sched_place(0), 1);
	assert_int_equal(sched_place(2), 1);
	assert_int_equal(sched_place(0), 0);
	assert_int_equal(sched_place(1ull << 40), 0); /* no such CPU: any */
}

static void picks_by_priority_then_in_order(void **state)
{
	vcpus[2].priority = 5;
	for (u32 i = 0; i < 4; i++)
		sched_wake(&vcpus[i]);
	sched_wake(&vcpus[0]); /* twice is once */
	assert_ptr_equal(sched_switch(NULL), &vcpus[2]);
	sched_block(&vcpus[2], VCPU_WAITING, 0);
	assert_true(vcpus[2].hw.pending & PEND_BLOCK);
	assert_ptr_equal(sched_switch(&vcpus[2]), &vcpus[0]);
	vcpus[0].budget_end = 0; /* used up: to the end of the queue */
	assert_ptr_equal(sched_switch(&vcpus[0]), &vcpus[1]);
	/* preempted: keeps its place and its budget */
	assert_ptr_equal(sched_switch(&vcpus[1]), &vcpus[1]);
	sched_yield(&vcpus[1]);
	assert_ptr_equal(sched_switch(&vcpus[1]), &vcpus[3]);
	sched_block(&vcpus[3], VCPU_STOPPED, 0);
	assert_ptr_equal(sched_switch(&vcpus[3]), &vcpus[0]);
}

static void higher_priority_preempts(void **state)
{
	vcpus[1].priority = 3;
	sched_wake(&vcpus[0]);
	assert_ptr_equal(sched_switch(NULL), &vcpus[0]);
	sched_wake(&vcpus[1]);
	assert_true(vcpus[0].hw.pending & PEND_RESCHED);
	assert_ptr_equal(sched_switch(&vcpus[0]), &vcpus[1]);
	/* what was preempted goes on where it was, and need not look again */
	sched_wake(&vcpus[2]);
	sched_block(&vcpus[1], VCPU_WAITING, 0);
	assert_ptr_equal(sched_switch(&vcpus[1]), &vcpus[0]);
	assert_false(vcpus[0].hw.pending & PEND_RESCHED);
}

static void equal_priority_waits_for_the_budget(void **state)
{
	sched_wake(&vcpus[0]);
	sched_switch(NULL);
	assert_true(sched_deadline(&vcpus[0]) == TIMER_NEVER);
	sched_wake(&vcpus[1]);
	assert_true(vcpus[0].hw.pending & PEND_RESCHED); /* has a deadline */
	assert_ptr_equal(sched_switch(&vcpus[0]), &vcpus[0]);
	assert_int_equal(sched_deadline(&vcpus[0]), vcpus[0].budget_end);
	vcpus[0].budget_end = 0;
	assert_ptr_equal(sched_switch(&vcpus[0]), &vcpus[1]);
}

/* Each of three spinners runs as long as the others. */
static void slices_are_fair(void **state)
{
	u64 slice = tsc_from_us(SCHED_SLICE_US), end;
	struct vcpu *v = NULL;

	for (u32 i = 0; i < 3; i++)
		sched_wake(&vcpus[i]);
	for (u32 i = 0; i < 9; i++) {
		v = sched_switch(v);
		assert_ptr_equal(v, &vcpus[i % 3]);
		end = v->budget_end;
		assert_in_range(end, rdtsc(), rdtsc() + slice);
		/* a preemption in the middle costs it nothing */
		vcpus[4].priority = 5;
		sched_wake(&vcpus[4]);
		assert_ptr_equal(sched_switch(v), &vcpus[4]);
		sched_block(&vcpus[4], VCPU_WAITING, 0);
		assert_ptr_equal(sched_switch(&vcpus[4]), v);
		assert_in_range(v->budget_end, end, end + slice / 10);
		v->budget_end = 0;
	}
}

static void kicks_another_cpu(void **state)
{
	vcpus[0].cpu = 1;
	sched_wake(&vcpus[0]);
	assert_int_equal(ipis, 1);
	self = &cpus[1];
	assert_ptr_equal(sched_switch(NULL), &vcpus[0]);
	self = &cpus[0];
	sched_poke(&vcpus[0]);
	assert_int_equal(ipis, 2);
	sched_kick(&vcpus[0]);
	assert_int_equal(ipis, 3);
	assert_true(sched_on_cpu(&vcpus[0]));
	/* lower priority there: what runs is not disturbed */
	vcpus[1].cpu = 1;
	vcpus[1].priority = 0;
	sched_wake(&vcpus[1]);
	assert_int_equal(ipis, 3);
}

static void a_wake_before_the_block_is_not_lost(void **state)
{
	sched_wake(&vcpus[0]);
	sched_switch(NULL);
	event_for = &vcpus[0];
	sched_block(&vcpus[0], VCPU_WAITING, 0);
	assert_false(vcpus[0].hw.pending & PEND_BLOCK);
	assert_int_equal(vcpus[0].state, VCPU_RUNNING);
	event_for = NULL;
	vcpus[0].io_done = 1;
	sched_block(&vcpus[0], VCPU_IO, 0);
	assert_int_equal(vcpus[0].state, VCPU_RUNNING);
}

static void a_wake_between_block_and_leaving_is_not_lost(void **state)
{
	sched_wake(&vcpus[0]);
	sched_switch(NULL);
	sched_block(&vcpus[0], VCPU_WAITING, 0);
	sched_poke(&vcpus[0]);
	assert_int_equal(vcpus[0].state, VCPU_RUNNING);
	assert_false(vcpus[0].hw.pending & PEND_BLOCK);
	assert_ptr_equal(sched_switch(&vcpus[0]), &vcpus[0]);
}

static void an_event_wakes_only_a_waiter(void **state)
{
	sched_poke(&vcpus[0]); /* stopped */
	assert_null(sched_switch(NULL));
	sched_wake(&vcpus[0]);
	sched_switch(NULL);
	sched_block(&vcpus[0], VCPU_IO, 0);
	assert_null(sched_switch(&vcpus[0]));
	sched_poke(&vcpus[0]);
	assert_null(sched_switch(NULL));
	sched_wake(&vcpus[0]);
	assert_ptr_equal(sched_switch(NULL), &vcpus[0]);
}

static void sleepers_wake_in_time(void **state)
{
	u64 now = rdtsc();
	struct vcpu *v = NULL;

	for (u32 i = 0; i < 3; i++)
		sched_wake(&vcpus[i]);
	for (u32 i = 0; i < 3; i++) {
		v = sched_switch(v);
		sched_block(v, VCPU_WAITING, now + (3 - i) * SECOND);
	}
	assert_null(sched_switch(v));
	assert_int_equal(sched_deadline(NULL), now + SECOND);
	sched_timers_run(now);
	assert_null(sched_switch(NULL));
	sched_timers_run(now + 2 * SECOND);
	assert_ptr_equal(sched_switch(NULL), &vcpus[2]);
	vcpus[2].budget_end = 0;
	assert_ptr_equal(sched_switch(&vcpus[2]), &vcpus[1]);
	assert_int_equal(sched_deadline(NULL), now + 3 * SECOND);
	sched_wake(&vcpus[0]); /* sooner, by an event: the timer is gone */
	assert_int_equal(sched_deadline(NULL), TIMER_NEVER);
}

static void guest_timers_fire_once(void **state)
{
	u64 now = rdtsc();

	sched_wake(&vcpus[0]);
	sched_switch(NULL);
	sched_timer_set(&vcpus[0], now + SECOND);
	assert_int_equal(armed, now + SECOND);
	sched_timer_set(&vcpus[1], now + SECOND / 2);
	sched_timer_set(&vcpus[2], now + SECOND / 4);
	sched_timer_set(&vcpus[2], 0);
	assert_int_equal(sched_deadline(NULL), now + SECOND / 2);
	sched_timers_run(now + SECOND / 2);
	assert_int_equal(fired, 2);
	sched_timers_run(now + 2 * SECOND);
	assert_int_equal(fired, 3);
	assert_int_equal(sched_deadline(NULL), TIMER_NEVER);
}

static void a_paused_partition_is_parked(void **state)
{
	sched_wake(&vcpus[0]);
	sched_wake(&vcpus[1]);
	part.state = PV_STATE_PAUSED;
	assert_null(sched_switch(NULL));
	sched_wake(&vcpus[0]); /* parked is ready: no effect */
	assert_null(sched_switch(NULL));
	part.state = PV_STATE_RUNNING;
	sched_unpark(&vcpus[0]);
	sched_unpark(&vcpus[1]);
	sched_unpark(&vcpus[2]); /* was stopped, stays */
	assert_ptr_equal(sched_switch(NULL), &vcpus[0]);
	sched_block(&vcpus[0], VCPU_WAITING, 0);
	assert_ptr_equal(sched_switch(&vcpus[0]), &vcpus[1]);
	sched_block(&vcpus[1], VCPU_WAITING, 0);
	assert_null(sched_switch(&vcpus[1]));
}

static void a_dying_partition_has_no_timers(void **state)
{
	u64 now = rdtsc();

	sched_wake(&vcpus[0]);
	sched_block(sched_switch(NULL), VCPU_WAITING, now + SECOND);
	assert_null(sched_switch(&vcpus[0]));
	sched_timer_set(&vcpus[1], now + SECOND);
	part.dying = 1;
	sched_timers_run(now + SECOND);
	assert_int_equal(fired, 0);
	assert_null(sched_switch(NULL));
	assert_int_equal(sched_deadline(NULL), TIMER_NEVER);
}

static void forget_leaves_nothing(void **state)
{
	u64 now = rdtsc();

	vcpus[0].cpu = sched_place(1);
	sched_wake(&vcpus[0]);
	sched_timer_set(&vcpus[0], now + SECOND);
	sched_forget(&vcpus[0]);
	assert_null(sched_switch(NULL));
	assert_int_equal(sched_deadline(NULL), TIMER_NEVER);
	assert_int_equal(sched_place(0), 0);
}

static void steal_and_run_time_are_counted(void **state)
{
	sched_wake(&vcpus[0]);
	vcpus[0].ready_since -= SECOND;
	sched_switch(NULL);
	assert_true(vpages[0].steal_tsc >= SECOND);
	vcpus[0].run_since -= SECOND;
	sched_switch(&vcpus[0]);
	assert_true(vcpus[0].run_tsc >= SECOND);
	assert_true(vcpus[0].steal_tsc < 2 * SECOND);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(places_on_the_least_loaded),
		T(picks_by_priority_then_in_order),
		T(higher_priority_preempts),
		T(equal_priority_waits_for_the_budget),
		T(slices_are_fair),
		T(kicks_another_cpu),
		T(a_wake_before_the_block_is_not_lost),
		T(a_wake_between_block_and_leaving_is_not_lost),
		T(an_event_wakes_only_a_waiter),
		T(sleepers_wake_in_time),
		T(guest_timers_fire_once),
		T(a_paused_partition_is_parked),
		T(a_dying_partition_has_no_timers),
		T(forget_leaves_nothing),
		T(steal_and_run_time_are_counted),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	return failed;
}
