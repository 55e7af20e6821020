/* SPDX-License-Identifier: BSD-2-Clause */
/* Console rings: copied straight between guest memory and the ring's page. */
#include "core/console.h"
#include "core/event.h"
#include "core/gmem.h"

_Static_assert((CONSOLE_SIZE & (CONSOLE_SIZE - 1)) == 0 &&
		       CONSOLE_SIZE <= PAGE_SIZE,
	       "free-running counters index a page");

/* Copies n bytes between p's memory and the ring, around its end, from *pos on,
 * which is its head or its tail and moves by that. */
static int ring_copy(struct console_ring *r, u32 *pos, struct partition *p,
		     gpa_t at, u64 n)
{
	u32 end = *pos + (u32)n;

	for (u64 c; n; n -= c, at.v += c) {
		u32 i = (end - (u32)n) & (CONSOLE_SIZE - 1);
		int err;

		c = CONSOLE_SIZE - i < n ? CONSOLE_SIZE - i : n;
		err = pos == &r->head ? gmem_read(p, at, r->data + i, c) :
					gmem_write(p, at, r->data + i, c);
		if (err)
			return err;
	}
	*pos = end;
	return PV_OK;
}

int console_put(struct partition *part, enum console_way way, gpa_t at, u64 n,
		u64 *put)
{
	struct console_ring *r = &part->console[way];
	struct partition *p = vcpu_current()->part;
	u32 space;
	int err;

	lock_scope(&r->lock);
	space = CONSOLE_SIZE - (r->head - r->tail);
	*put = n < space ? n : space;
	/* what is not copied is not checked by the copy */
	if (*put < n && !gmem_ok(p, at, n, false))
		return PV_EFAULT;
	if (!space)
		return PV_EAGAIN;
	err = ring_copy(r, &r->head, p, at, *put);
	if (!err && way == CONSOLE_IN)
		event_send(part, PV_PORT_CONSOLE);
	else if (!err && space == CONSOLE_SIZE)
		partition_notify(part, PV_NOTIFY_OUTPUT);
	return err;
}

int console_get(struct partition *part, enum console_way way, gpa_t at, u64 n,
		u64 *got)
{
	struct console_ring *r = &part->console[way];
	struct partition *p = vcpu_current()->part;
	u32 used;

	if (!gmem_ok(p, at, n, true))
		return PV_EFAULT;
	lock_scope(&r->lock);
	used = r->head - r->tail;
	*got = n < used ? n : used;
	return ring_copy(r, &r->tail, p, at, *got);
}
