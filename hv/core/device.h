/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI functions as objects: each has one owner at any time, or none; and the
 * interrupts of devices, which are events of their owner. */
#pragma once

#include "core/partition.h"
#include "lib/pci.h"

struct device {
	u32 owner, owner_gen; /* the partition; gen 0: nobody */
	u32 gen;	      /* counts its moves: part of a handle's arg */
	u32 sizing; /* BARs into which all ones were written: they read back
		       their size */
};

/* Guards who owns what, PCI configuration by partitions, and the tables of
 * interrupts. Taken before any other lock. */
extern struct lock device_lock;

/* Before the other functions: which ranges belong to which function. */
void device_init(const struct boot_host *h);
/* The host partition, which maps all functions at first, gets a handle of one that
 * has had no owner yet, or that it owns; else *handle is 0. PV_ENOMEM: its handle
 * table is full. */
int device_adopt(struct partition *host, u16 bdf, u64 *handle) must_check;

/* What a handle of p names: PV_EHANDLE (stale, or p does not own it), PV_ERIGHT
 * (*out is set). */
int device_find(struct partition *p, u64 h, u32 rights,
		struct device **out) must_check;
/* The function with that address, if it is p's, and p has not ended; NULL. */
struct device *device_at_locked(const struct partition *p, u16 bdf);
/* Does p own any? */
bool device_any(const struct partition *p);

/* The calls of calls.def; PV_*. assign closes `from`s handle h. */
int device_assign(struct partition *from, u64 h, struct partition *to,
		  u32 flags, u64 *handle) must_check;
int device_take(struct partition *to, u32 bdf, u64 *handle) must_check;

/* p has ended: its functions are off the bus, so that none writes to its memory
 * any more. release: p is destroyed, and has left all CPUs: they belong to nobody. */
void device_stop(struct partition *p, bool release);

/* ---- device_irq.c ---- */

#define ISA_IRQS 16u

/* Binds an interrupt to a port of p, to arrive on the calling CPU: PV_EINVAL
 * (no such pin, or one of the hypervisor's), PV_EEXIST (the line is bound by another partition), PV_ENOMEM
 * (no vector). irq_bind_device: *message is what the device has to write. */
int irq_bind_isa(struct partition *p, u32 irq, u32 port) must_check;
int irq_bind_device(struct partition *p, struct device *d, u32 index, u32 flags,
		    u32 port, u64 *message) must_check;
/* Opens a level-triggered line again; PV_EINVAL: not bound by p. */
int irq_ack_isa(struct partition *p, u32 irq) must_check;
int irq_ack_device(struct partition *p, const struct device *d) must_check;
/* Closes the line of function n, if no other uses it; gives its vectors back. */
void irq_unbind_locked(u32 n);
/* Its place in the table, from 0 on. */
u32 device_nr(const struct device *d);
/* p owns d; function n. */
bool device_owned_locked(const struct device *d, const struct partition *p);
bool device_owns_locked(const struct partition *p, u32 n);
