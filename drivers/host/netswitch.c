/* SPDX-License-Identifier: BSD-2-Clause */
/* Learns where addresses are, and sends frames there. No port can take the place
 * of another one's address in the table: that would flood what is meant for it. */
#include "netswitch.h"

#include <string.h>

#define DST 0u
#define SRC NET_MAC

static bool same(const uint8_t *a, const uint8_t *b)
{
	return !memcmp(a, b, NET_MAC);
}

/* ---- the table ---- */

static struct netswitch_mac *bucket_of(struct netswitch *s, const uint8_t *mac)
{
	uint32_t h = le32(mac) * 0x9e3779b1u ^ le16(mac + 4) * 0x85ebca6bu;

	return s->table[(h >> 16) & (NETSWITCH_BUCKETS - 1)];
}

static void entry_free(struct netswitch_mac *m)
{
	m->port->nr_macs--;
	m->port = NULL;
}

/* Frees what is too old on the way. */
static struct netswitch_mac *entry_find(struct netswitch *s, const uint8_t *mac,
					uint64_t now_ns)
{
	struct netswitch_mac *m = bucket_of(s, mac);
	struct netswitch_mac *found = NULL;

	for (unsigned i = 0; i < NETSWITCH_WAYS; i++, m++) {
		if (m->port && now_ns - m->seen_ns >= NETSWITCH_AGE_NS)
			entry_free(m);
		if (m->port && same(m->mac, mac))
			found = m;
	}
	return found;
}

/* A place in the bucket: a free one, else the oldest of the same port. */
static struct netswitch_mac *entry_place(struct netswitch *s,
					 struct netswitch_port *from,
					 const uint8_t *mac)
{
	bool more = from->nr_macs < from->max_macs;
	struct netswitch_mac *m = bucket_of(s, mac);
	struct netswitch_mac *oldest = NULL;

	for (unsigned i = 0; i < NETSWITCH_WAYS; i++, m++) {
		if (!m->port && more)
			return m;
		if (m->port == from &&
		    (!oldest || m->seen_ns < oldest->seen_ns))
			oldest = m;
	}
	return oldest;
}

static void learn(struct netswitch *s, struct netswitch_port *from,
		  const uint8_t *mac, uint64_t now_ns)
{
	struct netswitch_mac *m = entry_find(s, mac, now_ns);

	if (from->has_mac && same(from->mac, mac))
		return; /* known for good */
	if (m && m->port != from) {
		entry_free(m); /* it has moved */
		m = NULL;
	}
	if (!m)
		m = entry_place(s, from, mac);
	if (!m)
		return;
	if (m->port)
		entry_free(m);
	m->port = from;
	from->nr_macs++;
	m->seen_ns = now_ns;
	memcpy(m->mac, mac, NET_MAC);
}

/* What nobody asks for ages, too: it counts for its port. */
static void sweep(struct netswitch *s, uint64_t now_ns)
{
	struct netswitch_mac *m = s->table[0];

	if (now_ns - s->swept_ns < NETSWITCH_SWEEP_NS)
		return;
	s->swept_ns = now_ns;
	for (unsigned n = NETSWITCH_BUCKETS * NETSWITCH_WAYS; n; n--, m++)
		if (m->port && now_ns - m->seen_ns >= NETSWITCH_AGE_NS)
			entry_free(m);
}

/* ---- ports ---- */

/* The port whose own address it is. */
static struct netswitch_port *owner_of(struct netswitch *s, const uint8_t *mac)
{
	struct netswitch_port *p = s->first;

	while (p && !(p->has_mac && same(p->mac, mac)))
		p = p->next;
	return p;
}

static void table_drop(struct netswitch *s, const struct netswitch_port *p,
		       const uint8_t *mac)
{
	struct netswitch_mac *m = s->table[0];

	for (unsigned n = NETSWITCH_BUCKETS * NETSWITCH_WAYS; n; n--, m++)
		if (m->port && (m->port == p || (mac && same(m->mac, mac))))
			entry_free(m);
}

bool netswitch_attach(struct netswitch *s, struct netswitch_port *p)
{
	if (p->has_mac && owner_of(s, p->mac))
		return false;
	p->nr_macs = 0;
	table_drop(s, p, p->has_mac ? p->mac : NULL);
	p->next = s->first;
	s->first = p;
	return true;
}

void netswitch_detach(struct netswitch *s, struct netswitch_port *p)
{
	struct netswitch_port **at = &s->first;

	while (*at && *at != p)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = p->next;
	table_drop(s, p, NULL);
}

/* ---- frames ---- */

static void give(struct netswitch_port *to, const struct net_frame *f)
{
	to->count.out_frames++;
	to->count.out_bytes += f->len;
	to->send(to, f);
}

static void flood(struct netswitch *s, struct netswitch_port *from,
		  const struct net_frame *f)
{
	from->count.flooded++;
	for (struct netswitch_port *p = s->first; p; p = p->next)
		if (p != from)
			give(p, f);
}

/* Addresses that a bridge keeps for itself (802.1D, 7.12.6). */
static bool reserved(const uint8_t *mac)
{
	static const uint8_t prefix[] = { 0x01, 0x80, 0xc2, 0, 0 };

	return !memcmp(mac, prefix, sizeof(prefix)) && mac[5] < 16;
}

static bool acceptable(struct netswitch *s, const struct netswitch_port *from,
		       const struct net_frame *f)
{
	const struct netswitch_port *owner;

	if (f->len < NET_HEADER || f->len > NET_FRAME_MAX ||
	    !net_mac_usable(f->data + SRC) || !net_csum_ok(&f->csum, f->len))
		return false;
	owner = owner_of(s, f->data + SRC);
	return !owner || owner == from;
}

static void forward(struct netswitch *s, struct netswitch_port *from,
		    const struct net_frame *f, uint64_t now_ns)
{
	const uint8_t *dst = f->data + DST;
	struct netswitch_port *to = owner_of(s, dst);
	struct netswitch_mac *m = to ? NULL : entry_find(s, dst, now_ns);

	if (m)
		to = m->port;
	if (to == from || reserved(dst))
		from->count.filtered++;
	else if (to)
		give(to, f);
	else
		flood(s, from, f);
}

void netswitch_input(struct netswitch *s, struct netswitch_port *from,
		     const struct net_frame *f, uint64_t now_ns)
{
	if (!acceptable(s, from, f)) {
		from->count.refused++;
		return;
	}
	from->count.in_frames++;
	from->count.in_bytes += f->len;
	if (s->tap)
		s->tap(s->tap_arg, f, now_ns);
	sweep(s, now_ns);
	learn(s, from, f->data + SRC, now_ns);
	forward(s, from, f, now_ns);
}
