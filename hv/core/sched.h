/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduler and its timers: per-CPU run queues by priority, round robin. */
#pragma once

#include "core/partition.h"

#define SCHED_PRIORITIES 8
#define SCHED_SLICE_US 5000 /* unless someone has said otherwise */
#define TIMER_NEVER (~0ull)

static inline bool sched_slice_ok(u64 us)
{
	return us >= PV_SLICE_US_MIN && us <= PV_SLICE_US_MAX;
}

/* One page per CPU. `lock` guards all but loaded and idle_tsc, which the CPU
 * itself writes, and the cpu-local fields of the vCPUs placed here. Two CPUs'
 * locks are taken in the order of their indices. */
struct sched_cpu {
	struct lock lock;
	u32 index, apic_id; /* fixed */
	u32 bitmap;	    /* priorities whose queue holds something */
	u32 queued;	    /* vCPUs in queues, what runs with them */
	struct list queue[SCHED_PRIORITIES]; /* at the head: what runs */
	struct timer *timers;		     /* the heap: the first to expire */
	u64 timer_first;		     /* when that is */
	struct vcpu *running; /* written under lock, read without */
	struct vcpu *loaded;  /* whose state the CPU holds: run's */
	struct vcpu *firing;  /* whose timer has expired: it stays here */
	struct list leaving;  /* vCPUs that may not stay here: see sched_set */
	u32 load;	      /* vCPUs placed here; atomic */
	u64 idle_tsc;	      /* TSC ticks without a vCPU since boot: run's */
};
_Static_assert(sizeof(struct sched_cpu) <= PAGE_SIZE, "one page");

static inline struct sched_cpu *sched_of(u32 cpu)
{
	return cpu_table[cpu]->sched;
}
static inline struct sched_cpu *sched_this(void) { return cpu_this()->sched; }

void sched_init_cpu(struct cpu *c); /* once per CPU, boot */
/* Those CPUs of a mask that there are; of 0: all. */
u64 sched_cpus(u64 cpu_mask);
u32 sched_place(u64 cpu_mask);	  /* the least loaded; one of them exists */
void sched_admit(struct vcpu *v); /* a new one, as its partition says */

/* Makes v ready (from STOPPED, WAITING or IO); kicks its CPU if it must
 * preempt. Any CPU. Waking a vCPU that runs or is ready does nothing. */
void sched_wake(struct vcpu *v);
/* The running vCPU stops being ready: sets its state and PEND_BLOCK. A wake
 * that comes between check and block is not lost: see event.c. */
void sched_block(struct vcpu *v, enum vcpu_state why, u64 deadline);
/* The label keeps it apart from the C library's in unit tests. */
void sched_yield(struct vcpu *v) __asm__("sched_yield_vcpu");
/* v must leave its CPU (pause, death); does not wait. */
void sched_kick(struct vcpu *v);
/* v has new pending work: wakes it, or makes the CPU that runs it look. */
void sched_poke(struct vcpu *v);
/* So too, as the last act of a call: v may become what this CPU runs in place of
 * the caller, which has PEND_RESCHED then and stays loaded until run looks. */
void sched_poke_last(struct vcpu *v);
/* Runs, or its state is still loaded in a CPU: nobody else may touch it. */
bool sched_on_cpu(const struct vcpu *v);
/* After partition_resume: queues v if it became ready while its partition was
 * not PV_STATE_RUNNING. (Such vCPUs are parked by sched_switch.) */
void sched_unpark(struct vcpu *v);
/*
 * Chooses priority, slice (TSC ticks) and CPUs of v, at least one. Where it may
 * not stay it leaves its CPU as soon as that CPU looks, and keeps its timers and
 * what is pending. Any CPU.
 */
void sched_set(struct vcpu *v, u32 priority, u64 slice, u64 cpus);
/* The running v gives the rest of its slice to another vCPU of its priority that
 * is ready on this CPU: PV_ESTATE if it is not. */
int sched_yield_to(struct vcpu *v, struct vcpu *to) must_check;
/* v is about to be freed: out of the queue, the timers and the CPU's load. Not
 * while sched_on_cpu(v). */
void sched_forget(struct vcpu *v);

/*
 * Puts the vCPU that ran (NULL: none) back into its queue if it is still
 * runnable, and takes the next one: NULL if none is ready. It may be the same.
 * Takes back PEND_RESCHED, which asks for this, and PEND_BLOCK. run only.
 */
struct vcpu *sched_switch(struct vcpu *old);
/* Does another vCPU of v's priority wait for the end of v's slice? v runs, and
 * so stands at the head of its queue. */
static inline bool sched_shares(const struct vcpu *v)
{
	return load_relaxed(&v->run.next) != load_relaxed(&v->run.prev);
}

/* When s, which is this CPU, must look again while v runs: the end of v's slice if
 * another one waits for it, or the first timer; TIMER_NEVER. run only. */
static inline u64 sched_deadline(const struct sched_cpu *s,
				 const struct vcpu *v)
{
	u64 t = load_relaxed(&s->timer_first);

	if (sched_shares(v) && v->budget_end < t)
		return v->budget_end;
	return t;
}
/* Expired timers: wakes sleepers, posts timer events. sched_switch does it. */
void sched_timers_run(u64 now);
/* The guest's one-shot timer (timer_set, TSC deadline, APIC timer); 0: none.
 * v's own CPU, but for taking it back. */
void sched_timer_set(struct vcpu *v, u64 tsc);

/* v, if not NULL, has left its CPU: if it waits there, a CPU that is idle may take
 * it. run only. */
void sched_offer(const struct vcpu *v);
/* This CPU, for which sched_switch found nothing, looks again. run only. */
void sched_awake(struct sched_cpu *s);

/* ---- between the files of the scheduler ---- */

/* CPUs that sleep, or are about to. Atomic; each bit is its CPU's. */
extern u64 sched_idle;
/* v's CPU, locked; v may change it while nobody holds the lock. */
static inline struct sched_cpu *sched_lock(const struct vcpu *v)
{
	for (;;) {
		struct sched_cpu *s = sched_of(load_relaxed(&v->cpu));

		lock_take(&s->lock);
		if (likely(load_relaxed(&v->cpu) == s->index))
			return s;
		lock_drop(&s->lock);
	}
}
/* As lock_scope, for the CPU of v. */
#define cpu_scope(s, v)                      \
	struct sched_cpu *s = sched_lock(v); \
	struct lock *cpu_scope_              \
		__attribute__((cleanup(lock_scope_end), unused)) = &s->lock
/* Puts v into its queue; where it becomes ready by that, s looks if it must. */
void sched_enqueue_locked(struct sched_cpu *s, struct vcpu *v);
void sched_queue_locked(struct sched_cpu *s, struct vcpu *v);
void sched_dequeue_locked(struct sched_cpu *s, struct vcpu *v);
/* s is made to look at its queues again, whatever it does. */
void sched_resched_locked(struct sched_cpu *s);
/* This CPU sends away what may not stay; no lock held. sched_switch only. */
void sched_leave(struct sched_cpu *s);
/* This CPU, which is idle, takes a vCPU that waits elsewhere. */
bool sched_pull(struct sched_cpu *s);
/* Sets, moves or takes back (at 0) a timer of v. s is v's CPU; its lock held. */
void timer_set_locked(struct sched_cpu *s, struct vcpu *v, enum vcpu_timer t,
		      u64 at);
