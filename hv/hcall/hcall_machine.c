/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls about the machine: interrupts, the log, power. */
#include "arch/irq.h"
#include "core/event.h"
#include "hcall/decode.h"
#include "lib/log.h"

#define ISA_IRQS 16u
#define ISA_OURS 5u /* mask: the PIT's, and the cascade of the two PICs */
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

int call_irq_bind(struct partition *self, u32 irq, u32 flags, u32 port)
{
	int gsi;

	if (!flags && (irq >= ISA_IRQS || ISA_OURS >> irq & 1))
		return PV_EINVAL;
	gsi = ioapic_route(irq, !flags, flags, vcpu_current()->cpu);
	if (gsi < 0 || gsi >= VEC_GSI_COUNT)
		return PV_EINVAL;
	bindings[gsi] =
		(struct irq_binding){ .part = self->id,
				      .gen = self->gen,
				      .port = port,
				      .irq = irq,
				      .level = ioapic_is_level((u32)gsi) };
	irq_register(VEC_GSI_BASE + (u32)gsi, on_irq);
	return PV_OK;
}

int call_irq_ack(struct partition *self, u32 irq)
{
	int err = PV_EINVAL;

	for (u32 gsi = 0; gsi < VEC_GSI_COUNT; gsi++) {
		const struct irq_binding *b = &bindings[gsi];

		if (b->irq != irq || partition_live(b->part, b->gen) != self)
			continue;
		err = PV_OK;
		if (b->level)
			ioapic_mask(gsi, false);
	}
	return err;
}

int call_log_read(struct partition *self, gpa_t buf, u64 len, u64 *taken)
{
	char chunk[LOG_CHUNK];
	int err = PV_OK;
	u64 n = 1;

	if (!gmem_ok(self, buf, len, true))
		return PV_EFAULT;
	log_direct = false;
	for (; !err && n && *taken < len; *taken += n) {
		n = len - *taken < LOG_CHUNK ? len - *taken : LOG_CHUNK;
		n = log_read(chunk, n);
		err = gmem_write(self, gpa(buf.v + *taken), chunk, n);
	}
	return err;
}
