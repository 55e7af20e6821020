/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduler and its timers: per-CPU run queues by priority, round robin. */
#pragma once

#include "core/partition.h"

#define SCHED_PRIORITIES 8
#define SCHED_SLICE_US 5000

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
 * not PV_STATE_RUNNING. (Such vCPUs are parked by sched_pick.) */
void sched_unpark(struct vcpu *v);
/* v is about to be freed: out of the queue, the timers and the CPU's load. Not
 * while sched_on_cpu(v). */
void sched_forget(struct vcpu *v);

/* Next vCPU for this CPU or NULL; sets its budget. run only. */
struct vcpu *sched_pick(void);
/* Puts the one that ran back (if still runnable). run only. */
void sched_put(struct vcpu *v);
/* Must v leave this CPU now (budget, priority, its partition's state)? */
bool sched_must_leave(struct vcpu *v);
/* TSC ticks that a CPU has been idle since boot. */
u64 sched_idle_tsc(u32 cpu);
/* run only: bookkeeping of idle time, and of the vCPU whose state a CPU holds. */
void sched_idle_add(u64 ticks);
void sched_set_loaded(struct vcpu *v);
struct vcpu *sched_loaded(void);
/* When this CPU must look again: the nearest of budget end and timers. */
u64 sched_next_deadline(struct vcpu *v);
/* Expired timers: wakes sleepers, posts timer events. run only. */
void sched_timers_run(u64 now);
/* The guest's one-shot timer (timer_set, TSC deadline, APIC timer). */
void sched_timer_set(struct vcpu *v, u64 tsc);
/* Called when v->timer_at passed; set by trap for hvm, event.c for pv. */
extern void (*sched_timer_fired)(struct vcpu *v);
