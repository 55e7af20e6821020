/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes all that it can get of each resource: the end is an error, never a
 * fault, and no other guest misses anything (victim asks for its own). */
#include "hostile.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/time.h"

#define FAR 0x2000000000ull /* nothing is there */
#define LARGE (2ull << 20)
#define MOST 8192u

static uint64_t made[MOST];

/* Pages of one's own, each in a table of its own; then tables alone. */
static void exhaust_memory(void)
{
	uint64_t at = FAR, page = kit_gpa(kit_pages_alloc(1)), err = 0, n = 0;

	for (; n < MOST && !err; n++, at += LARGE)
		err = pv_partition_populate(PV_SELF, at, 1);
	check(err == PV_ENOMEM && n > 1, "exhaust-memory", "%s after %llu",
	      kit_status_name(err), (unsigned long long)n);
	err = pv_mem_share(PV_SELF, page, 1, 0);
	for (n = 0; n < MOST && !err; n++, at += LARGE) {
		err = pv_mem_accept(PV_SELF, page, 1, at, 0);
		if (!err)
			err = pv_mem_return(at, 1);
	}
	/* a table comes back with its page; two at once may not be there */
	check(!err || err == PV_ENOMEM, "exhaust-tables", "%s after %llu",
	      kit_status_name(err), (unsigned long long)n);
	err = pv_io_map(PV_SELF, at);
	check(err == PV_EINVAL, "exhaust-io-page", "%s", kit_status_name(err));
	pv_mem_revoke(page, 1);
}

/* A full table of handles, most of them in one tree, which goes at once. */
static void exhaust_handles(void)
{
	uint64_t top, err, n, depth = 0;

	err = pv_event_bind(PV_SELF, 9, 0, &top);
	made[0] = top;
	while (!err && depth < 255)
		err = pv_handle_derive(PV_SELF, made[depth], PV_RIGHT_SEND | PV_RIGHT_GRANT, &made[depth + 1]) ?:
			      (depth++, 0);
	check(err == PV_ENOMEM && depth == 32, "exhaust-depth", "%s at %llu",
	      kit_status_name(err), (unsigned long long)depth);
	for (n = 0, err = 0; n < 512 && !err; n++)
		err = pv_handle_derive(PV_SELF, top, PV_RIGHT_SEND, &made[n]);
	check(err == PV_ENOMEM && n > 200, "exhaust-handles", "%s after %llu",
	      kit_status_name(err), (unsigned long long)n);
	err = pv_handle_close(top);
	for (n = 0; n < 200; n++)
		err |= !pv_event_send(made[n]);
	check(!err && pv_event_bind(PV_SELF, 9, 0, &top) == PV_OK,
	      "exhaust-handles-back", "a handle is left");
	pv_handle_close(top);
}

static void exhaust_regions(void)
{
	uint64_t err = 0, n = 0;

	for (; n < 64 && !err; n++)
		err = pv_io_serve(PV_SELF, PV_SPACE_PORT, 0x1000 + n, 1, 9);
	check(err == PV_ENOMEM, "exhaust-regions", "%s", kit_status_name(err));
}

/* Nobody reads so fast; and a timer, IPIs and events that are never looked at. */
static void exhaust_rings(void)
{
	uint64_t event, n, done, err = pv_event_bind(PV_SELF, 9, 0, &event);

	for (n = 0; n < 10000 && !err; n++)
		err = pv_event_send(event) | pv_vcpu_ipi(0, 1, 60) |
		      pv_timer_set(kit_tsc() + n);
	check(!err, "exhaust-events", "%s", kit_status_name(err));
	pv_handle_close(event);
	for (n = 0; n < 16 && !err; n++)
		err = pv_partition_console_write(PV_SELF, kit_gpa(made),
						 sizeof(made) / 16, &done);
	check(err == PV_EAGAIN, "exhaust-console", "%s", kit_status_name(err));
}

const struct hostile exhaust_tests[] = {
	{ "exhaust-handles", exhaust_handles, false },
	{ "exhaust-regions", exhaust_regions, false },
	{ "exhaust-rings", exhaust_rings, false },
	{ "exhaust-memory", exhaust_memory, false },
	{ NULL, NULL, false },
};
