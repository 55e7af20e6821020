/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that tells a network card to write where it may not: an IOMMU has to
 * stand between. The card sends itself a packet (82540EM: Intel 317453, chapters
 * 3, 13; IEEE 802.3, 22.2.4.1.2). */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "kit/call.h"
#include "kit/device.h"
#include "kit/kit.h"
#include "kit/mm.h"
#include "kit/time.h"

#define CLASS_NETWORK 2u
#define MDIC 0x20u
#define MDIC_LOOPBACK (1u << 26 | 1u << 21 | 0x4140u) /* write PHY 1's BMCR */
#define RCTL 0x100u
#define RCTL_EN_PROMISCUOUS 0xau
#define TCTL 0x400u
#define TCTL_EN 2u
#define RX 0x2800u
#define TX 0x3800u
#define RING_LOW 0x0u /* of RX and TX */
#define RING_HIGH 0x4u
#define RING_LEN 0x8u
#define RING_HEAD 0x10u
#define RING_TAIL 0x18u
#define RING_SIZE 8u
#define EOP 1u
#define PAGE 4096u
#define LENGTH 64u
#define MARK 0x5au
#define AT 0x200000000ull /* nothing is there */

struct descriptor {
	uint64_t addr;
	uint16_t len;
	uint8_t checksum, command; /* RX: and status */
	uint32_t rest;
};

static struct env env;
static uint64_t card, device;
static struct descriptor *out, *in;
static uint8_t *packet, *target;

static void reg_set(uint32_t off, uint32_t v)
{
	env.mmio_write(&env, card + off, 4, v);
}

static void ring_set(uint32_t regs, const struct descriptor *ring)
{
	reg_set(regs + RING_LOW, (uint32_t)kit_gpa(ring));
	reg_set(regs + RING_HIGH, kit_gpa(ring) >> 32);
	reg_set(regs + RING_LEN, RING_SIZE * sizeof(*ring));
	reg_set(regs + RING_HEAD, 0);
	reg_set(regs + RING_TAIL, 0);
}

/* It writes a packet to that address, or tries to. */
static void card_writes(uint64_t to)
{
	uint64_t end = kit_time_ns() + KIT_SECOND;

	reg_set(TCTL, 0);
	*out = (struct descriptor){ .addr = kit_gpa(packet),
				    .len = LENGTH,
				    .command = EOP };
	*in = (struct descriptor){ .addr = to };
	ring_set(RX, in);
	ring_set(TX, out);
	reg_set(RX + RING_TAIL, 4);
	reg_set(TCTL, TCTL_EN);
	reg_set(TX + RING_TAIL, 1);
	while (!env.mmio_read(&env, card + RX + RING_HEAD, 4) &&
	       kit_time_ns() < end)
		;
}

static bool written(uint64_t to)
{
	memset(target, 0, PAGE);
	card_writes(to);
	for (unsigned i = 0; i < PAGE; i++)
		if (((volatile uint8_t *)target)[i])
			return true;
	return false;
}

static bool shared(uint64_t flags)
{
	uint64_t at, page = kit_gpa(target);

	return !pv_mem_share(PV_SELF, page, 1, flags) &&
	       !pv_mem_accept(PV_SELF, page, 1, AT, PV_ACCEPT_DMA) &&
	       !pv_device_addr(device, AT, &at) && at == AT;
}

static void alias_check(void)
{
	uint64_t page = kit_gpa(target);

	check(shared(0), "share-read-only", "refused");
	check(!written(AT), "write-read-only", "it was written to");
	check(!pv_mem_return(AT, 1) && !pv_mem_revoke(page, 1),
	      "return-read-only", "refused");
	check(shared(PV_SHARE_WRITE), "share", "refused");
	check(written(AT), "write-shared", "it was not written to");
	check(!pv_mem_return(AT, 1), "return", "refused");
	check(!written(AT), "write-returned", "it was written to");
	check(!pv_mem_revoke(page, 1), "revoke", "refused");
}

/* What is given back is nobody's, or somebody's. */
static void given_back_check(void)
{
	uint64_t page = kit_gpa(target);
	uint8_t sum = 0;

	check(kit_balloon_out(target, 1), "balloon-out", "refused");
	card_writes(page);
	check(kit_balloon_in(target, 1), "balloon-in", "refused");
	for (unsigned i = 0; i < PAGE; i++)
		sum |= ((volatile uint8_t *)target)[i];
	check(!sum, "write-given-back", "a new page is not zero");
	check(written(page), "write-anew", "it was not written to");
}

static bool card_find(void)
{
	const struct pv_device *d = NULL;
	struct pci_dev pci;

	do
		d = kit_device(d, PV_DEV_PCI, NULL);
	while (d && d->class_code != CLASS_NETWORK);
	if (!d)
		return false;
	kit_pci_dev(&pci, d);
	device = pci.handle;
	kit_env_init(&env, device);
	pci_command(&env, pci.bdf, PCI_COMMAND_MEM | PCI_COMMAND_MASTER,
		    PCI_COMMAND_INTX_OFF);
	card = pci.bar[0].base;
	return env.mmio_map(&env, card, pci.bar[0].size);
}

int kit_main(const char *cmdline)
{
	uint64_t addr = 0;

	(void)cmdline;
	if (!check(card_find(), "card", "there is none"))
		return check_summary("dma");
	out = kit_pages_alloc(1);
	in = out + RING_SIZE;
	packet = kit_pages_alloc(1);
	target = kit_pages_alloc(1);
	memset(packet, MARK, LENGTH);
	reg_set(MDIC, MDIC_LOOPBACK);
	reg_set(RCTL, RCTL_EN_PROMISCUOUS);
	kit_sleep_ns(2 * KIT_SECOND); /* QEMU's waits for so long */
	check(!pv_device_addr(device, kit_gpa(target), &addr) &&
		      addr == kit_gpa(target),
	      "address", "%llx is not its own", (unsigned long long)addr);
	check(written(addr), "write-own", "it was not written to");
	check(!written(AT), "write-nothing", "it was written to");
	alias_check();
	given_back_check();
	reg_set(RCTL, 0);
	return check_summary("dma");
}
