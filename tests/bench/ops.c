/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations: the kit's, by whichever path the profile bound them to. */
#include "bench.h"
#include "kit/block.h"
#include "kit/console.h"
#include "kit/irq.h"
#include "kit/mm.h"
#include "kit/ops.h"
#include "kit/time.h"
#include "kit/vconsole.h"

#define FLOOR_MAGIC 0x464c4f4f /* the leanest handler's number */
#define REG_MAGIC 0x000u
#define REG_NOTIFY 0x050u
#define PAGE_SECTORS 8u

/* ---- loops of known length, for calibration ---- */

/* 2 instructions an iteration */
static void loop_run(uint32_t n)
{
	__asm__ volatile("1: decl %0; jnz 1b" : "+r"(n)::"cc");
}

/* 3 and the call: the fast path */
static void call_fast_run(uint32_t n)
{
	__asm__ volatile("1: xorl %%eax, %%eax\n\t" PV_CALL_INSN
			 "\n\tdecl %%ebx; jnz 1b"
			 : "+b"(n)::"rax", "rcx", "rdx", "rsi", "rdi", "r8",
			   "r9", "r10", "r11", "cc", "memory");
}

/* 3 and the call: the hypervisor's leanest handler */
static void floor_run(uint32_t n)
{
	__asm__ volatile("1: movl %1, %%eax\n\t" PV_CALL_INSN
			 "\n\tdecl %%ebx; jnz 1b"
			 : "+b"(n)
			 : "i"(FLOOR_MAGIC)
			 : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
			   "r11", "cc", "memory");
}

/* 2 and the OUT: any other exit */
static void out_run(uint32_t n)
{
	__asm__ volatile("1: outb %%al, $0x80; decl %0; jnz 1b"
			 : "+r"(n)::"cc", "memory");
}

/* The same with a loop of known length beside: 101 instructions more. */
#define KNOWN_LOOP "movl $50, %%ecx; 2: decl %%ecx; jnz 2b\n\t"

static void call_known_run(uint32_t n)
{
	__asm__ volatile("1: xorl %%eax, %%eax\n\t" PV_CALL_INSN
			 "\n\t" KNOWN_LOOP "decl %%ebx; jnz 1b"
			 : "+b"(n)::"rax", "rcx", "rdx", "rsi", "rdi", "r8",
			   "r9", "r10", "r11", "cc", "memory");
}

static void exit_known_run(uint32_t n)
{
	__asm__ volatile("1: outb %%al, $0x80\n\t" KNOWN_LOOP "decl %0; jnz 1b"
			 : "+r"(n)::"rcx", "cc", "memory");
}

/* ---- one vCPU ---- */

void null_run(uint32_t n)
{
	if (kit_op_path(KIT_OP_NULL) == KIT_CALL)
		call_fast_run(n);
	else
		out_run(n);
}

static uint64_t entries; /* of a batch: 64 times nop */

static bool batch_start(void)
{
	void *page = kit_pages_alloc(1);

	entries = page ? kit_gpa(page) : 0;
	return page;
}

static void batch_run(uint32_t n)
{
	if (kit_op_path(KIT_OP_NULL) != KIT_CALL)
		return out_run(n * PV_BATCH_MAX);
	while (n--)
		pv_batch(entries, PV_BATCH_MAX, 0, NULL);
}

static void time_read_run(uint32_t n)
{
	while (n--)
		kit_ops.time_ns();
}

static uint64_t far;

static bool timer_start(void)
{
	far = kit_tsc() + kit_tsc_khz() * 100000;
	return true;
}

static void timer_set_run(uint32_t n)
{
	while (n--)
		kit_ops.timer_set(far + n);
}

static void timer_stop(void) { kit_ops.timer_set(0); }

/* The host partition drops NULs, so the table's lines stay readable. */
static const char nuls[80];

static void console_byte_run(uint32_t n)
{
	while (n--)
		kit_write(nuls, 1);
}

static void console_line_run(uint32_t n)
{
	while (n--)
		kit_write(nuls, sizeof(nuls));
}

#define TTY_LINES (8 * KIT_VCONSOLE_QUEUE / 2)

static struct kit_vconsole *tty; /* in profile pv */

static void tty_line_run(uint32_t n)
{
	while (n--)
		if (!kit_vconsole_write(tty, nuls, sizeof(nuls)))
			kit_panic("console_line: the console has failed");
}

static bool tty_start(void)
{
	if (kit_profile() == PV_PROFILE_PV && !tty)
		tty = kit_vconsole_open("tty", NULL);
	return tty;
}

/* Each run finds the same before it: all of the memory was used. */
static void tty_prep(uint32_t n)
{
	(void)n;
	tty_line_run(TTY_LINES);
}

static bool tty_absent(void) { return !tty_start(); }

uint64_t self_event;
static uint32_t self_events;

static void self_got(void *arg)
{
	(void)arg;
	self_events++;
}

bool event_start(void)
{
	int port = kit_event_alloc();

	kit_vector_register(KIT_VECTOR_SELF, self_got, NULL);
	kit_event_register(port, self_got, NULL);
	return port >= 0 && !kit_event_bind(port, 0, &self_event);
}

static void event_send_run(uint32_t n)
{
	while (n--)
		kit_ops.event_send(self_event);
}

static uint64_t roots[2];

static bool aspace_start(void)
{
	roots[0] = kit_root();
	if (!roots[1])
		roots[1] = kit_root_clone();
	return roots[1];
}

static void aspace_run(uint32_t n)
{
	while (n--)
		__asm__ volatile("movq %0, %%cr3" ::"r"(roots[n & 1])
				 : "memory");
}

static void cpu_query_run(uint32_t n)
{
	while (n--)
		kit_ops.query(PV_QUERY_VCPU);
}

/* ---- event_send after an exit of another kind, which must not matter ---- */

static bool after_io_start(void)
{
	if (kit_profile() != PV_PROFILE_PV)
		return false;
	out_run(1);
	return event_start();
}

static volatile bool fired;

static void timer_fired(void *arg)
{
	(void)arg;
	fired = true;
}

static bool after_irq_start(void)
{
	if (kit_profile() != PV_PROFILE_PV)
		return false;
	fired = false;
	kit_timer_set(kit_time_ns() + 5 * KIT_MS, timer_fired, NULL);
	while (!fired)
		__asm__ volatile("pause");
	return event_start();
}

/* ---- the disk ---- */

/* bench.cfg: one that the host partition has in memory, one on its disk, one
 * that moves no data. */
static const char *const disk_names[BENCH_DISKS] = { "ram", "real", "null" };
static struct kit_block *disks[BENCH_DISKS];
static void *disk_bufs[BENCH_DISKS];
struct kit_block *disk;
uint8_t *disk_buf;
uint64_t disk_base;

bool disk_choose(enum disk_kind i)
{
	const struct pv_device *d =
		kit_device(NULL, PV_DEV_VIRTIO, disk_names[i]);

	if (!d)
		return false;
	if (!disks[i]) {
		disks[i] = kit_block_open(disk_names[i], NULL);
		if (disks[i])
			disk_bufs[i] = kit_block_buffer(disks[i], BENCH_BUFFER);
	}
	disk_base = d->base;
	disk = disks[i];
	disk_buf = disk_bufs[i];
	return disk_buf;
}

bool ram_disk_start(void) { return disk_choose(BENCH_RAM); }

static bool disk_start(void) { return disk_choose(BENCH_REAL); }

static void reg_read_run(uint32_t n)
{
	while (n--)
		kit_ops.reg_read(disk_base + REG_MAGIC, 4);
}

static void notify_run(uint32_t n)
{
	while (n--)
		kit_ops.reg_write(disk_base + REG_NOTIFY, 4, 0);
}

static void disk_read_run(uint32_t n)
{
	while (n--)
		if (!kit_block_read(disk, n % 8 * PAGE_SECTORS, disk_buf,
				    KIT_PAGE_SIZE))
			kit_panic("disk_read_4k: an I/O error");
}

/*
 * Sixteen iterations are enough: the counts are exact, and on VMX the timer is
 * set anew at each sixteenth entry. With QEMU's 16 ASIDs each fifteenth load of
 * CR3 begins a new generation. A loop stays well below a slice on VMX, and a
 * longest stay on SVM, so that the scheduler's timer does not fall in.
 */
const struct op bench_ops[] = {
	OP("loop", 1024, 1, loop_run),
	OP("call_fast", 64, 1, call_fast_run),
	OP("exit", 16, 1, out_run),
	OP("call_known", 16, 1, call_known_run),
	OP("exit_known", 16, 1, exit_known_run),
	OP("floor", 64, 1, floor_run, .when = ASKED),
	OP("null", 16, 1, null_run),
	OP("batch_64", 4, PV_BATCH_MAX, batch_run, .start = batch_start),
	OP("time_read", 16, 1, time_read_run),
	OP("timer_set", 16, 1, timer_set_run, .start = timer_start,
	   .stop = timer_stop),
	OP("console_byte", 16, 1, console_byte_run),
	/* as often as the queue is half full, and that several times */
	OP("console_line", TTY_LINES, 1, tty_line_run, .start = tty_start,
	   .prep = tty_prep),
	OP("console_line", 4, 1, console_line_run, .start = tty_absent),
	OP("event_send", 16, 1, event_send_run, .start = event_start),
	OP("after_io", 16, 1, event_send_run, .start = after_io_start),
	OP("after_irq", 16, 1, event_send_run, .start = after_irq_start),
	OP("ipi", 16, 2, ipi_run, .start = pair_start, .stop = pair_stop),
	OP("event_wait", 16, 2, event_wait_run, .start = pair_event_start,
	   .stop = pair_stop),
	OP("event_wake", 16, 1, wake_run, .start = wake_start,
	   .stop = wake_stop),
	OP("aspace_switch", 240, 1, aspace_run, .start = aspace_start),
	OP("cpu_query", 16, 1, cpu_query_run),
	OP("reg_read", 16, 1, reg_read_run, .start = ram_disk_start),
	OP("notify", 16, 1, notify_run, .start = ram_disk_start),
	OP("disk_read_4k", 16, 1, disk_read_run, .start = ram_disk_start),
	OP("disk_read_4k_device", 4, 1, disk_read_run, .start = disk_start,
	   .when = DEVICE),
	OPS_END,
};
