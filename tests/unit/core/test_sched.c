/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduler's queues, blocking, timers and placement, on a fake machine. */
/* TEST-SRC: hv/core/sched.c hv/core/sched_move.c hv/core/timer.c */
#include "fake_sched.h"

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
	assert_true(sched_deadline(sched_this(), &vcpus[0]) == TIMER_NEVER);
	sched_wake(&vcpus[1]);
	assert_true(vcpus[0].hw.pending & PEND_RESCHED); /* has a deadline */
	assert_ptr_equal(sched_switch(&vcpus[0]), &vcpus[0]);
	assert_int_equal(sched_deadline(sched_this(), &vcpus[0]),
			 vcpus[0].budget_end);
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

/* STI; HLT: what waited for the window that STI opens comes without it. */
static void a_sleep_that_does_not_begin_takes_its_event(void **state)
{
	sched_wake(&vcpus[0]);
	sched_switch(NULL);
	event_for = &vcpus[0];
	vcpus[0].upcall_due = 1;
	window = true; /* it waited for this */
	sched_block(&vcpus[0], VCPU_WAITING, 0);
	assert_true(vcpus[0].hw.pending & PEND_EVENT);
	assert_false(window);
	event_for = NULL;
	vcpus[0].upcall_due = 0;
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
	assert_int_equal(sched_this()->timer_first, now + SECOND);
	sched_timers_run(now);
	assert_null(sched_switch(NULL));
	sched_timers_run(now + 2 * SECOND);
	assert_ptr_equal(sched_switch(NULL), &vcpus[2]);
	vcpus[2].budget_end = 0;
	assert_ptr_equal(sched_switch(&vcpus[2]), &vcpus[1]);
	assert_int_equal(sched_this()->timer_first, now + 3 * SECOND);
	sched_wake(&vcpus[0]); /* sooner, by an event: the timer is gone */
	assert_int_equal(sched_this()->timer_first, TIMER_NEVER);
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
	assert_int_equal(sched_this()->timer_first, now + SECOND / 2);
	sched_timers_run(now + SECOND / 2);
	assert_int_equal(fired, 2);
	sched_timers_run(now + 2 * SECOND);
	assert_int_equal(fired, 3);
	assert_int_equal(sched_this()->timer_first, TIMER_NEVER);
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
	assert_int_equal(sched_this()->timer_first, TIMER_NEVER);
}

static void forget_leaves_nothing(void **state)
{
	u64 now = rdtsc();

	sched_wake(&vcpus[0]);
	sched_timer_set(&vcpus[0], now + SECOND);
	sched_set(&vcpus[0], 1, 1, 2);
	sched_forget(&vcpus[0]);
	assert_null(sched_switch(NULL));
	assert_int_equal(sched_this()->timer_first, TIMER_NEVER);
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

/* vCPU 1, more urgent, waits until SECOND or for ever; vCPU 0 runs. */
static void urgent_waits(u64 deadline)
{
	vcpus[1].priority = 3;
	sched_wake(&vcpus[1]);
	sched_switch(NULL);
	sched_block(&vcpus[1], VCPU_WAITING, deadline);
	sched_wake(&vcpus[0]);
	assert_ptr_equal(sched_switch(&vcpus[1]), &vcpus[0]);
	vpages[1].pending = 1;
	vcpus[1].hw.pending |= PEND_EVENT;
}

static void the_last_poke_takes_the_callers_place(void **state)
{
	for (u32 i = 0; i < 4; i++) {
		setup(state);
		urgent_waits(i & 1 ? rdtsc() + SECOND : 0);
		vpages[1].masked = i >> 1;
		if (i ==
		    3) /* not one that ran alone beyond its slice, either */
			vcpus[0].budget_end = 1;
		sched_poke_last(&vcpus[1]);
		assert_ptr_equal(self->sched, &scheds[0]);
		assert_ptr_equal(scheds[0].running, &vcpus[1]);
		assert_int_equal(vcpus[1].state, VCPU_RUNNING);
		assert_int_equal(vcpus[1].hw.pending, i >> 1 ? 0 : PEND_EVENT);
		assert_int_equal(scheds[0].timer_first, TIMER_NEVER);
		assert_int_equal(vcpus[0].state, VCPU_READY);
		assert_true(vcpus[0].hw.pending & PEND_RESCHED);
		assert_true(vcpus[0].budget_left);
		vcpus[1].hw.pending = 0; /* delivered */
		sched_block(&vcpus[1], VCPU_WAITING, 0);
		assert_ptr_equal(sched_switch(&vcpus[1]), &vcpus[0]);
		assert_false(vcpus[0].hw.pending);
	}
}

static void the_last_poke_is_a_poke_elsewhere(void **state)
{
	/* not more urgent */
	urgent_waits(0);
	vcpus[1].priority = 1;
	sched_poke_last(&vcpus[1]);
	assert_ptr_equal(scheds[0].running, &vcpus[0]);
	assert_int_equal(vcpus[1].state, VCPU_READY);
	/* the caller leaves anyway */
	setup(state);
	urgent_waits(0);
	vcpus[0].hw.pending |= PEND_RESCHED;
	sched_poke_last(&vcpus[1]);
	assert_ptr_equal(scheds[0].running, &vcpus[0]);
	/* on another CPU */
	setup(state);
	urgent_waits(0);
	self = &cpus[1];
	sched_poke_last(&vcpus[1]);
	assert_int_equal(kicked, 1);
	assert_ptr_equal(scheds[0].running, &vcpus[0]);
	/* its partition is paused */
	setup(state);
	urgent_waits(0);
	part.state = PV_STATE_PAUSED;
	sched_poke_last(&vcpus[1]);
	assert_ptr_equal(scheds[0].running, &vcpus[0]);
}

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
		T(a_sleep_that_does_not_begin_takes_its_event),
		T(a_wake_between_block_and_leaving_is_not_lost),
		T(an_event_wakes_only_a_waiter),
		T(sleepers_wake_in_time),
		T(guest_timers_fire_once),
		T(a_paused_partition_is_parked),
		T(a_dying_partition_has_no_timers),
		T(forget_leaves_nothing),
		T(steal_and_run_time_are_counted),
		T(an_overrun_is_taken_off_the_next_slice),
		T(the_last_poke_takes_the_callers_place),
		T(the_last_poke_is_a_poke_elsewhere),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	return failed;
}
