/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An HTTP server with the lwIP stack, of the virtual disk `data`. Its command
 * line:
 *
 *	net=NAME		its network device, `net`; none: loop-back only
 *	ip=A mask=A gw=A	its address; else by DHCP
 *	port=80			where it listens
 *	get=ADDRESS[:PORT]/PATH	fetches that file, and ends; crc=HEX: compares
 *	ping=ADDRESS		asks for three echoes, and ends
 *	stay			serves on behind get= and ping=
 *
 * It ends when it is asked to (kit/kit.h, PV_PORT_SHUTDOWN), or by Ctrl-C.
 */
#include <stdlib.h>
#include <string.h>

#include "lwip/ip_addr.h"

#include "card.h"
#include "client.h"
#include "net.h"
#include "server.h"
#include "check.h"
#include "kit/console.h"
#include "kit/irq.h"
#include "kit/time.h"

#define FETCH_TIME (60 * KIT_SECOND)
#define ADDRESS_TIME (30 * KIT_SECOND)
#define PINGS 3u
#define PING_TIME (2 * KIT_SECOND)
#define KEYS_TIME (KIT_SECOND / 4)
#define CTRL_C 3

/* Parts ADDRESS[:PORT]/PATH. */
static bool url_take(char *text, ip_addr_t *address, uint16_t *port,
		     const char **path)
{
	char *slash = strchr(text, '/'), *colon;

	*path = slash ? slash + 1 : "";
	if (slash)
		*slash = 0;
	colon = strchr(text, ':');
	if (colon)
		*colon = 0;
	*port = colon ? (uint16_t)atoi(colon + 1) : 80;
	return ipaddr_aton(text, address);
}

static void get(char *text)
{
	uint32_t want = (uint32_t)kit_option_hex("crc", 0);
	static struct fetch f;
	uint64_t from = kit_time_ns();
	const char *path;
	ip_addr_t address;
	uint16_t port;

	if (!url_take(text, &address, &port, &path)) {
		check(false, "get", "ADDRESS[:PORT]/PATH, not %s", text);
		return;
	}
	fetch_start(&f, &address, port, path);
	net_until(f.done, from + FETCH_TIME);
	if (!check(f.ok, "get", "%s, status %d", f.why ? f.why : "no answer",
		   f.status))
		return;
	printf("fetched %llu bytes in %llu ms, CRC-32 %08x\n",
	       (unsigned long long)f.bytes,
	       (unsigned long long)((kit_time_ns() - from) / KIT_MS), f.crc);
	if (want)
		check(f.crc == want, "get-crc", "%08x, expected %08x", f.crc,
		      want);
}

static void ping(const char *text)
{
	static struct ping p;
	ip_addr_t to;

	if (!ipaddr_aton(text, &to)) {
		check(false, "ping", "%s is no address", text);
		return;
	}
	for (unsigned i = 0; i < PINGS; i++) {
		ping_send(&p, &to);
		net_until(p.answered > i, kit_time_ns() + PING_TIME);
	}
	check(p.answered == PINGS, "ping", "%u of %u were answered", p.answered,
	      p.sent);
}

static bool serve(void)
{
	static struct files files;
	const char *why = "the disk cannot be read";
	uint16_t port = (uint16_t)kit_option_u64("port", 80);
	struct kit_block *disk = kit_block_open("data", &why);
	bool ok = disk && files_mount(&files, disk);

	if (ok && !server_start(&files, port)) {
		ok = false;
		why = "the port cannot be had";
	}
	if (ok)
		printf("http: %u files of the disk, port %u\n", files.n, port);
	else
		printf("http: no server: %s\n", why);
	return ok;
}

static volatile bool asked;

static void shutdown(void *arg)
{
	(void)arg;
	asked = true;
}

/* Has it been asked to end? The keyboard is looked at now and then only. */
static bool ended(void)
{
	static uint64_t next;
	char keys[16];
	size_t n = 0;

	if (kit_time_ns() >= next) {
		next = kit_time_ns() + KEYS_TIME;
		n = kit_read_try(keys, sizeof(keys));
	}
	while (n)
		asked |= keys[--n] == CTRL_C;
	return asked;
}

int kit_main(const char *cmdline)
{
	char text[128] = "net";
	bool served, ends = false, ok = true;
	const char *why;

	kit_event_register(PV_PORT_SHUTDOWN, shutdown, NULL);
	net_start();
	kit_option("net", text, sizeof(text));
	why = card_start(text);
	if (why)
		printf("http: no network: %s\n", why);
	served = serve();
	net_until(card_ready(), kit_time_ns() + ADDRESS_TIME);
	if (!card_ready())
		printf("http: no answer by DHCP yet\n");
	if (kit_option("ping", text, sizeof(text))) {
		ends = true;
		ping(text);
	}
	if (kit_option("get", text, sizeof(text))) {
		ends = true;
		get(text);
	}
	if (ends)
		ok = !check_summary("http");
	if (ends && !kit_option("stay", text, sizeof(text)))
		return !ok;
	net_until(!served || ended(), KIT_FOREVER);
	return !(served && ok);
}
