/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers: per CPU, one sorted list of sleepers and one of guests' timers. */
#include "lib/x86.h"
#include "core/event.h"
#include "core/sched_cpu.h"

void (*sched_timer_fired)(struct vcpu *v) = event_timer;

static struct vcpu *sleeper(const struct list *l)
{
	return list_item(l, struct vcpu, timer_link);
}

static struct vcpu *timed(const struct list *l)
{
	return list_item(l, struct vcpu, guest_timer_link);
}

void timer_add_locked(struct list *sleepers, struct vcpu *v, u64 at)
{
	struct list *l = sleepers->next;

	while (l != sleepers && sleeper(l)->wake_at <= at)
		l = l->next;
	v->wake_at = at;
	list_add_tail(l, &v->timer_link);
}

void timer_drop_locked(struct list *link, u64 *at)
{
	list_del(link);
	*at = 0;
}

u64 timer_first_locked(const struct sched_cpu *s)
{
	u64 t = ~0ull;

	if (!list_empty(&s->sleepers))
		t = sleeper(s->sleepers.next)->wake_at;
	if (!list_empty(&s->guest_timers) &&
	    timed(s->guest_timers.next)->timer_at < t)
		t = timed(s->guest_timers.next)->timer_at;
	return t;
}

static void insert_locked(struct list *timers, struct vcpu *v, u64 at)
{
	struct list *l = timers->next;

	while (l != timers && timed(l)->timer_at <= at)
		l = l->next;
	v->timer_at = at;
	list_add_tail(l, &v->guest_timer_link);
}

void sched_timer_set(struct vcpu *v, u64 tsc)
{
	struct sched_cpu *s = sched_of(v->cpu);

	lock_take(&s->lock);
	if (v->timer_at)
		timer_drop_locked(&v->guest_timer_link, &v->timer_at);
	if (tsc)
		insert_locked(&s->guest_timers, v, tsc);
	lock_drop(&s->lock);
	/* the CPU's next forced exit may have to come sooner */
	if (tsc && s->running == v && (!v->hw.deadline || tsc < v->hw.deadline))
		virt->deadline_arm(&v->hw, tsc);
}

/* Takes the first guest timer that has expired, NULL if there is none. */
static struct vcpu *take_expired(struct sched_cpu *s, u64 now)
{
	struct vcpu *v = NULL;

	lock_take(&s->lock);
	if (!list_empty(&s->guest_timers)) {
		v = timed(s->guest_timers.next);
		if (v->timer_at <= now)
			timer_drop_locked(&v->guest_timer_link, &v->timer_at);
		else
			v = NULL;
	}
	lock_drop(&s->lock);
	return v;
}

static void wake_expired(struct sched_cpu *s, u64 now)
{
	lock_take(&s->lock);
	while (!list_empty(&s->sleepers) &&
	       sleeper(s->sleepers.next)->wake_at <= now)
		sched_wake_locked(s, sleeper(s->sleepers.next));
	lock_drop(&s->lock);
}

void sched_timers_run(u64 now)
{
	struct sched_cpu *s = cpu_this()->sched;
	struct vcpu *v;

	while ((v = take_expired(s, now)))
		sched_timer_fired(v);
	wake_expired(s, now);
}
