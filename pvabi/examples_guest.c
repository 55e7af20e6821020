/* SPDX-License-Identifier: BSD-2-Clause */
/* The manual's examples of calls that any guest makes, one a call: what stands between the
 * line that names a call and the next such line is printed there. They compile
 * as C99. */
#include "examples.h"

/* example: nop */
uint64_t cost_of_a_call(void)
{
	uint64_t t = tsc_now();

	pv_nop();
	return tsc_now() - t;
}

/* example: query */
uint64_t tsc_khz(void)
{
	uint64_t khz = 0;

	panic_if(pv_query(PV_QUERY_TSC_KHZ, &khz));
	return khz;
}

/* example: exit */
void power_off(void) { pv_exit(0); }

/* example: crash */
void die(const char *text, uint64_t len)
{
	pv_crash(gpa_of(text), len < 120 ? len : 120);
	for (;;) /* not reached: text is memory of ours */
		;
}

/* example: console_write */
void print(const char *text, uint64_t len)
{
	while (len) {
		uint64_t n = 0;
		uint64_t part = len < 4096 ? len : 4096;
		uint64_t status = pv_console_write(gpa_of(text), part, &n);

		if (status == PV_EAGAIN) /* full: let the reader run */
			pv_vcpu_wait(tsc_now() + boot->tsc_khz);
		else
			panic_if(status);
		text += n;
		len -= n;
	}
}

/* example: console_read */
/* On an event at PV_PORT_CONSOLE, until it returns 0. */
uint64_t typed(char *buf, uint64_t len)
{
	uint64_t n = 0;

	panic_if(pv_console_read(gpa_of(buf), len, &n));
	return n;
}

/* example: vcpu_start */
void start_second(void (*entry)(void), char *stack_end)
{
	static struct pv_vcpu_start s __attribute__((aligned(8)));
	uint64_t cr3;

	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	s.rip = (uint64_t)(uintptr_t)entry;
	s.rsp = (uint64_t)(uintptr_t)stack_end - 8; /* as after a CALL */
	s.cr3 = cr3 & ~0xfffull;
	panic_if(pv_vcpu_start(1, gpa_of(&s)));
}

/* example: vcpu_stop */
void park(void)
{
	if (pv_vcpu_stop() == PV_ESTATE)
		pv_exit(0); /* the last one switches off */
}

/* example: vcpu_yield */
void spin_until(const volatile uint32_t *word)
{
	while (!*word)
		pv_vcpu_yield();
}

/* example: vcpu_wait */
/* Interrupts are off: what comes meanwhile ends the sleep all the same. */
void idle(void)
{
	if (!vcpu_page->pending)
		pv_vcpu_wait(0);
}

/* example: vcpu_ipi */
/* Bit 3 of ipi_pending on vCPUs 1 and 2. */
void poke_two(void) { panic_if(pv_vcpu_ipi(1, 3, 3)); }

/* example: vcpu_upcall_set */
void upcalls_on(void) { panic_if(pv_vcpu_upcall_set(0x40, 0)); }

/* example: timer_set */
void tick_in_10_ms(void) { pv_timer_set(tsc_now() + 10 * boot->tsc_khz); }

/* example: event_bind */
/* A handle by which this kernel can send to its own port 5, on vCPU 0. */
uint64_t own_event(void)
{
	uint64_t event = 0;

	panic_if(pv_event_bind(boot->self, 5, 0, &event));
	return event;
}

/* example: event_send */
void tell(uint64_t event) { panic_if(pv_event_send(event)); }

/* example: event_send_wait */
/* Sends a request, and sleeps until something comes or a second has passed. */
int ask(uint64_t event)
{
	return pv_event_send_wait(event, tsc_now() + 1000 * boot->tsc_khz) ==
	       PV_OK;
}

/* example: mem_share */
/* The host partition may read and write two pages from now on. */
void share_two(const void *pages)
{
	panic_if(pv_mem_share(boot->host, gpa_of(pages), 2, PV_SHARE_WRITE));
}

/* example: mem_revoke */
void unshare_two(const void *pages)
{
	panic_if(pv_mem_revoke(gpa_of(pages), 2));
}

/* example: mem_accept */
/* Page `theirs` of another partition appears at `at`, where nothing was. */
void borrow(uint64_t owner, uint64_t theirs, uint64_t at)
{
	panic_if(pv_mem_accept(owner, theirs, 1, at, 0));
}

/* example: mem_return */
void give_back(uint64_t at) { panic_if(pv_mem_return(at, 1)); }

/* example: mem_device_addr */
/* What a driver of the host partition writes into a descriptor. */
uint64_t dma_address(uint64_t page)
{
	uint64_t addr = 0;

	panic_if(pv_mem_device_addr(page, boot->self, &addr));
	return addr;
}

/* example: io_read */
/* The magic value of the virtio-mmio device at `base`. */
uint32_t virtio_magic(uint64_t base)
{
	uint64_t value = 0;

	panic_if(pv_io_read(PV_SPACE_MMIO, base, 4, &value));
	return (uint32_t)value;
}

/* example: io_write */
void virtio_reset(uint64_t base)
{
	panic_if(pv_io_write(PV_SPACE_MMIO, base + 0x70, 4, 0));
}

/* example: handle_derive */
/* Lets `to` send one of our events, and nothing else: what it is to use. */
uint64_t hand_on(uint64_t to, uint64_t event)
{
	uint64_t theirs = 0;

	panic_if(pv_handle_derive(to, event, PV_RIGHT_SEND, &theirs));
	return theirs;
}

/* example: handle_close */
/* And takes it back, with whatever was derived from it. */
void take_back(uint64_t event) { panic_if(pv_handle_close(event)); }

/* example: batch */
/* Two calls in one exit; each has its own status. */
void two_events(uint64_t a, uint64_t b)
{
	static struct pv_batch_entry e[2] __attribute__((aligned(128)));
	uint64_t done = 0;

	e[0].call = e[1].call = PV_CALL_event_send;
	e[0].arg[0] = a;
	e[1].arg[0] = b;
	panic_if(pv_batch(gpa_of(e), 2, 0, &done));
	panic_if(e[0].status);
	panic_if(e[1].status);
}

/* example: event_vector_set */
/* Port 5 comes as vector 0x51, through an IDT gate of its own. */
void port_vector(void) { panic_if(pv_event_vector_set(5, 0x51)); }

/* example: timer_vector_set */
void timer_vector(void) { panic_if(pv_timer_vector_set(0xe0)); }

/* example: vcpu_vector_send */
/* To all vCPUs but the first. */
void reschedule_others(void)
{
	uint64_t others = ((1ull << boot->vcpus % 64) - 1) & ~1ull;

	panic_if(pv_vcpu_vector_send(0, others, 0xf0));
}

/* example: vector_eoi */
/* The end of a handler, with interrupts off. */
void vector_end(void)
{
	uint32_t left, in_service = vcpu_page->in_service;

	in_service &= ~(1u << (31 - __builtin_clz(in_service)));
	*(volatile uint32_t *)&vcpu_page->in_service = in_service;
	left = *(volatile uint32_t *)&vcpu_page->vector_waits;
	if (left >> 4 > (in_service ? 31u - __builtin_clz(in_service) : 0))
		panic_if(pv_vector_eoi());
}

/* example: vcpu_flush_tlb */
/* Behind a change of the tables that all vCPUs use: its own too. */
void shoot_down_all(void)
{
	uint64_t all = ~0ull >> (64 - boot->vcpus);

	panic_if(pv_vcpu_flush_tlb(0, all));
}

/* example: mem_populate */
/* 2 MiB of new memory where nothing is, for devices in one piece. */
void memory_add(uint64_t at)
{
	panic_if(pv_mem_populate(at, 512, PV_ORDER_2M));
}

/* example: mem_release */
/* Pages that no table of ours maps any more. */
void memory_give(uint64_t at, uint64_t pages)
{
	panic_if(pv_mem_release(at, pages));
}

/* example: vcpu_yield_to */
/* While vCPU `holder` has the lock that this one wants. */
void lock_wait(unsigned holder)
{
	if (pv_vcpu_yield_to(holder) == PV_ESTATE)
		pv_vcpu_yield(); /* it runs, or waits elsewhere */
}
