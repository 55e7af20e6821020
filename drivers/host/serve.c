/* SPDX-License-Identifier: BSD-2-Clause */
/* Serves a guest's I/O regions: its disks' registers and its UART. */
#include <string.h>

#include "disks.h"
#include "guest.h"
#include "kit/call.h"
#include "kit/console.h"
#include "kit/irq.h"
#include "kit/mm.h"
#include "pvabi/calls.h"

#define PAGE 4096ull
#define UART_PORTS 8u

/* ---- requests ---- */

static void uart_byte(struct guest *g, int c)
{
	char text = (char)c;

	if (c >= 0 && g->cfg->console != CONSOLE_NULL)
		console_put(&g->lines, &text, 1);
}

static uint64_t port_request(struct guest *g, const struct pv_io_slot *s)
{
	unsigned reg = (unsigned)(s->addr - UART16550_PORT) % UART_PORTS;
	uint64_t value = 0;

	/* wider accesses are bytes at successive ports */
	for (unsigned i = 0; i < s->size; i++) {
		unsigned r = (reg + i) % UART_PORTS;

		if (s->write)
			uart_byte(g, uart16550_write(
					     &g->uart, r,
					     (uint8_t)(s->value >> 8 * i)));
		else
			value |= (uint64_t)uart16550_read(&g->uart, r) << 8 * i;
	}
	if (g->nr_typed)
		guest_type(g, NULL, 0); /* there may be room now */
	return value;
}

static uint64_t mmio_request(struct guest *g, const struct pv_io_slot *s)
{
	uint64_t off = s->addr - PV_VIRTIO_BASE;
	struct vblk *v;

	if (off / PAGE >= g->cfg->nr_disks)
		return 0;
	v = g->disk[off / PAGE];
	if (!s->write)
		return vblk_read(v, off % PAGE, s->size);
	vblk_write(v, off % PAGE, s->size, s->value);
	return 0;
}

static void requests(void *arg)
{
	struct guest *g = arg;

	if (g->phase != GUEST_RUNS)
		return; /* its devices are being taken away */
	for (unsigned i = 0; i < g->cfg->vcpus; i++) {
		const struct pv_io_slot *s = &g->io->slot[i];
		uint64_t value;

		if (__atomic_load_n(&s->state, __ATOMIC_ACQUIRE) !=
		    PV_IO_WAITING)
			continue;
		value = s->space == PV_SPACE_PORT ? port_request(g, s) :
						    mmio_request(g, s);
		/* fails only if the guest has ended: nobody waits then */
		pv_io_complete(g->part, s->cookie, value);
	}
}

/* ---- disks ---- */

static void signal(struct vblk *v) { host_send(v->event); }

static void notified(void *arg)
{
	struct vblk *v = arg;

	if (vblk_run(v)) {
		((struct guest *)v->signal_arg)->look = true;
		host_again();
	}
	vblk_tell(v);
}

void guest_disks_run(struct guest *g)
{
	for (unsigned i = 0; i < g->cfg->nr_disks; i++)
		if (g->disk[i])
			notified(g->disk[i]);
}

void guest_disks_tell(struct guest *g)
{
	for (unsigned i = 0; i < g->cfg->nr_disks; i++)
		if (g->disk[i] && g->disk[i]->tell)
			vblk_tell(g->disk[i]);
}

bool guest_disks_busy(const struct guest *g)
{
	for (unsigned i = 0; i < g->cfg->nr_disks; i++)
		if (g->disk[i] && g->disk[i]->running)
			return true;
	return false;
}

static size_t vblk_pages(void)
{
	return (sizeof(struct vblk) + PAGE - 1) / PAGE;
}

void guest_disks_free(struct guest *g)
{
	for (unsigned i = 0; i < CFG_DISKS; i++) {
		struct vblk *v = g->disk[i];

		kit_event_register(HOST_PORT_GUEST(g->slot) + HOST_PORT_NOTIFY +
					   i,
				   NULL, NULL);
		if (!v)
			continue;
		if (v->event)
			pv_handle_close(v->event);
		if (v->disk.kind == VDISK_RAM)
			kit_pages_free(v->disk.ram,
				       (v->disk.sectors * BLK_SECTOR + 4095) /
					       4096);
		kit_pages_free(v, vblk_pages());
		g->disk[i] = NULL;
	}
}

static const char *disk_make(struct guest *g, unsigned n)
{
	const struct cfg_disk *c = &g->cfg->disk[n];
	unsigned port = HOST_PORT_GUEST(g->slot) + HOST_PORT_NOTIFY + n;
	uint64_t base = PV_VIRTIO_BASE + n * PAGE;
	struct vblk *v = kit_pages_alloc(vblk_pages());
	const char *why;

	if (!v)
		return "no memory for a disk";
	g->disk[n] = v;
	why = disks_open(&v->disk, c);
	if (why) {
		kit_format(g->why, sizeof(g->why), "disk %s: %s", c->name, why);
		return g->why;
	}
	strcpy(v->name, c->name);
	v->signal = signal;
	v->signal_arg = g;
	vblk_init(v, &g->mem);
	kit_event_register(port, notified, v);
	if (pv_event_bind(g->part, n + 1, 0, &v->event) ||
	    pv_io_serve_notify(g->part, base + VBLK_NOTIFY_REG, port))
		return "its disk cannot be served";
	return NULL;
}

/* ---- set-up ---- */

const char *guest_serve(struct guest *g)
{
	const struct cfg_guest *c = g->cfg;
	unsigned port = HOST_PORT_GUEST(g->slot) + HOST_PORT_IO;
	uint64_t at = HOST_IO_PAGES + g->slot * PAGE;
	const char *why = NULL;

	kit_event_register(port, requests, g);
	if (!gmem_init(&g->mem, g->part, g->slot, c->memory))
		return "the host partition has no memory for it";
	if (pv_io_map(g->part, at) || !kit_map(at, at, PAGE, KIT_READ))
		return "its I/O page cannot be mapped";
	g->io = kit_ptr(at);
	if (c->profile != PV_PROFILE_PV &&
	    pv_io_serve(g->part, PV_SPACE_PORT, UART16550_PORT, UART_PORTS,
			port))
		return "its UART cannot be served";
	if (c->nr_disks && pv_io_serve(g->part, PV_SPACE_MMIO, PV_VIRTIO_BASE,
				       c->nr_disks * PAGE, port))
		return "its disks cannot be served";
	for (unsigned i = 0; i < c->nr_disks && !why; i++)
		why = disk_make(g, i);
	return why;
}

/* ---- keyboard ---- */

void guest_type(struct guest *g, const char *text, size_t n)
{
	uint64_t taken = 0;

	for (size_t i = 0; i < n && g->nr_typed < sizeof(g->typed); i++)
		g->typed[g->nr_typed++] = (uint8_t)text[i];
	if (!g->nr_typed)
		return;
	if (g->cfg->profile == PV_PROFILE_PV) {
		if (pv_partition_console_write(g->part, kit_gpa(g->typed),
					       g->nr_typed, &taken))
			taken = 0;
	} else {
		taken = uart16550_type(&g->uart, g->typed, g->nr_typed);
	}
	g->nr_typed -= (unsigned)taken;
	memmove(g->typed, g->typed + taken, g->nr_typed);
}
