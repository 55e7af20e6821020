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

static struct pcap begin(size_t space, uint32_t most, unsigned nets, bool want)
{
	struct pcap p = {
		.write = sink, .arg = file, .most = most, .nets = nets
	};

	used = 0;
	room = space;
	memset(file, 0xee, sizeof(file));
	assert_int_equal(pcap_begin(&p), want);
	return p;
}

static void test_bytes(void **state)
{
	static const uint8_t want[] = {
		/* section header: byte order, 1.0, unknown length */
		0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1,
		0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 28, 0,
		0, 0,
		/* interfaces: Ethernet, most, a name, the end of options */
		1, 0, 0, 0, 36, 0, 0, 0, 1, 0, 0, 0, 0xff, 0xff, 0, 0, 2, 0, 7,
		0, 's', 'w', 'i', 't', 'c', 'h', '0', 0, 0, 0, 0, 0, 36, 0, 0,
		0, 1, 0, 0, 0, 36, 0, 0, 0, 1, 0, 0, 0, 0xff, 0xff, 0, 0, 2, 0,
		7, 0, 's', 'w', 'i', 't', 'c', 'h', '1', 0, 0, 0, 0, 0, 36, 0,
		0, 0,
		/* a frame of interface 1: time, 5 bytes of 5, padding */
		6, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 0x78, 0x56, 0x34, 0x12,
		0xf0, 0xde, 0xbc, 0x9a, 5, 0, 0, 0, 5, 0, 0, 0, 'a', 'b', 'c',
		'd', 'e', 0, 0, 0, 40, 0, 0, 0,
		/* one of interface 0: none of none */
		6, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0
	};
	struct pcap p = begin(sizeof(file), PCAP_WHOLE, 2, true);

	(void)state;
	assert_int_equal(used, PCAP_SECTION + 2 * PCAP_INTERFACE);
	assert_true(pcap_frame(&p, 1, 0x123456789abcdef0, "abcde", 5));
	assert_true(pcap_frame(&p, 0, 1, "", 0));
	assert_int_equal(used, sizeof(want));
	assert_memory_equal(file, want, sizeof(want));
	assert_int_equal(p.frames, 2);
}

static void test_cut(void **state)
{
	struct pcap p = begin(sizeof(file), 4, 1, true);
	const uint8_t *packet = file + PCAP_SECTION + PCAP_INTERFACE;

	(void)state;
	assert_int_equal(file[PCAP_SECTION + 12], 4);
	assert_true(pcap_frame(&p, 0, 0, "abcdefgh", 8));
	assert_ptr_equal(file + used, packet + PCAP_PACKET + 4);
	assert_int_equal(packet[4], PCAP_PACKET + 4);
	assert_int_equal(packet[20], 4);
	assert_int_equal(packet[24], 8);
	assert_memory_equal(packet + 28, "abcd", 4);
}

/* A block is a multiple of 4 bytes, whatever its frame. */
static void test_padding(void **state)
{
	(void)state;
	for (uint32_t len = 0; len < 9; len++) {
		struct pcap p = begin(sizeof(file), PCAP_WHOLE, 0, true);
		uint32_t want = PCAP_PACKET + (len + 3) / 4 * 4;

		assert_true(pcap_frame(&p, 0, 0, "abcdefgh", len));
		assert_int_equal(used - PCAP_SECTION, want);
		assert_int_equal(file[PCAP_SECTION + 4], want);
		assert_int_equal(file[used - 4], want);
	}
}

/* Nothing follows what the sink has not taken. */
static void test_full(void **state)
{
	struct pcap p = begin(PCAP_SECTION - 1, 4, 1, false);
	const size_t head = PCAP_SECTION + PCAP_INTERFACE;

	(void)state;
	assert_true(p.failed);
	room = sizeof(file);
	assert_false(pcap_frame(&p, 0, 0, "a", 1));
	assert_int_equal(used, 0);
	begin(head - 1, 4, 1, false); /* its interface has no room */
	assert_int_equal(used, PCAP_SECTION);
	p = begin(head + 28, 4, 1, true);
	assert_false(pcap_frame(&p, 0, 0, "a", 1)); /* its header is out */
	room = sizeof(file);
	assert_false(pcap_frame(&p, 0, 0, "a", 1));
	assert_int_equal(used, head + 28);
	assert_int_equal(p.frames, 0);
	p = begin(head + 36, 4, 1, true); /* a new file */
	assert_true(pcap_frame(&p, 0, 0, "a", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
