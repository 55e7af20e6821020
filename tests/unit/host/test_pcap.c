/* SPDX-License-Identifier: BSD-2-Clause */
/* Capture files, byte by byte. */
/* TEST-SRC: drivers/host/pcap.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/host/pcap.h"

static uint8_t file[256];
static size_t used, room;

static bool sink(void *arg, const void *bytes, size_t n)
{
	assert_ptr_equal(arg, file);
	if (used + n > room)
		return false;
	memcpy(file + used, bytes, n);
	used += n;
	return true;
}

static struct pcap begin(size_t space, uint32_t most, bool want)
{
	struct pcap p = { .write = sink, .arg = file, .most = most };

	used = 0;
	room = space;
	memset(file, 0xee, sizeof(file));
	assert_int_equal(pcap_begin(&p), want);
	return p;
}

static void test_bytes(void **state)
{
	static const uint8_t want[] = {
		/* magic, 2.4, zone, accuracy, most, Ethernet */
		0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0xff, 0xff, 0, 0, 1, 0, 0, 0,
		/* 0x12345678 s and 999,999 us, 3 bytes of 3 */
		0x78, 0x56, 0x34, 0x12, 0x3f, 0x42, 0x0f, 0, 3, 0, 0, 0, 3, 0,
		0, 0, 'a', 'b', 'c',
		/* 1 s and 0 us, none of none */
		1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
	};
	struct pcap p = begin(sizeof(file), PCAP_WHOLE, true);

	(void)state;
	assert_int_equal(used, PCAP_HEADER);
	assert_true(pcap_frame(&p, 0x12345678ull * 1000000 + 999999, "abc", 3));
	assert_true(pcap_frame(&p, 1000000, "", 0));
	assert_int_equal(used, sizeof(want));
	assert_memory_equal(file, want, sizeof(want));
	assert_int_equal(p.frames, 2);
}

static void test_cut(void **state)
{
	struct pcap p = begin(sizeof(file), 4, true);

	(void)state;
	assert_int_equal(file[16], 4);
	assert_true(pcap_frame(&p, 0, "abcdefgh", 8));
	assert_int_equal(used, 24 + 16 + 4);
	assert_int_equal(file[24 + 8], 4);
	assert_int_equal(file[24 + 12], 8);
	assert_memory_equal(file + 40, "abcd", 4);
}

/* Nothing follows what the sink has not taken. */
static void test_full(void **state)
{
	struct pcap p = begin(23, 4, false);

	(void)state;
	assert_true(p.failed);
	room = sizeof(file);
	assert_false(pcap_frame(&p, 0, "a", 1));
	assert_int_equal(used, 0);
	p = begin(24 + 16, 4, true);
	assert_false(pcap_frame(&p, 0, "a", 1)); /* its header has gone out */
	room = sizeof(file);
	assert_false(pcap_frame(&p, 0, "a", 1));
	assert_int_equal(used, 24 + 16);
	assert_int_equal(p.frames, 0);
	p = begin(24 + 17, 4, true); /* a new file */
	assert_true(pcap_frame(&p, 0, "a", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
