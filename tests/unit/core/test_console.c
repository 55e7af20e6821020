/* SPDX-License-Identifier: BSD-2-Clause */
/* Console rings between guest memory and guest memory. */
/* TEST-SRC: hv/core/console.c hv/core/gmem.c hv/core/gmem_own.c hv/core/frame.c hv/virt/nested.c */
#include "fake_space.h"
#include "core/console.h"

static struct console_ring ring;

int gmem_take(struct partition *p, gpa_t at, u64 pages) { return PV_EFAULT; }

bool gmem_reap(struct partition *p, u64 bound) { return true; }

static int setup(void **state)
{
	static bool done;

	ring = (struct console_ring){ .head = 0 };
	/* positions are free-running: start before they wrap */
	ring.head = ring.tail = 0u - 100;
	if (done)
		return 0;
	done = true;
	fake_setup(state);
	populate(1, 0, 4);
	return 0;
}

static struct console_text text(u64 at, u64 n)
{
	return (struct console_text){ &parts[1], gpa(at), n };
}

static u64 put(u64 at, u64 n, int want, bool *first)
{
	u64 taken = 0;

	assert_int_equal(console_put(&ring, text(at, n), &taken, first), want);
	return taken;
}

static void bytes_come_out_as_they_went_in(void **state)
{
	char back[300];
	u64 got;
	bool first;

	for (int round = 0; round < 100; round++) {
		char line[300];

		memset(line, 'a' + round % 26, sizeof(line));
		assert_int_equal(gmem_write(&parts[1], gpa(0), line, 300), 0);
		assert_int_equal(put(0, 300, PV_OK, &first), 300);
		assert_true(first);
		assert_int_equal(put(0, 5, PV_OK, &first), 5);
		assert_false(first);
		assert_int_equal(console_get(&ring, text(PAGE_SIZE, 300), &got),
				 PV_OK);
		assert_int_equal(got, 300);
		assert_int_equal(
			gmem_read(&parts[1], gpa(PAGE_SIZE), back, 300), 0);
		assert_memory_equal(back, line, 300);
		assert_int_equal(console_get(&ring, text(PAGE_SIZE, 300), &got),
				 PV_OK);
		assert_int_equal(got, 5);
	}
}

static void a_full_ring_takes_what_fits_then_nothing(void **state)
{
	u64 got;
	bool first;

	assert_int_equal(put(0, 4000, PV_OK, &first), 4000);
	assert_int_equal(put(0, 4000, PV_OK, &first), CONSOLE_SIZE - 4000);
	put(0, 1, PV_EAGAIN, &first);
	assert_int_equal(console_get(&ring, text(0, 10), &got), PV_OK);
	assert_int_equal(got, 10);
	assert_int_equal(put(0, 4000, PV_OK, &first), 10);
}

static void an_empty_ring_gives_nothing(void **state)
{
	u64 got = 5;

	assert_int_equal(console_get(&ring, text(0, 10), &got), PV_OK);
	assert_int_equal(got, 0);
}

static void bad_memory_changes_nothing(void **state)
{
	u64 got;
	bool first;

	put(4 * PAGE_SIZE - 3, 4, PV_EFAULT, &first);
	put(~0ull - 1, 4, PV_EFAULT, &first);
	assert_int_equal(ring.head, ring.tail);
	/* also what would not be copied, as the ring is nearly full */
	assert_int_equal(put(0, CONSOLE_SIZE - 1, PV_OK, &first),
			 CONSOLE_SIZE - 1);
	put(4 * PAGE_SIZE - 3, 4, PV_EFAULT, &first);
	assert_int_equal(console_get(&ring, text(4 * PAGE_SIZE - 3, 4), &got),
			 PV_EFAULT);
	assert_int_equal(ring.head - ring.tail, CONSOLE_SIZE - 1);
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(bytes_come_out_as_they_went_in),
		T(a_full_ring_takes_what_fits_then_nothing),
		T(an_empty_ring_gives_nothing),
		T(bad_memory_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
