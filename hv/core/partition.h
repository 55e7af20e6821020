/* SPDX-License-Identifier: BSD-2-Clause */
/* Partitions and their vCPUs: the objects, their states, their life. */
#pragma once

#include "core/frame.h"
#include "core/handle.h"
#include "lib/list.h"
#include "lib/lock.h"
#include "pvabi/calls.h"
#include "virt/virt.h"

#define PARTITION_MAX 80
#define REGION_MAX 16
#define CONSOLE_SIZE 4096u

/* A byte ring for console text; head - tail <= CONSOLE_SIZE. */
struct console_ring {
	struct lock lock; /* the below; taken before any partition's lock */
	u32 head, tail;	  /* bytes ever put and taken */
	u8 data[CONSOLE_SIZE];
};

enum console_way { CONSOLE_OUT, CONSOLE_IN };

/* A range of ports or MMIO addresses that another partition serves. */
struct io_region {
	u32 space;  /* PV_SPACE_*; in a result: REGION_FREE, none */
	u32 notify; /* 1: a write is an event, no request */
	u64 addr, len;
	u32 server, port; /* partition id and its event port */
	u32 server_gen;
};
#define REGION_FREE 0xffffffffu

/* Who maps a partition's I/O page, and where; gen 0: nobody. */
struct io_mapper {
	u32 part, gen;
	u64 at;
};

enum vcpu_state {
	VCPU_STOPPED,
	VCPU_WAITING, /* vcpu_wait, HLT */
	VCPU_IO,      /* waits for a server's answer */
	VCPU_READY,   /* in a run queue; those from here on need no wake */
	VCPU_PARKED,  /* ready, but its partition does not run */
	VCPU_RUNNING, /* on a CPU, and in its run queue */
};

/* In its CPU's heap while `at` is not 0. */
struct timer {
	struct timer *child, *next; /* the first below, and the next beside */
	struct timer *prev;	    /* the one before, or that it is below */
	u64 at;			    /* TSC */
	struct vcpu *owner;
};

enum vcpu_timer {
	TIMER_WAKE,  /* the deadline of a wait */
	TIMER_GUEST, /* timer_set, or the virtual APIC's */
	TIMER_COUNT
};

/* The entries that a walk has read, from the root down, with A set. */
struct walk_trail {
	u32 nr;
	const u64 *entry[4];
	u64 was[4];
};

/* The page that a vCPU's code was last fetched from: see gmem_code(). */
struct code_page {
	const u8 *page; /* NULL: nothing is kept */
	u64 at, cr3;	/* linear address, and root of its walk */
	u32 gen;	/* of the space */
	struct walk_trail trail;
};

/* A vCPU. Fields are guarded by the scheduler lock of v->cpu unless noted. */
struct vcpu {
	struct virt_vcpu hw; /* first: the backend's part */
	struct partition *part;
	u32 id;
	u32 cpu; /* index of the CPU that it is placed on */
	enum vcpu_state state;
	u32 priority;
	u32 moves;	   /* from one CPU to another, so far */
	u64 cpu_mask;	   /* CPUs that it may run on */
	u64 slice;	   /* TSC ticks */
	u64 budget_end;	   /* TSC when its time slice ends; 0: given up */
	u64 budget_left;   /* TSC ticks of it when it comes back */
	struct list run;   /* link in a run queue */
	struct list leave; /* link of those that must leave their CPU */
	u64 traced;	   /* PV_TRACE_*; with it, hw.table and hw.decode */
	void (*open_finish)(struct vcpu *v); /* own call_finish of `open` */
	struct timer timers[TIMER_COUNT];
	u64 ready_since, run_since;
	u64 run_tsc, steal_tsc;
	struct pv_vcpu_page *page; /* shared with the guest */
	u32 upcall_vector;	   /* 0: none */
	u32 upcall_apic;
	u32 vectors;	  /* one was ever sent to it: a look is worth it */
	u32 vector_due;	  /* waits for the guest's interrupt window */
	u32 timer_vector; /* 0: the timer is part of the upcall */
	u64 io_cookie;	  /* of the request that waits, 0 none */
	u64 io_count;	  /* of its requests, above the cookie's vCPU bits */
	u64 io_value;	  /* the answer */
	u32 io_done;	  /* answer is there */
	u64 io_gpa;	  /* where its last operand in memory is */
	void (*io_finish)(struct vcpu *v,
			  u64 value); /* runs on v before entry */
	u64 io_arg[8];		      /* for io_finish */
	/* With PEND_CALL: the slow second half of a hypercall. Runs on v's CPU
	 * with v loaded, after a block has ended; gpr[R_AX], gpr[R_DX] are the
	 * results. Sets PEND_CALL again for one more round (long calls:
	 * interrupts are taken in between). */
	void (*call_finish)(struct vcpu *v);
	u64 call_arg[6]; /* for call_finish */
	u32 upcall_due;	 /* waits for the guest's interrupt window */
	u32 injected;	 /* run: this entry delivers an event already */
	struct pv_vcpu_start start; /* until call_finish has loaded it */
	struct vapic *apic;	    /* hvm, classic */
	u64 mtrr[28];		    /* virtual: default type, fixed, variable */
	u64 tsc_adjust;
	u64 cr8;	  /* without a virtual APIC */
	struct exit last; /* the exit being handled */
	/* trap/mmio.c: what is waited for, by which entry last, since when */
	u64 missing_at, missing_entry, missing_since;
	struct code_page code;	     /* private to v's CPU */
	struct pv_trace_record open; /* the traced call that waits */
} aligned_to(64);		     /* as is what follows it, the XSAVE area */

/* In one block of frames; guests may map no more of it than the two pages. */
/* See core/vioapic.h. */
struct vioapic {
	struct lock
		lock; /* no other but those of vapic_raise is taken within */
	u32 select, lines;
	u64 entry[PV_IOAPIC_PINS];
};

struct partition {
	struct pv_partition_page page; /* shared with the guest */
	struct pv_io_page io_page;     /* shared with its server */
	u32 id;			       /* slot; 0 is the host partition */
	u32 gen;		       /* of the slot */
	u32 state;		       /* PV_STATE_* */
	enum virt_profile profile;
	u32 flags; /* PV_PARTITION_* */
	char name[32];
	struct lock lock; /* memory, handles, regions, status */
	struct virt_space space;
	struct handle_table handles;
	u32 nr_vcpus;
	struct vcpu *vcpus[PV_VCPUS_MAX];
	u8 port_map[PV_PORTS]; /* each port's vCPU, at first 0; or'ed with: */
#define PORT_VECTOR 0x80u
	u8 *port_vector; /* a page: the vector of such a port */
	struct io_region regions[REGION_MAX];
	u32 nr_regions;
	struct console_ring console[2]; /* by enum console_way */
	u32 creator, creator_gen;	/* told of state changes and output */
	u32 creator_port;
	u64 max_pages, pages; /* quota and use, in frames */
	u64 retired; /* what waits for a shoot-down: see partition_retire() */
	u64 pages_shared; /* of those: in state SHARED or ACCEPTED */
	u64 pages_pinned; /* of those: by another partition, for DMA */
	u32 stub; /* of its vCPUs: enum virt_stub, set by partition_setup */
	/* What its vCPUs begin with, and the most that it may give them. */
	u32 priority, slice_us;
	u64 cpu_mask; /* CPUs */
	u32 ending;   /* atomic: someone ends it, or has */
	u32 dying;    /* destruction has begun: its handles name nothing but to
			partition_destroy */
	u64 quiet;    /* destruction: see quiet_begin() */
	u64 reap_at;  /* destruction: guest-physical memory below is freed */
	struct io_mapper io_mapper;
	struct pv_partition_status status; /* how it ended */
	u32 pci_addr; /* the last value written to port 0xCF8 */
	struct vioapic ioapic;
};
static_assert_size(struct pv_partition_page, PAGE_SIZE);
static_assert_size(struct pv_io_page, PAGE_SIZE);

/* Slot table; NULL when free. Written by partition.c alone, atomically. */
extern struct partition *partition_table[PARTITION_MAX];

static inline struct vcpu *vcpu_current(void)
{
	return (struct vcpu *)virt_current();
}

/* Sets or clears PEND_* bits of v; sequentially consistent. Any CPU. */
static inline void vcpu_pend(struct vcpu *v, u32 bits)
{
	or_seq(&v->hw.pending, bits);
}
static inline void vcpu_unpend(struct vcpu *v, u32 bits)
{
	and_seq(&v->hw.pending, ~bits);
}

/*
 * Makes a partition (state NEW): space, bitmaps, shared pages, vCPUs. No
 * creator: the host partition. Returns PV_* status.
 */
int partition_create(const struct pv_partition_params *p,
		     const struct partition *creator,
		     struct partition **out) must_check;

/* Ends it: state EXITED or DIED; all vCPUs leave their CPUs; tells creator. */
void partition_exit(struct partition *p, u32 code);
void partition_die(struct vcpu *v, const char *fmt, ...) printf_like(2, 3);

/* Set by main: the host partition, whose vCPU v is loaded here, has died, and the
 * log has its report. It starts anew, by v->call_finish, or this does not return. */
extern void (*host_died)(struct vcpu *v);

/* Set by main before the first partition_create. */
extern void (*partition_setup)(struct partition *p);

/* Tells the creator, if it is still there, by its event port. */
void partition_notify(struct partition *p, u32 what); /* PV_NOTIFY_* */

/* Stops the vCPUs of a running partition, or lets them go on; PV_ESTATE. */
int partition_pause(struct partition *p) must_check;
int partition_resume(struct partition *p) must_check;
/* Starts vCPU 0 of a NEW one: PV_ESTATE, PV_EINVAL. */
int partition_start(struct partition *p,
		    const struct pv_vcpu_start *s) must_check;

/*
 * Stops, scrubs, frees partition h->obj of generation h->obj_gen. PV_EAGAIN
 * while a vCPU is still on another CPU, another CPU may still use the object, or
 * another partition's device may reach its memory; *more is set when the bound was reached and the call must resume.
 * When it returns PV_OK without *more, the partition is gone. PV_EHANDLE: it
 * was gone before. PV_EINVAL: it is the caller.
 */
int partition_destroy(const struct handle *h, bool *more) must_check;

/* Takes a vCPU's or partition's state in the ABI's form. */
void partition_status_get(struct partition *p, struct pv_partition_status *s);
void vcpu_stats_get(struct vcpu *v, struct pv_vcpu_stats *s);
void vcpu_calls_get(struct vcpu *v, struct pv_vcpu_calls *c);

/* Makes vCPU number id of p, stopped (partition.c only). PV_* status. */
int vcpu_create(struct partition *p, u32 id) must_check;
void vcpu_destroy(struct vcpu *v);

/*
 * Starts a stopped vCPU in 64-bit mode as in struct pv_vcpu_start: PV_ESTATE
 * (not stopped), PV_EINVAL (a state the CPU cannot enter). The state is loaded
 * on its own CPU before it enters.
 */
int vcpu_start(struct vcpu *v, const struct pv_vcpu_start *s) must_check;
/* Its second half, on the vCPU's own CPU: nobody else may touch what may still be
 * loaded there from an earlier life. */
void vcpu_start_finish(struct vcpu *v);

/*
 * All registers of v, for a caller that is `me`: by way of memory of its own,
 * where v->call_finish could be (PEND_CALL). PV_ESTATE, PV_EAGAIN, PV_EINVAL as
 * in calls.def.
 */
int vcpu_state_get(struct vcpu *me, struct vcpu *v,
		   struct pv_vcpu_state *s) must_check;
int vcpu_state_set(struct vcpu *me, struct vcpu *v,
		   const struct pv_vcpu_state *s) must_check;
/* Could a CPU enter it (SDM Vol. 3C 27.3.1, APM Vol. 2 15.5.1)? PAE's entries
 * apart, which are in p's memory. */
bool vstate_ok(const struct vstate *s);
/* Eight memory types, one a byte (SDM Vol. 3A, 11.12.2)? */
bool pat_ok(u64 val);
/* Could XSETBV load it here (SDM Vol. 1, 13.3)? */
bool xcr0_ok(u64 x);

/*
 * 2^order zeroed pages charged to p's quota, as frame_alloc; NULL also when the
 * quota is used up. The second is for what the hypervisor keeps for it. p->lock held, or p
 * not yet visible.
 */
void *partition_frames(struct partition *p, hpa_t at, enum frame_state st,
		       unsigned order);
void *partition_pages(struct partition *p, unsigned order);
void partition_pages_free(struct partition *p, void *at, unsigned order);
/*
 * Frees them when CPUs can have no translation to them any more: what was retired
 * before retired_take() may go behind a shoot-down that begins after it. Until
 * then they are the hypervisor's, and none is changed. p->lock held.
 */
void partition_retire(struct partition *p, void *at, unsigned order);
u64 retired_take(struct partition *p); /* these take the lock */
void retired_free(struct partition *p, u64 list);

/* NULL if the slot is empty. The object stays valid until this CPU takes an
 * interrupt (destruction waits for that). */
struct partition *partition_get(u32 id);
/* The same for a name with a generation: NULL if it is gone or going. */
static inline struct partition *partition_live(u32 id, u32 gen)
{
	struct partition *p;

	if (id >= PARTITION_MAX) /* none: ids of guests go to partition_get */
		return NULL;
	p = load_acquire(&partition_table[id]);
	return p && p->gen == gen && !load_seq(&p->dying) ? p : NULL;
}
