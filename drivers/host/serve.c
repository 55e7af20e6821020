/* SPDX-License-Identifier: BSD-2-Clause */
/* Serves a guest's I/O regions: its virtio devices' registers and its ports. */
#include <string.h>

#include "guest.h"
#include "kit/call.h"
#include "kit/console.h"
#include "kit/irq.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "pvabi/calls.h"
#include "vblk.h"
#include "vconsole.h"
#include "vdevs.h"

#define PAGE 4096ull

/* ---- requests ---- */

static struct ports_time now(void)
{
	return (struct ports_time){ kit_time_ns(), kit_utc_ns() };
}

void guest_ports_run(struct guest *g)
{
	guest_ports_at(g, ports_run(&g->ports, now()));
}

/* Where nobody wants interrupts, nothing is done for them. */
static void ports_touched(struct guest *g, struct ports_time at)
{
	if (g->ports_at || ports_live(&g->ports))
		guest_ports_at(g, ports_run(&g->ports, at));
}

static uint64_t port_access(struct guest *g, const struct pv_io_slot *s,
			    uint32_t value, struct ports_time at)
{
	char text[8];
	unsigned n;

	if (!s->write)
		return ports_read(&g->ports, (unsigned)s->addr, s->size, at);
	n = ports_write(&g->ports, (unsigned)s->addr, s->size, value, at, text);
	if (n)
		guest_says(g, text, n);
	return 0;
}

/* A REP's elements. What has gone from the guest's memory is not told. */
static void port_string(struct guest *g, const struct pv_io_slot *s,
			struct ports_time time)
{
	static uint8_t data[PAGE] __attribute__((aligned(4096)));
	uint64_t buf = kit_gpa(data);
	uint8_t *at = data;

	if (s->write && pv_io_copy(g->part, s->cookie, buf))
		return;
	for (uint32_t n = 0; n < s->count; n++, at += s->size) {
		uint32_t v = 0;

		memcpy(&v, at, s->size);
		v = (uint32_t)port_access(g, s, v, time);
		if (!s->write)
			memcpy(at, &v, s->size);
	}
	if (!s->write && pv_io_copy(g->part, s->cookie, buf))
		return;
}

static uint64_t port_request(struct guest *g, const struct pv_io_slot *s)
{
	struct ports_time at = now();
	uint64_t value = 0;

	if (s->count > 1)
		port_string(g, s, at);
	else
		value = port_access(g, s, (uint32_t)s->value, at);
	ports_touched(g, at);
	if (g->nr_typed)
		guest_type(g, NULL, 0); /* there may be room now */
	return value;
}

static uint64_t mmio_request(struct guest *g, const struct pv_io_slot *s)
{
	uint64_t off = s->addr - PV_VIRTIO_BASE;
	struct vdev *v = g->vdev[off / PAGE];

	if (!s->write)
		return vdev_read(v, off % PAGE, s->size);
	vdev_write(v, off % PAGE, s->size, s->value);
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

/* ---- virtio devices ---- */

static void notified(void *arg) { vdev_look(arg); }

static unsigned notify_port(const struct guest *g, unsigned n)
{
	return HOST_PORT_GUEST(g->slot) + HOST_PORT_NOTIFY + n;
}

const struct vdisk *guest_disk(const struct guest *g, unsigned n)
{
	if (g->cfg->vdev[n].type != VDEV_DISK || !g->vdev[n])
		return NULL;
	return &((const struct vblk *)g->vdev[n])->disk;
}

bool guest_vdevs_busy(const struct guest *g)
{
	for (unsigned i = 0; i < g->cfg->nr_vdevs; i++)
		if (g->vdev[i] && g->vdev[i]->running)
			return true;
	return false;
}

void guest_vdevs_free(struct guest *g)
{
	for (unsigned i = 0; i < CFG_VDEVS; i++) {
		struct vdev *v = g->vdev[i];

		kit_event_register(notify_port(g, i), NULL, NULL);
		if (!v)
			continue;
		if (v->event)
			pv_handle_close(v->event);
		if (v->bell)
			pv_handle_close(v->bell);
		vdevs_free(v);
		g->vdev[i] = NULL;
	}
}

void guest_vdevs_drain(struct guest *g)
{
	for (unsigned i = 0; i < CFG_VDEVS; i++)
		if (g->vdev[i] && g->cfg->vdev[i].type == VDEV_CONSOLE)
			vconsole_drain(g->vdev[i]);
}

static void vconsole_says(void *arg, const char *text, size_t n)
{
	guest_says(arg, text, n);
}

static void vconsole_room(void *arg) { guest_type(arg, NULL, 0); }

static void vconsole_connect(struct guest *g, struct vdev *v)
{
	struct vconsole *c = (struct vconsole *)v;

	c->out = vconsole_says;
	c->room = vconsole_room;
}

uint64_t guest_bell(struct guest *g, unsigned n)
{
	struct vdev *v = g->vdev[n];
	uint64_t theirs = 0;

	if (g->cfg->profile != PV_PROFILE_PV ||
	    kit_event_bind(notify_port(g, n), 0, &v->bell))
		return 0;
	pv_handle_derive(g->part, v->bell, PV_RIGHT_SEND, &theirs);
	return theirs;
}

/* A driver that knows no events has unmasked its device's pin. */
static bool vdev_line(struct vdev *v, bool up)
{
	const struct guest *g = v->arg;
	uint64_t heard;

	return !pv_partition_irq_line(g->part, v->pin,
				      up ? PV_LINE_UP : PV_LINE_DOWN, &heard) &&
	       heard;
}

static const char *vdev_serve(struct guest *g, unsigned n)
{
	uint64_t at = PV_VIRTIO_BASE + n * PAGE + VDEV_NOTIFY_REG;
	const char *why = NULL;
	struct vdev *v = vdevs_make(&g->cfg->vdev[n], &g->mem, &why);

	if (!v) {
		kit_format(g->why, sizeof(g->why), "%s", why);
		return g->why;
	}
	g->vdev[n] = v;
	v->arg = g;
	v->pin = PV_VIRTIO_PIN + n;
	if (g->cfg->profile != PV_PROFILE_PV && v->pin < PV_IOAPIC_PINS)
		v->line = vdev_line;
	if (g->cfg->vdev[n].type == VDEV_CONSOLE)
		vconsole_connect(g, v);
	kit_event_register(notify_port(g, n), notified, v);
	if (pv_event_bind(g->part, n + 1, 0, &v->event) ||
	    pv_io_serve_notify(g->part, at, notify_port(g, n)))
		return "its virtio device cannot be served";
	return NULL;
}

/* ---- set-up ---- */

/* The regions of one that we have served in an earlier life are still there. */
static bool region(struct guest *g, uint64_t space, uint64_t at, uint64_t len)
{
	uint64_t err = pv_io_serve(g->part, space, at, len,
				   HOST_PORT_GUEST(g->slot) + HOST_PORT_IO);

	return !err || (g->adopted && err == PV_EEXIST);
}

/* One that has ended hears nothing. */
static void line_set(void *arg, unsigned pin, uint64_t line)
{
	const struct guest *g = arg;
	uint64_t heard;

	(void)pv_partition_irq_line(g->part, pin, line, &heard);
}

static const char *ports_serve(struct guest *g)
{
	ports_init(&g->ports, g->cfg->memory, now());
	g->ports.line = line_set;
	g->ports.arg = g;
	g->ports_at = 0;
	for (unsigned pin = 0; pin < PV_IOAPIC_PINS; pin++)
		line_set(g, pin, PV_LINE_DOWN); /* as nothing is pending yet */
	for (unsigned i = 0; i < PORTS_RANGES; i++)
		if (!region(g, PV_SPACE_PORT, ports_ranges[i].first,
			    ports_ranges[i].len))
			return "its ports cannot be served";
	return NULL;
}

void guest_serve_again(struct guest *g)
{
	for (unsigned i = 0; i < CFG_VDEVS; i++)
		if (g->vdev[i])
			vdev_break(g->vdev[i]);
	requests(g);
}

const char *guest_serve(struct guest *g)
{
	const struct cfg_guest *c = g->cfg;
	unsigned port = HOST_PORT_GUEST(g->slot) + HOST_PORT_IO;
	uint64_t at = HOST_IO_PAGES + g->slot * PAGE;
	const char *why = NULL;

	kit_event_register(port, requests, g);
	if (!gmem_init(&g->mem, g->part, g->slot, c->memory))
		return "the host partition has no memory for it";
	g->mem.all = c->share_all;
	if (pv_io_map(g->part, at) || !kit_map(at, at, PAGE, KIT_READ))
		return "its I/O page cannot be mapped";
	g->io = kit_ptr(at);
	if (c->profile != PV_PROFILE_PV)
		why = ports_serve(g);
	if (!why && c->nr_vdevs &&
	    !region(g, PV_SPACE_MMIO, PV_VIRTIO_BASE, c->nr_vdevs * PAGE))
		return "its virtio devices cannot be served";
	for (unsigned i = 0; i < c->nr_vdevs && !why; i++)
		why = vdev_serve(g, i);
	return why;
}

/* ---- keyboard ---- */

static struct vdev *console_of(const struct guest *g)
{
	for (unsigned i = 0; i < g->cfg->nr_vdevs; i++)
		if (g->cfg->vdev[i].type == VDEV_CONSOLE && g->vdev[i] &&
		    vconsole_takes(g->vdev[i]))
			return g->vdev[i];
	return NULL;
}

/* Returns how many of the typed bytes it has taken. */
static uint64_t typed_give(struct guest *g)
{
	struct vdev *console = console_of(g);
	uint64_t taken = 0;

	if (console)
		return vconsole_type(console, g->typed, g->nr_typed);
	if (g->cfg->profile != PV_PROFILE_PV) {
		taken = uart16550_type(&g->ports.uart, g->typed, g->nr_typed);
		ports_touched(g, now());
		return taken;
	}
	if (pv_partition_console_write(g->part, kit_gpa(g->typed), g->nr_typed,
				       &taken))
		return 0;
	return taken;
}

void guest_type(struct guest *g, const char *text, size_t n)
{
	uint64_t taken;

	for (size_t i = 0; i < n && g->nr_typed < sizeof(g->typed); i++)
		g->typed[g->nr_typed++] = (uint8_t)text[i];
	if (!g->nr_typed)
		return;
	taken = typed_give(g);
	g->nr_typed -= (unsigned)taken;
	memmove(g->typed, g->typed + taken, g->nr_typed);
}
