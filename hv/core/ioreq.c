/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O regions and requests to the partition that serves them. */
#include "core/ioreq.h"
#include "core/event.h"
#include "core/gmem.h"
#include "core/sched.h"
#include "pvabi/calls.h"

/* Guards io_mapper of all partitions; taken before a partition's lock. */
static struct lock mapper_lock;

#define COOKIE_VCPU 63u /* low bits: the vCPU; above: a count, never 0 */

static bool holds(const struct io_region *g, u32 space, u64 addr, u64 len)
{
	return g->space == space && addr >= g->addr &&
	       range_within(addr - g->addr, len, g->len);
}

/* The region that an access means: a notify address goes before its range. */
static const struct io_region *find_locked(const struct partition *p,
					   const struct ioreq *r)
{
	const struct io_region *found = NULL;

	for (u32 i = 0; i < REGION_MAX; i++) {
		const struct io_region *g = &p->regions[i];

		if (!holds(g, r->space, r->addr, r->size))
			continue;
		if (!g->notify)
			found = g;
		else if (r->write && r->size == 4)
			return g;
	}
	return found;
}

/* Where run did not see the answer itself: it came before v left its CPU. */
static void io_answered(struct vcpu *v)
{
	if (!__atomic_exchange_n(&v->io_done, 0, __ATOMIC_SEQ_CST))
		return;
	v->io_finish(v, v->io_value);
}

static void post(struct vcpu *v, const struct ioreq *r)
{
	struct pv_io_slot *s = &v->part->io_page.slot[v->id];

	v->io_count += COOKIE_VCPU + 1;
	v->call_finish = io_answered;
	store_relaxed(&v->io_done, 0);
	s->space = (u8)r->space;
	s->size = (u8)r->size;
	s->write = (u8)r->write;
	s->count = r->count;
	s->addr = r->addr;
	s->value = r->value;
	s->cookie = v->io_count | v->id;
	/* blocked before the server can answer: its wake is not lost */
	sched_block(v, VCPU_IO, 0);
	store_release(&v->io_cookie, s->cookie);
	store_release(&s->state, PV_IO_WAITING);
}

int ioreq_send(struct vcpu *v, const struct ioreq *r, bool *posted)
{
	struct partition *p = v->part, *server;
	const struct io_region *g;
	struct io_region found;

	lock_take(&p->lock);
	g = find_locked(p, r);
	if (g)
		found = *g;
	lock_drop(&p->lock);
	if (!g)
		return PV_EFAULT;
	server = partition_live(found.server, found.server_gen);
	if (!server || server->state > PV_STATE_PAUSED)
		return PV_EFAULT;
	*posted = !found.notify;
	if (*posted)
		post(v, r);
	event_send(server, found.port);
	return PV_OK;
}

int ioreq_complete(struct partition *p, u64 cookie, u64 value)
{
	u64 id = cookie & COOKIE_VCPU;
	struct vcpu *v;

	if (id >= p->nr_vcpus || cookie <= COOKIE_VCPU)
		return PV_EINVAL;
	v = p->vcpus[id];
	/* of two servers that answer, one succeeds */
	if (!__atomic_compare_exchange_n(&v->io_cookie, &cookie, 0, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return PV_EINVAL;
	p->io_page.slot[id].state = PV_IO_FREE;
	v->io_value = value;
	store_seq(&v->io_done, 1);
	vcpu_pend(v, PEND_CALL);
	sched_wake(v);
	return PV_OK;
}

bool ioreq_overlaps(const struct partition *p, u32 space, u64 addr, u64 len)
{
	for (u32 i = 0; i < REGION_MAX; i++) {
		const struct io_region *g = &p->regions[i];

		if (g->space == space && addr < g->addr + g->len &&
		    g->addr < addr + len)
			return true;
	}
	return false;
}

static int add_locked(struct partition *p, const struct io_region *r)
{
	for (u32 i = 0; i < REGION_MAX; i++)
		if (p->regions[i].space == REGION_FREE) {
			p->regions[i] = *r;
			return PV_OK;
		}
	return PV_ENOMEM;
}

int ioreq_serve(struct partition *p, const struct io_region *r)
{
	int err;

	lock_take(&p->lock);
	if (r->space == PV_SPACE_MMIO ?
		    gmem_taken_locked(p, r->addr, r->len) :
		    ioreq_overlaps(p, r->space, r->addr, r->len))
		err = PV_EEXIST;
	else
		err = add_locked(p, r);
	lock_drop(&p->lock);
	return err;
}

static int notify_locked(struct partition *p, const struct partition *server,
			 const struct io_region *r)
{
	int err = PV_EFAULT;

	for (u32 i = 0; i < REGION_MAX; i++) {
		struct io_region *g = &p->regions[i];

		if (!holds(g, PV_SPACE_MMIO, r->addr, r->len) ||
		    g->server != server->id || g->server_gen != server->gen)
			continue;
		if (g->notify) {
			g->port = r->port;
			return PV_OK;
		}
		err = PV_OK;
	}
	return err ? err : add_locked(p, r);
}

int ioreq_notify(struct partition *p, const struct partition *server,
		 gpa_t addr, u32 port)
{
	struct io_region r = { .space = PV_SPACE_MMIO,
			       .notify = 1,
			       .addr = addr.v,
			       .len = 4,
			       .server = server->id,
			       .server_gen = server->gen,
			       .port = port };
	int err;

	lock_take(&p->lock);
	err = notify_locked(p, server, &r);
	lock_drop(&p->lock);
	return err;
}

static void mapping_drop(const struct io_mapper *m)
{
	struct partition *by = partition_live(m->part, m->gen);

	if (!by)
		return;
	gmem_unmap_page(by, gpa(m->at));
	gmem_shootdown(by);
}

int ioreq_map(struct partition *p, struct partition *by, gpa_t at)
{
	struct io_mapper new = { by->id, by->gen, at.v }, old;
	int err;

	/* whoever replaces a mapping takes it away: none is forgotten */
	lock_take(&mapper_lock);
	err = gmem_map(by, at, ptr_hpa(&p->io_page), PAGE_SIZE, NP_READ);
	old = p->io_mapper;
	if (!err)
		p->io_mapper = new;
	lock_drop(&mapper_lock);
	if (!err)
		mapping_drop(&old);
	return err;
}

void ioreq_unmap(struct partition *p)
{
	struct io_mapper old;

	lock_take(&mapper_lock);
	old = p->io_mapper;
	p->io_mapper.gen = 0;
	lock_drop(&mapper_lock);
	mapping_drop(&old);
}
