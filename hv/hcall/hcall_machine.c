/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about the machine: interrupts, the log, power. */
#include "arch/irq.h"
#include "arch/power.h"
#include "core/event.h"
#include "hcall/decode.h"
#include "lib/log.h"

#define ISA_IRQS 16u
#define ISA_PIT 0u
#define ISA_CASCADE 2u
#define IRQ_MAX 255u
#define LOG_CHUNK 256u

/* Who is told of a GSI. Written by irq_bind before the pin is open; the
 * handler reads it. */
struct irq_binding {
	u32 part, gen;
	u32 port;
	u32 irq; /* as given to irq_bind */
	bool bound, level;
};
static struct irq_binding bindings[VEC_GSI_COUNT];

int machine_right(u64 h)
{
	struct handle e;
	int err = handle_lookup(self(), h, HANDLE_PARTITION, 0, &e);

	if (err || e.obj != self()->id)
		return PV_EHANDLE;
	return e.rights & PV_RIGHT_MACHINE ? PV_OK : PV_ERIGHT;
}

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
	if (irq > IRQ_MAX || flags & ~PV_IRQ_PCI)
		return false;
	return flags ||
	       (irq < ISA_IRQS && irq != ISA_PIT && irq != ISA_CASCADE);
}

HCALL(irq_bind)
{
	struct vcpu *v = vcpu_current();
	struct irq_binding *b;
	int err = machine_right(a0), gsi;

	if (err)
		return ret(err);
	if (!irq_ok(a1, a2) || a3 >= PV_PORTS)
		return ret(PV_EINVAL);
	gsi = ioapic_route((u32)a1, !a2, a2, v->cpu);
	if (gsi < 0 || gsi >= VEC_GSI_COUNT)
		return ret(PV_EINVAL);
	b = &bindings[gsi];
	*b = (struct irq_binding){ .part = v->part->id,
				   .gen = v->part->gen,
				   .port = (u32)a3,
				   .irq = (u32)a1,
				   .bound = true,
				   .level = ioapic_is_level((u32)gsi) };
	irq_register(VEC_GSI_BASE + (u32)gsi, on_irq);
	return ret(PV_OK);
}

HCALL(irq_ack)
{
	bool found = false;
	int err = machine_right(a0);

	if (err)
		return ret(err);
	for (u32 gsi = 0; gsi < VEC_GSI_COUNT; gsi++) {
		const struct irq_binding *b = &bindings[gsi];

		if (!b->bound || b->irq != a1 || b->part != self()->id)
			continue;
		found = true;
		if (b->level)
			ioapic_mask(gsi, false);
	}
	return ret(found ? PV_OK : PV_EINVAL);
}

HCALL(log_read)
{
	struct partition *p = self();
	char chunk[LOG_CHUNK];
	u64 taken = 0;
	int err = machine_right(a0);

	if (err)
		return ret(err);
	if (!a2 || a2 > MAX_CONSOLE)
		return ret(PV_EINVAL);
	if (!gmem_ok(p, gpa(a1), a2, true))
		return ret(PV_EFAULT);
	log_direct = false;
	while (taken < a2) {
		u64 n = a2 - taken < LOG_CHUNK ? a2 - taken : LOG_CHUNK;

		n = log_read(chunk, n);
		if (!n)
			break;
		err = gmem_write(p, gpa(a1 + taken), chunk, n);
		if (err)
			return ret(err);
		taken += n;
	}
	return ret_value(PV_OK, taken);
}

HCALL(machine_off)
{
	int err = machine_right(a0);

	if (err)
		return ret(err);
	if (a1 > 255)
		return ret(PV_EINVAL);
	power_off((u32)a1);
}
