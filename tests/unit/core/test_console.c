/* SPDX-License-Identifier: BSD-2-Clause */
/* Console rings between guest memory and guest memory. */
/* TEST-SRC: hv/core/console.c hv/core/gmem.c hv/core/gmem_own.c hv/core/frame.c hv/virt/nested.c */
#include "fake_space.h"
#include "core/console.h"
#include "core/event.h"

#define ring parts[1].console[CONSOLE_OUT]

static u32 told;

void partition_notify(struct partition *p, u32 what)
{
	assert_ptr_equal(p, &parts[1]);
	assert_int_equal(what, PV_NOTIFY_OUTPUT);
	told++;
}

int gmem_take(struct partition *p, gpa_t at, u64 pages) { return PV_EFAULT; }

bool gmem_reap(struct partition *p, u64 bound) { return true; }

void event_send(struct partition *p, u32 port)
{
	assert_ptr_equal(p, &parts[1]);
	assert_int_equal(port, PV_PORT_CONSOLE);
	told++;
}

static int setup(void **state)
{
	static bool done;

	if (!done) {
		fake_setup(state);
		populate(1, 0, 4);
		asker.part = &parts[1];
	}
	done = true;
	/* positions are free-running: start before they wrap */
	ring.head = ring.tail = 0u - 100;
	return 0;
}

static u64 put(u64 at, u64 n, int want)
{
	u64 taken = 0;

	assert_int_equal(
		console_put(&parts[1], CONSOLE_OUT, gpa(at), n, &taken), want);
	return taken;
}

static u64 get(u64 at, u64 n, int want)
{
	u64 taken = 5;

	assert_int_equal(
		console_get(&parts[1], CONSOLE_OUT, gpa(at), n, &taken), want);
	return taken;
}

static void bytes_come_out_as_they_went_in(void **state)
{
	char back[300];

	for (int round = 0; round < 100; round++) {
		char line[300];

		memset(line, 'a' + round % 26, sizeof(line));
		assert_int_equal(gmem_write(&parts[1], gpa(0), line, 300), 0);
		assert_int_equal(put(0, 300, PV_OK), 300);
		assert_int_equal(told, round + 1);
		assert_int_equal(put(0, 5, PV_OK), 5);
		assert_int_equal(told, round + 1); /* it was not empty */
		assert_int_equal(get(PAGE_SIZE, 300, PV_OK), 300);
		assert_int_equal(
			gmem_read(&parts[1], gpa(PAGE_SIZE), back, 300), 0);
		assert_memory_equal(back, line, 300);
		assert_int_equal(get(PAGE_SIZE, 300, PV_OK), 5);
	}
}

static void a_full_ring_takes_what_fits_then_nothing(void **state)
{
	assert_int_equal(put(0, 4000, PV_OK), 4000);
	assert_int_equal(put(0, 4000, PV_OK), CONSOLE_SIZE - 4000);
	put(0, 1, PV_EAGAIN);
	assert_int_equal(get(0, 10, PV_OK), 10);
	assert_int_equal(put(0, 4000, PV_OK), 10);
}

static void each_input_is_told_of(void **state)
{
	u64 taken;

	told = 0;
	for (u32 n = 1; n <= 2; n++) {
		assert_int_equal(
			console_put(&parts[1], CONSOLE_IN, gpa(0), 5, &taken),
			PV_OK);
		assert_int_equal(taken, 5);
		assert_int_equal(told, n);
	}
	assert_int_equal(console_put(&parts[1], CONSOLE_IN, gpa(4 * PAGE_SIZE),
				     1, &taken),
			 PV_EFAULT);
	assert_int_equal(told, 2);
}

static void an_empty_ring_gives_nothing(void **state)
{
	assert_int_equal(get(0, 10, PV_OK), 0);
}

static void bad_memory_changes_nothing(void **state)
{
	put(4 * PAGE_SIZE - 3, 4, PV_EFAULT);
	put(~0ull - 1, 4, PV_EFAULT);
	assert_int_equal(ring.head, ring.tail);
	/* also what would not be copied, as the ring is nearly full */
	assert_int_equal(put(0, CONSOLE_SIZE - 1, PV_OK), CONSOLE_SIZE - 1);
	put(4 * PAGE_SIZE - 3, 4, PV_EFAULT);
	get(4 * PAGE_SIZE - 3, 4, PV_EFAULT);
	assert_int_equal(ring.head - ring.tail, CONSOLE_SIZE - 1);
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(bytes_come_out_as_they_went_in),
		T(a_full_ring_takes_what_fits_then_nothing),
		T(each_input_is_told_of),
		T(an_empty_ring_gives_nothing),
		T(bad_memory_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
