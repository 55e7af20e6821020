/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio entropy device that guests see. */
/* TEST-SRC: drivers/host/ventropy.c drivers/host/vdev.c drivers/host/vdev_regs.c drivers/host/vq.c */
#include "fake_guest.h"
#include "host/vdevs.h"
#include "kit/mm.h"

#define DATA 0x8000u

void *kit_calloc(size_t n, size_t size) { return calloc(n, size); }

void kit_free(void *p) { free(p); }

static struct vdev *v;

static int setup(void **state)
{
	const char *why = "no memory";

	(void)state;
	v = ventropy_make(NULL, &why);
	if (!v) /* the CPU of the build machine */
		fail_msg("%s", why);
	guest_begin(v);
	bring_up(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	v->ops->free(v);
	return 0;
}

static uint32_t written(unsigned n) { return le32(memory + USED + 8 + 8 * n); }

static void test_id(void **state)
{
	(void)state;
	assert_int_equal(reg_get(8), 4);
	assert_int_equal(reg_get(0x100), 0); /* it has no configuration */
}

/* All of a request, in as many parts as it has; no byte behind it. */
static void test_fills(void **state)
{
	(void)state;
	desc(0, DATA, 101, 3, 1);
	desc(1, DATA + 0x1000, 30, 2, 0);
	submit(0);
	desc(2, DATA + 0x2000, 101, 2, 0);
	submit(2);
	work();
	assert_int_equal(get16(USED + 2), 2);
	assert_int_equal(written(0), 131);
	assert_int_equal(written(1), 101);
	assert_memory_not_equal(memory + DATA, memory + DATA + 0x2000, 101);
	assert_int_equal(memory[DATA + 101], 0);
	assert_int_equal(memory[DATA + 0x1000 + 30], 0);
	assert_int_equal(signals, 1);
}

static bool hears, up;
static unsigned lines;

static bool line(struct vdev *d, bool to)
{
	assert_ptr_equal(d, v);
	assert_true(up || to || v->status); /* never down twice, but to look */
	up = to;
	lines++;
	return hears;
}

static void request(void)
{
	desc(0, DATA, 8, 2, 0);
	submit(0);
	work();
}

static void restart(void)
{
	memset(memory, 0, sizeof(memory));
	memset(avail_idx, 0, sizeof(avail_idx));
	bring_up(0);
}

/* The line of its pin follows InterruptStatus; events are for who does not hear it. */
static void test_pin(void **state)
{
	(void)state;
	up = hears = false;
	lines = 0;
	v->line = line;
	restart();
	assert_int_equal(lines, 1);
	request();
	vdev_write(v, 0x64, 4, 1);
	request(); /* a line that nobody hears costs nothing */
	assert_true(!up && lines == 1 && signals == 2);
	hears = true;
	restart();
	for (unsigned n = 1; n < 4; n++) {
		request();
		assert_true(up && reg_get(0x60) == 1);
		vdev_write(v, 0x64, 4, 2);
		assert_true(up);
		vdev_write(v, 0x64, 4, 1);
		assert_true(!up && lines == 2 + 2 * n && signals == 2);
	}
	request();
	request(); /* not acknowledged: nothing new */
	assert_true(up && lines == 9);
	vdev_write(v, 0x70, 4, 0);
	assert_false(up);
	restart();
	vdev_break(v);
	assert_true(up && signals == 2);
	restart();
	request();
	vdev_break(v); /* beside an interrupt that is not acknowledged */
	assert_true(up && reg_get(0x60) == 3);
}

static void test_odd_requests(void **state)
{
	(void)state;
	desc(0, DATA, 16, 0, 0); /* nothing to write to */
	submit(0);
	desc(1, DATA, 0x10000, 2, 0); /* more than is given at a time */
	submit(1);
	work();
	assert_int_equal(written(0), 0);
	assert_int_equal(written(1), 4096);
	assert_int_equal(memory[DATA + 4096], 0);
	guest_window(true);
	unshared[DATA / 4096 + 1] = true;
	desc(0, DATA + 4096 - 16, 64, 2, 0); /* its second half is not shared */
	submit(0);
	work();
	assert_int_equal(written(2), 16);
	assert_false(needs_reset());
	desc(0, DATA, 16, 3, 0); /* a loop */
	submit(0);
	work();
	assert_true(needs_reset());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fills, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_requests, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
