/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest as the host partition keeps it. */
#ifndef HOST_GUEST_H
#define HOST_GUEST_H

#include "console.h"
#include "gmem.h"
#include "host.h"
#include "image.h"
#include "uart16550.h"
#include "vdev.h"

enum guest_phase {
	GUEST_WAITS, /* for another one to end */
	GUEST_RUNS,
	GUEST_ENDS, /* ended; its I/O or its destruction is under way */
	GUEST_GONE,
};

struct guest {
	const struct cfg_guest *cfg;
	unsigned slot;
	enum guest_phase phase;
	bool created;
	bool killed;	    /* as the configuration asks */
	const char *failed; /* why it could not be started */
	char why[160];
	uint64_t part; /* handle */
	struct pv_partition_status status;
	struct gmem mem;
	const struct pv_io_page *io;
	struct uart16550 uart;
	struct vdev *vdev[CFG_VDEVS];
	struct lines_source lines;
	uint8_t typed[256]; /* not taken yet by the guest */
	unsigned nr_typed;
	bool traced;
	uint64_t trace_slot; /* with it: its number in trace records */
	bool more;	     /* its console may hold more */
	uint8_t nr_assigned; /* of the configuration's devices */
};

/*
 * Makes the guest's partition, loads its image and starts it. Null, or what
 * is wrong; a partition that was made is destroyed then.
 */
const char *guest_load(struct guest *g);

/* Serves I/O regions: called by guest_load before the start. */
const char *guest_serve(struct guest *g);
bool guest_vdevs_busy(const struct guest *g);
void guest_vdevs_free(struct guest *g);
void guest_type(struct guest *g, const char *text, size_t n);

/* Prints registers, bytes and back trace of a guest that died. */
void report_death(const struct guest *g);

/* Prints exits and calls of each vCPU, if the configuration asks for them. */
void counters_report(const struct guest *g);

/* ---- all guests (guests.c) ---- */
bool guests_init(const struct config *c);
/* What is due; returns true when all guests have ended. */
bool guests_run(void);
/* One line a guest; returns the status to switch the machine off with. */
unsigned guests_summary(void);

#endif
