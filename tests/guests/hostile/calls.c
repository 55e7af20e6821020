/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercalls with any number and any argument; starts of impossible states. */
#include <string.h>

#include "hostile.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/smp.h"
#include "kit/time.h"

#define ROUNDS 20000u

static uint64_t scratch; /* two pages that may be overwritten */

/* Left out: what ends, blocks or prints, moves the upcall, overwrites any byte
 * of ours, or makes the guest the server of its own accesses, which nobody
 * answers then; and a second vCPU would run into nowhere. */
static bool harmful(uint64_t nr)
{
	static const uint8_t list[] = {
		PV_CALL_exit,
		PV_CALL_crash,
		PV_CALL_console_write,
		PV_CALL_vcpu_stop,
		PV_CALL_vcpu_wait,
		PV_CALL_event_send_wait,
		PV_CALL_mem_release,
		PV_CALL_vcpu_state_get,
		PV_CALL_vcpu_state_set,
		PV_CALL_vcpu_upcall_set,
		PV_CALL_partition_pause,
		PV_CALL_partition_dirty_read,
		PV_CALL_io_serve,
		PV_CALL_io_serve_notify,
		PV_CALL_console_read,
		PV_CALL_partition_console_read,
	};
	unsigned i;

	for (i = 0; i < sizeof(list); i++)
		if (nr == list[i])
			return true;
	return nr == PV_CALL_vcpu_start && kit_vcpus() > 1;
}

static uint64_t odd(uint64_t *seed)
{
	const uint64_t list[] = { 0,
				  1,
				  2,
				  7,
				  63,
				  64,
				  511,
				  512,
				  4095,
				  4097,
				  ~0ull,
				  ~0ull - 4095,
				  1ull << 63,
				  0x7fffffffffffffffull,
				  0xffffffffull,
				  0x100000000ull,
				  PV_VCPU_PAGE(9),
				  0xfee00000,
				  PV_VIRTIO_BASE,
				  scratch,
				  scratch + 8,
				  scratch + 4095,
				  0xffffffffff000ull };
	uint64_t r = rand_next(seed);

	if (r % 8 == 0)
		return r | 1ull << 40; /* never our memory */
	return list[(r >> 8) % (sizeof(list) / sizeof(list[0]))];
}

static void calls_wild(void)
{
	uint64_t seed = 0x2545f4914f6cdd1dull + kit_profile(), st, v;
	unsigned i, unknown = 0, bad = 0;

	scratch = kit_gpa(kit_pages_alloc(2));
	for (i = 0; i < ROUNDS; i++) {
		uint64_t nr = rand_next(&seed) % (PV_CALL_COUNT + 4);

		if (i % 16 == 0)
			nr = odd(&seed);
		if (harmful(nr))
			continue;
		st = pv_call6(nr, odd(&seed), odd(&seed), odd(&seed),
			      odd(&seed), odd(&seed), odd(&seed), &v);
		if (nr >= PV_CALL_COUNT && st != PV_ENOSYS)
			unknown++;
		bad += st >= PV_ERROR_COUNT;
	}
	kit_upcall_unmask(); /* whatever the calls wrote to our own page */
	check(!unknown && !bad, "calls-wild",
	      "%u unknown calls and %u statuses were wrong", unknown, bad);
}

/* Callee-saved registers survive; of the others, none keeps a value. */
static void calls_registers(void)
{
	uint64_t rbx, rbp, rcx, rsi, rdi;

	__asm__ volatile("pushq %%rbp\n\t"
			 "movq $0x11, %%rbx; movq $0x12, %%rbp\n\t"
			 "movq $-1, %%rcx; movq $-1, %%rsi; movq $-1, %%rdi\n\t"
			 "movl $999, %%eax\n\t" PV_CALL_INSN "\n\t"
			 "movq %%rbp, %%rax; popq %%rbp"
			 : "=b"(rbx), "=a"(rbp), "=c"(rcx), "=S"(rsi), "=D"(rdi)
			 :
			 : "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
	check(rbx == 0x11 && rbp == 0x12 && !rcx && !rsi && !rdi,
	      "calls-registers", "rbx %llx rbp %llx rcx %llx rsi %llx rdi %llx",
	      (unsigned long long)rbx, (unsigned long long)rbp,
	      (unsigned long long)rcx, (unsigned long long)rsi,
	      (unsigned long long)rdi);
}

/* ---- states that a CPU cannot enter ---- */

static void never(void *arg)
{
	(void)arg;
	kit_panic("a vCPU ran from an impossible state");
}

static void bad_starts(void)
{
	static uint64_t gdt[] = { 0, 0x00af9b000000ffffull,
				  0x00cf93000000ffffull };
	const struct pv_vcpu_start good = {
		.rip = (uint64_t)(uintptr_t)never,
		.rsp = 0x1000,
		.cr3 = kit_root(),
		.gdt_base = (uint64_t)(uintptr_t)gdt,
		.gdt_limit = sizeof(gdt) - 1,
	};
	struct pv_vcpu_start s __attribute__((aligned(8)));
	unsigned bad = 0, vcpu = kit_vcpus() - 1;

	if (!vcpu) {
		check(true, "bad-starts", "-");
		return;
	}
#define TRY(field, value)                                     \
	s = good;                                             \
	s.field = (value);                                    \
	if (pv_vcpu_start(vcpu, kit_gpa(&s)) != PV_EINVAL) {  \
		printf("bad-starts: " #field " was taken\n"); \
		bad++;                                        \
	}
	TRY(rip, 0x0000800000000000ull)
	TRY(rip, 0x8000000000000000ull)
	TRY(cr3, 1ull << 63)
	TRY(cr3, kit_root() | 1ull << 60)
	TRY(gdt_base, 0x0000900000000000ull)
	TRY(gdt_limit, 0x10000)
	TRY(pad, 1)
#undef TRY
	check(!bad, "bad-starts", "%u impossible states were taken", bad);
}

/* Starts in a state that can be entered but not survived: the guest ends. */
static void start_nowhere(void)
{
	struct pv_vcpu_start s
		__attribute__((aligned(8))) = { .rip = 0x5000,
						.cr3 = 0x700000000ull };

	if (kit_vcpus() > 1)
		pv_vcpu_start(1, kit_gpa(&s));
	kit_sleep_ns(KIT_SECOND);
}

/* Its own death, with a message that is not memory, and then one that is. */
static void crash(void)
{
	static const char msg[] = "as asked\n\033[2J\001 by the test";

	if (pv_crash(~0ull, 8) != PV_EFAULT || pv_crash(0, 121) != PV_EINVAL)
		kit_exit(9);
	pv_crash(kit_gpa(msg), sizeof(msg) - 1);
}

static void kernel_bug(void) { __asm__ volatile("ud2"); }

const struct hostile call_tests[] = {
	{ "calls-registers", calls_registers, false },
	{ "bad-starts", bad_starts, false },
	{ "calls-wild", calls_wild, false },
	{ "start-nowhere", start_nowhere, true },
	{ "crash", crash, true },
	{ "kernel-bug", kernel_bug, true },
	{ NULL, NULL, false },
};
