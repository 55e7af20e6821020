/* SPDX-License-Identifier: BSD-2-Clause */
/* The console: whole writes over whatever takes a few bytes at a time. */
#include "kit/console.h"
#include "kit/call.h"
#include "kit/time.h"
#include "internal.h"

#define LINE_SIZE 256
#define KEY_POLL (10 * KIT_MS)

static void (*redirect)(const void *buf, size_t n);
static size_t (*input)(void *buf, size_t n);

void kit_console_redirect(void (*write)(const void *buf, size_t n))
{
	redirect = write;
}

void kit_console_input(size_t (*read_try)(void *buf, size_t n))
{
	input = read_try;
}

size_t kit_write_try(const void *buf, size_t n)
{
	return kit_ops.console_write(buf, n);
}

/* Any context, so no handler runs here; but the reader of a full console
 * must get the CPU, whatever its priority. */
void kit_console_wait(void)
{
	if (kit_profile() != PV_PROFILE_PV)
		__asm__ volatile("pause" ::: "memory");
	else if (!pv_vcpu_wait(kit_tsc() + kit_tsc_khz()))
		pv_vcpu_yield();
}

void kit_console_own(const void *buf, size_t n)
{
	const uint8_t *p = buf;
	size_t done;

	while (n) {
		done = kit_write_try(p, n);
		p += done;
		n -= done;
		if (!done)
			kit_console_wait();
	}
}

void kit_write(const void *buf, size_t n)
{
	if (redirect)
		redirect(buf, n);
	else
		kit_console_own(buf, n);
}

size_t kit_read_try(void *buf, size_t n)
{
	return input ? input(buf, n) : kit_ops.console_read(buf, n);
}

/* No event tells of a key, so this looks a hundred times a second. */
size_t kit_read(void *buf, size_t n)
{
	size_t done;

	while (n) {
		done = kit_read_try(buf, n);
		if (done)
			return done;
		kit_sleep_ns(KEY_POLL);
	}
	return 0;
}

void kit_printf(const char *fmt, ...)
{
	char line[LINE_SIZE];
	__builtin_va_list ap;
	int n;

	__builtin_va_start(ap, fmt);
	n = kit_vformat(line, sizeof(line), fmt, ap);
	__builtin_va_end(ap);
	kit_write(line, n < LINE_SIZE ? n : LINE_SIZE - 1);
}
