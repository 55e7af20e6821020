/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the decoders share. They are generated from pvabi/calls.def: a staircase
 * of checks that change nothing, then one act, by a function of core or by
 * call_NAME() here, which takes the arguments checked, and returns PV_*.
 */
#pragma once

#include "core/gmem.h"
#include "core/partition.h"
#include "pvabi/calls.h"
#include "pvabi/hcalls.h"

/* A decoder that is written by hand, in the form that the table holds. */
#define HCALL_PLAIN(name) \
	struct hret hc_##name(u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)

static inline struct hret ret_value(u64 status, u64 value)
{
	return (struct hret){ status, status ? 0 : value };
}

static inline struct hret ret(u64 status) { return (struct hret){ status, 0 }; }

static inline struct partition *caller(void) { return vcpu_current()->part; }

/* Page-aligned, and within the guest-physical space. */
static inline bool pages_ok(u64 at, u64 pages)
{
	return !(at & PAGE_MASK) &&
	       range_within(at, pages * PAGE_SIZE, gmem_limit());
}

/* n < p->nr_vcpus, also while the check of it is mispredicted. */
static inline struct vcpu *hcall_vcpu(struct partition *p, u64 n)
{
	return p->vcpus[index_clamp(n, p->nr_vcpus)];
}

/* Do all vCPUs of the mask exist? base < 64. */
static inline bool hcall_mask_ok(u32 base, u64 mask)
{
	return !mask ||
	       base + 63 - (u32)__builtin_clzll(mask) < caller()->nr_vcpus;
}

/* The first of those. */
static inline struct vcpu *hcall_each(u64 base, u64 mask)
{
	return hcall_vcpu(caller(), base + (u32)__builtin_ctzll(mask));
}

/* One that a guest may have for its events; 0: none. */
static inline bool hcall_vector_ok(u32 vector)
{
	return !vector || vector >= 32;
}

/* Sleeps until something is pending for v, which is the caller: PV_OK (perhaps
 * after a sleep, which may turn it into PV_ETIME) or PV_ETIME. Deadline in
 * guest TSC, 0: none. */
int vcpu_wait(struct vcpu *v, u64 deadline);
