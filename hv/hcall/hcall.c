/* SPDX-License-Identifier: BSD-2-Clause */
/* The dispatch table, and the decoders that are generated. */
#include "hcall/hcall.h"
#include "lib/power.h"
#include "core/ioreq.h"
#include "core/sched.h"
#include "hcall/decode.h"

/* The partition that h names; PV_RIGHT_MACHINE: the caller, by its own name. */
static int hcall_partition(u64 h, u32 right, struct partition **p)
{
	int err = handle_partition(caller(), h, right, p);

	if (right == PV_RIGHT_MACHINE && err != PV_EHANDLE && *p != caller())
		return PV_EHANDLE;
	return err;
}

#include "pvabi/decoders.h"

static HCALL_PLAIN(none) { return ret(PV_ENOSYS); }

_Static_assert(PV_CALL_COUNT < HCALL_TABLE_SIZE, "the last slot stays ENOSYS");

void hcall_init(void)
{
	for (u32 i = 0; i < HCALL_TABLE_SIZE; i++)
		virt_hcall_table[i] = i < PV_CALL_COUNT ? decoders[i] : hc_none;
}

HCALL_PLAIN(nop) { return ret(PV_OK); }

/* Frames that the caller could still get. */
static u64 free_pages(const struct partition *p)
{
	u64 quota = p->max_pages - p->pages, all = frame_free_count();

	return quota < all ? quota : all;
}

HCALL_PLAIN(query)
{
	struct vcpu *v = vcpu_current();
	struct partition *p = v->part;

	switch (a0) {
	case PV_QUERY_VERSION:
		return ret_value(PV_OK, PV_ABI_VERSION);
	case PV_QUERY_FEATURES:
		return ret_value(PV_OK, 0);
	case PV_QUERY_PARTITION:
		return ret_value(PV_OK, p->id);
	case PV_QUERY_VCPU:
		return ret_value(PV_OK, v->id);
	case PV_QUERY_VCPUS:
		return ret_value(PV_OK, p->nr_vcpus);
	case PV_QUERY_PROFILE:
		return ret_value(PV_OK, p->profile);
	case PV_QUERY_TSC_KHZ:
		return ret_value(PV_OK, tsc_khz);
	case PV_QUERY_FREE_PAGES:
		return ret_value(PV_OK, free_pages(p));
	case PV_QUERY_PROBE:
		return ret_value(PV_OK, virt_probe);
	}
	return ret(PV_EINVAL);
}
