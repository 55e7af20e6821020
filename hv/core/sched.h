/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduler and its timers: per-CPU run queues by priority, round robin. */
#pragma once

#include "core/partition.h"

#define SCHED_PRIORITIES 8
#define SCHED_SLICE_US 5000
#define TIMER_NEVER (~0ull)

/* One page per CPU. `lock` guards all but loaded and idle_tsc, which the CPU
 * itself writes, and the cpu-local fields of the vCPUs placed here. */
struct sched_cpu {
	struct lock lock;
	u32 apic_id; /* fixed */
	u32 bitmap;  /* priorities whose queue holds something */
	struct list queue[SCHED_PRIORITIES]; /* at the head: what runs */
	struct timer *timers;		     /* the heap: the first to expire */
	u64 timer_first;      /* when that is; only this CPU makes it earlier */
	struct vcpu *running; /* written under lock, read without */
	struct vcpu *loaded;  /* whose state the CPU holds: run's */
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
u32 sched_place(u64 cpu_mask);	    /* picks a CPU for a new vCPU */

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
/* Runs, or its state is still loaded in a CPU: nobody else may touch it. */
bool sched_on_cpu(const struct vcpu *v);
/* After partition_resume: queues v if it became ready while its partition was
 * not PV_STATE_RUNNING. (Such vCPUs are parked by sched_switch.) */
void sched_unpark(struct vcpu *v);
/* v is about to be freed: out of the queue, the timers and the CPU's load. Not
 * while sched_on_cpu(v). */
void sched_forget(struct vcpu *v);

/*
 * Puts the vCPU that ran (NULL: none) back into its queue if it is still
 * runnable, and takes the next one: NULL if none is ready. It may be the same.
 * Takes back PEND_RESCHED, which asks for this, and PEND_BLOCK. run only.
 */
struct vcpu *sched_switch(struct vcpu *old);
/* When this CPU, with v or idle, must look again: the end of v's slice if
 * another one waits for it, or the first timer; TIMER_NEVER. run only. */
u64 sched_deadline(const struct vcpu *v);
/* Expired timers: wakes sleepers, posts timer events. sched_switch does it. */
void sched_timers_run(u64 now);
/* The guest's one-shot timer (timer_set, TSC deadline, APIC timer); 0: none.
 * v's own CPU, but for taking it back. */
void sched_timer_set(struct vcpu *v, u64 tsc);

/* Sets, moves or takes back (at 0) a timer of v. s is v's CPU; its lock held. */
void timer_set_locked(struct sched_cpu *s, struct vcpu *v, enum vcpu_timer t,
		      u64 at);
