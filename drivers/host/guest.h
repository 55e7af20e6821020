/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest as the host partition keeps it. */
#ifndef HOST_GUEST_H
#define HOST_GUEST_H

#include "conlog.h"
#include "console.h"
#include "gmem.h"
#include "host.h"
#include "image.h"
#include "ports.h"
#include "vdev.h"

enum guest_phase {
	GUEST_WAITS, /* for another one to end */
	GUEST_RUNS,
	GUEST_ENDS, /* ended; its I/O or its destruction is under way */
	GUEST_GONE,
	GUEST_OFF, /* not started: that is the operator's business */
};

struct vdisk;

struct guest {
	const struct cfg_guest *cfg;
	unsigned slot;
	enum guest_phase phase;
	bool created;
	bool adopted;	    /* from an earlier life of the host partition */
	bool killed;	    /* as the configuration or the operator asks */
	bool by_operator;   /* ended as the operator asked: no failure */
	bool by_hand;	    /* started so: the configuration's rules are over */
	bool again;	    /* to be started when it is gone */
	uint64_t end_at;    /* it is asked to end; killed then (ns), 0: not */
	const char *failed; /* why it could not be started */
	char why[160];
	uint64_t part; /* handle */
	struct pv_partition_status status;
	struct gmem mem;
	const struct pv_io_page *io;
	struct ports ports;
	uint64_t ports_at; /* they may have an interrupt then, ns; 0: not */
	struct vdev *vdev[CFG_VDEVS];
	struct lines_source lines;
	struct scroll back; /* of its console */
	struct conlog log;
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
/* The guest's handle of an event that is a notification of its n-th virtio device;
 * 0: it has none. Once, behind guest_serve. */
uint64_t guest_bell(struct guest *g, unsigned n);
/* After it, for a guest that ran meanwhile: its drivers are told to reset their
 * devices, and what waits for an answer gets one. */
void guest_serve_again(struct guest *g);
/* Raises the interrupts of its devices at ports that are due. */
void guest_ports_run(struct guest *g);
bool guest_vdevs_busy(const struct guest *g);
/* The disk that its n-th device is, or NULL. */
const struct vdisk *guest_disk(const struct guest *g, unsigned n);
/* What it has written to its consoles before its end. */
void guest_vdevs_drain(struct guest *g);
void guest_vdevs_free(struct guest *g);
/* Types for it: on its virtio console, where a driver takes it. */
void guest_type(struct guest *g, const char *text, size_t n);
/* It has written that, by whichever console. */
void guest_says(struct guest *g, const char *text, size_t n);

/* Opens its log, if it is to have one. */
const char *guest_log_open(struct guest *g);

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
/* Called whenever guest_state() says something new. */
void guests_on_state(void (*fn)(const struct guest *g));
struct guest *guests_nth(unsigned i); /* NULL behind the last */
/* The guest that has the keyboard, or NULL. */
struct guest *guests_keyboard(void);

/* ---- a restart (restart.c) ---- */

/* What is to be known of g in the next life. */
void restart_note(const struct guest *g);
/* In a later life, before any guest starts: the guests as they are now. */
void restart_adopt(const struct config *c, struct guest *all);

/* ---- one guest, for the operator ---- */
const char *guest_state(const struct guest *g); /* a word */
void guest_look(struct guest *g);		/* its state may be another */
void guest_begin(struct guest *g);		/* one that does not run */
void guest_kill(struct guest *g);		/* one that runs, or waits */
/* Ends it like that if it still runs then; kit_time_ns(), not 0. */
void guest_kill_at(struct guest *g, uint64_t ns);
/* When guest_ports_run is to be called again; 0: not. */
void guest_ports_at(struct guest *g, uint64_t ns);

#endif
