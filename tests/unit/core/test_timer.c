/* SPDX-License-Identifier: BSD-2-Clause */
/* The timers' heap against a list of all times, by random operations. */
/* TEST-SRC: hv/core/timer.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/event.h"
#include "core/sched.h"
#include "core/vapic.h"
#include "lib/lock.h"

#define VCPUS 128u
#define STEPS 200000u
#define NEAR 5000u /* times fall together now and then */

static struct cpu cpu;
static struct sched_cpu sched;
static struct partition part;
static struct vcpu vcpus[VCPUS];
static u64 model[VCPUS][TIMER_COUNT]; /* 0: not set */
static u64 due, rng = 88172645463325252ull;
static u32 fired;

struct cpu *cpu_table[CPU_MAX] = { &cpu };
struct cpu *cpu_this(void) { return &cpu; }

static const struct virt_ops fake = { .name = "fake" };
const struct virt_ops *virt = &fake;

static u64 random_below(u64 n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng % n;
}

/* Whatever fires is due, and nothing that is left is due before it. */
static void on_fire(struct vcpu *v, enum vcpu_timer t)
{
	u64 at = model[v->id][t];

	assert_true(at && at <= due);
	for (u32 i = 0; i < VCPUS; i++)
		for (u32 k = 0; k < TIMER_COUNT; k++)
			assert_false(model[i][k] && model[i][k] < at);
	model[v->id][t] = 0;
	fired++;
}

void sched_wake(struct vcpu *v) { on_fire(v, TIMER_WAKE); }
void event_timer(struct vcpu *v) { on_fire(v, TIMER_GUEST); }
void vapic_timer_fired(struct vcpu *v) { fail(); }

static u64 first(void)
{
	u64 t = TIMER_NEVER;

	for (u32 i = 0; i < VCPUS; i++)
		for (u32 k = 0; k < TIMER_COUNT; k++)
			if (model[i][k] && model[i][k] < t)
				t = model[i][k];
	return t;
}

static void set(struct vcpu *v, enum vcpu_timer t, u64 at)
{
	lock_take(&sched.lock);
	timer_set_locked(&sched, v, t, at);
	lock_drop(&sched.lock);
	model[v->id][t] = at;
}

static void heap_is_as_the_list(void **state)
{
	u64 now = 1;

	sched.timer_first = TIMER_NEVER;
	cpu.sched = &sched;
	for (u32 i = 0; i < VCPUS; i++) {
		vcpus[i].id = i;
		vcpus[i].part = &part;
		for (u32 k = 0; k < TIMER_COUNT; k++)
			vcpus[i].timers[k].owner = &vcpus[i];
	}
	for (u32 n = 0; n < STEPS; n++) {
		struct vcpu *v = &vcpus[random_below(VCPUS)];
		u64 what = random_below(8);

		if (what == 0)
			now = due = now + random_below(NEAR / 64);
		if (what == 0)
			sched_timers_run(now);
		else
			set(v, (enum vcpu_timer)(what & 1),
			    what < 3 ? 0 : now + 1 + random_below(NEAR));
		if (n % 16 == 0)
			assert_true(sched.timer_first == first());
	}
	due = TIMER_NEVER - 1;
	sched_timers_run(due);
	assert_true(sched.timer_first == TIMER_NEVER);
	assert_null(sched.timers);
	assert_true(fired > STEPS / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heap_is_as_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
