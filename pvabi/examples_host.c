/* SPDX-License-Identifier: BSD-2-Clause */
/* The manual's examples of calls about other partitions and the machine, one a call: what stands between the
 * line that names a call and the next such line is printed there. They compile
 * as C99. */
#include "examples.h"

/* example: io_serve */
/* Serves COM1 of a guest; requests raise this kernel's port 9. */
void serve_uart(uint64_t part)
{
	panic_if(pv_io_serve(part, PV_SPACE_PORT, 0x3f8, 8, 9));
}

/* example: io_serve_notify */
/* A write to QueueNotify of the device at `base` raises port 10. */
void serve_notify(uint64_t part, uint64_t base)
{
	panic_if(pv_io_serve_notify(part, base + 0x50, 10));
}

/* example: io_map */
/* The page is to be mapped in the kernel's own tables, too. */
void map_requests(uint64_t part, uint64_t at) { panic_if(pv_io_map(part, at)); }

/* example: io_complete */
/* On the region's event: answers every request that waits, reads with ones. */
void answer_all(uint64_t part, struct pv_io_page *page)
{
	unsigned i;

	for (i = 0; i < PV_VCPUS_MAX; i++) {
		struct pv_io_slot *s = &page->slot[i];

		if (__atomic_load_n(&s->state, __ATOMIC_ACQUIRE) ==
		    PV_IO_WAITING)
			pv_io_complete(part, s->cookie, ~0ull);
	}
}

/* example: io_copy */
/* A request of several elements: REP OUTS sends them all to `out`. */
void answer_string(uint64_t part, const struct pv_io_slot *s,
		   void (*out)(const uint8_t *from, unsigned n))
{
	static uint8_t page[4096] __attribute__((aligned(4096)));

	if (s->count > 1 && s->write &&
	    !pv_io_copy(part, s->cookie, gpa_of(page)))
		out(page, s->count * s->size);
	pv_io_complete(part, s->cookie, 0);
}

/* example: partition_irq_line */
/* A UART at pin 4, which has something to tell until its driver has read it. */
void uart_tells(uint64_t part, const struct pv_io_slot *s, unsigned reasons)
{
	uint64_t heard, to = reasons ? PV_LINE_UP : PV_LINE_DOWN;

	panic_if(pv_partition_irq_line(part, 4, to, &heard));
	pv_io_complete(part, s->cookie, 0);
}

/* example: partition_create */
uint64_t make_guest(void)
{
	static struct pv_partition_params p = {
		.name = "guest",
		.profile = PV_PROFILE_PV,
		.vcpus = 1,
		.priority = 3,
		.port = 16,
		.max_pages = 4096,
	};
	uint64_t part = 0;

	panic_if(pv_partition_create(boot->self, gpa_of(&p), &part));
	return part;
}

/* example: partition_populate */
/* 8 MiB from address 0 on. */
void give_memory(uint64_t part)
{
	panic_if(pv_partition_populate(part, 0, 2048));
}

/* example: partition_write */
void load(uint64_t part, uint64_t to, const void *from, uint64_t len)
{
	panic_if(pv_partition_write(part, to, gpa_of(from), len));
}

/* example: partition_start */
/* Its first tables and its code have been written there before. */
void run_guest(uint64_t part)
{
	static struct pv_vcpu_start s __attribute__((aligned(8)));

	s.rip = 0x100000;
	s.cr3 = 0x1000;
	panic_if(pv_partition_start(part, gpa_of(&s)));
}

/* example: partition_pause */
void freeze(uint64_t part) { panic_if(pv_partition_pause(part)); }

/* example: partition_resume */
void thaw(uint64_t part) { panic_if(pv_partition_resume(part)); }

/* example: partition_destroy */
void destroy(uint64_t part)
{
	uint64_t status;

	while ((status = pv_partition_destroy(part)) == PV_EAGAIN)
		pv_vcpu_wait(tsc_now() + boot->tsc_khz);
	panic_if(status);
}

/* example: partition_stats */
uint64_t calls_made(void)
{
	static struct pv_vcpu_stats s __attribute__((aligned(8)));

	panic_if(pv_partition_stats(boot->self, 0, gpa_of(&s)));
	return s.calls;
}

/* example: partition_status */
int has_ended(uint64_t part)
{
	static struct pv_partition_status s __attribute__((aligned(8)));

	panic_if(pv_partition_status(part, gpa_of(&s)));
	return s.state == PV_STATE_EXITED || s.state == PV_STATE_DIED;
}

/* example: partition_enumerate */
/* Visits every partition but the caller's own. */
void each_partition(void (*visit)(uint64_t part))
{
	uint64_t part, status, i;

	for (i = 1; i < 256; i++) {
		status = pv_partition_enumerate(boot->self, i, &part);
		if (status == PV_EINVAL)
			return; /* over the last slot */
		if (status != PV_OK)
			continue;
		visit(part);
		pv_handle_close(part);
	}
}

/* example: partition_console_read */
/* On PV_NOTIFY_OUTPUT, until it returns 0. */
uint64_t output_of(uint64_t part, char *buf, uint64_t len)
{
	uint64_t n = 0;

	panic_if(pv_partition_console_read(part, gpa_of(buf), len, &n));
	return n;
}

/* example: partition_console_write */
/* Returns how many bytes there was room for. */
uint64_t type_to(uint64_t part, const char *text, uint64_t len)
{
	uint64_t n = 0;

	if (pv_partition_console_write(part, gpa_of(text), len, &n))
		return 0;
	return n;
}

/* example: irq_bind */
/* COM1's interrupt raises port 3. */
void uart_interrupt(void) { panic_if(pv_irq_bind(boot->self, 4, 3)); }

/* example: irq_ack */
/* When the device of a level-triggered line has been quieted. */
void isa_done(uint64_t irq) { panic_if(pv_irq_ack(boot->self, irq)); }

/* example: log_read */
uint64_t log_text(char *buf, uint64_t len)
{
	uint64_t n = 0;

	panic_if(pv_log_read(boot->self, gpa_of(buf), len, &n));
	return n;
}

/* example: machine_off */
void machine_off(void) { pv_machine_off(boot->self, 0); }

/* example: partition_calls */
uint64_t sends_made(void)
{
	static struct pv_vcpu_calls c __attribute__((aligned(8)));

	panic_if(pv_partition_calls(boot->self, 0, gpa_of(&c)));
	return c.calls[PV_CALL_event_send];
}

/* example: device_assign */
/* Before `part` starts. Gives the handle that its boot information lists. */
uint64_t device_give(uint64_t part, uint64_t device)
{
	uint64_t theirs = 0;

	panic_if(pv_device_assign(part, device, PV_DEVICE_UNSAFE_DMA, &theirs));
	return theirs;
}

/* example: device_take */
/* When its owner has been destroyed. */
uint64_t device_back(uint16_t bdf)
{
	uint64_t device = 0;

	panic_if(pv_device_take(boot->self, bdf, &device));
	return device;
}

/* example: device_irq_bind */
/* Message `index` of an MSI-X table raises a port. */
void message_set(uint64_t device, volatile uint32_t *table, unsigned index,
		 unsigned port)
{
	uint64_t message = 0;

	panic_if(pv_device_irq_bind(device, index, PV_IRQ_MSI, port, &message));
	table[4 * index] = (uint32_t)message;
	table[4 * index + 1] = 0;
	table[4 * index + 2] = (uint32_t)(message >> 32);
	table[4 * index + 3] = 0; /* not masked */
}

/* example: device_irq_ack */
/* When the function of a line has been quieted. */
void line_done(uint64_t device) { panic_if(pv_device_irq_ack(device)); }

/* example: device_addr */
/* What a descriptor holds, for the page at p. */
uint64_t device_address(uint64_t device, const void *p)
{
	uint64_t addr = 0;

	panic_if(pv_device_addr(device, gpa_of(p), &addr));
	return addr;
}

/* example: trace_map */
/* CPU 0's ring at an address where nothing is; port 4 tells when to look. */
void ring_map(uint64_t at) { panic_if(pv_trace_map(boot->self, 0, at, 4)); }

/* example: trace_set */
/* Every CPU has its ring: what `part` calls is recorded from now on. */
void calls_trace(uint64_t part)
{
	panic_if(pv_trace_set(boot->self, part, PV_TRACE_CALLS));
}

/* example: partition_translate */
/* The host-physical address behind `at`, or 0. */
uint64_t really_at(uint64_t part, uint64_t at)
{
	static struct pv_translation t __attribute__((aligned(64)));

	if (pv_partition_translate(boot->self, part, at, gpa_of(&t)))
		return 0;
	return t.addr;
}

/* example: vcpu_sched_set */
/* vCPU 1 of ours goes behind the others, in slices of 1 ms, on CPU 0 alone. */
void background(void) { panic_if(pv_vcpu_sched_set(PV_SELF, 1, 0, 1000, 1)); }

/* example: vcpu_state_get */
/* Where a paused partition's vCPU 0 is; what has just left its CPU may take a
 * moment. */
uint64_t where(uint64_t part)
{
	static struct pv_vcpu_state s __attribute__((aligned(8)));
	uint64_t status;

	do
		status = pv_vcpu_state_get(part, 0, gpa_of(&s));
	while (status == PV_EAGAIN);
	panic_if(status);
	return s.rip;
}

/* example: vcpu_state_set */
/* A vCPU as vcpu_state_get has read it, in a partition with the same memory. */
void restore(uint64_t part, const struct pv_vcpu_state *saved)
{
	panic_if(pv_vcpu_state_set(part, 0, gpa_of(saved)));
	panic_if(pv_partition_resume(part));
}

/* example: partition_dirty_log */
/* From now on `part` is copied while it runs. */
void copy_begin(uint64_t part) { panic_if(pv_partition_dirty_log(part, 1)); }

/* example: partition_dirty_read */
/* How many of the first 4,096 pages are to be copied (again). */
unsigned copy_next(uint64_t part, uint64_t bits[64])
{
	unsigned n = 0;

	panic_if(pv_partition_dirty_read(part, 0, 4096, gpa_of(bits)));
	for (int i = 0; i < 64; i++)
		n += (unsigned)__builtin_popcountll(bits[i]);
	return n;
}
