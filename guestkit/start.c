/* SPDX-License-Identifier: BSD-2-Clause */
/* Start of day in C, the boot information, the command line, and the end. */
#include "kit/call.h"
#include "kit/console.h"
#include "kit/smp.h"
#include "kit/time.h"
#include "internal.h"

static const struct pv_start *info;

/* Between these the linker collects the address of each call site. */
extern const uint64_t __start_pv_calls[] __attribute__((visibility("hidden")));
extern const uint64_t __stop_pv_calls[] __attribute__((visibility("hidden")));

const struct pv_start *kit_info(void) { return info; }

uint32_t kit_profile(void) { return info->profile; }

const char *kit_profile_name(void)
{
	static const char *const names[] = { "pv", "hvm", "classic" };

	return info->profile < 3 ? names[info->profile] : "?";
}

/* VMMCALL on AMD: the last byte of 0f 01 c1 (VMCALL) becomes d9. */
void kit_calls_patch(int64_t alias)
{
	const uint64_t *site;
	uint32_t r[4];

	kit_cpuid(0, r);
	if (r[1] != 0x68747541 && r[1] != 0x6f677948) /* "Auth", "Hygo" */
		return;
	for (site = __start_pv_calls; site < __stop_pv_calls; site++)
		*(volatile uint8_t *)(*site + alias + 2) = 0xd9;
}

void kit_begin(const struct pv_start *s)
{
	info = s;
	if (s->magic != PV_START_MAGIC || s->size < sizeof(*s))
		__asm__ volatile("ud2");
	kit_mm_start(s);
	kit_trap_start();
	kit_time_start();
	kit_smp_start();
	kit_vcpu_tables(&kit_vcpu0);
	kit_ops_bind();
	kit_apic_start();
	kit_irq_on();
	kit_exit(kit_main((const char *)kit_ptr(s->cmdline)));
}

_Noreturn void kit_exit(int code)
{
	pv_exit((uint8_t)code);
	kit_stop("exit refused", 12);
}

_Noreturn void kit_stop(const char *msg, size_t n)
{
	pv_crash(kit_gpa(msg), n > 120 ? 120 : n);
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* ---- the command line ---- */

bool kit_str_same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static size_t word_len(const char *w)
{
	size_t n = 0;

	while (w[n] && w[n] != ' ')
		n++;
	return n;
}

static void value_copy(char *buf, size_t size, const char *from, size_t n)
{
	size_t i;

	if (!size)
		return;
	if (n > size - 1)
		n = size - 1;
	for (i = 0; i < n; i++)
		buf[i] = from[i];
	buf[n] = 0;
}

bool kit_word_find(const char *text, const char *key, char *buf, size_t size)
{
	size_t n, k;

	for (; *text; text += n) {
		if (*text == ' ') {
			n = 1;
			continue;
		}
		n = word_len(text);
		for (k = 0; k < n && key[k] && text[k] == key[k]; k++)
			;
		if (key[k] || (k < n && text[k] != '='))
			continue;
		k += k < n;
		value_copy(buf, size, text + k, n - k);
		return true;
	}
	return false;
}

bool kit_option(const char *key, char *buf, size_t size)
{
	return kit_word_find((const char *)kit_ptr(info->cmdline), key, buf,
			     size);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 32) >= 'a' && (c | 32) <= 'f')
		return (c | 32) - 'a' + 10;
	return 99;
}

static uint64_t option_number(const char *key, uint64_t otherwise, int base)
{
	char buf[32];
	const char *p = buf;
	uint64_t v = 0;

	if (!kit_option(key, buf, sizeof(buf)) || !buf[0])
		return otherwise;
	if (p[0] == '0' && (p[1] | 32) == 'x') {
		p += 2;
		base = 16;
	}
	for (; digit(*p) < base; p++)
		v = v * base + digit(*p);
	return *p ? otherwise : v;
}

uint64_t kit_option_u64(const char *key, uint64_t otherwise)
{
	return option_number(key, otherwise, 10);
}

uint64_t kit_option_hex(const char *key, uint64_t otherwise)
{
	return option_number(key, otherwise, 16);
}

/* ---- devices and modules ---- */

const struct pv_device *kit_device(const struct pv_device *from, uint32_t type,
				   const char *name)
{
	const struct pv_device *d = kit_ptr(info->devices);
	const struct pv_device *end = d + info->nr_devices;

	for (d = from ? from + 1 : d; d < end; d++)
		if (d->type == type && (!name || kit_str_same(d->name, name)))
			return d;
	return NULL;
}

const struct pv_module *kit_module(const char *name)
{
	const struct pv_module *m = kit_ptr(info->modules);
	uint32_t i;

	for (i = 0; i < info->nr_modules; i++)
		if (kit_str_same(m[i].name, name))
			return m + i;
	return NULL;
}
