/* SPDX-License-Identifier: BSD-2-Clause */
/* What the bench guest counts, and an operation that it measures. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "kit/call.h"
#include "kit/kit.h"
#include "kit/smp.h"

/* Indices into pv_vcpu_stats.exits; the manual lists them. */
#define EXIT_KIND_HCALL 1u
#define EXIT_KIND_HOST_IRQ 19u
#define EXIT_KIND_DEADLINE 20u

/* One partition's part. calls: hypercalls; slow: those of them that left the
 * fast path; exits: all others; irqs: those of exits that nobody asked for. */
struct side {
	int64_t calls, slow, exits, irqs, guest_tsc, vmcs;
};

struct count {
	uint64_t tsc;
	int64_t idle;
	struct side guest, host;
};

/* What a run that counts itself has counted; 0: the whole of it counts. */
extern uint64_t bench_ticks;

/* When an operation is measured. */
enum when {
	ALWAYS,
	ASKED, /* only when `only=` names it */
	DEVICE /* it waits for a device: so often as `device=` says */
};

struct op {
	const char *name;
	uint32_t n;   /* iterations, then twice as many */
	uint32_t per; /* operations in one iteration */
	void (*run)(uint32_t n);
	bool (*start)(void); /* false: cannot be measured here */
	void (*stop)(void);
	enum when when;
};

extern const struct op bench_ops[]; /* ends with a NULL name */

/* pair.c: the two operations that need a second vCPU. */
bool pair_start(void);
void pair_stop(void);
bool pair_event_start(void);
void ipi_run(uint32_t n);
void event_wait_run(uint32_t n);
/* The same one way, to a vCPU of a higher priority. */
bool wake_start(void);
void wake_stop(void);
void wake_run(uint32_t n);

#endif
