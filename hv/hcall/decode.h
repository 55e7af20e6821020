/* SPDX-License-Identifier: BSD-2-Clause */
/* What the decoders share: their form, and checks of arguments. */
#pragma once

#include "core/gmem.h"
#include "core/partition.h"
#include "pvabi/calls.h"
#include "pvabi/hcalls.h"

/* A decoder as the dispatch table holds it. The calls that must be fast, or
 * whose handle may name what is gone, are written in this form. */
#define HCALL_PLAIN(name) \
	struct hret hc_##name(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)

/*
 * All others: a staircase of checks that change nothing, then one act; returns
 * PV_*. The right and the ranges that calls.def names are checked before: p is
 * the partition that the handle names (the caller where there is none), *value
 * is the second result.
 */
#define HCALL(name)                                                           \
	static int do_##name(struct partition *p, u64 *value, u64 a0, u64 a1, \
			     u64 a2, u64 a3, u64 a4, u64 a5);                 \
	HCALL_PLAIN(name)                                                     \
	{                                                                     \
		struct partition *p;                                          \
		u64 value = 0;                                                \
		int err = hcall_check(&p, PV_CHECKS_##name);                  \
                                                                              \
		if (!err)                                                     \
			err = do_##name(p, &value, a0, a1, a2, a3, a4, a5);   \
		return ret_value(err, value);                                 \
	}                                                                     \
	static int do_##name(struct partition *p, u64 *value, u64 a0, u64 a1, \
			     u64 a2, u64 a3, u64 a4, u64 a5)

static inline struct hret ret(u64 status)
{
	return (struct hret){ status, 0 };
}

static inline struct hret ret_value(u64 status, u64 value)
{
	return (struct hret){ status, status ? 0 : value };
}

static inline struct partition *self(void)
{
	return vcpu_current()->part;
}

/* Page-aligned, and within the guest-physical space. */
static inline bool pages_ok(u64 at, u64 pages)
{
	return !(at & PAGE_MASK) &&
	       range_within(at, pages * PAGE_SIZE, gmem_limit());
}

/* A structure argument: aligned to 8; PV_EINVAL, PV_EFAULT. */
static inline int struct_read(u64 at, void *to, u64 n)
{
	return at & 7 ? (int)PV_EINVAL : gmem_read(self(), gpa(at), to, n);
}

static inline int struct_write(u64 at, const void *from, u64 n)
{
	return at & 7 ? (int)PV_EINVAL : gmem_write(self(), gpa(at), from, n);
}

/*
 * The partition that h names: PV_EHANDLE, PV_ERIGHT, then PV_EINVAL if the
 * ranges do not hold. No right: the caller; PV_RIGHT_MACHINE: h must be the
 * caller's own.
 */
int hcall_check(struct partition **p, u64 h, u32 right, bool ranges) must_check;

/* vcpu_wait for v, which is the caller: PV_OK (perhaps after a sleep, which may
 * turn it into PV_ETIME) or PV_ETIME. Deadline in guest TSC, 0: none. */
int vcpu_wait(struct vcpu *v, u64 deadline);
