/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduler's queues, blocking, timers and placement, on a fake machine. */
/* TEST-SRC: hv/core/sched.c hv/core/sched_move.c hv/core/timer.c */
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
#include "pvabi/calls.h"

#define SECOND 1000000000ull

#define CPUS 3

static struct cpu cpus[CPUS], *self = &cpus[0];
static struct partition part;
static struct vcpu vcpus[6];
static struct pv_vcpu_page vpages[6];
static u32 ipis, fired, kicked; /* kicked: CPUs, a bit each */
static u64 armed;
static const struct vcpu *event_for;
static struct sched_cpu scheds[CPUS];

struct cpu *cpu_table[CPU_MAX];
u32 cpu_count;
u64 tsc_khz = 1000000;

struct cpu *cpu_this(void) { return self; }

void lapic_ipi(u32 apic_id, u32 vector)
{
	assert_int_equal(vector, VEC_KICK);
	assert_int_not_equal(apic_id, self->apic_id);
	ipis++;
	kicked |= 1u << (apic_id - 10);
}

static struct virt_vcpu *switched_out;

void virt_switch_out(struct virt_vcpu *v) { switched_out = v; }

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
	ipis = fired = kicked = 0;
	switched_out = NULL;
	armed = 0;
	memset(vpages, 0, sizeof(vpages));
	event_for = NULL;
	part.state = PV_STATE_RUNNING;
	part.priority = 1;
	part.slice_us = SCHED_SLICE_US;
	part.cpu_mask = 1;
	cpu_count = CPUS;
	sched_idle = 0;
	for (u32 i = 0; i < CPUS; i++) {
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
		vcpus[i].page = &vpages[i];
		vcpus[i].hw.deadline = TIMER_NEVER;
		sched_admit(&vcpus[i]);
	}
	return 0;
}

static int teardown(void **state) { return 0; }

static void places_on_the_least_loaded(void **state)
{
	/* all six are on CPU 0 */
	part.cpu_mask = sched_cpus(0);
	sched_admit(&vcpus[1]);
	assert_int_equal(vcpus[1].cpu, 1);
	sched_admit(&vcpus[2]);
	assert_int_equal(vcpus[2].cpu, 2);
	part.cpu_mask = 2;
	sched_admit(&vcpus[3]);
	assert_int_equal(vcpus[3].cpu, 1);
	assert_int_equal(sched_cpus(1ull << 40), 0); /* no such CPU */
	assert_int_equal(sched_cpus(0), 7);
	assert_int_equal(sched_cpus(~0ull - 1), 6);
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
		assert_in_range(end, rdtsc() - slice, rdtsc() + slice);
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

static void put_on(struct vcpu *v, u32 cpu)
{
	part.cpu_mask = 1u << cpu;
	sched_admit(v);
}

static void kicks_another_cpu(void **state)
{
	put_on(&vcpus[0], 1);
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
	put_on(&vcpus[1], 1);
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

	sched_wake(&vcpus[0]);
	sched_timer_set(&vcpus[0], now + SECOND);
	sched_set(&vcpus[0], 1, 1, 2);
	sched_forget(&vcpus[0]);
	assert_null(sched_switch(NULL));
	assert_int_equal(sched_deadline(NULL), TIMER_NEVER);
	assert_int_equal(scheds[0].load, 5);
	assert_int_equal(scheds[1].load, 0);
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

/* ---- accounting ---- */

static void an_overrun_is_taken_off_the_next_slice(void **state)
{
	u64 slice = vcpus[0].slice;

	sched_wake(&vcpus[0]);
	sched_wake(&vcpus[1]);
	assert_ptr_equal(sched_switch(NULL), &vcpus[0]);
	vcpus[0].budget_end = rdtsc() - slice / 2;
	assert_ptr_equal(sched_switch(&vcpus[0]), &vcpus[1]);
	assert_in_range(vcpus[0].budget_left, slice / 4, slice / 2);
	/* what was not used up is no debt, nor is what was given up */
	sched_yield(&vcpus[1]);
	assert_ptr_equal(sched_switch(&vcpus[1]), &vcpus[0]);
	assert_int_equal(vcpus[1].budget_left, slice);
	sched_block(&vcpus[0], VCPU_WAITING, 0);
	assert_ptr_equal(sched_switch(&vcpus[0]), &vcpus[1]);
	assert_int_equal(vcpus[0].budget_left, slice);
	/* even far too much leaves something */
	sched_wake(&vcpus[0]);
	vcpus[1].budget_end = 1;
	assert_ptr_equal(sched_switch(&vcpus[1]), &vcpus[0]);
	assert_int_equal(vcpus[1].budget_left, slice / 8);
}

/* ---- what can be set, and moves ---- */

static void a_priority_that_is_set_counts_at_once(void **state)
{
	u64 slice = 12345;

	for (u32 i = 0; i < 3; i++)
		sched_wake(&vcpus[i]);
	assert_ptr_equal(sched_switch(NULL), &vcpus[0]);
	sched_set(&vcpus[2], 5, slice, 1);
	assert_true(vcpus[0].hw.pending & PEND_RESCHED);
	assert_ptr_equal(sched_switch(&vcpus[0]), &vcpus[2]);
	assert_in_range(vcpus[2].budget_end - vcpus[2].run_since, 1, slice);
	sched_set(&vcpus[2], 0, slice, 1); /* itself: the others first */
	assert_true(vcpus[2].hw.pending & PEND_RESCHED);
	assert_ptr_equal(sched_switch(&vcpus[2]), &vcpus[0]);
	sched_block(&vcpus[0], VCPU_WAITING, 0);
	assert_ptr_equal(sched_switch(&vcpus[0]), &vcpus[1]);
	sched_block(&vcpus[1], VCPU_WAITING, 0);
	assert_ptr_equal(sched_switch(&vcpus[1]), &vcpus[2]);
	sched_set(&vcpus[1], 7, slice, 1); /* asleep: when it wakes */
	sched_wake(&vcpus[1]);
	assert_ptr_equal(sched_switch(&vcpus[2]), &vcpus[1]);
}

static void what_runs_moves_with_its_timers(void **state)
{
	u64 now = rdtsc();

	sched_wake(&vcpus[0]);
	assert_ptr_equal(sched_switch(NULL), &vcpus[0]);
	scheds[0].loaded = &vcpus[0];
	sched_timer_set(&vcpus[0], now + SECOND);
	sched_set(&vcpus[0], 1, 1000, 2);
	assert_int_equal(vcpus[0].cpu, 0); /* not before it has left */
	assert_true(vcpus[0].hw.pending & PEND_RESCHED);
	assert_null(sched_switch(&vcpus[0]));
	assert_ptr_equal(switched_out, &vcpus[0].hw);
	assert_null(scheds[0].loaded);
	assert_int_equal(vcpus[0].cpu, 1);
	assert_int_equal(vcpus[0].moves, 1);
	assert_int_equal(kicked, 2);
	assert_int_equal(sched_deadline(NULL), TIMER_NEVER);
	assert_int_equal(scheds[0].load, 5);
	self = &cpus[1];
	assert_int_equal(sched_deadline(NULL), now + SECOND);
	assert_ptr_equal(sched_switch(NULL), &vcpus[0]);
	assert_int_equal(scheds[1].load, 1);
}

static void what_sleeps_moves_and_wakes_there(void **state)
{
	u64 now = rdtsc();

	sched_wake(&vcpus[0]);
	sched_switch(NULL);
	sched_block(&vcpus[0], VCPU_WAITING, now + SECOND);
	assert_null(sched_switch(&vcpus[0]));
	self = &cpus[2];
	sched_set(&vcpus[0], 1, 1000, 2);
	assert_int_equal(kicked, 1); /* its old CPU sends it away */
	self = &cpus[0];
	assert_null(sched_switch(NULL));
	assert_int_equal(vcpus[0].cpu, 1);
	assert_int_equal(sched_deadline(NULL), TIMER_NEVER);
	assert_int_equal(kicked, 3); /* its timer is the first there */
	sched_poke(&vcpus[0]);
	assert_int_equal(vcpus[0].state, VCPU_READY);
	self = &cpus[1];
	assert_int_equal(sched_deadline(NULL), TIMER_NEVER);
	assert_ptr_equal(sched_switch(NULL), &vcpus[0]);
}

static void one_that_may_stay_again_stays(void **state)
{
	sched_wake(&vcpus[0]);
	sched_switch(NULL);
	sched_set(&vcpus[0], 1, 1000, 2);
	sched_set(&vcpus[0], 1, 1000, 3);
	assert_ptr_equal(sched_switch(&vcpus[0]), &vcpus[0]);
	assert_int_equal(vcpus[0].moves, 0);
}

static void an_idle_cpu_takes_what_waits(void **state)
{
	u64 since;

	for (u32 i = 0; i < 3; i++)
		sched_set(&vcpus[i], 1, 1000, i == 1 ? 1 : 7);
	self = &cpus[1];
	assert_null(sched_switch(NULL)); /* nothing to do: it is idle */
	self = &cpus[0];
	sched_wake(&vcpus[0]);
	assert_ptr_equal(sched_switch(NULL), &vcpus[0]);
	scheds[0].loaded = &vcpus[0];
	kicked = 0;
	sched_wake(&vcpus[1]);
	assert_int_equal(kicked, 0); /* it may not go there */
	sched_wake(&vcpus[2]);
	assert_int_equal(kicked, 2);
	since = vcpus[2].ready_since;
	self = &cpus[1];
	sched_awake(&scheds[1]);
	assert_ptr_equal(sched_switch(NULL), &vcpus[2]);
	assert_int_equal(vcpus[2].cpu, 1);
	assert_true(vcpus[2].ready_since ==
		    since); /* it has waited all along */
	sched_block(&vcpus[2], VCPU_WAITING, 0);
	/* neither what runs nor what may not come */
	assert_null(sched_switch(&vcpus[2]));
	assert_int_equal(vcpus[0].cpu, 0);
	assert_int_equal(sched_idle, 2);
}

static void a_vcpu_whose_timer_fires_stays(void **state)
{
	sched_set(&vcpus[1], 1, 1000, 3);
	sched_wake(&vcpus[0]);
	sched_wake(&vcpus[1]);
	sched_switch(NULL);
	scheds[0].firing = &vcpus[1];
	self = &cpus[1];
	assert_null(sched_switch(NULL));
	scheds[0].firing = NULL;
	assert_ptr_equal(sched_switch(NULL), &vcpus[1]);
}

static void a_slice_can_be_given_away(void **state)
{
	u64 left;

	for (u32 i = 0; i < 4; i++)
		sched_wake(&vcpus[i]);
	sched_switch(NULL);
	left = vcpus[0].budget_end - rdtsc();
	assert_int_equal(sched_yield_to(&vcpus[0], &vcpus[2]), PV_OK);
	assert_true(vcpus[0].hw.pending & PEND_RESCHED);
	assert_ptr_equal(sched_switch(&vcpus[0]), &vcpus[2]);
	assert_true(vcpus[2].budget_end - vcpus[2].run_since <= left);
	assert_int_equal(vcpus[0].budget_left, vcpus[0].slice);
	/* not to itself, to one that does not wait, or of another priority */
	assert_int_equal(sched_yield_to(&vcpus[2], &vcpus[2]), PV_ESTATE);
	assert_int_equal(sched_yield_to(&vcpus[2], &vcpus[5]), PV_ESTATE);
	sched_set(&vcpus[1], 0, 1000, 1);
	assert_int_equal(sched_yield_to(&vcpus[2], &vcpus[1]), PV_ESTATE);
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
		T(an_overrun_is_taken_off_the_next_slice),
		T(a_priority_that_is_set_counts_at_once),
		T(what_runs_moves_with_its_timers),
		T(what_sleeps_moves_and_wakes_there),
		T(one_that_may_stay_again_stays),
		T(an_idle_cpu_takes_what_waits),
		T(a_vcpu_whose_timer_fires_stays),
		T(a_slice_can_be_given_away),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	return failed;
}
