/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a piece of a guest's own code costs: put it between
 *
 *	KIT_MEASURE_BEGIN(my_path);
 *	...
 *	KIT_MEASURE_END(my_path);
 *
 * in any function or in two, let it run as often as it likes, and call
 * KIT_MEASURE_REPORT() at the end. The lines that it prints become rows like
 * those of the cost table: docs/performance.md. Any profile; it needs no more
 * than the stub of partition_stats.
 */
#ifndef KIT_MEASURE_H
#define KIT_MEASURE_H

#include "kit/kit.h"

/* What one partition's vCPUs did. */
struct kit_side {
	int64_t exits[PV_EXIT_KINDS]; /* as in struct pv_vcpu_stats */
	int64_t calls;		      /* hypercalls, all of them */
	int64_t guest_tsc, vmcs;      /* with the hypervisor's probe only */
};

/*
 * Advance of the TSC and of the counters between begin and end. idle is the
 * part of tsc in which the CPU had nothing to do (with the probe only). host is
 * of the host partition; zeroes where this partition lacks PV_RIGHT_STATS on it
 * (`stats = yes`), or is it.
 */
struct kit_counts {
	uint64_t tsc;
	int64_t idle;
	struct kit_side guest, host;
};

/* Counters, then TSC; and TSC, then counters: what they cost themselves is
 * inside, the same each time. Any context with a stack. */
void kit_counts_begin(struct kit_counts *c);
void kit_counts_end(struct kit_counts *c);

/* One line: kind op profile n per rep known, then the counts. `known`:
 * instructions that belong to the TSC but not to the row. */
struct kit_count_head {
	const char *kind, *op;
	uint32_t n, per, rep;
	uint64_t known;
};
void kit_counts_print(const struct kit_count_head *h,
		      const struct kit_counts *c);

/*
 * A name is a C identifier of up to 64 characters. Pairs do not nest, and one
 * vCPU measures at a time; what the others do meanwhile is counted with it.
 * What begin and end cost themselves is taken off. 32 names, and the first 16
 * passes of each, are kept.
 */
#define KIT_MEASURE_BEGIN(name) kit_measure_begin(#name)
#define KIT_MEASURE_END(name) kit_measure_end(#name)
#define KIT_MEASURE_REPORT() kit_measure_report()

/* The name stays where it is until the report. */
void kit_measure_begin(const char *name);
void kit_measure_end(const char *name);
/* Prints all rows, and forgets them. */
void kit_measure_report(void);

#endif
