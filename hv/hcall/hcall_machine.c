/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about the machine: interrupts, the log, power. */
#include "arch/irq.h"
#include "lib/power.h"
#include "core/event.h"
#include "hcall/decode.h"
#include "lib/log.h"

#define ISA_IRQS 16u
#define ISA_PIT 0u
#define ISA_CASCADE 2u
#define LOG_CHUNK 256u

/* Who is told of a GSI. Written by irq_bind before the pin is open; the
 * handler reads it. */
struct irq_binding {
	u32 part, gen;
	u32 port;
	u32 irq; /* as given to irq_bind */
	bool level;
};
static struct irq_binding bindings[VEC_GSI_COUNT];

static void on_irq(u32 vector)
{
	u32 gsi = vector - VEC_GSI_BASE;
	const struct irq_binding *b = &bindings[gsi];
	struct partition *p = partition_live(b->part, b->gen);

	if (b->level || !p)
		ioapic_mask(gsi, true);
	if (p)
		event_send(p, b->port);
}

static bool irq_ok(u64 irq, u64 flags)
{
	if (flags)
		return flags == PV_IRQ_PCI;
	return irq < ISA_IRQS && irq != ISA_PIT && irq != ISA_CASCADE;
}

HCALL(irq_bind)
{
	int gsi;

	if (!irq_ok(a1, a2))
		return PV_EINVAL;
	gsi = ioapic_route((u32)a1, !a2, a2, vcpu_current()->cpu);
	if (gsi < 0 || gsi >= VEC_GSI_COUNT)
		return PV_EINVAL;
	bindings[gsi] =
		(struct irq_binding){ .part = p->id,
				      .gen = p->gen,
				      .port = (u32)a3,
				      .irq = (u32)a1,
				      .level = ioapic_is_level((u32)gsi) };
	irq_register(VEC_GSI_BASE + (u32)gsi, on_irq);
	return PV_OK;
}

HCALL(irq_ack)
{
	int err = PV_EINVAL;

	for (u32 gsi = 0; gsi < VEC_GSI_COUNT; gsi++) {
		const struct irq_binding *b = &bindings[gsi];

		if (b->irq != a1 || partition_live(b->part, b->gen) != p)
			continue;
		err = PV_OK;
		if (b->level)
			ioapic_mask(gsi, false);
	}
	return err;
}

HCALL(log_read)
{
	char chunk[LOG_CHUNK];
	int err = PV_OK;
	u64 n = 1;

	if (!gmem_ok(p, gpa(a1), a2, true))
		return PV_EFAULT;
	log_direct = false;
	for (; !err && n && *value < a2; *value += n) {
		n = a2 - *value < LOG_CHUNK ? a2 - *value : LOG_CHUNK;
		n = log_read(chunk, n);
		err = gmem_write(p, gpa(a1 + *value), chunk, n);
	}
	return err;
}

HCALL(machine_off)
{
	power_off((u32)a1);
}
