/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operations that exist by both paths, bound at start: by hypercall or
 * shared page (`call`) in profile pv, by the native instruction (`trap`) in
 * hvm and classic. `kit.NAME=call|trap` on the command line binds one
 * operation otherwise, `kit.all=...` every one; a guest that has
 * KIT_PATHS_DEFINE("kit.time=trap") in one of its files does so for good.
 */
#ifndef KIT_OPS_H
#define KIT_OPS_H

#include "kit/kit.h"

enum kit_op {
	KIT_OP_TIME,	/* time: vCPU page's scale | RDTSC */
	KIT_OP_TIMER,	/* timer: timer_set | TSC_DEADLINE MSR or TMICT */
	KIT_OP_CONSOLE, /* console: console_write, _read | 16550 ports */
	KIT_OP_EVENT,	/* event: event_send | SELF_IPI MSR */
	KIT_OP_IPI,	/* ipi: vcpu_ipi | ICR MSR */
	KIT_OP_WAIT,	/* wait: vcpu_wait | STI; HLT */
	KIT_OP_QUERY,	/* query: query | CPUID */
	KIT_OP_REG,	/* reg: io_read, io_write | load, store */
	KIT_OP_NULL,	/* null: nop | OUT to port 0x80 */
	KIT_OPS
};

enum kit_path { KIT_CALL, KIT_TRAP };

/* What the operations are bound to. Times are in guest TSC. */
struct kit_ops {
	void (*null)(void);
	uint64_t (*time_ns)(void);
	void (*timer_set)(uint64_t deadline_tsc);	    /* 0 cancels */
	size_t (*console_write)(const void *buf, size_t n); /* bytes taken */
	size_t (*console_read)(void *buf, size_t n);
	void (*event_send)(uint64_t handle); /* trap: to this vCPU */
	void (*ipi)(unsigned vcpu, unsigned bit);
	void (*wait)(uint64_t deadline_tsc); /* 0: none. Interrupts off */
	uint64_t (*query)(unsigned id);	     /* PV_QUERY_* 0 to 6 */
	uint64_t (*reg_read)(uint64_t addr, unsigned size);
	void (*reg_write)(uint64_t addr, unsigned size, uint64_t value);
};
extern struct kit_ops kit_ops;

enum kit_path kit_op_path(enum kit_op op);
const char *kit_op_name(enum kit_op op);

/* Binds by profile, then by kit_paths, then by the command line. The kit
 * calls it at start. */
void kit_ops_bind(void);

/* Build-time choice: put KIT_PATHS_DEFINE("kit.time=trap") in one file. */
extern const char *const kit_paths __attribute__((weak));
#define KIT_PATHS_DEFINE(text) const char *const kit_paths = text

#endif
