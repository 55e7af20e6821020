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

static void ring_put_locked(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ring[ring_in++ % RING_SIZE] = s[i];
	if (ring_in - ring_out > RING_SIZE)
		ring_out = ring_in - RING_SIZE;
}

/* The longest run of unread bytes that does not wrap. */
static size_t ring_run_locked(const char **s)
{
	size_t at = ring_out % RING_SIZE, n = ring_in - ring_out;

	*s = ring + at;
	return n < RING_SIZE - at ? n : RING_SIZE - at;
}

static void ring_drain_locked(bool wait)
{
	const char *s;
	size_t n, sent;

	while (log_sink && (n = ring_run_locked(&s))) {
		sent = log_sink(s, n, wait);
		ring_out += sent;
		if (sent < n)
			break;
	}
}

void log(const char *fmt, ...)
{
	char line[LINE_MAX];
	__builtin_va_list ap;
	int n;

	__builtin_va_start(ap, fmt);
	n = fmt_vbuf(line, sizeof(line), fmt, ap);
	__builtin_va_end(ap);
	if (n >= LINE_MAX)
		n = LINE_MAX - 1;
	if (!lockless)
		lock_take(&ring_lock);
	ring_put_locked(line, (size_t)n);
	if (log_direct || lockless)
		ring_drain_locked(lockless);
	if (!lockless)
		lock_drop(&ring_lock);
}

void log_flush(void)
{
	if (!lockless)
		lock_take(&ring_lock);
	ring_drain_locked(true);
	if (!lockless)
		lock_drop(&ring_lock);
}

void log_panic_mode(void)
{
	lockless = true;
}

size_t log_read(char *buf, size_t n)
{
	size_t i = 0;

	lock_take(&ring_lock);
	while (i < n && ring_out < ring_in)
		buf[i++] = ring[ring_out++ % RING_SIZE];
	lock_drop(&ring_lock);
	return i;
}

size_t log_unread(void)
{
	return __atomic_load_n(&ring_in, __ATOMIC_RELAXED) -
	       __atomic_load_n(&ring_out, __ATOMIC_RELAXED);
}
