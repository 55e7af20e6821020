/* SPDX-License-Identifier: BSD-2-Clause */
/* Which registers stop a function, by its class, and only in what is its own. */
/* TEST-SRC: hv/boot/stop.c hv/lib/stop.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "boot/machine.h"
#include "lib/stop.h"

#define PORTS 0xc000u
#define MEM 0xfebf1000ull
#define MEM_SIZE 0x20000u

u32 pci_count = 2;
struct pci_func pci_funcs[PCI_MAX_FUNCS];
static struct boot_host host;
static u32 config[64];
static u64 mapped;
static struct pci_func *f = &pci_funcs[1];
static struct pci_stop *stop = pci_stops[1];

u32 pci_read32(u16 bdf, u16 reg) { return config[reg / 4]; }

void paging_add_device(u64 addr) { mapped = addr; }

/* The function has memory at each BAR but one, which has ports. */
static int setup(void **state)
{
	memset(pci_funcs, 0, sizeof(pci_funcs));
	memset(config, 0, sizeof(config));
	host = (struct boot_host){ .nr_grants = 2 };
	host.grants[0] =
		(struct boot_grant){ BOOT_GRANT_DEVICE, 2, MEM, MEM, MEM_SIZE };
	host.grants[1] =
		(struct boot_grant){ BOOT_GRANT_PORTS, 2, PORTS, 0, 16 };
	for (u32 i = 0; i < array_size(f->bar); i++)
		f->bar[i] = (struct pci_bar){ MEM, MEM_SIZE, false };
	f->bar[4] = (struct pci_bar){ PORTS, 16, true };
	mapped = 0;
	return 0;
}

static void class_is(u32 class)
{
	f->class = (u8)(class >> 16);
	f->subclass = (u8)(class >> 8);
	f->progif = (u8) class;
	memset(pci_stops, 0, sizeof(pci_stops));
	stops_find(&host);
}

static void expect(u32 n, u64 at, u64 busy_at, u32 value, u32 busy)
{
	const struct pci_stop *s = &stop[n];

	assert_int_equal(s->at, at);
	assert_int_equal(s->busy_at, busy_at);
	assert_int_equal(s->value, value);
	assert_int_equal(s->busy, busy);
}

static void both_channels_of_bus_master_ide(void **state)
{
	class_is(0x01018a);
	expect(0, PORTS, PORTS + 2, 0, 1);
	expect(1, PORTS + 8, PORTS + 10, 0, 1);
	assert_int_equal(stop[0].space, PCI_COMMAND_IO);
	assert_int_equal(stop[1].width, 1);
	assert_int_equal(mapped, 0);
	class_is(0x010105); /* no bus master */
	assert_int_equal(stop[0].at, 0);
}

static void an_ahci_controller(void **state)
{
	class_is(0x010601);
	expect(0, MEM + 4, MEM + 4, 0x80000000, 0);
	expect(1, MEM + 4, MEM + 4, 0x80000001, 1);
	assert_int_equal(stop[0].space, PCI_COMMAND_MEMORY);
	assert_int_equal(stop[0].width, 4);
	assert_int_equal(mapped, MEM + 4);
	class_is(0x010600);
	assert_int_equal(stop[0].at, 0);
}

static void nvme_without_a_reset(void **state)
{
	class_is(0x010802);
	expect(0, MEM + 0x14, MEM + 0x1c, 0, 1);
	expect(1, 0, 0, 0, 0);
	f->reset = 0x8000;
	class_is(0x010802);
	assert_int_equal(stop[0].at, 0);
}

static void a_network_card(void **state)
{
	f->vendor = 0x8086;
	f->device = 0x100e;
	class_is(0x020000);
	expect(0, MEM + 0x100, MEM + 0x100, 0, 0);
	expect(1, MEM, MEM, 1u << 26, 1u << 26);
	f->device = 0x100f;
	class_is(0x020000);
	assert_int_equal(stop[0].at, 0);
}

static void virtio_is(u32 bar, u32 offset)
{
	f->vendor = 0x1af4;
	f->device = 0x1042;
	config[1] = 1u << 20;
	config[13] = 0x44;
	config[17] = 0x05105809; /* another structure; goes on at 58 */
	config[22] = 0x01104409; /* loops */
	config[23] = bar;
	config[24] = offset;
	class_is(0x010000);
}

static void virtio_by_its_capability(void **state)
{
	virtio_is(2, 0x1000);
	expect(0, MEM + 0x1014, MEM + 0x1014, 0, 0xff);
	assert_int_equal(stop[0].width, 1);
	assert_int_equal(mapped, MEM + 0x1014);
	expect(1, 0, 0, 0, 0);
	virtio_is(6, 0x1000);
	assert_int_equal(stop[0].at, 0);
	virtio_is(4, 0); /* ports */
	assert_int_equal(stop[0].at, 0);
	virtio_is(2, MEM_SIZE - 20);
	assert_int_equal(stop[0].at, 0);
	virtio_is(2, ~0u);
	assert_int_equal(stop[0].at, 0);
	config[1] = 0; /* no capabilities */
	class_is(0x010000);
	assert_int_equal(stop[0].at, 0);
}

static void nothing_of_somebody_elses(void **state)
{
	host.grants[0].func = host.grants[1].func = 1;
	class_is(0x010601);
	assert_int_equal(stop[0].at, 0);
	class_is(0x010180);
	assert_int_equal(stop[0].at, 0);
	host.grants[0].func = host.grants[1].func = 2;
	host.grants[1].size = 10; /* the second channel's are not */
	class_is(0x010180);
	expect(0, PORTS, PORTS + 2, 0, 1);
	expect(1, 0, 0, 0, 0);
	f->bar[5].base = 0; /* firmware has given it none */
	class_is(0x010601);
	assert_int_equal(stop[0].at, 0);
}

static void not_the_screen(void **state)
{
	virtio_is(2, 0);
	assert_int_not_equal(stop[0].at, 0);
	class_is(0x030000);
	assert_int_equal(stop[0].at, 0);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(both_channels_of_bus_master_ide),
		T(an_ahci_controller),
		T(nvme_without_a_reset),
		T(a_network_card),
		T(virtio_by_its_capability),
		T(nothing_of_somebody_elses),
		T(not_the_screen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
