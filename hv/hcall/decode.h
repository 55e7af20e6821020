/* SPDX-License-Identifier: BSD-2-Clause */
/* What the decoders share: their form, results, and checks of arguments. */
#ifndef HCALL_DECODE_H
#define HCALL_DECODE_H

#include "core/gmem.h"
#include "core/partition.h"
#include "pvabi/calls.h"
#include "pvabi/hcalls.h"

/* A decoder: a staircase of checks that change nothing, then one act. */
#define HCALL(name) \
	struct hret hc_##name(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)

#define MAX_PAGES 512u
#define MAX_CONSOLE 4096u

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

/* Page-aligned, within the guest-physical space, and not too much. */
static inline bool pages_ok(u64 at, u64 pages, u64 max)
{
	return !(at & PAGE_MASK) && pages && pages <= max &&
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

/* The handle must be the caller's own, with PV_RIGHT_MACHINE. */
int machine_right(u64 h) must_check;

#endif
