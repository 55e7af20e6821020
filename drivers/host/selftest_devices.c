/* SPDX-License-Identifier: BSD-2-Clause */
/* The self test's third part: PCI functions as objects. It takes a network card,
 * for which the host partition has no driver. */
#include "selftest.h"

#include "guard.h"
#include "host.h"
#include "image.h"
#include "kit/call.h"
#include "kit/console.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "pci.h"
#include "pvabi/calls.h"
#include "tables.h"

#define CLASS_NETWORK 2u
#define PORT 3u
#define UNSAFE PV_DEVICE_UNSAFE_DMA
#define CODE 0x1000u
#define TABLES 0x10000u
#define MANY 512u
#define MESSAGES 8u

static const struct pv_device *card;
static uint64_t dev, weak_dev; /* our handles of it */
static uint64_t bar;	       /* of memory, its first one */

#define EXPECT(wanted, call, ...) \
	test_expect(#call, wanted, pv_##call(__VA_ARGS__))

static bool card_find(void)
{
	while ((card = kit_device(card, PV_DEV_PCI, NULL)))
		if (card->class_code == CLASS_NETWORK)
			break;
	for (unsigned i = 0; card && i < 6; i++)
		if (!bar && card->bar[i].size && !card->bar[i].io)
			bar = card->bar[i].base;
	return card && bar;
}

static bool handles_make(uint64_t handle)
{
	dev = handle;
	return !pv_handle_derive(test.self, dev, PV_RIGHT_GRANT, &weak_dev);
}

static void wrong_irqs(void)
{
	uint64_t m, first, again;
	uint64_t err = 0;

	EXPECT(PV_EHANDLE, device_irq_bind, TEST_BAD_HANDLE, 0, 0, PORT, &m);
	EXPECT(PV_EHANDLE, device_irq_bind, test.part, 0, 0, PORT, &m);
	EXPECT(PV_ERIGHT, device_irq_bind, weak_dev, 0, 0, PORT, &m);
	EXPECT(PV_EINVAL, device_irq_bind, dev, 2048, PV_IRQ_MSI, PORT, &m);
	EXPECT(PV_EINVAL, device_irq_bind, dev, 1, 0, PORT, &m);
	EXPECT(PV_EINVAL, device_irq_bind, dev, 0, 1ull << 40, PORT, &m);
	EXPECT(PV_EINVAL, device_irq_bind, dev, 0, 0, PV_PORTS, &m);
	EXPECT(PV_EHANDLE, device_irq_ack, TEST_BAD_HANDLE);
	EXPECT(PV_ERIGHT, device_irq_ack, weak_dev);
	EXPECT(PV_EINVAL, device_irq_ack, dev);
	EXPECT(PV_OK, device_irq_bind, dev, 0, 0, PORT, &m);
	EXPECT(PV_OK, device_irq_ack, dev);
	pv_device_irq_bind(dev, 7, PV_IRQ_MSI, PORT, &first);
	pv_device_irq_bind(dev, 7, PV_IRQ_MSI, PORT + 1, &again);
	test_result("device_irq_bind", "same_message_again",
		    first == again && (first & 0xfff00000) == 0xfee00000);
	for (unsigned i = 0; i < MESSAGES; i++)
		err = pv_device_irq_bind(dev, i, PV_IRQ_MSI, PORT, &m);
	test_expect("device_irq_bind", PV_OK, err);
	EXPECT(PV_ENOMEM, device_irq_bind, dev, MESSAGES, PV_IRQ_MSI, PORT, &m);
}

static void wrong_addrs(void)
{
	uint64_t page = kit_gpa(test_page), addr;

	EXPECT(PV_EHANDLE, device_addr, TEST_BAD_HANDLE, page, &addr);
	EXPECT(PV_ERIGHT, device_addr, weak_dev, page, &addr);
	EXPECT(PV_EINVAL, device_addr, dev, page + 1, &addr);
	EXPECT(PV_EFAULT, device_addr, dev, TEST_NOWHERE, &addr);
	EXPECT(PV_OK, device_addr, dev, page, &addr);
}

/* An IOMMU is in use: a page's device address is our own. */
static bool confined(void)
{
	uint64_t page = kit_gpa(test_page), addr = 0;

	return !pv_device_addr(dev, page, &addr) && addr == page;
}

/* Each ends where nothing has changed. */
static void wrong_assigns(void)
{
	uint64_t part, h, err = 0;

	EXPECT(PV_EHANDLE, device_assign, TEST_BAD_HANDLE, dev, UNSAFE, &h);
	EXPECT(PV_EHANDLE, device_assign, test.part, TEST_BAD_HANDLE, UNSAFE,
	       &h);
	EXPECT(PV_EHANDLE, device_assign, test.part, test.event, UNSAFE, &h);
	EXPECT(PV_ERIGHT, device_assign, test.weak_part, dev, UNSAFE, &h);
	EXPECT(PV_ERIGHT, device_assign, test.part, weak_dev, UNSAFE, &h);
	EXPECT(PV_EINVAL, device_assign, test.part, dev, 1ull << 40, &h);
	if (!confined())
		EXPECT(PV_ENOSYS, device_assign, test.part, dev, 0, &h);
	EXPECT(PV_ESTATE, device_assign, test.dead, dev, UNSAFE, &h);
	EXPECT(PV_ESTATE, device_assign, PV_SELF, dev, UNSAFE, &h);
	if (test_partition(&part))
		return;
	pv_io_serve(part, PV_SPACE_MMIO, bar, 4096, PORT);
	EXPECT(PV_EEXIST, device_assign, part, dev, UNSAFE, &h);
	test_destroy(part);
	if (test_partition(&part))
		return;
	for (unsigned i = 0; i < MANY && !err; i++)
		err = pv_handle_derive(part, test.self, PV_RIGHT_SHARE, &h);
	EXPECT(PV_ENOMEM, device_assign, part, dev, UNSAFE, &h);
	EXPECT(PV_OK, device_irq_ack, dev); /* it is ours as before */
	test_destroy(part);
}

static bool reachable(void)
{
	uint64_t v;

	kit_map(bar, bar, 4096, KIT_WRITE | KIT_UNCACHED);
	return guard_read64(kit_ptr(bar), &v);
}

static bool config_reachable(void)
{
	return pci_read(&host_env, card->bdf, PCI_VENDOR, 2) == card->vendor;
}

static bool master(void)
{
	return pci_read(&host_env, card->bdf, PCI_COMMAND, 2) &
	       PCI_COMMAND_MASTER;
}

static void wrong_takes(void)
{
	uint64_t h;

	EXPECT(PV_EHANDLE, device_take, TEST_BAD_HANDLE, card->bdf, &h);
	EXPECT(PV_EHANDLE, device_take, test.part, card->bdf, &h);
	EXPECT(PV_ERIGHT, device_take, test.weak_self, card->bdf, &h);
	EXPECT(PV_EINVAL, device_take, test.self, 1 << 16, &h);
	EXPECT(PV_EINVAL, device_take, test.self, 0, &h); /* a bridge */
}

/* Where its memory comes, there is something; then no handle is free. */
static void takes_without_room(void)
{
	static uint64_t made[MANY];
	uint64_t page = kit_gpa(test_page), h, err = 0;
	unsigned n = 0;

	err = pv_mem_share(test.self, page, 1, 0);
	if (!err)
		err = pv_mem_accept(test.self, page, 1, bar, 0);
	test_expect("mem_accept", PV_OK, err);
	EXPECT(PV_EEXIST, device_take, test.self, card->bdf, &h);
	pv_mem_return(bar, 1);
	pv_mem_revoke(page, 1);
	while (n < MANY && !err) {
		err = pv_handle_derive(test.self, test.part, PV_RIGHT_SHARE,
				       &made[n]);
		n += !err;
	}
	EXPECT(PV_ENOMEM, device_take, test.self, card->bdf, &h);
	test_result("device_take", "nothing_is_mapped_after_a_failure",
		    !reachable());
	while (n)
		pv_handle_close(made[--n]);
}

static bool take(void)
{
	uint64_t h = 0;
	uint64_t err = pv_device_take(test.self, card->bdf, &h);

	test_expect("device_take", PV_OK, err);
	return !err && handles_make(h);
}

/* There and back again. */
static bool moves(void)
{
	uint64_t part, there, h;

	pci_command(&host_env, card->bdf, PCI_COMMAND_MEM | PCI_COMMAND_MASTER,
		    0);
	test_result("device", "ours_at_first",
		    reachable() && config_reachable() && master());
	if (test_partition(&part))
		return false;
	EXPECT(PV_OK, device_assign, part, dev, UNSAFE, &there);
	EXPECT(PV_EHANDLE, device_irq_ack, dev);
	EXPECT(PV_EHANDLE, device_assign, part, dev, UNSAFE, &h);
	EXPECT(PV_EHANDLE, handle_close, dev);
	EXPECT(PV_EHANDLE, device_irq_ack, weak_dev);
	test_result("device", "moved_away",
		    !reachable() && !config_reachable());
	EXPECT(PV_ESTATE, device_take, test.self, card->bdf, &h);
	test_destroy(part);
	test_result("device", "nobodys", !reachable() && !config_reachable());
	takes_without_room();
	if (!take())
		return false;
	EXPECT(PV_ESTATE, device_take, test.self, card->bdf, &h);
	EXPECT(PV_EINVAL, device_irq_ack, dev);
	test_result("device", "came_back",
		    reachable() && config_reachable() && !master());
	return true;
}

/* What runs in another partition: makes the call whose number is in RSP with
 * what is in RDI and RSI, and 0 behind that; ends with its status, or stays. */
extern const uint8_t binder[], binder_end[];
__asm__(".pushsection .text.binder,\"ax\"\n"
	"binder:\n\t"
	"mov %rsp, %rax\n\t" PV_CALL_INSN "\n\t"
	"mov %eax, %edi\n\t"
	"test %edi, %edi\n"
	"1:\tje 1b\n\t"
	"mov $2, %eax\n\t" PV_CALL_INSN "\n"
	"binder_end:\n\t"
	".popsection");
_Static_assert(PV_CALL_exit == 2, "as binder has it");

/* A partition with the card, which binds its line. 0: it could not be made. */
static uint64_t binder_start(void)
{
	static uint8_t tables[8 * 4096] __attribute__((aligned(4096)));
	static struct pv_vcpu_start st __attribute__((aligned(64)));
	struct image im = { .nr_segs = 1,
			    .seg = { { CODE, 4096, 0, 0, IMAGE_SEG_X } } };
	uint64_t part, there;

	st = (struct pv_vcpu_start){ .rip = CODE,
				     .cr3 = TABLES,
				     .rsp = PV_CALL_device_irq_bind };
	for (unsigned i = 0; i < sizeof(tables); i++)
		tables[i] = 0;
	tables_build(&im, TEST_MEMORY, (uint64_t *)tables, TABLES);
	if (test_partition(&part))
		return 0;
	EXPECT(PV_OK, device_assign, part, dev, UNSAFE, &there);
	st.rdi = there;
	if (pv_partition_write(part, CODE, kit_gpa(binder),
			       kit_gpa(binder_end) - kit_gpa(binder)) ||
	    pv_partition_write(part, TABLES, kit_gpa(tables), 4 * 4096) ||
	    pv_partition_start(part, kit_gpa(&st)))
		return 0;
	test_sleep(20 * KIT_MS);
	return part;
}

static uint64_t exit_code(uint64_t part)
{
	static struct pv_partition_status s __attribute__((aligned(64)));

	if (pv_partition_status(part, kit_gpa(&s)) ||
	    s.state != PV_STATE_EXITED)
		return 255;
	return s.code;
}

/* A line has one partition at a time. */
static void lines(void)
{
	uint64_t part = binder_start();

	if (!part)
		return;
	EXPECT(PV_EEXIST, irq_bind, test.self, card->irq, PORT);
	test_destroy(part);
	if (!take())
		return;
	EXPECT(PV_OK, irq_bind, test.self, card->irq, PORT);
	part = binder_start();
	if (!part)
		return;
	test_expect("device_irq_bind", PV_EEXIST, exit_code(part));
	test_destroy(part);
	take();
}

void selftest_devices(void)
{
	if (!card_find()) {
		kit_printf("host: no network card: devices are not tested\n");
		return;
	}
	if (!handles_make(card->handle))
		return;
	wrong_irqs();
	wrong_addrs();
	wrong_assigns();
	wrong_takes();
	if (moves())
		lines();
}
