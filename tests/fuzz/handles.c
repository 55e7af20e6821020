/* SPDX-License-Identifier: BSD-2-Clause */
/* What must hold of handles after every call, and of all when the host partition
 * starts anew. */
#include <string.h>

#include "core/device.h"
#include "pvabi/calls.h"
#include "tests/fuzz/check.h"

struct known {
	struct handle h;
	u16 parent; /* table << 8 | index, or HANDLE_NONE */
};
static struct known known[PARTS][HANDLE_MAX];
static u32 table_gen[PARTS];

static bool same(const struct handle *a, const struct handle *b)
{
	return a->type == b->type && a->rights == b->rights &&
	       a->gen == b->gen && a->obj == b->obj &&
	       a->obj_gen == b->obj_gen && a->arg == b->arg;
}

static struct known *known_of(struct partition *p, u64 h)
{
	u32 i = (u32)h;
	struct known *k = &known[p->id][i % HANDLE_MAX];

	return i && i < HANDLE_MAX && k->h.type && k->h.gen == h >> 32 ? k :
									 NULL;
}

/* A handle that is being closed names nothing; its slot is not free yet. */
static bool names(const struct handle *h)
{
	return h->type && h->type != HANDLE_CLOSING;
}

/* What a handle of p named before the call. */
static bool named(struct partition *p, u64 h, struct handle *out)
{
	const struct known *k = known_of(p, h);

	k = k && names(&k->h) ? k : NULL;
	if (h == PV_SELF)
		*out = (struct handle){ .type = HANDLE_PARTITION,
					.rights = PV_RIGHT_ALL &
						  ~PV_RIGHT_MACHINE,
					.obj = p->id,
					.obj_gen = p->gen };
	else if (k)
		*out = k->h;
	return k || h == PV_SELF;
}

static bool dead(const struct handle *h)
{
	return !partition_live(h->obj, h->obj_gen);
}

static u32 nr_of(const struct handle *h) { return h->arg % PCI_MAX_FUNCS; }

static bool is_device(const struct handle *h, u32 to)
{
	return h->type == HANDLE_DEVICE && h->obj == to &&
	       h->rights == (PV_RIGHT_CONTROL | PV_RIGHT_GRANT);
}

/* Is k, or what it is derived from, being closed? */
static bool doomed(const struct known *k)
{
	for (u32 n = 0; k && n < PARTS * HANDLE_MAX; n++) {
		if (k->h.type == HANDLE_CLOSING)
			return true;
		k = k->parent == HANDLE_NONE ?
			    NULL :
			    &known[k->parent >> 8][k->parent & 0xff];
	}
	return false;
}

/* Does this call explain a new handle h in the table of `to`? */
static bool explained(struct vcpu *v, u64 nr, const u64 *a, u32 to,
		      const struct handle *h)
{
	struct handle from, part;

	switch (nr) {
	case PV_CALL_event_bind:
		return to == v->part->id && named(v->part, a[0], &part) &&
		       part.rights & PV_RIGHT_SERVE &&
		       part.type == HANDLE_PARTITION &&
		       h->type == HANDLE_EVENT && h->obj == part.obj &&
		       h->obj_gen == part.obj_gen && h->arg == (u32)a[1] &&
		       h->rights == (PV_RIGHT_SEND | PV_RIGHT_GRANT);
	case PV_CALL_handle_derive:
		return named(v->part, a[0], &part) && part.obj == to &&
		       part.type == HANDLE_PARTITION &&
		       part.rights & PV_RIGHT_CONTROL &&
		       named(v->part, a[1], &from) &&
		       !doomed(known_of(v->part, a[1])) &&
		       from.rights & PV_RIGHT_GRANT && from.type == h->type &&
		       from.obj == h->obj && from.obj_gen == h->obj_gen &&
		       from.arg == h->arg && !(h->rights & ~from.rights);
	case PV_CALL_partition_create:
	case PV_CALL_partition_enumerate:
		return to == v->part->id && named(v->part, a[0], &part) &&
		       part.rights & PV_RIGHT_MACHINE &&
		       h->type == HANDLE_PARTITION &&
		       !(h->rights & PV_RIGHT_MACHINE);
	case PV_CALL_device_assign:
		return named(v->part, a[0], &part) && part.obj == to &&
		       part.type == HANDLE_PARTITION &&
		       part.rights & PV_RIGHT_CONTROL &&
		       named(v->part, a[1], &from) && is_device(h, to) &&
		       from.type == HANDLE_DEVICE && from.obj == v->part->id &&
		       from.rights & PV_RIGHT_CONTROL &&
		       nr_of(&from) == nr_of(h);
	case PV_CALL_device_take:
		return named(v->part, a[0], &part) && to == v->part->id &&
		       part.rights & PV_RIGHT_MACHINE && is_device(h, to) &&
		       nr_of(h) == a[1];
	default:
		return false;
	}
}

/* Is k the handle, or derived from it? */
static bool below(const struct known *k, const struct known *top)
{
	for (u32 n = 0; k != top && n < PARTS * HANDLE_MAX; n++) {
		if (k->parent == HANDLE_NONE)
			return false;
		k = &known[k->parent >> 8][k->parent & 0xff];
	}
	return k == top;
}

/* Does a handle above k belong to a partition that ends, or has ended? Its end
 * closes all that is derived from its handles. */
static bool below_the_dead(const struct known *k)
{
	for (u32 n = 0; k->parent != HANDLE_NONE && n < PARTS * HANDLE_MAX;
	     n++) {
		const struct partition *p = partition_get(k->parent >> 8);

		if (!p || p->dying)
			return true;
		k = &known[k->parent >> 8][k->parent & 0xff];
	}
	return false;
}

static void check_slot(struct vcpu *v, u64 nr, const u64 *a, u32 t, u32 i)
{
	const struct handle *h = &partition_get(t)->handles.slots[i];
	struct known *k = &known[t][i], *top;

	if (h->type && k->h.type && same(h, &k->h))
		return;
	if (k->h.type) { /* it has gone */
		top = nr == PV_CALL_handle_close  ? known_of(v->part, a[0]) :
		      nr == PV_CALL_device_assign ? known_of(v->part, a[1]) :
						    NULL;
		if (!dead(&k->h) && !partition_get(t)->dying &&
		    !(top && below(k, top)) &&
		    !(nr == PV_CALL_partition_destroy && below_the_dead(k)))
			sim_finding("a handle of %u is lost in call %lu", t,
				    (unsigned long)nr);
	}
	if (names(h) && !explained(v, nr, a, t, h))
		sim_finding("%u has a handle with rights %x from nowhere, in "
			    "call %lu",
			    t, h->rights, (unsigned long)nr);
}

static void learn(struct vcpu *v, u64 nr, const u64 *a, u32 t, u32 i)
{
	const struct handle *h = &partition_get(t)->handles.slots[i];
	struct known *k = &known[t][i];

	if (!h->type) {
		k->h.type = HANDLE_FREE;
	} else if (!k->h.type || !same(h, &k->h)) {
		k->h = *h;
		/* as the run found it, or as the call says */
		k->parent = v ? HANDLE_NONE : h->parent;
		if (v && nr == PV_CALL_handle_derive && a[1] != PV_SELF)
			k->parent = (u16)(v->part->id << 8 | (u32)a[1]);
	}
}

static void learn_all(struct vcpu *v, u64 nr, const u64 *a)
{
	for (u32 t = 0; t < PARTS; t++) {
		const struct partition *p = partition_get(t);

		if (!p || table_gen[t] != p->gen)
			memset(known[t], 0, sizeof(known[t]));
		table_gen[t] = p ? p->gen : 0;
		for (u32 i = 1; p && i < HANDLE_MAX; i++)
			learn(v, nr, a, t, i);
	}
}

/* The model of who owns what, before the names of the call are forgotten. */
static void note_move(struct vcpu *v, u64 nr, const u64 *a)
{
	struct handle part, from;

	if (nr == PV_CALL_device_take)
		device_moved((u32)a[1], v->part);
	if (nr == PV_CALL_device_assign && named(v->part, a[0], &part) &&
	    named(v->part, a[1], &from))
		device_moved(nr_of(&from), partition_get(part.obj));
}

void check_call(struct vcpu *v, u64 nr, const u64 *a, struct hret r)
{
	struct handle part;

	if (!r.status)
		note_move(v, nr, a);
	if (!r.status && nr == PV_CALL_io_copy && named(v->part, a[0], &part))
		check_copy(v, partition_get(part.obj), a);
	for (u32 t = 0; t < PARTS; t++) {
		const struct partition *p = partition_get(t);

		for (u32 i = 1; p && p->gen == table_gen[t] && i < HANDLE_MAX;
		     i++)
			check_slot(v, nr, a, t, i);
	}
	learn_all(v, nr, a);
	check_pins(v, nr);
	if (r.status && r.value)
		sim_finding("call %lu fails with a value", (unsigned long)nr);
	if (nr < PV_CALL_COUNT && r.status >= PV_ERROR_COUNT)
		sim_finding("call %lu: status %lu", (unsigned long)nr,
			    (unsigned long)r.status);
}

/* A handle that is gone was being closed, or its object was. */
static void check_kept(u32 t, u32 i)
{
	const struct handle *h = &partition_get(t)->handles.slots[i];
	const struct known *k = &known[t][i];

	if (k->h.type && !same(h, &k->h) && !doomed(k) && !dead(&k->h) &&
	    !partition_get(t)->dying && !below_the_dead(k))
		sim_finding("a handle of %u is lost in a restart", t);
	if (names(h) && !same(h, &k->h))
		sim_finding("%u has a new handle by a restart", t);
	if (h->type && h->parent != HANDLE_NONE && !(h->parent >> 8))
		sim_finding("a handle of %u hangs below one that is gone", t);
}

static void check_host_handle(u32 i)
{
	const struct handle *h = &partition_get(0)->handles.slots[i];
	const struct known *k = &known[0][i];

	if (!h->type)
		return;
	if (h->type != HANDLE_DEVICE && (h->type != HANDLE_PARTITION || h->obj))
		sim_finding("the host partition begins with a handle of type "
			    "%u",
			    h->type);
	if (h->child != HANDLE_NONE || h->parent != HANDLE_NONE ||
	    (k->h.type && k->h.gen == h->gen))
		sim_finding("an old handle of the host partition is good");
}

void check_renewed(void)
{
	for (u32 t = 0; t < PARTS; t++) {
		const struct partition *p = partition_get(t);

		if (p && p->io_mapper.gen && !p->io_mapper.part &&
		    p->io_mapper.gen == partition_get(0)->gen)
			sim_finding("the I/O page of %u is mapped still", t);
		for (u32 i = 1; p && i < HANDLE_MAX; i++) {
			if (!t)
				check_host_handle(i);
			else if (p->gen == table_gen[t])
				check_kept(t, i);
		}
	}
	device_renewed();
	check_lent();
	check_all();
	memset(known, 0, sizeof(known));
	memset(table_gen, 0, sizeof(table_gen));
	learn_all(NULL, 0, NULL);
	check_pins(NULL, 0);
}

u64 check_handle_to(struct partition *p, u32 to)
{
	for (u32 i = 1; i < HANDLE_MAX; i++) {
		const struct handle *h = &known[p->id][i].h;

		if (h->type == HANDLE_PARTITION && h->obj == to && !dead(h))
			return (u64)h->gen << 32 | i;
	}
	return PV_SELF;
}

void check_reset(void)
{
	memset(known, 0, sizeof(known));
	memset(table_gen, 0, sizeof(table_gen));
	device_reset();
	learn_all(NULL, 0, NULL);
	check_pins(NULL, 0);
}

u64 check_handle(struct partition *p, u32 n)
{
	u64 found[HANDLE_MAX];
	u32 count = 0;

	for (u32 i = 1; i < HANDLE_MAX; i++)
		if (known[p->id][i].h.type)
			found[count++] = (u64)known[p->id][i].h.gen << 32 | i;
	return count ? found[n % count] : PV_SELF;
}
