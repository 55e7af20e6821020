/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host partition's own calls, a row each. Many calls change what they are
 * about for good; those have a partition of their own for each call, made
 * before the loop and destroyed behind it.
 */
#include "drivers/host/host.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "pvabi/calls.h"
#include "tests/bench/bench.h"
#include "tests/bench/host/parts.h"
#include "tests/bench/host/rows.h"

#define RUNS_MAX 32u
#define PAGE KIT_PAGE_SIZE
#define FILL_PAGES 16u	/* partition_populate */
#define BIG_PAGES 4096u /* 16 MiB */
#define WRITE_BYTES 4096u
#define SHARED 0x10000ull /* pages of a partition */
#define IRQ 5u		  /* of no device */
#define IO_PAGES (HOST_IO_PAGES + (1ull << 32))
#define WINDOW (HOST_WINDOW + 200 * HOST_WINDOW_STEP)
#define CLEAN_PAGES 8192u
#define QUOTA_TOP (1ull << 32)
#define ZEROING 512u /* iterations of REP STOSQ for a frame */

static uint64_t self(void) { return kit_info()->self; }

static uint8_t page[PAGE] __attribute__((aligned(4096)));

/* ---- with a partition for each call ---- */

static void none_prep(uint32_t n) { parts_make(n, 0); }
static void new_prep(uint32_t n) { parts_make(n, PART_PAGES); }

static void calls_prep(uint32_t n, const struct part_call *c)
{
	new_prep(n);
	while (n--)
		part_prepare(parts[n], c);
}

static void sleep_prep(uint32_t n)
{
	calls_prep(n, &(struct part_call){ .call = PV_CALL_nop });
}

static void partition_start_run(uint32_t n)
{
	while (n--)
		must(part_start(parts[n]));
}

static void running_prep(uint32_t n)
{
	sleep_prep(n);
	partition_start_run(n);
	bench_settle();
}

static void partition_pause_run(uint32_t n)
{
	while (n--)
		must(pv_partition_pause(parts[n]));
}

static void paused_prep(uint32_t n)
{
	running_prep(n);
	partition_pause_run(n);
}

static void partition_resume_run(uint32_t n)
{
	while (n--)
		must(pv_partition_resume(parts[n]));
}

static void partition_create_run(uint32_t n) { parts_make(n, 0); }

static void partition_populate_run(uint32_t n)
{
	while (n--)
		must(pv_partition_populate(parts[n], 0, FILL_PAGES));
}

static void partition_write_run(uint32_t n)
{
	while (n--)
		must(pv_partition_write(parts[n], 0, kit_gpa(page),
					WRITE_BYTES));
}

/* Frames of a partition, those that the hypervisor needs for it included. */
static uint64_t frames_of(uint64_t part)
{
	static struct pv_partition_status st;

	must(pv_partition_status(part, kit_gpa(&st)));
	return st.pages_owned;
}

static uint64_t frames; /* of one partition */

static void destroy_prep(uint32_t n)
{
	new_prep(n);
	frames = frames_of(parts[0]);
}

/* Each frame that it had is scrubbed. */
static void partition_destroy_run(uint32_t n)
{
	bench_known = n * frames * ZEROING;
	parts_destroy(n);
}

static void big_prep(uint32_t n)
{
	parts_make(1, BIG_PAGES);
	frames = frames_of(parts[0]);
	parts_end(1);
	handles_align(n);
}

/*
 * Made with 16 MiB, and destroyed. Each frame is zeroed once in that, as it is
 * freed: memory_clean saw to it that none needs it as it is taken.
 */
static void create_destroy_run(uint32_t n)
{
	bench_known = n * frames * ZEROING;
	while (n--) {
		parts[n] = part_make(BIG_PAGES);
		must(pv_partition_destroy(parts[n]));
	}
}

/* ---- I/O ---- */

static void io_serve_run(uint32_t n)
{
	while (n--)
		must(pv_io_serve(parts[n], PV_SPACE_MMIO, PART_SERVED, PAGE,
				 HOST_PORT_TEST));
}

static void served_prep(uint32_t n)
{
	new_prep(n);
	io_serve_run(n);
}

static void io_serve_notify_run(uint32_t n)
{
	while (n--)
		must(pv_io_serve_notify(parts[n], PART_SERVED, HOST_PORT_TEST));
}

static void io_map_run(uint32_t n)
{
	while (n--)
		must(pv_io_map(parts[n], IO_PAGES + n * PAGE));
}

static uint64_t cookies[RUNS_MAX];

/* Each partition reads a register, and waits. */
static void reading_prep(uint32_t n)
{
	uint32_t i;

	calls_prep(n, &(struct part_call){
			      .call = PV_CALL_io_read,
			      .arg = { PV_SPACE_MMIO, PART_SERVED, 4 } });
	io_serve_run(n);
	io_map_run(n);
	if (!kit_map(IO_PAGES, IO_PAGES, RUNS_MAX * PAGE, KIT_READ))
		kit_panic("bench: no page for tables");
	partition_start_run(n);
	bench_settle();
	for (i = 0; i < n; i++) {
		const volatile struct pv_io_page *p =
			kit_ptr(IO_PAGES + i * PAGE);

		while (p->slot[0].state != PV_IO_WAITING)
			bench_settle();
		cookies[i] = p->slot[0].cookie;
	}
}

static void io_complete_run(uint32_t n)
{
	while (n--)
		must(pv_io_complete(parts[n], cookies[n], 1));
}

/* ---- memory of one partition ---- */

static void sharing_prep(uint32_t n)
{
	struct part_call c = { .call = PV_CALL_mem_share,
			       .arg = { 0, SHARED, RUNS_MAX, PV_SHARE_WRITE } };

	(void)n;
	parts_make(1, PART_PAGES);
	must(pv_handle_derive(parts[0], self(), PV_RIGHT_SHARE, &c.arg[0]));
	part_prepare(parts[0], &c);
	must(part_start(parts[0]));
	bench_settle();
}

static void one_done(uint32_t n)
{
	(void)n;
	parts_end(1);
}

static void mem_accept_run(uint32_t n)
{
	while (n--)
		must(pv_mem_accept(parts[0], SHARED + n * PAGE, 1,
				   WINDOW + n * PAGE, 0));
}

static void mem_return_run(uint32_t n)
{
	while (n--)
		must(pv_mem_return(WINDOW + n * PAGE, 1));
}

static void accepted_done(uint32_t n)
{
	mem_return_run(n);
	one_done(n);
}

static void accepted_prep(uint32_t n)
{
	sharing_prep(n);
	mem_accept_run(n);
}

static void mem_device_addr_run(uint32_t n)
{
	uint64_t at;

	while (n--)
		must(pv_mem_device_addr(kit_gpa(page), self(), &at));
}

/* ---- consoles, handles, the machine ---- */

static void one_prep(uint32_t n)
{
	(void)n;
	parts_make(1, 0);
}

static void partition_console_read_run(uint32_t n)
{
	uint64_t taken;

	while (n--)
		must(pv_partition_console_read(parts[0], kit_gpa(page), 64,
					       &taken));
}

static void partition_console_write_run(uint32_t n)
{
	uint64_t written;

	while (n--)
		must(pv_partition_console_write(parts[0], kit_gpa(page), 1,
						&written));
}

static uint64_t handles[RUNS_MAX];

static void handle_close_run(uint32_t n)
{
	while (n--)
		must(pv_handle_close(handles[n]));
}

static void handle_derive_run(uint32_t n)
{
	while (n--)
		must(pv_handle_derive(self(), self(), PV_RIGHT_SHARE,
				      &handles[n]));
}

static void partition_enumerate_run(uint32_t n)
{
	while (n--)
		must(pv_partition_enumerate(self(), 0, &handles[n]));
}

static void irq_bind_run(uint32_t n)
{
	while (n--)
		must(pv_irq_bind(self(), IRQ, HOST_PORT_TEST));
}

static void irq_ack_run(uint32_t n)
{
	while (n--)
		must(pv_irq_ack(self(), IRQ));
}

static void partition_translate_run(uint32_t n)
{
	while (n--)
		must(pv_partition_translate(self(), self(), kit_gpa(page),
					    kit_gpa(page)));
}

static void hvm_prep(uint32_t n)
{
	(void)n;
	must(part_try_of(PV_PROFILE_HVM, &parts[0], 512));
}

static void partition_irq_line_run(uint32_t n)
{
	uint64_t heard;

	while (n--)
		must(pv_partition_irq_line(parts[0], 4, n % 2, &heard));
}

static void log_read_run(uint32_t n)
{
	uint64_t taken;

	while (n--)
		must(pv_log_read(self(), kit_gpa(page), PAGE, &taken));
}

/* The largest quota that is not promised to others. */
static uint64_t quota_left(void)
{
	uint64_t quota = 0, bit;

	for (bit = QUOTA_TOP; bit; bit /= 2)
		if (!part_try(&parts[0], quota + bit)) {
			parts_end(1);
			quota += bit;
		}
	return quota;
}

void memory_clean(void)
{
	uint64_t at = 0, pages = CLEAN_PAGES;

	must(part_try(&parts[0], quota_left()));
	for (; pages; pages /= 2)
		for (; !pv_partition_populate(parts[0], at * PAGE, pages);
		     at += pages)
			;
	parts_end(1);
}

#define ON_PARTS(call, prep_) CALL_ROW(call, .prep = prep_, .done = parts_end)

const struct op host_ops[] = {
	CALL_ROW(mem_accept, .prep = sharing_prep, .done = accepted_done),
	CALL_ROW(mem_return, .prep = accepted_prep, .done = one_done),
	CALL_ROW(mem_device_addr),
	ON_PARTS(io_serve, new_prep),
	ON_PARTS(io_serve_notify, served_prep),
	ON_PARTS(io_map, new_prep),
	ON_PARTS(io_complete, reading_prep),
	CALL_ROW(partition_create, .prep = handles_align, .done = parts_end),
	ON_PARTS(partition_populate, none_prep),
	ON_PARTS(partition_write, new_prep),
	ON_PARTS(partition_start, sleep_prep),
	ON_PARTS(partition_pause, running_prep),
	ON_PARTS(partition_resume, paused_prep),
	OP("partition_destroy", 2, 1, partition_destroy_run,
	   .prep = destroy_prep, .done = parts_close),
	CALL_ROW(partition_enumerate, .prep = handles_align,
		 .done = handle_close_run),
	CALL_ROW(partition_console_read, .prep = one_prep, .done = one_done),
	CALL_ROW(partition_console_write, .prep = one_prep, .done = one_done),
	CALL_ROW(handle_derive, .prep = handles_align,
		 .done = handle_close_run),
	CALL_ROW(handle_close, .prep = handle_derive_run),
	CALL_ROW(irq_bind),
	CALL_ROW(irq_ack),
	CALL_ROW(log_read),
	CALL_ROW(partition_translate),
	CALL_ROW(partition_irq_line, .prep = hvm_prep, .done = one_done),
	OP("partition_create_destroy", 1, 1, create_destroy_run,
	   .prep = big_prep, .done = parts_close),
	OPS_END,
};
