/* SPDX-License-Identifier: BSD-2-Clause */
/* The drivers' environment in the host partition: the kit's, but for what is
 * shared with guests, and for how the program waits. */
#include <stdarg.h>

#include "guard.h"
#include "host.h"
#include "kit/console.h"
#include "kit/device.h"
#include "kit/mm.h"

#define PAGE 4096ull

struct env host_env;

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

/* Our memory begins at 0, and nobody's at physical address 0. */
static bool is_translated(void)
{
	const struct pv_start *s = kit_info();
	const struct pv_mem *m = kit_ptr(s->mem);

	for (uint32_t i = 0; i < s->nr_mem; i++)
		if (m[i].type == PV_MEM_RAM && !m[i].start)
			return !m[i].dev_addr;
	return false;
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

void host_env_init(void)
{
	kit_env_init(&host_env, 0);
	host_env.translated = is_translated();
	host_env.copy = copy;
	host_env.dma_alloc = dma_alloc;
	host_env.wait = wait;
	host_env.log = log;
}
