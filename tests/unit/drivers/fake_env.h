/* SPDX-License-Identifier: BSD-2-Clause */
/* An environment for drivers under test: the test supplies the device. */
#ifndef TESTS_UNIT_DRIVERS_FAKE_ENV_H
#define TESTS_UNIT_DRIVERS_FAKE_ENV_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "env.h"

/* What the device does; set by the test. */
static uint32_t (*fake_in)(uint16_t port, unsigned size);
static void (*fake_out)(uint16_t port, unsigned size, uint32_t v);
static uint64_t (*fake_read)(uint64_t at, unsigned size);
static void (*fake_write)(uint64_t at, unsigned size, uint64_t v);
static void (*fake_idle)(void); /* while the driver waits */

static uint64_t fake_now;
static unsigned fake_acks, fake_logs;
static char fake_said[128]; /* the last line of the log */
#define FAKE_MSI_ADDRESS 0xfee01000u
#define FAKE_MSI_DATA 0x71u
static struct env_irq fake_irq; /* as it was attached last */
static bool fake_no_irq, fake_no_msi, fake_no_copy, fake_no_memory;
static void (*fake_irq_fn)(void *arg);
static void *fake_irq_arg;

/* Device memory is one array; a device address is an offset in it. */
#define FAKE_DMA_BYTES (1u << 20)
#define FAKE_DMA_BASE 0x100000ull
static uint8_t fake_dma[FAKE_DMA_BYTES] __attribute__((aligned(4096)));
static size_t fake_dma_used;

/* What a device address means; null: the device reaches nothing there. */
static inline void *fake_dma_at(uint64_t at, uint64_t n)
{
	at -= FAKE_DMA_BASE;
	return n <= FAKE_DMA_BYTES && at <= FAKE_DMA_BYTES - n ? fake_dma + at :
								 NULL;
}

static inline void fake_interrupt(void)
{
	if (fake_irq_fn)
		fake_irq_fn(fake_irq_arg);
}

static uint32_t fake_port_in(struct env *e, uint16_t port, unsigned size)
{
	(void)e;
	return fake_in ? fake_in(port, size) : 0xffffffffu;
}

static void fake_port_out(struct env *e, uint16_t port, unsigned size,
			  uint32_t v)
{
	(void)e;
	if (fake_out)
		fake_out(port, size, v);
}

static bool fake_mmio_map(struct env *e, uint64_t addr, uint64_t size)
{
	(void)e;
	return addr && size;
}

static uint64_t fake_mmio_read(struct env *e, uint64_t addr, unsigned size)
{
	(void)e;
	return fake_read(addr, size);
}

static void fake_mmio_write(struct env *e, uint64_t addr, unsigned size,
			    uint64_t v)
{
	(void)e;
	fake_write(addr, size, v);
}

static bool fake_copy(struct env *e, void *to, const void *from, size_t n)
{
	(void)e;
	if (!fake_no_copy)
		memcpy(to, from, n);
	return !fake_no_copy;
}

static void *fake_dma_alloc(struct env *e, size_t bytes, dev_addr_t *dev)
{
	void *p = fake_dma + fake_dma_used;

	(void)e;
	bytes = (bytes + 4095) & ~4095ul;
	if (fake_no_memory || fake_dma_used + bytes > FAKE_DMA_BYTES)
		return NULL;
	*dev = dev_addr(FAKE_DMA_BASE + fake_dma_used);
	fake_dma_used += bytes;
	return memset(p, 0, bytes);
}

static bool fake_irq_attach(struct env *e, struct env_irq *irq,
			    void (*fn)(void *arg), void *arg)
{
	(void)e;
	fake_irq_fn = fn;
	fake_irq_arg = arg;
	fake_irq = *irq;
	if (irq->kind == ENV_IRQ_MSI) {
		irq->address = FAKE_MSI_ADDRESS;
		irq->data = FAKE_MSI_DATA;
		return !fake_no_irq && !fake_no_msi;
	}
	return !fake_no_irq;
}

static void fake_irq_ack(struct env *e, const struct env_irq *irq)
{
	(void)e;
	(void)irq;
	fake_acks++;
}

static uint64_t fake_now_ns(struct env *e)
{
	(void)e;
	return fake_now += 1000;
}

static void fake_wait(struct env *e, uint64_t until_ns)
{
	(void)e;
	if (fake_idle)
		fake_idle();
	else if (until_ns > fake_now)
		fake_now = until_ns;
}

static void fake_log(struct env *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void fake_log(struct env *e, const char *fmt, ...)
{
	va_list ap;

	(void)e;
	va_start(ap, fmt);
	vsnprintf(fake_said, sizeof(fake_said), fmt, ap);
	va_end(ap);
	fake_logs++;
}

static struct env fake_env = {
	.port_in = fake_port_in,
	.port_out = fake_port_out,
	.mmio_map = fake_mmio_map,
	.mmio_read = fake_mmio_read,
	.mmio_write = fake_mmio_write,
	.copy = fake_copy,
	.dma_alloc = fake_dma_alloc,
	.irq_attach = fake_irq_attach,
	.irq_ack = fake_irq_ack,
	.now_ns = fake_now_ns,
	.wait = fake_wait,
	.log = fake_log,
};

static inline void fake_env_reset(void)
{
	fake_in = NULL;
	fake_out = NULL;
	fake_read = NULL;
	fake_write = NULL;
	fake_idle = NULL;
	fake_now = 0;
	fake_acks = fake_logs = 0;
	fake_no_irq = fake_no_msi = fake_no_copy = fake_no_memory = false;
	fake_irq_fn = NULL;
	fake_dma_used = 0;
	fake_env.translated = false;
}

#endif
