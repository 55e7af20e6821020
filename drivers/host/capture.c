/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes a capture file to COM3, byte by byte. The line has no interrupt: it would
 * be COM1's. */
#include "capture.h"

#include <string.h>

#include "kit/console.h"
#include "kit/kit.h"
#include "nets.h"
#include "pcap.h"
#include "serial.h"

#define COM3 0x3e8u

static bool put(void *arg, const void *bytes, size_t n)
{
	struct serial *s = arg;

	serial_put(s, bytes, n);
	return !s->stuck;
}

static struct serial com3;
static struct pcap file = {
	.write = put, .arg = &com3, .most = PCAP_WHOLE, .nets = CFG_SWITCHES
};

_Static_assert(CFG_SWITCHES <= PCAP_NETS_MOST, "each is an interface");

/* The checksum that the sender leaves to whoever is the last. */
static const uint8_t *finished(const struct net_frame *f)
{
	static uint8_t frame[NET_FRAME_MAX];

	if (!f->csum.needed)
		return f->data;
	memcpy(frame, f->data, f->len);
	net_csum_finish(frame, f->len, &f->csum);
	return frame;
}

static void taps_set(void (*to)(void *, const struct net_frame *, uint64_t))
{
	for (unsigned i = 0; i < CFG_SWITCHES; i++) {
		nets_switch(i)->tap = to;
		nets_switch(i)->tap_arg = nets_switch(i);
	}
}

/* Times are those since the machine's start. */
static void tap(void *arg, const struct net_frame *f, uint64_t now_ns)
{
	const struct netswitch *s = arg;
	unsigned net = (unsigned)(s - nets_switch(0));

	if (pcap_frame(&file, net, now_ns / 1000, finished(f), f->len))
		return;
	taps_set(NULL);
	kit_printf("host: the capture ends: COM3 takes no more\n");
}

static const char *begin(void)
{
	const struct pv_device *d = serial_device(COM3);

	if (kit_info()->restarts)
		return "ended with the host partition before this one";
	if (!d || !serial_init(&com3, (uint16_t)d->base, SERIAL_NO_IRQ))
		return "cannot begin: there is no COM3";
	return pcap_begin(&file) ? NULL : "cannot begin: COM3 takes nothing";
}

void capture_init(const struct config *c)
{
	const char *why = c->pcap ? begin() : NULL;

	if (why)
		kit_printf("host: the capture %s\n", why);
	if (!c->pcap || why)
		return;
	taps_set(tap);
	kit_printf("host: what the switches forward is captured on COM3\n");
}

void capture_pump(void)
{
	if (com3.uart.present)
		serial_pump(&com3);
}

void capture_end(void)
{
	if (com3.uart.present)
		serial_flush(&com3);
}
