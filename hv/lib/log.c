/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's log: a ring that the sink or a reader empties. */
#include "lib/log.h"
#include "lib/lock.h"

#define RING_SIZE 16384u /* power of two */
#define LINE_MAX 320

size_t (*log_sink)(const char *s, size_t n, bool wait);
bool log_direct = true;

static char ring[RING_SIZE];
static u64 ring_in, ring_out; /* bytes ever put in and taken out */
static struct lock ring_lock; /* guards ring, ring_in, ring_out, the sink */
static bool lockless;

static void ring_drain_locked(bool wait)
{
	while (log_sink && ring_out < ring_in) {
		size_t at = ring_out % RING_SIZE, n = ring_in - ring_out;
		size_t run = n < RING_SIZE - at ? n : RING_SIZE - at;
		size_t sent = log_sink(ring + at, run, wait);

		ring_out += sent;
		if (sent < run)
			break;
	}
}

/* Puts n bytes into the ring, and sends it on if asked to. */
static void ring_put(const char *s, size_t n, bool drain, bool wait)
{
	if (!lockless)
		lock_take(&ring_lock);
	while (n--)
		ring[ring_in++ % RING_SIZE] = *s++;
	if (ring_in - ring_out > RING_SIZE)
		ring_out = ring_in - RING_SIZE;
	if (drain)
		ring_drain_locked(wait);
	if (!lockless)
		lock_drop(&ring_lock);
}

void log(const char *fmt, ...)
{
	char line[LINE_MAX];
	__builtin_va_list ap;
	size_t n;

	__builtin_va_start(ap, fmt);
	n = (size_t)fmt_vbuf(line, sizeof(line), fmt, ap);
	__builtin_va_end(ap);
	ring_put(line, n < LINE_MAX ? n : LINE_MAX - 1, log_direct || lockless,
		 lockless);
}

void log_flush(void) { ring_put(NULL, 0, true, true); }

void log_hand_over(void)
{
	lock_scope(&ring_lock);
	ring_drain_locked(true);
	if (log_sink) {
		ring_out = ring_in < RING_SIZE ? 0 : ring_in - RING_SIZE + 1;
		ring[ring_in++ % RING_SIZE] = 0;
	}
	log_direct = false;
}

void log_panic_mode(void) { lockless = true; }

size_t log_read(char *buf, size_t n)
{
	size_t i = 0;

	lock_scope(&ring_lock);
	while (i < n && ring_out < ring_in)
		buf[i++] = ring[ring_out++ % RING_SIZE];
	return i;
}
