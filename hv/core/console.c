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
	u32 space;
	int err;

	lock_scope(&r->lock);
	space = CONSOLE_SIZE - (r->head - r->tail);
	*first = space == CONSOLE_SIZE;
	*put = t.n < space ? t.n : space;
	/* what is not copied is not checked by the copy */
	if (*put < t.n && !gmem_ok(t.p, t.at, t.n, false))
		return PV_EFAULT;
	if (!space)
		return PV_EAGAIN;
	err = ring_copy(r, r->head, t, *put, true);
	r->head += err ? 0 : (u32)*put;
	return err;
}

int console_get(struct console_ring *r, struct console_text t, u64 *got)
{
	int err;
	u32 used;

	if (!gmem_ok(t.p, t.at, t.n, true))
		return PV_EFAULT;
	lock_scope(&r->lock);
	used = r->head - r->tail;
	*got = t.n < used ? t.n : used;
	err = ring_copy(r, r->tail, t, *got, false);
	r->tail += err ? 0 : (u32)*got;
	return err;
}
