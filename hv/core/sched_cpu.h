/* SPDX-License-Identifier: BSD-2-Clause */
/* The scheduler's per-CPU data, shared by sched.c and timer.c only. */
#pragma once

#include "core/sched.h"

#define SCHED_LONGEST 50ull /* slices, in guest mode without any exit */

/* One page per CPU. `lock` guards all but loaded and idle_tsc, which the CPU
 * itself writes, and the cpu-local fields of the vCPUs placed here. */
struct sched_cpu {
	struct lock lock;
	u32 index, apic_id; /* fixed */
	u32 bitmap;	    /* priorities with a ready vCPU */
	struct list queue[SCHED_PRIORITIES];
	struct list sleepers;	  /* vcpu.timer_link, by wake_at */
	struct list guest_timers; /* vcpu.guest_timer_link, by timer_at */
	struct vcpu *running;	  /* written under lock, read without */
	struct vcpu *loaded;	  /* whose state the CPU holds */
	u32 load;		  /* vCPUs placed here; atomic */
	u64 idle_tsc;
};
_Static_assert(sizeof(struct sched_cpu) <= PAGE_SIZE, "one page");

struct sched_cpu *sched_of(u32 cpu);
void sched_wake_locked(struct sched_cpu *s, struct vcpu *v);

/* Sorted lists of timers. add: to the sleepers. first: ~0 if there is none. */
void timer_add_locked(struct list *sleepers, struct vcpu *v, u64 at);
void timer_drop_locked(struct list *link, u64 *at);
u64 timer_first_locked(const struct sched_cpu *s);
