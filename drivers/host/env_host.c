/* SPDX-License-Identifier: BSD-2-Clause */
/* The drivers' environment in the host partition. */
#include <stdarg.h>

#include "guard.h"
#include "host.h"
#include "kit/call.h"
#include "kit/console.h"
#include "kit/irq.h"
#include "kit/mm.h"
#include "kit/time.h"

#define PAGE 4096ull

static uint32_t port_in(struct env *e, uint16_t port, unsigned size)
{
	uint32_t v = 0;

	(void)e;
	if (size == 1)
		__asm__ volatile("inb %%dx, %%al" : "+a"(v) : "d"(port));
	else if (size == 2)
		__asm__ volatile("inw %%dx, %%ax" : "+a"(v) : "d"(port));
	else
		__asm__ volatile("inl %%dx, %%eax" : "+a"(v) : "d"(port));
	return v;
}

static void port_out(struct env *e, uint16_t port, unsigned size, uint32_t v)
{
	(void)e;
	if (size == 1)
		__asm__ volatile("outb %%al, %%dx" ::"a"(v), "d"(port));
	else if (size == 2)
		__asm__ volatile("outw %%ax, %%dx" ::"a"(v), "d"(port));
	else
		__asm__ volatile("outl %%eax, %%dx" ::"a"(v), "d"(port));
}

static bool mmio_map(struct env *e, uint64_t addr, uint64_t size)
{
	uint64_t start = addr & ~(PAGE - 1);
	uint64_t end = (addr + size + PAGE - 1) & ~(PAGE - 1);

	(void)e;
	return kit_map(start, start, end - start, KIT_WRITE | KIT_UNCACHED);
}

static uint64_t mmio_read(struct env *e, uint64_t addr, unsigned size)
{
	volatile void *p = kit_ptr(addr);

	(void)e;
	switch (size) {
	case 1:
		return *(volatile uint8_t *)p;
	case 2:
		return *(volatile uint16_t *)p;
	case 4:
		return *(volatile uint32_t *)p;
	default:
		return *(volatile uint64_t *)p;
	}
}

static void mmio_write(struct env *e, uint64_t addr, unsigned size, uint64_t v)
{
	volatile void *p = kit_ptr(addr);

	(void)e;
	switch (size) {
	case 1:
		*(volatile uint8_t *)p = (uint8_t)v;
		break;
	case 2:
		*(volatile uint16_t *)p = (uint16_t)v;
		break;
	case 4:
		*(volatile uint32_t *)p = (uint32_t)v;
		break;
	default:
		*(volatile uint64_t *)p = v;
		break;
	}
}

static bool copy(struct env *e, void *to, const void *from, size_t n)
{
	(void)e;
	return guard_copy(to, from, n);
}

/* RAM is contiguous for devices as it is for us. */
static void *dma_alloc(struct env *e, size_t bytes, dev_addr_t *dev)
{
	const struct pv_start *s = kit_info();
	const struct pv_mem *m = kit_ptr(s->mem);
	size_t pages = (bytes + PAGE - 1) / PAGE;
	void *p = kit_pages_alloc(pages);
	uint64_t at = kit_gpa(p);

	(void)e;
	for (uint32_t i = 0; p && i < s->nr_mem; i++) {
		if (m[i].type == PV_MEM_MODULE || at < m[i].start ||
		    at - m[i].start >= m[i].size)
			continue;
		*dev = dev_addr(m[i].dev_addr + (at - m[i].start));
		return p;
	}
	return NULL;
}

static unsigned irqs; /* event ports given to drivers */

static bool irq_attach(struct env *e, unsigned irq, unsigned flags,
		       void (*fn)(void *arg), void *arg)
{
	unsigned port = HOST_PORT_IRQ + irqs;

	(void)e;
	if (irqs == HOST_IRQS)
		return false;
	kit_event_register(port, fn, arg);
	if (pv_irq_bind(kit_info()->self, irq,
			flags & ENV_IRQ_PCI ? PV_IRQ_PCI : 0, port))
		return false;
	irqs++;
	return true;
}

static void irq_ack(struct env *e, unsigned irq, unsigned flags)
{
	(void)e;
	if (flags & ENV_IRQ_PCI)
		pv_irq_ack(kit_info()->self, irq);
}

static uint64_t now_ns(struct env *e)
{
	(void)e;
	return kit_time_ns();
}

static void wait(struct env *e, uint64_t until_ns)
{
	(void)e;
	host_wait(until_ns);
}

static void log(struct env *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void log(struct env *e, const char *fmt, ...)
{
	char line[200];
	va_list ap;

	(void)e;
	va_start(ap, fmt);
	kit_vformat(line, sizeof(line), fmt, ap);
	va_end(ap);
	kit_printf("host: %s\n", line);
}

struct env host_env = {
	.port_in = port_in,
	.port_out = port_out,
	.mmio_map = mmio_map,
	.mmio_read = mmio_read,
	.mmio_write = mmio_write,
	.copy = copy,
	.dma_alloc = dma_alloc,
	.irq_attach = irq_attach,
	.irq_ack = irq_ack,
	.now_ns = now_ns,
	.wait = wait,
	.log = log,
};
