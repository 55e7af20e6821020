/* SPDX-License-Identifier: BSD-2-Clause */
/* The dispatch table; calls about the caller as a whole, and its console. */
#include "lib/machine.h"
#include "core/console.h"
#include "hcall/decode.h"
#include "hcall/hcall.h"

#define MSG_MAX 120u

static struct hret hc_none(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
	return ret(PV_ENOSYS);
}

int hcall_check(struct partition **p, u64 h, u32 right, bool ranges)
{
	struct partition *me = self();
	int err = PV_OK;

	*p = me;
	if (right)
		err = handle_partition(me, h, right, p);
	/* the right to the machine is one to the caller itself */
	if (right == PV_RIGHT_MACHINE && err != PV_EHANDLE && *p != me)
		return PV_EHANDLE;
	return err || ranges ? err : (int)PV_EINVAL;
}

void hcall_init(void)
{
	for (u32 i = 0; i < HCALL_TABLE_SIZE; i++)
		virt_hcall_table[i] = hc_none;
#define ENTER(number, name)                                               \
	_Static_assert((number) < HCALL_TABLE_SIZE - 1, "table is full"); \
	virt_hcall_table[number] = hc_##name;
	PV_CALL_LIST(ENTER)
#undef ENTER
}

HCALL_PLAIN(nop)
{
	return ret(PV_OK);
}

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

HCALL(exit)
{
	partition_exit(p, (u32)a0);
	return PV_OK;
}

HCALL(crash)
{
	char msg[MSG_MAX + 1];
	int err;

	if (a1 > MSG_MAX)
		return PV_EINVAL;
	err = gmem_read(p, gpa(a0), msg, a1);
	if (err)
		return err;
	for (u64 i = 0; i < a1; i++)
		if (msg[i] < ' ' || msg[i] > '~')
			msg[i] = '?';
	msg[a1] = 0;
	partition_die(vcpu_current(), "%s", msg);
	return PV_OK;
}

HCALL(console_write)
{
	struct console_text t = { p, gpa(a0), a1 };
	bool first;
	int err = console_put(&p->out, t, value, &first);

	if (!err && first)
		partition_notify(p, PV_NOTIFY_OUTPUT);
	return err;
}

HCALL(console_read)
{
	struct console_text t = { p, gpa(a0), a1 };

	return console_get(&p->in, t, value);
}
