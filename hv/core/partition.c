/* SPDX-License-Identifier: BSD-2-Clause */
/* Partitions: the slot table, making, pausing, destroying. */
#include "core/partition.h"
#include "core/device.h"
#include "core/event.h"
#include "core/gmem.h"
#include "core/ioreq.h"
#include "core/quiet.h"
#include "core/vioapic.h"
#include "core/sched.h"
#include "lib/string.h"

#define BLOCK_ORDER 3
_Static_assert(sizeof(struct partition) <= PAGE_SIZE << BLOCK_ORDER,
	       "the block holds the object");
#define REAP_BOUND 512

struct partition *partition_table[PARTITION_MAX];
static struct lock partition_lock;  /* slot_gen, promised */
static u32 slot_gen[PARTITION_MAX]; /* odd while the slot is in use */
static u64 promised;		    /* frames: the sum of all quotas */
void (*partition_setup)(struct partition *p);

struct partition *partition_get(u32 id)
{
	if (id >= PARTITION_MAX)
		return NULL;
	return load_acquire(&partition_table[index_clamp(id, PARTITION_MAX)]);
}

void *partition_frames(struct partition *p, hpa_t where, enum frame_state st,
		       unsigned order)
{
	u64 n = 1ull << order;
	void *at;

	if (p->pages + n > p->max_pages)
		return NULL;
	at = frame_alloc(where, (u16)p->id, st, order);
	if (at)
		p->pages += n;
	return at;
}

void *partition_pages(struct partition *p, unsigned order)
{
	return partition_frames(p, FRAME_ANYWHERE, FRAME_TABLE, order);
}

void partition_pages_free(struct partition *p, void *at, unsigned order)
{
	frame_free(at, order);
	p->pages -= 1ull << order;
}

/* A list through the frames: address of the next, and its order. */
void partition_retire(struct partition *p, void *at, unsigned order)
{
	struct frame *f = frame_of(ptr_hpa(at));

	f->state = FRAME_TABLE;
	f->peer_gpa = p->retired;
	p->retired = ptr_hpa(at).v | order;
}

u64 retired_take(struct partition *p)
{
	u64 list;

	lock_scope(&p->lock);
	list = p->retired;
	p->retired = 0;
	return list;
}

void retired_free(struct partition *p, u64 list)
{
	lock_scope(&p->lock);
	while (list) {
		hpa_t at = hpa(list & ~PAGE_MASK);
		unsigned order = list & PAGE_MASK;

		list = frame_of(at)->peer_gpa;
		partition_pages_free(p, hpa_ptr(at), order);
	}
}

static bool params_ok(const struct pv_partition_params *pp)
{
	return !(pp->pad[0] | pp->pad[1] | pp->pad[2]) &&
	       !pp->name[sizeof(pp->name) - 1] &&
	       pp->profile <= PV_PROFILE_CLASSIC && pp->vcpus &&
	       pp->vcpus <= PV_VCPUS_MAX && pp->priority < SCHED_PRIORITIES &&
	       pp->port < PV_PORTS - PV_NOTIFY_PORTS + 1 &&
	       !(pp->flags & ~PV_PARTITION_SHARE_ALL) &&
	       (!pp->slice_us || sched_slice_ok(pp->slice_us)) &&
	       sched_cpus(pp->cpu_mask);
}

/*
 * The host partition takes slot 0, as the first of all; others the first free
 * one behind it, if there is memory for its whole quota beside all others': what
 * one takes, no other misses. PARTITION_MAX: none.
 */
static u32 slot_take(bool host, u64 quota)
{
	u32 id = host ? 0 : 1;

	lock_scope(&partition_lock);
	while (id < PARTITION_MAX && slot_gen[id] & 1)
		id++;
	if (quota > frame_all_count() || promised > frame_all_count() - quota)
		return PARTITION_MAX;
	if (id < PARTITION_MAX) {
		slot_gen[id]++;
		promised += quota;
	}
	return id;
}

static void slot_drop(u32 id, u64 quota)
{
	lock_scope(&partition_lock);
	slot_gen[id]++;
	promised -= quota;
}

static struct partition *object_new(u32 id,
				    const struct pv_partition_params *pp)
{
	struct partition *p = NULL;

	if (pp->max_pages >= 1 << BLOCK_ORDER)
		p = frame_alloc(FRAME_ANYWHERE, (u16)id, FRAME_TABLE,
				BLOCK_ORDER);
	if (!p)
		return NULL;
	p->id = id;
	p->gen = slot_gen[id];
	p->state = PV_STATE_NEW;
	p->profile = (enum virt_profile)pp->profile;
	p->flags = pp->flags;
	memcpy(p->name, pp->name, sizeof(p->name));
	p->priority = pp->priority;
	p->slice_us = pp->slice_us ? pp->slice_us : SCHED_SLICE_US;
	p->cpu_mask = sched_cpus(pp->cpu_mask);
	p->max_pages = pp->max_pages;
	p->pages = 1 << BLOCK_ORDER;
	p->nr_vcpus = pp->vcpus;
	vioapic_init(&p->ioapic);
	p->space.owner = p;
	p->space.block_alloc = partition_pages;
	p->space.block_free = partition_pages_free;
	p->space.block_retire = partition_retire;
	return p;
}

static int object_fill(struct partition *p)
{
	int err;

	p->port_vector = partition_pages(p, 0);
	if (!p->port_vector || nested_init(&p->space) ||
	    virt_bitmaps_init(&p->space))
		return PV_ENOMEM;
	err = gmem_map(p, gpa(PV_PARTITION_PAGE), ptr_hpa(&p->page), PAGE_SIZE,
		       NP_READ | NP_WRITE);
	partition_setup(p);
	for (u32 i = 0; !err && i < p->nr_vcpus; i++)
		err = vcpu_create(p, i);
	return err;
}

/* Gives back whatever was made so far; memory was reaped. */
static void object_free(struct partition *p)
{
	for (u32 i = 0; i < p->nr_vcpus; i++)
		if (p->vcpus[i])
			vcpu_destroy(p->vcpus[i]);
	virt_bitmaps_free(&p->space);
	retired_free(p, p->retired);
	nested_free(&p->space);
	if (p->port_vector)
		frame_free(p->port_vector, 0);
	frame_free(p, BLOCK_ORDER);
}

int partition_create(const struct pv_partition_params *pp,
		     const struct partition *creator, struct partition **out)
{
	struct partition *p;
	u32 id;

	if (!params_ok(pp))
		return PV_EINVAL;
	if (!creator)
		gmem_init();
	id = slot_take(!creator, pp->max_pages);
	if (id == PARTITION_MAX)
		return PV_ENOMEM;
	p = object_new(id, pp);
	if (!p || object_fill(p)) {
		if (p)
			object_free(p);
		slot_drop(id, pp->max_pages);
		return PV_ENOMEM;
	}
	if (creator) {
		p->creator = creator->id;
		p->creator_gen = creator->gen;
		p->creator_port = pp->port;
	}
	store_release(&partition_table[id], p);
	*out = p;
	return PV_OK;
}

void partition_notify(struct partition *p, u32 what)
{
	struct partition *by = partition_live(p->creator, p->creator_gen);

	if (by)
		event_send(by, p->creator_port + what);
}

/* An end that comes meanwhile wins: it stores its state. */
static bool change_state(struct partition *p, u32 from, u32 to)
{
	return __atomic_compare_exchange_n(&p->state, &from, to, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

int partition_pause(struct partition *p)
{
	if (!change_state(p, PV_STATE_RUNNING, PV_STATE_PAUSED))
		return PV_ESTATE;
	for (u32 i = 0; i < p->nr_vcpus; i++)
		sched_kick(p->vcpus[i]);
	return PV_OK;
}

/* Has vcpu_state_set made one ready? */
static bool can_run(const struct partition *p)
{
	for (u32 i = 0; i < p->nr_vcpus; i++)
		if (load_seq(&p->vcpus[i]->state) >= VCPU_READY)
			return true;
	return false;
}

int partition_resume(struct partition *p)
{
	if (!change_state(p, PV_STATE_PAUSED, PV_STATE_RUNNING) &&
	    !(can_run(p) && change_state(p, PV_STATE_NEW, PV_STATE_RUNNING)))
		return PV_ESTATE;
	for (u32 i = 0; i < p->nr_vcpus; i++)
		sched_unpark(p->vcpus[i]);
	return PV_OK;
}

int partition_start(struct partition *p, const struct pv_vcpu_start *s)
{
	int err;

	if (!change_state(p, PV_STATE_NEW, PV_STATE_RUNNING))
		return PV_ESTATE;
	err = vcpu_start(p->vcpus[0], s);
	if (err)
		change_state(p, PV_STATE_RUNNING, PV_STATE_NEW);
	return err;
}

/* Does a CPU still hold a vCPU of p, or perhaps a pointer to p? */
static bool destroy_busy(struct partition *p)
{
	bool busy = !quiet_done(p->quiet);

	for (u32 i = 0; i < p->nr_vcpus; i++)
		if (sched_on_cpu(p->vcpus[i])) {
			sched_kick(p->vcpus[i]);
			busy = true;
		}
	return busy;
}

static int destroy_step(u32 id, u32 gen, bool *more)
{
	struct partition *p = partition_get(id);
	u64 quota;

	if (!p || p->gen != gen)
		return PV_EHANDLE;
	if (!p->dying) {
		store_seq(&p->dying, 1);
		partition_exit(p, 0);
		p->quiet = quiet_begin();
	}
	/* no handle names it any more: nobody can pin more */
	if (destroy_busy(p) || load_acquire(&p->pages_pinned))
		return PV_EAGAIN;
	if (!p->reap_at) {
		if (device_any(p) && !device_settled(p))
			return PV_EAGAIN;
		device_stop(p, true);
		*more = !handle_drop_some(p);
		if (*more)
			return PV_OK;
		ioreq_unmap(p);
	}
	*more = !gmem_reap(p, REAP_BOUND);
	if (!*more) {
		quota = p->max_pages;
		store_release(&partition_table[id], NULL);
		object_free(p);
		slot_drop(id, quota);
	}
	return PV_OK;
}

int partition_destroy(const struct handle *h, bool *more)
{
	/* one at a time; not a lock, as it is held while other CPUs answer */
	static u32 destroying;
	int err;

	*more = false;
	if (h->obj == vcpu_current()->part->id)
		return PV_EINVAL;
	if (__atomic_exchange_n(&destroying, 1, __ATOMIC_ACQUIRE))
		return PV_EAGAIN;
	err = destroy_step(h->obj, h->obj_gen, more);
	store_release(&destroying, 0);
	return err;
}
