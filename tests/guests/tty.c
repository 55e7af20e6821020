/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtio console `hvc`: lines of all kinds come out as they are; what no front
 * end does breaks the device until it is reset; the last words are heard, also those
 * of a panic (`panic`).
 */
#include "check.h"
#include "guestkit/virtio.h" /* for what no front end does */
#include "kit/console.h"
#include "kit/mm.h"
#include "kit/ops.h"
#include "kit/vconsole.h"
#include "kit/wait.h"
#include "virtio_console.h"

#define LINES 200u
#define LONG 9000u
#define SIZE 8u
#define EMERGENCY (0x100u + VIRTIO_CONSOLE_CONFIG_EMERG)
#define PATIENCE (20 * KIT_SECOND)

static struct kit_vconsole *tty;

static void event(void *arg) { kit_virtio_ack(arg); }

static void emergency(uint64_t base)
{
	for (const char *s = "emergency\n"; *s; s++)
		kit_ops.reg_write(base + EMERGENCY, 4, (uint8_t)*s);
}

/* A text in memory that is not shared. */
static void bad_write(void)
{
	static struct kit_virtio v;
	struct virtq_buf b = { dev_addr(kit_gpa(kit_pages_alloc(1))), 10,
			       false };
	const char *why = kit_virtio_open(&v, "hvc", VIRTIO_ID_CONSOLE, 0,
					  VIRTIO_CONSOLE_QUEUES, SIZE, event,
					  &v);

	if (!check(!why, "tty-open", "%s", why))
		return;
	emergency(v.base);
	kit_virtio_ready(&v);
	virtq_add(&v.q[VIRTIO_CONSOLE_TX], &b, 1);
	kit_virtio_kick(&v, VIRTIO_CONSOLE_TX);
	check(kit_wait_until(kit_virtio_broken(&v), kit_time_ns() + PATIENCE),
	      "tty-broken", "it is not");
}

static void names(void)
{
	const char *why = "none";
	unsigned cols, rows;

	check(!kit_vconsole_open("absent", &why), "tty-absent", "opened");
	kit_vconsole_size(tty, &cols, &rows);
	check(cols == 80 && rows == 25, "tty-size", "%u by %u", cols, rows);
	check(!kit_vconsole_read_try(tty, &cols, 1), "tty-no-input", "some");
}

/* More than there is room for, in lines that can be told apart. */
static void lines(void)
{
	for (unsigned i = 0; i < LINES; i++)
		printf("line %u, then more that is the same in every line\n",
		       i);
}

/* In one piece for the caller, in many for the device. */
static void long_write(void)
{
	char *text = kit_pages_alloc(LONG / KIT_PAGE_SIZE + 1);

	for (unsigned i = 0; i < LONG; i++)
		text[i] = i % 100 == 99 ? '\n' : (char)('a' + i / 100 % 26);
	check(kit_vconsole_write(tty, text, LONG), "tty-long", "refused");
}

int kit_main(const char *cmdline)
{
	const char *why = "";
	char none[2];
	int failed;

	bad_write();
	tty = kit_vconsole_open("hvc", &why); /* which resets it */
	if (!check(tty, "tty-again", "%s", why))
		return check_summary("tty");
	kit_vconsole_use(tty);
	names();
	long_write();
	lines();
	failed = check_summary("tty");
	if (kit_option("panic", none, sizeof(none)))
		kit_panic("on the virtio console");
	printf("last words");
	return failed;
}
