/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI functions: whose they are, what moves with them, who hears of them. */
/* TEST-SRC: hv/core/device.c hv/core/device_irq.c hv/lib/machine.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_device.h"

/* ---- the tests ---- */

static struct device *dev[4];

static void grant(u32 func, u32 kind, u64 start, u64 size)
{
	boot.grants[boot.nr_grants++] = (struct boot_grant){ .kind = kind,
							     .func = func,
							     .start = start,
							     .hpa = start,
							     .size = size };
}

static u64 adopt(u16 bdf)
{
	u64 h;

	assert_int_equal(device_adopt(HOST, bdf, &h), PV_OK);
	assert_int_equal(device_find(HOST, h, PV_RIGHT_CONTROL, &dev[bdf]),
			 PV_OK);
	return h;
}

static int setup(void **state)
{
	if (dev[0]) /* a new boot */
		memset(dev[0], 0, sizeof(dev) / sizeof(*dev) * sizeof(**dev));
	for (u32 i = 0; i < 3; i++)
		part[i] = (struct partition){ .id = i,
					      .gen = part[i].gen + 1,
					      .space.root = 0x1000 };
	HOST->state = PV_STATE_RUNNING;
	vcpu.part = HOST;
	vcpu.cpu = 1;
	cpus[1].current = &vcpu;
	cpu_table[1] = &cpus[1];
	cpus[1].apic_id = 3;
	pci_count = 4;
	memset(pci_funcs, 0, sizeof(pci_funcs));
	memset(config, 0, sizeof(config));
	memset(order, 0, sizeof(order));
	memset(told, 0, sizeof(told));
	memset(&boot, 0, sizeof(boot));
	map_fails_at = install_fails = 0;
	revoked = 0;
	served = flushed = NULL;
	for (u16 i = 0; i < 4; i++) {
		pci_funcs[i] = (struct pci_func){ .bdf = i,
						  .irq_pin = 1,
						  .irq_line = 5 };
		config[i][1] = 0xffff0007; /* decoding, bus master, status */
	}
	pci_funcs[3].irq_line = 9;
	pci_funcs[0].msi = MSI;
	pci_funcs[0].msix = MSIX;
	config[0][MSI / 4] = PCI_MSI_ENABLE | 5;
	config[0][MSIX / 4] = PCI_MSIX_ENABLE | 0x11;
	grant(0, BOOT_GRANT_MODULE, 0x1000000000, PAGE_SIZE);
	grant(1, BOOT_GRANT_DEVICE, MEMORY, PAGE_SIZE);
	grant(1, BOOT_GRANT_PORTS, PORT, 32);
	grant(1, BOOT_GRANT_DEVICE, MEMORY + LARGE_SIZE, LARGE_SIZE);
	grant(2, BOOT_GRANT_DEVICE, MEMORY + PAGE_SIZE, PAGE_SIZE);
	grant(3, BOOT_GRANT_DEVICE, MEMORY + PAGE_SIZE, PAGE_SIZE);
	device_init(&boot);
	for (u16 i = 0; i < 4; i++) {
		adopt(i);
		irq_unbind_locked(i);
	}
	memset(order, 0, sizeof(order));
	return 0;
}

static void a_move_takes_all_with_it(void **state)
{
	u64 h = adopt(0), there;

	memset(order, 0, sizeof(order));
	dev[0]->sizing = 1;
	assert_int_equal(device_assign(HOST, h, GUEST, 1, &there), PV_OK);
	/* mapped there, off the bus, then unmapped here */
	assert_string_equal(order, "mimbuoua");
	assert_int_equal(attached[0].domain, GUEST->id + 1);
	assert_int_equal(attached[0].root, GUEST->space.root);
	assert_int_equal(config[0][1], 0x403);
	assert_int_equal(config[0][MSI / 4], 5);
	assert_int_equal(config[0][MSIX / 4], 0x11);
	assert_int_equal(revoked, h);
	assert_ptr_equal(flushed, HOST);
	assert_int_equal(installed.obj, GUEST->id);
	assert_int_equal(device_find(GUEST, there, PV_RIGHT_CONTROL, &dev[0]),
			 PV_OK);
	assert_int_equal(device_find(HOST, h, 0, &dev[0]), PV_EHANDLE);
	lock_take(&device_lock);
	assert_null(device_at_locked(HOST, 0));
	assert_ptr_equal(device_at_locked(GUEST, 0), dev[0]);
	GUEST->state = PV_STATE_EXITED;
	assert_null(device_at_locked(GUEST, 0));
	lock_drop(&device_lock);
	assert_true(device_any(GUEST));
	assert_int_equal(dev[0]->sizing, 0);
}

static void names_go_stale(void **state)
{
	u64 h = adopt(0);

	assert_int_equal(device_find(HOST, h, 0, &dev[0]), PV_OK);
	installed.arg += PCI_MAX_FUNCS; /* another generation */
	assert_int_equal(device_find(HOST, h, 0, &dev[0]), PV_EHANDLE);
	installed.arg -= PCI_MAX_FUNCS;
	installed.rights = PV_RIGHT_GRANT;
	assert_int_equal(device_find(HOST, h, PV_RIGHT_CONTROL, &dev[0]),
			 PV_ERIGHT);
	assert_int_equal(device_find(GUEST, h, PV_RIGHT_CONTROL, &dev[0]),
			 PV_EHANDLE);
}

static void refused(int err, u32 flags, u64 h, const char *steps)
{
	u64 there = 0;

	memset(order, 0, sizeof(order));
	assert_int_equal(device_assign(HOST, h, GUEST, flags, &there), err);
	assert_string_equal(order, steps);
	assert_int_equal(config[0][1] & PCI_COMMAND_MASTER, PCI_COMMAND_MASTER);
	assert_null(flushed);
	assert_int_equal(revoked, 0);
	if (err != PV_EHANDLE)
		assert_int_equal(device_find(HOST, h, 0, &dev[0]), PV_OK);
}

static void a_refusal_changes_nothing(void **state)
{
	u64 h = adopt(0);

	refused(PV_ENOSYS, 0, h, "");
	refused(PV_EHANDLE, 1, 8, "");
	GUEST->state = PV_STATE_RUNNING;
	refused(PV_ESTATE, 1, h, "");
	GUEST->state = PV_STATE_NEW;
	map_fails_at = 1;
	refused(PV_ENOMEM, 1, h, "");
	map_fails_at = 2;
	refused(PV_ENOMEM, 1, h, "miuo");
	served = GUEST;
	refused(PV_EEXIST, 1, h, "mu");
	served = NULL;
	install_fails = 1;
	refused(PV_ENOMEM, 1, h, "mimuou");
	install_fails = 0;
	boot.grants[3].size = HUGE_SIZE + PAGE_SIZE;
	refused(PV_EINVAL, 1, h, "");
}

static void confined_it_needs_no_flag(void **state)
{
	u64 there;

	iommu.kind = IOMMU_VTD;
	assert_int_equal(device_assign(HOST, adopt(0), GUEST, 0, &there),
			 PV_OK);
	iommu.kind = IOMMU_NONE;
}

static void shared_pages_do_not_move(void **state)
{
	u64 there;

	assert_int_equal(device_assign(HOST, adopt(1), GUEST, 1, &there),
			 PV_EINVAL);
	assert_int_equal(device_assign(HOST, adopt(2), GUEST, 1, &there),
			 PV_EINVAL);
	assert_string_equal(order, "aa"); /* by the host */
}

static void the_end_frees_it(void **state)
{
	u64 h, there;

	assert_int_equal(device_assign(HOST, adopt(0), GUEST, 1, &there),
			 PV_OK);
	assert_int_equal(device_take(HOST, 0, &h), PV_ESTATE);
	config[0][1] |= PCI_COMMAND_MASTER;
	device_stop(GUEST, false);
	assert_int_equal(config[0][1] & PCI_COMMAND_MASTER, 0);
	assert_int_equal(device_take(HOST, 0, &h), PV_ESTATE);
	config[0][1] |= PCI_COMMAND_MASTER;
	device_stop(GUEST, true);
	assert_int_equal(config[0][1] & PCI_COMMAND_MASTER, 0);
	assert_false(device_any(GUEST));
	assert_int_equal(attached[0].root, 0); /* nobody's reaches nothing */
	assert_int_equal(device_take(HOST, 9, &h), PV_EINVAL);
	memset(order, 0, sizeof(order));
	install_fails = 1;
	assert_int_equal(device_take(HOST, 0, &h), PV_ENOMEM);
	assert_string_equal(order, "mimuou");
	install_fails = 0;
	assert_int_equal(device_take(HOST, 0, &h), PV_OK);
	assert_int_equal(device_find(HOST, h, PV_RIGHT_CONTROL, &dev[0]),
			 PV_OK);
	assert_int_equal(device_take(HOST, 0, &h), PV_ESTATE);
}

static int bind(struct partition *p, u32 n, u32 port)
{
	u64 none = 0;
	int err = irq_bind_device(p, dev[n], 0, 0, port, &none);

	assert_int_equal(none, 0);
	return err;
}

static void a_line_waits_to_be_acknowledged(void **state)
{
	assert_int_equal(irq_ack_device(HOST, dev[0]), PV_EINVAL);
	assert_int_equal(bind(HOST, 0, 1), PV_OK);
	assert_int_equal(bind(HOST, 1, 2), PV_OK); /* the same line */
	line(5);
	assert_int_equal(told[0][1], 1);
	assert_int_equal(told[0][2], 1);
	assert_true(masked[5]);
	assert_int_equal(irq_ack_device(HOST, dev[0]), PV_OK);
	assert_false(masked[5]);
	assert_int_equal(irq_ack_device(GUEST, dev[0]), PV_EINVAL);
	irq_unbind_locked(0);
	assert_false(masked[5]); /* another one uses it */
	irq_unbind_locked(1);
	assert_true(masked[5]);
	masked[5] = false;
	line(5); /* a late one */
	assert_true(masked[5]);
	assert_int_equal(told[0][1], 1);
	pci_funcs[0].irq_pin = 0;
	assert_int_equal(bind(HOST, 0, 1), PV_EINVAL);
	pci_funcs[1].irq_line = 0; /* firmware has not routed it */
	assert_int_equal(bind(HOST, 1, 1), PV_EINVAL);
	pci_funcs[1].irq_line = 255;
	assert_int_equal(bind(HOST, 1, 1), PV_EINVAL);
}

static void a_line_has_one_partition(void **state)
{
	u64 there;

	assert_int_equal(bind(HOST, 1, 2), PV_OK);
	assert_int_equal(device_assign(HOST, adopt(0), GUEST, 1, &there),
			 PV_OK);
	assert_int_equal(bind(GUEST, 0, 3), PV_EEXIST);
	assert_int_equal(bind(HOST, 0, 3), PV_EHANDLE);
	HOST->dying = 1; /* so does a partition that is gone */
	assert_int_equal(bind(GUEST, 0, 3), PV_OK);
	HOST->dying = 0;
	assert_int_equal(irq_bind_isa(HOST, 5, 4), PV_EEXIST);
	device_stop(GUEST, true);
	assert_int_equal(irq_bind_isa(HOST, 5, 4), PV_OK);
	line(5);
	assert_int_equal(told[1][3], 0);
	assert_int_equal(told[0][2], 1);
	assert_int_equal(told[0][4], 1);
	assert_int_equal(irq_ack_isa(HOST, 5), PV_OK);
	assert_int_equal(irq_ack_isa(HOST, 6), PV_EINVAL);
	/* an edge is not masked, and needs no acknowledgement */
	assert_int_equal(irq_bind_isa(HOST, 4, 5), PV_OK);
	line(4);
	line(4);
	assert_int_equal(told[0][5], 2);
}

static u64 message(u32 n, u32 index, u32 port)
{
	u64 m = 0;

	assert_int_equal(
		irq_bind_device(HOST, dev[n], index, PV_IRQ_MSI, port, &m),
		PV_OK);
	assert_int_equal((u32)m, 0xfee00000 | 3 << 12);
	return m >> 32;
}

static void messages_have_vectors(void **state)
{
	u64 first = message(0, 7, 1), other, m;

	interrupt((u32)first);
	assert_int_equal(told[0][1], 1);
	assert_int_equal(message(0, 7, 2), first); /* only its port changes */
	interrupt((u32)first);
	assert_int_equal(told[0][1], 1);
	assert_int_equal(told[0][2], 1);
	other = message(0, 8, 3);
	assert_int_not_equal(other, first);
	for (u32 i = 0; i < 6; i++)
		message(0, i, 1);
	assert_int_equal(irq_bind_device(HOST, dev[0], 9, PV_IRQ_MSI, 1, &m),
			 PV_ENOMEM);
	message(1, 9, 4); /* another function's */
	vectors_off = 0;
	irq_unbind_locked(0);
	assert_int_equal(vectors_off, 8);
	interrupt((u32)first); /* a late one: dropped */
	assert_int_equal(told[0][2], 1);
	assert_int_equal(message(1, 0, 4), first); /* it is free again */
	interrupt((u32)first);
	assert_int_equal(told[0][4], 1);
	HOST->dying = 1;
	interrupt((u32)first);
	assert_int_equal(told[0][4], 1);
}

static void a_move_ends_its_interrupts(void **state)
{
	u64 first = message(0, 0, 1), there;

	assert_int_equal(bind(HOST, 0, 2), PV_OK);
	assert_int_equal(device_assign(HOST, adopt(0), GUEST, 1, &there),
			 PV_OK);
	assert_true(masked[5]);
	line(5);
	interrupt((u32)first);
	assert_int_equal(told[0][1] + told[0][2], 0);
	assert_int_equal(irq_ack_device(GUEST, dev[0]), PV_EINVAL);
	assert_int_equal(message(1, 0, 4), first);
}

#define T(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_move_takes_all_with_it),
		T(names_go_stale),
		T(a_refusal_changes_nothing),
		T(confined_it_needs_no_flag),
		T(shared_pages_do_not_move),
		T(the_end_frees_it),
		T(a_line_waits_to_be_acknowledged),
		T(a_line_has_one_partition),
		T(messages_have_vectors),
		T(a_move_ends_its_interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
