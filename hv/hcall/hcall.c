/* SPDX-License-Identifier: BSD-2-Clause */
/* The dispatch table, and the decoders that are generated. */
#include "hcall/hcall.h"
#include "lib/power.h"
#include "core/console.h"
#include "core/device.h"
#include "core/event.h"
#include "core/vioapic.h"
#include "core/trace.h"
#include "core/sched.h"
#include "hcall/decode.h"

/* The partition that h names; PV_RIGHT_MACHINE: the caller, by its own name. */
static int hcall_partition(u64 h, u32 right, struct partition **p)
{
	struct partition *me = caller();
	int err = handle_partition(me, h, right, p);

	if (right == PV_RIGHT_MACHINE && err != PV_EHANDLE && *p != me)
		return PV_EHANDLE;
	return err;
}

static HCALL_PLAIN(none) { return ret(PV_ENOSYS); }
static HCALL_PLAIN(unfit) { return ret(PV_EINVAL); }

#include "pvabi/decoders.h"

/* Not inlined: then the loop of a batch keeps nothing in registers for it. */
static noinline_fn struct pv_batch_entry *entry_at(u64 entries, u64 n)
{
	return gmem_ptr(caller(),
			gpa(entries + n * sizeof(struct pv_batch_entry)));
}

static inline struct hret entry_run(const hcall_fn *table,
				    const struct pv_batch_entry *e)
{
	u64 nr = load_relaxed(&e->call);
	const u64 *a = e->arg;

	nr = nr < HCALL_TABLE_SIZE ? nr : HCALL_TABLE_SIZE - 1;
	return table[nr](a[0], a[1], a[2], a[3], a[4], a[5]);
}

HCALL_PLAIN(batch)
{
	struct virt_vcpu *hw = virt_current();
	const hcall_fn *table = load_relaxed(&hw->table) + HCALL_BATCH;
	struct pv_batch_entry *e;
	u32 work = 0;

	if (a0 % sizeof(*e) || a2 >= a1 ||
	    a1 > PV_BATCH_MAX - a0 % PAGE_SIZE / sizeof(*e))
		return ret(PV_EINVAL);
	e = entry_at(a0, a2);
	for (; e && a2 < a1 && !work; a2++, e++) {
		struct hret r = entry_run(table, e);

		work = load_relaxed(&hw->pending);
		if (unlikely(work)) /* another CPU may take the page away */
			e = entry_at(a0, a2);
		if (unlikely(!e))
			break;
		e->status = (u32)r.status;
		e->value = r.value;
	}
	if (e && a2 < a1)
		virt_call_resume(hw, PV_CALL_batch, a0, a1, a2, 0, 0, 0);
	return e ? ret_value(PV_OK, a1) : ret(PV_EFAULT);
}

_Static_assert(PV_CALL_COUNT < HCALL_TABLE_SIZE, "the last slot stays ENOSYS");

void hcall_init(void)
{
	const u8 *thunk = hcall_thunks;

	for (u32 i = 0; i < HCALL_TRACED; i++, thunk += HCALL_THUNK_SIZE) {
		virt_hcall_table[i] = hc_none;
		virt_hcall_table[HCALL_TRACED + i] = (hcall_fn)(uintptr_t)thunk;
	}
	decoders_put(virt_hcall_table);
}

HCALL_PLAIN(nop) { return ret(PV_OK); }

HCALL_PLAIN(query)
{
	struct vcpu *v = vcpu_current();
	struct partition *p = v->part;

	if (a0 > PV_QUERY_PROBE)
		return ret(PV_EINVAL);
	/* the free pages are there: see slot_take */
	return ret_value(PV_OK,
			 a0 == PV_QUERY_VERSION	   ? PV_ABI_VERSION :
			 a0 == PV_QUERY_PARTITION  ? p->id :
			 a0 == PV_QUERY_VCPU	   ? v->id :
			 a0 == PV_QUERY_VCPUS	   ? p->nr_vcpus :
			 a0 == PV_QUERY_PROFILE	   ? p->profile :
			 a0 == PV_QUERY_TSC_KHZ	   ? tsc_khz :
			 a0 == PV_QUERY_FREE_PAGES ? p->max_pages - p->pages :
			 a0 == PV_QUERY_PROBE	   ? virt_probe :
						     0);
}
