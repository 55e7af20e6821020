/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trace: a ring of records for each CPU, which only that CPU writes, in root
 * mode, and the host partition maps to read. What is not traced costs nothing:
 * a traced vCPU has other handlers of its calls, and another decoder of exits.
 */
#pragma once

#include "core/partition.h"

/*
 * Makes CPU cpu's ring of p's quota and maps it at `at`, read-only. When another
 * half of it has been filled, p's event port is told. PV_EINVAL: no such CPU;
 * PV_EEXIST (there is one already, or something at `at`), PV_ENOMEM.
 */
int trace_map(struct partition *p, u32 cpu, gpa_t at, u32 port) must_check;
/* The rings are mapped nowhere any more: trace_map() gives them out again. */
void trace_unmapped(void);
/* What of p is recorded from now on: PV_TRACE_*. PV_ESTATE: a CPU has no ring. */
int trace_set(struct partition *p, u32 what) must_check;

/* A handler has returned to the traced v, which made the call: r says which, and
 * with what result. It is recorded, again when it returns if it waits now. */
void trace_call(struct vcpu *v, struct pv_trace_record *r);
/* v leaves its CPU; only if that is traced. */
void trace_switch(struct vcpu *v);
