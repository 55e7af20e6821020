/* SPDX-License-Identifier: BSD-2-Clause */
/* The log of the pages of a partition that are written to. */
#include "core/gmem.h"
#include "lib/string.h"

#define LOG_ROUND 512u

void gmem_log_set(struct partition *p, bool on)
{
	lock_scope(&p->lock);
	p->space.logging = on;
}

/* Of the pages in a range, those written to; what others than its CPUs may
 * write to always is. */
static int log_take(struct partition *p, u64 at, u64 size, u64 *bits)
{
	struct nested_page np;

	lock_scope(&p->lock);
	if (!p->space.logging)
		return PV_ESTATE;
	if (nested_split_all(&p->space, gpa(at), size))
		return PV_ENOMEM;
	for (u64 a = at; nested_next(&p->space, &a, at + size, &np);
	     a = (a | (np.size - 1)) + 1) {
		const struct frame *f = frame_of(np.to);
		u64 i = (a - at) / PAGE_SIZE;

		if (f && !(np.flags & NP_DEVICE) &&
		    (f->state != FRAME_PLAIN ||
		     nested_log_take(&p->space, gpa(a))))
			bits[i / 64] |= 1ull << i % 64;
	}
	return PV_OK;
}

int gmem_log_read(struct partition *p, u64 *at, u64 *pages, u64 *buf,
		  bool *more)
{
	u64 n = *pages < LOG_ROUND ? *pages : LOG_ROUND, bits[LOG_ROUND / 64];
	u64 bytes = (n + 63) / 64 * sizeof(*bits);
	struct partition *me = vcpu_current()->part;
	int err;

	*more = false;
	if (!gmem_ok(me, gpa(*buf), bytes, true))
		return PV_EFAULT;
	memset(bits, 0, sizeof(bits));
	err = log_take(p, *at, n * PAGE_SIZE, bits);
	if (err)
		return err;
	if (mem_zeroes(bits, array_size(bits)) < array_size(bits))
		gmem_shootdown(p); /* CPUs mark each page once */
	*at += n * PAGE_SIZE;
	*pages -= n;
	*buf += bytes;
	*more = *pages;
	return gmem_write(me, gpa(*buf - bytes), bits, bytes);
}
