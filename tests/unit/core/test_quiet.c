/* SPDX-License-Identifier: BSD-2-Clause */
/* How a function becomes quiet: off the bus, what it has asked for answered, then
 * reset, and only then are frames used again that it could reach. */
/* TEST-SRC: hv/core/quiet.c */
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
static u32 config[FUNCS][64], resets[FUNCS], unbound, off_status;
static bool others[FUNCS]; /* not the host partition's */
static jmp_buf off;

void log(const char *fmt, ...) {}

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
	unbound = off_status = 0;
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
	config[1][1] &= ~PCI_COMMAND_MASTER; /* it was not on the bus */
	pci_funcs[2].reset = EXPRESS_RESET;
	pci_funcs[2].class = PCI_CLASS_DISPLAY;
	device_quiet(HOST);
	assert_true(device_settled(HOST));
	assert_int_equal(unbound, 14);
	for (u32 n = 0; n < FUNCS; n++)
		assert_int_equal(resets[n], 0);
	assert_int_equal(config[0][1] & 7, 7);
}

static void what_is_under_way_is_waited_for(void **state)
{
	tsc_khz = 1ull << 40;
	config[2][EXPRESS / 4] |= EXPRESS_PENDING;
	pci_funcs[0].reset = pci_funcs[1].reset = 0;
	device_quiet(HOST);
	assert_true(device_pending(HOST));
	for (u32 n = 0; n < 1000; n++)
		assert_false(device_settled(HOST));
	config[2][EXPRESS / 4] &= ~EXPRESS_PENDING;
	assert_false(device_pending(HOST));
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
