/* SPDX-License-Identifier: BSD-2-Clause */
/* What the bench programs share: an operation that they measure. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "kit/block.h"
#include "kit/call.h"
#include "kit/kit.h"
#include "kit/measure.h"
#include "kit/smp.h"

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
	/* before and after each run, not measured */
	void (*prep)(uint32_t n);
	void (*done)(uint32_t n);
	bool pv; /* only in profile pv: there is no other way */
};

/* A row of a table; more members may follow. */
#define OP(name_, n_, per_, run_, ...)                                        \
	{                                                                     \
		.name = name_, .n = n_, .per = per_, .run = run_, __VA_ARGS__ \
	}
/* That of a call's own name, which CALL_run(n) makes n times. */
#define CALL_ROW(call, ...) OP(#call, 16, 1, call##_run, __VA_ARGS__)
#define OPS_END              \
	{                    \
		.name = NULL \
	}

/* Tables end with a NULL name. */
extern const struct op bench_ops[];
extern const struct op call_ops[];
extern const struct op cpu_ops[];
extern const struct op direct_ops[]; /* of a guest that owns a disk */
extern const struct op net_ops[];
extern const struct op queue_ops[];

/* Measures `reps` times, and prints. */
void op_measure(const struct op *op, unsigned reps);

/* Waits until nothing else is at work; each program has its own. */
void bench_settle(void);

/* Instructions of the run that its row does not want, set by op->run. */
extern uint64_t bench_known;
/* What a run that counts itself has counted; 0: the whole of it counts. */
extern uint64_t bench_ticks;
/* What another guest had to do with it, set by op->done; counts as the guest's. */
extern struct kit_side bench_more;

/* The hypervisor looks for a free slot from the last one that it took: this
 * makes it begin at the same one each time, for any n. */
void handles_align(uint32_t n);

/* Ends the program when a call fails that is measured. */
static inline void must(uint64_t status)
{
	if (status)
		kit_panic("bench: a call returned %s", kit_status_name(status));
}

/* ops.c, for the other tables */
bool event_start(void); /* makes self_event, an event of this vCPU */
extern uint64_t self_event;
bool ram_disk_start(void); /* sets disk_base */
extern uint64_t disk_base;
enum disk_kind { BENCH_RAM, BENCH_REAL, BENCH_NULL, BENCH_DISKS };
#define BENCH_BUFFER (32 * KIT_PAGE_SIZE)
bool disk_choose(enum disk_kind i); /* sets disk, disk_buf, disk_base */
extern struct kit_block *disk;
extern uint8_t *disk_buf;
void null_run(uint32_t n);

/* net.c: the guest at the other end of the switch. */
int peer_main(void);

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
