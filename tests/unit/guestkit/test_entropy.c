/* SPDX-License-Identifier: BSD-2-Clause */
/* The entropy front end, on devices that behave and on others. */
/* TEST-SRC: guestkit/entropy.c drivers/virtq.c */
#include "fake_device.h"
#include "kit/entropy.h"

static struct kit_entropy *e;
static uint8_t next_byte;
static uint32_t most; /* bytes that the device gives for a request */

static int setup(void **state)
{
	dev_begin(state);
	next_byte = 1;
	most = UINT32_MAX;
	e = kit_entropy_open("e", NULL);
	assert_non_null(e);
	assert_int_equal(dev_opened, 1);
	return 0;
}

static int teardown(void **state)
{
	free(e);
	return dev_end(state);
}

/* Gives bytes that count. */
static void serve(void)
{
	volatile struct virtq_desc *d;
	uint16_t head;

	while ((d = dev_next(0, &head))) {
		uint32_t n = d->len < most ? d->len : most;
		uint8_t *to = kit_ptr(d->addr);

		assert_int_equal(d->flags, VIRTQ_DESC_WRITE);
		assert_true(d->len <= KIT_ENTROPY_STEP);
		for (uint32_t i = 0; i < n; i++)
			to[i] = next_byte++;
		dev_push(0, head, n);
	}
}

static void serve_kick(unsigned queue) { serve(); }

static void assert_read(size_t n)
{
	uint8_t *buf = malloc(n + 1), first = next_byte;

	buf[n] = 0xaa;
	assert_true(kit_entropy_read(e, buf, n));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(buf[i], (uint8_t)(first + i));
	assert_int_equal(buf[n], 0xaa);
	free(buf);
}

/* Sizes of all kinds; the shared page is wiped, and the guest does not sleep where
 * the answer is there. */
static void test_reads(void **state)
{
	static const size_t sizes[] = { 1, 7, 0, 4095, 4096, 4097, 100000 };
	const uint8_t *page = dev_pages[1];

	dev_kicked = serve_kick;
	for (unsigned i = 0; i < 7; i++)
		assert_read(sizes[i]);
	assert_int_equal(dev_kicks, 1 + 1 + 1 + 1 + 2 + 25);
	assert_int_equal(dev_sleeps, 0);
	for (unsigned i = 0; i < 4096; i++)
		assert_int_equal(page[i], 0);
}

static void test_sleeps(void **state)
{
	dev_sleep = serve;
	assert_read(9000);
	assert_int_equal(dev_sleeps, 3);
}

/* A device may give less than it was asked for (5.4.6). */
static void test_few_bytes(void **state)
{
	dev_kicked = serve_kick;
	most = 10;
	assert_read(101);
	assert_int_equal(dev_kicks, 11);
}

static void assert_dead(void)
{
	uint8_t buf[16];

	assert_false(kit_entropy_read(e, buf, 16));
	dev_kicked = serve_kick;
	dev_kicks = 0;
	assert_false(kit_entropy_read(e, buf, 16));
	assert_int_equal(dev_kicks, 0);
}

static void nothing(unsigned queue)
{
	uint16_t head;

	if (dev_next(0, &head))
		dev_push(0, head, 0);
}

static void too_much(unsigned queue)
{
	uint16_t head;

	if (dev_next(0, &head))
		dev_push(0, head, 17);
}

static void another(unsigned queue)
{
	uint16_t head;

	if (dev_next(0, &head))
		dev_push(0, head ^ 1u, 16);
}

static void nowhere(unsigned queue) { dev_push(0, 0x80000000u, 16); }

static void many(unsigned queue) { dev->q[0].used->idx = 9; }

static void test_gives_nothing(void **state)
{
	dev_kicked = nothing;
	assert_dead();
}

static void test_lies_length(void **state)
{
	dev_kicked = too_much;
	assert_dead();
}

static void test_lies_id(void **state)
{
	dev_kicked = another;
	assert_dead();
}

static void test_lies_nowhere(void **state)
{
	dev_kicked = nowhere;
	assert_dead();
}

static void test_lies_index(void **state)
{
	dev_kicked = many;
	assert_dead();
}

static void test_no_answer(void **state) { assert_dead(); }

static void restart(void)
{
	if (dev_sleeps == 1)
		dev_lost = true;
	else
		serve();
}

/* The host partition dies with a request, and the next one serves it. */
static void test_restart(void **state)
{
	dev_sleep = restart;
	assert_read(16);
	assert_int_equal(dev_opened, 2);
}

static void test_restart_gone(void **state)
{
	dev_sleep = restart;
	dev_gone = true;
	assert_dead();
}

static void test_open_fails(void **state)
{
	const char *why = NULL;

	dev_begin(state);
	dev_absent = true;
	assert_null(kit_entropy_open("e", &why));
	assert_string_equal(why, "there is no such device");
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_reads),	      T(test_sleeps),
		T(test_few_bytes),    T(test_gives_nothing),
		T(test_lies_length),  T(test_lies_id),
		T(test_lies_nowhere), T(test_lies_index),
		T(test_no_answer),    T(test_restart),
		T(test_restart_gone), cmocka_unit_test(test_open_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
