/* SPDX-License-Identifier: BSD-2-Clause */
/* More than one vCPU: starting, telling apart, interrupting, locking. */
#ifndef KIT_SMP_H
#define KIT_SMP_H

#include "kit/kit.h"

#define KIT_VCPUS_MAX PV_VCPUS_MAX

unsigned kit_vcpus(void);   /* how many the partition has */
unsigned kit_vcpu_id(void); /* which one this is; no exit */

/* Starts a stopped vCPU: fn(arg) on a stack of its own, interrupts on; when fn
 * returns, the vCPU stops and can be started anew. Returns PV_*. */
uint64_t kit_vcpu_start(unsigned vcpu, void (*fn)(void *), void *arg);
/* True once fn has returned on that vCPU. */
bool kit_vcpu_stopped(unsigned vcpu);

/* Interrupts another vCPU (or this one). `bit` is 0..63 under pv and
 * 0..KIT_IPI_BITS - 1 elsewhere, where each stands for a vector. */
#define KIT_IPI_BITS 8u
void kit_ipi_register(unsigned bit, void (*fn)(void *), void *arg);
void kit_ipi(unsigned vcpu, unsigned bit);

/* Lets another vCPU run. */
void kit_yield(void);

/* Priority (0..7, 7 first), time slice in microseconds, and CPUs (0: all that
 * the partition may use) of a vCPU of this partition, at most what the partition
 * was made with. Returns PV_*. */
uint64_t kit_vcpu_sched(unsigned vcpu, unsigned priority, unsigned slice_us,
			uint64_t cpus);

/* Gives the rest of this vCPU's time slice to another one, say the holder of a
 * lock, if that waits for the same CPU with the same priority: true. Under pv. */
bool kit_yield_to(unsigned vcpu);

/* A spin lock; take it with interrupts off where a handler takes it too. */
struct kit_lock {
	uint32_t held;
};
void kit_lock(struct kit_lock *l);
void kit_unlock(struct kit_lock *l);

#endif
