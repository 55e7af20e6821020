/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts of devices: lines of the I/O APICs, and messages (MSI, MSI-X). */
#include "arch/iommu.h"
#include "arch/irq.h"
#include "core/device.h"
#include "core/event.h"

#define ISA_OURS 5u /* mask: the PIT's, and the cascade of the two PICs */
#define DEVICE_MESSAGES 8u /* at most, of one function */

/* Who is told, in one word, so that a handler reads it whole: generation and
 * number of the partition, and its port; 0: nobody. Written under device_lock,
 * as all below. */
static u64 target_of(const struct partition *p, u32 port)
{
	return (u64)p->gen << 32 | p->id << 16 | port;
}

static struct partition *target_part(u64 target)
{
	return partition_live(target >> 16 & 0xffff, (u32)(target >> 32));
}

/* Who uses a line: the ISA interrupts, then the functions. */
static struct line_user {
	u64 target;
	u32 gsi;
} users[ISA_IRQS + PCI_MAX_FUNCS];

static struct message {
	u64 target;
	u32 owner; /* number of the function + 1; 0: free */
	u32 index;
} messages[VEC_MSI_COUNT];

static bool tell(u64 target)
{
	struct partition *p = target_part(target);

	if (p)
		event_send(p, target & 0xffff);
	return p;
}

/* Functions of one partition may share a line: each is asked. */
static void on_line(u32 vector)
{
	u32 gsi = vector - VEC_GSI_BASE;
	bool level = ioapic_is_level(gsi), told = false;

	if (level) /* before who acknowledges it can run */
		ioapic_mask(gsi, true);
	for (u32 i = 0; i < array_size(users); i++)
		if (load_relaxed(&users[i].gsi) == gsi)
			told |= tell(load_relaxed(&users[i].target));
	if (!told)
		ioapic_mask(gsi, true);
}

static void on_message(u32 vector)
{
	tell(load_relaxed(&messages[vector - VEC_MSI_BASE].target));
}

/* Does anybody use the line, but for p? */
static bool line_used_locked(u32 gsi, const struct partition *p)
{
	for (u32 i = 0; i < array_size(users); i++) {
		const struct line_user *u = &users[i];
		const struct partition *by =
			u->gsi == gsi ? target_part(u->target) : NULL;

		if (by && by != p)
			return true;
	}
	return false;
}

static int line_bind_locked(struct partition *p, u32 user, u32 irq, u32 port)
{
	bool isa = user < ISA_IRQS;
	int gsi = ioapic_gsi(irq, isa);

	if (gsi < 0)
		return PV_EINVAL;
	if (line_used_locked((u32)gsi, p))
		return PV_EEXIST;
	store_relaxed(&users[user].gsi, (u32)gsi);
	store_relaxed(&users[user].target, target_of(p, port));
	irq_register(VEC_GSI_BASE + (u32)gsi, on_line);
	ioapic_route(irq, isa, vcpu_current()->cpu);
	return PV_OK;
}

/* The message of that index, or a free one; NULL: there is none for it. */
static struct message *message_find_locked(u32 n, u32 index)
{
	struct message *spare = NULL;
	u32 used = 0;

	for (struct message *m = messages; m < messages + VEC_MSI_COUNT; m++) {
		if (m->owner == n + 1 && m->index == index)
			return m;
		used += m->owner == n + 1;
		if (!m->owner && !spare)
			spare = m;
	}
	return used < DEVICE_MESSAGES ? spare : NULL;
}

static int message_bind_locked(struct partition *p, u32 n, u32 index, u32 port,
			       u64 *message)
{
	struct message *m = message_find_locked(n, index);
	u64 vector = VEC_MSI_BASE + (u64)(m - messages);

	if (!m)
		return PV_ENOMEM;
	m->owner = n + 1;
	m->index = index;
	store_relaxed(&m->target, target_of(p, port));
	irq_register((u32)vector, on_message);
	*message = iommu_message(pci_funcs[n].bdf, (u32)vector,
				 cpu_table[vcpu_current()->cpu]->apic_id);
	return PV_OK;
}

int irq_bind_isa(struct partition *p, u32 irq, u32 port)
{
	u32 user = (u32)index_clamp(irq, ISA_IRQS);

	if (ISA_OURS >> user & 1)
		return PV_EINVAL;
	lock_scope(&device_lock);
	return line_bind_locked(p, user, user, port);
}

int irq_bind_device(struct partition *p, struct device *d, u32 index, u32 flags,
		    u32 port, u64 *message)
{
	u32 n = device_nr(d);

	lock_scope(&device_lock);
	if (!device_owned_locked(d, p))
		return PV_EHANDLE;
	if (flags & PV_IRQ_MSI)
		return message_bind_locked(p, n, index, port, message);
	if (index || !pci_funcs[n].irq_pin || !pci_funcs[n].irq_line)
		return PV_EINVAL;
	return line_bind_locked(p, ISA_IRQS + n, pci_funcs[n].irq_line, port);
}

static int ack(const struct partition *p, const struct line_user *u)
{
	lock_scope(&device_lock);
	if (target_part(u->target) != p)
		return PV_EINVAL;
	if (ioapic_is_level(u->gsi))
		ioapic_mask(u->gsi, false);
	return PV_OK;
}

int irq_ack_isa(struct partition *p, u32 irq)
{
	return ack(p, &users[index_clamp(irq, ISA_IRQS)]);
}

int irq_ack_device(struct partition *p, const struct device *d)
{
	return ack(p, &users[ISA_IRQS + device_nr(d)]);
}

void irq_unbind_locked(u32 n)
{
	struct line_user *u = &users[ISA_IRQS + n];

	if (u->target) {
		store_relaxed(&u->target, 0);
		if (!line_used_locked(u->gsi, NULL))
			ioapic_mask(u->gsi, true);
	}
	for (u32 i = 0; i < VEC_MSI_COUNT; i++)
		if (messages[i].owner == n + 1) {
			iommu_vector_off(pci_funcs[n].bdf, VEC_MSI_BASE + i);
			store_relaxed(&messages[i].target, 0);
			messages[i].owner = 0;
		}
}
