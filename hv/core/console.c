/* SPDX-License-Identifier: BSD-2-Clause */
/* Console rings: copied straight between guest memory and the ring's page. */
#include "core/console.h"
#include "core/gmem.h"
#include "pvabi/calls.h"

_Static_assert((CONSOLE_SIZE & (CONSOLE_SIZE - 1)) == 0 &&
		       CONSOLE_SIZE <= PAGE_SIZE,
	       "free-running counters index a page");

/* Copies n bytes between ring position pos and the text, around the end. */
static int ring_copy(struct console_ring *r, u32 pos, struct console_text t,
		     u64 n, bool put)
{
	while (n) {
		u32 i = pos & (CONSOLE_SIZE - 1);
		u64 c = CONSOLE_SIZE - i < n ? CONSOLE_SIZE - i : n;
		int err = put ? gmem_read(t.p, t.at, r->data + i, c) :
				gmem_write(t.p, t.at, r->data + i, c);

		if (err)
			return err;
		pos += (u32)c;
		t.at.v += c;
		n -= c;
	}
	return PV_OK;
}

int console_put(struct console_ring *r, struct console_text t, u64 *put,
		bool *first)
{
	int err = PV_OK;
	u32 space;

	lock_take(&r->lock);
	space = CONSOLE_SIZE - (r->head - r->tail);
	*first = space == CONSOLE_SIZE;
	*put = t.n < space ? t.n : space;
	/* what is not copied is not checked by the copy */
	if (*put < t.n && !gmem_ok(t.p, t.at, t.n, false))
		err = PV_EFAULT;
	else if (!space)
		err = PV_EAGAIN;
	else
		err = ring_copy(r, r->head, t, *put, true);
	if (!err)
		r->head += (u32)*put;
	lock_drop(&r->lock);
	return err;
}

int console_get(struct console_ring *r, struct console_text t, u64 *got)
{
	int err;
	u32 used;

	if (!gmem_ok(t.p, t.at, t.n, true))
		return PV_EFAULT;
	lock_take(&r->lock);
	used = r->head - r->tail;
	*got = t.n < used ? t.n : used;
	err = ring_copy(r, r->tail, t, *got, false);
	if (!err)
		r->tail += (u32)*got;
	lock_drop(&r->lock);
	return err;
}
