/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the decoders share. They are generated from pvabi/calls.def: a staircase
 * of checks that change nothing, then one act, by a function of core or by
 * call_NAME() here, which takes the arguments checked, and returns PV_*.
 */
#pragma once

#include "core/gmem.h"
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
static inline bool hcall_mask_ok(const struct partition *p, u32 base, u64 mask)
{
	return !(likely(mask) &&
		 base + 63 - (u32)__builtin_clzll(mask) >= p->nr_vcpus);
}

/* The first of those. */
static inline struct vcpu *hcall_each(struct partition *p, u64 base, u64 mask)
{
	return hcall_vcpu(p, base + (u32)__builtin_ctzll(mask));
}

/* One that a guest may have for its events; 0: none. */
static inline bool hcall_vector_ok(u32 vector)
{
	return !vector || vector >= 32;
}

/* The caller reads or writes a device's register; blocks until its server has
 * answered. PV_EINVAL: no such access; PV_EFAULT: nobody serves it. */
int hcall_io(u32 space, u64 addr, u32 size, u32 write, u64 value);

/* All registers of v to the caller's memory, or from there, in a second half. */
void hcall_state(const struct vcpu *v, gpa_t at, bool set);

/* Sleeps until something is pending for v, which is the caller: PV_OK (perhaps
 * after a sleep, which may turn it into PV_ETIME) or PV_ETIME. Deadline in
 * guest TSC, 0: none. */
int vcpu_wait(struct vcpu *v, u64 deadline);
