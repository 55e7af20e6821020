/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O regions and requests to the partition that serves them. */
#pragma once

#include "core/partition.h"

struct ioreq {
	u32 space, size, write, count;
	u64 addr, value;
};

/* PV_OK: an event went out (notify), or the request was posted and v blocks in
 * VCPU_IO, or the I/O APIC has answered; not *posted: an event. Later v->io_finish(v, value) runs on v's CPU
 * before it enters again. PV_EFAULT: nobody serves that, or its
 * server has ended. io_finish and io_arg are set by the caller before. v runs here. */
int ioreq_send(struct vcpu *v, const struct ioreq *r, bool *posted) must_check;

/* The caller serves a range of p from now on, told at its port: PV_EINVAL (no range
 * of the space; memory is whole pages), PV_EEXIST, PV_ENOMEM. */
int ioreq_serve(struct partition *p, u32 space, u64 addr, u64 len,
		u32 port) must_check;
/* Writes of 4 bytes to addr, in an MMIO region that the caller serves, become
 * events: PV_EFAULT, PV_ENOMEM. Again at the same address: another port. */
int ioreq_notify(struct partition *p, gpa_t addr, u32 port) must_check;
/* Is any of [addr, addr + len) served, or the I/O APIC? p->lock held. */
bool ioreq_overlaps(const struct partition *p, u32 space, u64 addr, u64 len);

/* PV_EINVAL: the cookie names no request that waits. */
int ioreq_complete(struct partition *p, u64 cookie, u64 value) must_check;

/* Copies all elements of a request that has several: to the caller's page at
 * buf, or from it (a read). PV_EINVAL: the cookie names none such that waits;
 * PV_EFAULT. */
int ioreq_copy(struct partition *p, u64 cookie, gpa_t buf) must_check;

/* Maps p's I/O page into `by`, read-only, instead of where it was mapped
 * before. PV_EINVAL (p is `by`), PV_EEXIST, PV_ENOMEM. */
int ioreq_map(struct partition *p, struct partition *by, gpa_t at) must_check;
/* Takes that mapping away. No lock held. */
void ioreq_unmap(struct partition *p);
