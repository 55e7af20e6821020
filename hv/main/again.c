/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts the host partition anew when it has died, beside guests that go on. */
#include "arch/irq.h"
#include "core/gmem.h"
#include "core/quiet.h"
#include "core/renew.h"
#include "core/trace.h"
#include "lib/log.h"
#include "lib/panic.h"
#include "lib/power.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "main/host.h"

#define RESTARTS_MAX 8u
#define RENEW_BOUND 512

/* Used by the host partition's one vCPU, where it has died. */
static const struct boot_host *host;
static u32 restarts;
static bool quiet;   /* none of its devices will write to memory */
static u64 restored; /* gpa: its memory below is as it was */

/* Before the new one can answer: who has seen an answer of it sees this. */
static void guests_tell(void)
{
	for (u32 id = 1; id < PARTITION_MAX; id++) {
		struct partition *p = partition_get(id);

		if (p)
			store_release(&p->page.host_restarts,
				      p->page.host_restarts + 1);
	}
}

static bool guests_left(void)
{
	for (u32 id = 1; id < PARTITION_MAX; id++)
		if (partition_get(id))
			return true;
	return false;
}

/* Has it given nothing of its first memory back? */
static bool is_whole(struct partition *p)
{
	u64 page;
	hpa_t to;

	lock_scope(&p->lock);
	for (u64 at = 0; at < host->size; at += page)
		if (!nested_lookup(&p->space, gpa(at), &to, NULL, &page) ||
		    to.v != host->base + at)
			return false;
	return true;
}

/* The bytes from `at` to `end`, which lie in the image from `from` on, or are
 * zero. */
static void restore(u64 at, u64 end, u64 from, const u8 *image)
{
	u8 *to = hpa_ptr(hpa(host->base + at));

	if (at >= end)
		return;
	if (image)
		memcpy(to, image + (at - from), end - at);
	else
		memset(to, 0, end - at);
}

static u64 min(u64 a, u64 b) { return a < b ? a : b; }

static u64 max(u64 a, u64 b) { return a > b ? a : b; }

static void restore_some(void)
{
	u64 at = restored, end = min(at + LARGE_SIZE, host->size);
	const u8 *image = hpa_ptr(hpa(host->kept));

	restore(at, min(end, host->floor), 0, image);
	restore(max(at, host->floor), min(end, host->top), 0, NULL);
	restore(max(at, host->top), end, host->top, image + host->floor);
	restored = end;
}

static void start(struct vcpu *v)
{
	struct pv_start *s = hpa_ptr(hpa(host->base + host->vcpu.rdi));
	struct partition *p = v->part;

	handle_leave_all(p);
	s->restarts = ++restarts;
	if (host_own(p, host)) /* its table is empty */
		panic("the host partition has no room for its handles");
	event_renew(p);
	guests_tell();
	memset(&p->status, 0, sizeof(p->status));
	p->pci_addr = 0;
	log("parley: the host partition starts anew, for the %u. time\n",
	    restarts);
	vcpu_renew(v, &host->vcpu);
	store_seq(&p->ending, 0);
}

/* A part of the work; interrupts are taken in between. */
static void again_step(struct vcpu *v)
{
	irq_window();
	vcpu_pend(v, PEND_CALL);
	if (!quiet && !(quiet = device_settled(v->part)))
		return;
	if (!restored && !gmem_renew(v->part, hpa(host->base), RENEW_BOUND))
		return;
	if (!restored)
		gmem_shootdown(v->part);
	if (restored < host->size)
		restore_some();
	else
		start(v);
}

/* Its devices first: what they have not done by now they do not do. */
static void again(struct vcpu *v)
{
	struct partition *p = v->part;

	device_quiet(p);
	if (!guests_left() || restarts == RESTARTS_MAX || !is_whole(p))
		power_off(STATUS_HOST_DIED);
	ioreq_unmap_all(p);
	trace_unmapped();
	gmem_log_set(p, false);
	quiet = false;
	restored = 0;
	v->call_finish = again_step;
	vcpu_pend(v, PEND_CALL);
}

void again_init(const struct boot_host *h)
{
	host = h;
	restarts = 0;
	host_died = again;
}
