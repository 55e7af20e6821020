/* SPDX-License-Identifier: BSD-2-Clause */
/* What the scheduler is told at run time, and moves, on a fake machine. */
/* TEST-SRC: hv/core/sched.c hv/core/sched_move.c hv/core/timer.c */
#include "fake_sched.h"

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
	assert_int_equal(sched_this()->timer_first, TIMER_NEVER);
	assert_int_equal(scheds[0].load, 5);
	self = &cpus[1];
	assert_int_equal(sched_this()->timer_first, now + SECOND);
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
	assert_int_equal(sched_this()->timer_first, TIMER_NEVER);
	assert_int_equal(kicked, 3); /* its timer is the first there */
	sched_poke(&vcpus[0]);
	assert_int_equal(vcpus[0].state, VCPU_READY);
	self = &cpus[1];
	assert_int_equal(sched_this()->timer_first, TIMER_NEVER);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_priority_that_is_set_counts_at_once),
		T(what_runs_moves_with_its_timers),
		T(what_sleeps_moves_and_wakes_there),
		T(one_that_may_stay_again_stays),
		T(an_idle_cpu_takes_what_waits),
		T(a_vcpu_whose_timer_fires_stays),
		T(a_slice_can_be_given_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
