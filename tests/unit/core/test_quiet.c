/* SPDX-License-Identifier: BSD-2-Clause */
/* How a function becomes quiet: off the bus, what it has asked for answered, then
 * reset, and only then are frames used again that it could reach. */
/* TEST-SRC: hv/core/quiet.c hv/lib/stop.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/device.h"
#include "core/quiet.h"
#include "lib/log.h"
#include "lib/power.h"
#include "lib/stop.h"

#define FUNCS 4
#define HOST (&part)
#define EXPRESS 0x48 /* Device Control and Status */
#define EXPRESS_PENDING (1u << 21)
#define EXPRESS_RESET 0x8000u
#define AF 0x54
#define AF_PENDING 0x100u
#define AF_RESET 1u
#define ERRORS 0xf0000u /* in Device Status: ones clear them */
#define WAIT_US 100000ull

u64 tsc_khz;
u32 pci_count = FUNCS;
struct pci_func pci_funcs[PCI_MAX_FUNCS];
struct lock device_lock;
static struct partition part;
static u32 config[FUNCS][64], resets[FUNCS], unbound, off_status, told;
static bool others[FUNCS]; /* not the host partition's */
static volatile struct {
	u32 control, status;
	u8 command, active;
} regs; /* of function 3 */
static jmp_buf off;

void log(const char *fmt, ...) { told++; }

void power_off(u32 status)
{
	off_status = status;
	longjmp(off, 1);
}

bool device_owns_locked(const struct partition *p, u32 n) { return !others[n]; }

void irq_unbind_locked(u32 n) { unbound |= 1u << n; }

void device_stop(struct partition *p, bool release)
{
	assert_false(release);
	for (u32 n = 0; n < FUNCS; n++)
		if (!others[n])
			config[n][1] &= ~PCI_COMMAND_MASTER;
}

u32 pci_read32(u16 bdf, u16 reg) { return config[bdf][reg / 4]; }

/* As 6.6.2 has it: nothing of the header is left. */
static void reset(u16 bdf)
{
	assert_false(config[bdf][1] & PCI_COMMAND_MASTER);
	resets[bdf]++;
	for (u32 i = 0; i < 16; i++)
		config[bdf][i] = 0;
}

void pci_write32(u16 bdf, u16 reg, u32 v)
{
	assert_false(others[bdf]);
	if (reg == EXPRESS || reg == AF) {
		assert_int_equal(v & ERRORS, 0);
		if (v & pci_funcs[bdf].reset)
			reset(bdf);
		return;
	}
	config[bdf][reg / 4] = v;
}

/* Function 3 has registers, in memory. */
static void with_stops(void)
{
	pci_stops[3][0] = (struct pci_stop){ .at = (u64)&regs.control,
					     .busy_at = (u64)&regs.status,
					     .value = 0x80000001,
					     .busy = 1,
					     .space = PCI_COMMAND_MEMORY,
					     .width = 4 };
	pci_stops[3][1] = (struct pci_stop){ .at = (u64)&regs.command,
					     .busy_at = (u64)&regs.active,
					     .busy = 0xff,
					     .space = PCI_COMMAND_MEMORY,
					     .width = 1 };
	regs.control = regs.status = 0xfffffff0;
	regs.command = 0x5a;
	regs.active = 0;
	config[3][1] = 0x100000 | 4; /* its driver has closed them */
}

static int setup(void **state)
{
	static const struct pci_func with[FUNCS] = {
		{ .quiet = EXPRESS,
		  .pending = EXPRESS_PENDING,
		  .reset = EXPRESS_RESET },
		{ .quiet = AF, .pending = AF_PENDING, .reset = AF_RESET },
		{ .quiet = EXPRESS, .pending = EXPRESS_PENDING },
		{ .quiet = 0 },
	};

	memset(config, 0, sizeof(config));
	memset(resets, 0, sizeof(resets));
	memset(others, 0, sizeof(others));
	memset(pci_stops, 0, sizeof(pci_stops));
	memset(&part, 0, sizeof(part));
	unbound = off_status = told = 0;
	tsc_khz = 10000; /* the waits are short ones, then */
	for (u16 n = 0; n < FUNCS; n++) {
		pci_funcs[n] = with[n];
		pci_funcs[n].bdf = n;
		pci_funcs[n].irq_line = (u8)(5 + n);
		pci_funcs[n].raw_bar[0] = 0xc001u + n * 0x100u;
		pci_funcs[n].raw_bar[5] = 0xfeb00000u;
		config[n][1] = 0x100000 | 7;
		config[n][EXPRESS / 4] = ERRORS | 0x2810;
	}
	return 0;
}

/* Returns the ticks that it took. */
static u64 settle(void)
{
	u64 from = __builtin_ia32_rdtsc();

	while (!device_settled(HOST))
		;
	return __builtin_ia32_rdtsc() - from;
}

static void what_can_be_reset_is(void **state)
{
	device_quiet(HOST);
	assert_int_equal(unbound, 15);
	assert_int_equal(resets[0] + resets[1], 0);
	assert_true(settle() >= WAIT_US * tsc_khz / 1000);
	for (u16 n = 0; n < FUNCS; n++)
		assert_int_equal(resets[n], n < 2);
}

/* 100 ms, in which interrupts are taken. */
static void a_reset_takes_its_time(void **state)
{
	tsc_khz = 1ull << 40;
	device_quiet(HOST);
	for (u32 n = 0; n < 1000; n++)
		assert_false(device_settled(HOST));
	assert_int_equal(resets[0], 1);
	assert_int_equal(config[0][4], 0);
}

static void a_reset_function_is_where_it_was(void **state)
{
	device_quiet(HOST);
	settle();
	assert_int_equal(config[1][4], 0xc101);
	assert_int_equal(config[1][9], 0xfeb00000);
	assert_int_equal(config[1][15] & 0xff, 6);
	assert_int_equal(config[1][1] & 0xffff, 3 | PCI_COMMAND_INTX_OFF);
}

static void others_are_left_alone(void **state)
{
	others[0] = true;
	config[0][EXPRESS / 4] |= EXPRESS_PENDING;
	others[1] = true;
	with_stops();
	others[3] = true;
	pci_funcs[2].reset = EXPRESS_RESET;
	pci_funcs[2].class = PCI_CLASS_DISPLAY;
	device_quiet(HOST);
	assert_true(device_settled(HOST));
	assert_int_equal(unbound, 4);
	for (u32 n = 0; n < FUNCS; n++)
		assert_int_equal(resets[n], 0);
	assert_int_equal(config[0][1] & 7, 7);
	assert_int_equal(config[3][1] & 7, 4);
	assert_int_equal(regs.command, 0x5a);
}

static void what_is_under_way_is_waited_for(void **state)
{
	tsc_khz = 1ull << 40;
	config[2][EXPRESS / 4] |= EXPRESS_PENDING;
	pci_funcs[0].reset = pci_funcs[1].reset = 0;
	device_quiet(HOST);
	for (u32 n = 0; n < 1000; n++)
		assert_false(device_settled(HOST));
	config[2][EXPRESS / 4] &= ~EXPRESS_PENDING;
	assert_true(device_settled(HOST));
}

/* Only where it does not end a reset cuts it short. */
static void a_reset_waits_too(void **state)
{
	config[1][AF / 4] |= AF_PENDING;
	device_quiet(HOST);
	assert_false(device_settled(HOST));
	assert_int_equal(resets[0] + resets[1], 0);
	while (!resets[1])
		assert_false(device_settled(HOST));
	config[1][AF / 4] = 0;
	settle();
}

static void what_stays_busy_switches_the_machine_off(void **state)
{
	config[2][EXPRESS / 4] |= EXPRESS_PENDING;
	device_quiet(HOST);
	if (!setjmp(off)) {
		settle();
		fail();
	}
	assert_int_equal(off_status, 98);
}

/* Off the bus, its registers within reach, written: what it does then counts. */
static void what_has_no_reset_is_stopped(void **state)
{
	pci_funcs[0].reset = pci_funcs[1].reset = 0;
	with_stops();
	regs.status |= 1;
	tsc_khz = 1ull << 30;
	device_quiet(HOST);
	assert_int_equal(config[3][1] & 7, PCI_COMMAND_MEMORY);
	assert_int_equal(regs.control, 0x80000001);
	assert_int_equal(regs.command, 0);
	assert_int_equal(regs.status, 0xfffffff1);
	for (u32 n = 0; n < 1000; n++)
		assert_false(device_settled(HOST));
	regs.status &= ~1u;
	regs.active = 0x80;
	assert_false(device_settled(HOST));
	regs.active = 0;
	assert_true(device_settled(HOST));
	assert_int_equal(told, 0);
}

static void what_does_not_stop_has_a_second(void **state)
{
	u64 from = __builtin_ia32_rdtsc();

	pci_funcs[0].reset = pci_funcs[1].reset = 0;
	with_stops();
	regs.status |= 1;
	device_quiet(HOST);
	if (!setjmp(off)) {
		settle();
		fail();
	}
	assert_true(__builtin_ia32_rdtsc() - from >=
		    1000000ull * tsc_khz / 1000);
	assert_int_equal(off_status, 98);
}

/* Nothing answers for it: all ones. */
static void what_was_pulled_out_is_quiet(void **state)
{
	pci_funcs[0].reset = pci_funcs[1].reset = 0;
	with_stops();
	regs.status |= 1;
	config[3][0] = ~0u;
	device_quiet(HOST);
	assert_true(device_settled(HOST));
}

/* It is asked for alone, has left the bus already, and is never used again where
 * it does not become quiet. */
static void a_guests_functions_too(void **state)
{
	part.id = 2;
	with_stops();
	regs.status |= 1;
	for (u32 n = 0; n < FUNCS; n++)
		config[n][1] &= ~PCI_COMMAND_MASTER;
	assert_false(device_settled(HOST));
	assert_int_equal(regs.control, 0x80000001);
	assert_int_equal(resets[0], 0);
	while (!told)
		assert_false(device_settled(HOST));
	assert_int_equal(resets[0], 1);
	assert_int_equal(config[0][4], 0xc001);
	assert_int_equal(config[0][1] & 7, 3);
	for (u32 n = 0; n < 1000; n++)
		assert_false(device_settled(HOST));
	assert_int_equal(told, 1);
	regs.status &= ~1u;
	assert_true(device_settled(HOST));
	assert_int_equal(resets[0], 1);
}

/* One end does not hold up another. */
static void ends_are_apart(void **state)
{
	static struct partition guest = { .id = 2 };

	tsc_khz = 1ull << 30;
	config[2][EXPRESS / 4] |= EXPRESS_PENDING;
	others[0] = others[1] = others[3] = true;
	assert_false(device_settled(&guest));
	memset(others, true, sizeof(others));
	others[3] = false;
	device_quiet(HOST);
	assert_true(device_settled(HOST));
	memset(others, true, sizeof(others));
	others[2] = false;
	assert_false(device_settled(&guest));
	config[2][EXPRESS / 4] = 0;
	assert_true(device_settled(&guest));
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_can_be_reset_is),
		T(a_reset_takes_its_time),
		T(a_reset_function_is_where_it_was),
		T(others_are_left_alone),
		T(what_is_under_way_is_waited_for),
		T(a_reset_waits_too),
		T(what_stays_busy_switches_the_machine_off),
		T(what_has_no_reset_is_stopped),
		T(what_does_not_stop_has_a_second),
		T(what_was_pulled_out_is_quiet),
		T(a_guests_functions_too),
		T(ends_are_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
