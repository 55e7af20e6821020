/* SPDX-License-Identifier: BSD-2-Clause */
/* The log of pages written to, with and without marks of the CPU.
 * TEST-SRC: hv/virt/nested.c hv/lib/machine.c */
#include "fake_nested.h"

static u32 flags_at(u64 at)
{
	u32 flags = 0;
	hpa_t to;

	return nested_lookup(&space, gpa(at), &to, &flags, NULL) ? flags : 0;
}

/* The entry itself, as the CPU finds it. */
static u64 *entry_of(u64 at)
{
	u64 *t = hpa_ptr(hpa(space.root));

	for (unsigned level = 4;; level--) {
		u64 *e = &t[at >> (3 + 9 * level) & 511];

		if (level == 1 || *e & 1 << 7 || !(*e & 1))
			return e;
		t = hpa_ptr(hpa(*e & 0xffffffffff000));
	}
}

/* What the CPU does at a write: true if it may. */
static bool cpu_writes(u64 at)
{
	u64 *e = entry_of(at);

	if (!(*e & format.write))
		return false;
	*e |= nested_caps.dirty ? format.dirty : 0;
	return true;
}

static unsigned log_count(u64 at, u64 size)
{
	unsigned n = 0;
	struct nested_page np;

	for (u64 a = at; nested_next(&space, &a, at + size, &np); a += 0x1000)
		n += nested_log_take(&space, gpa(a));
	return n;
}

static void log_names_what_is_written(void)
{
	space.logging = true;
	assert_int_equal(map(0, HUGE_SIZE, 0x8000, 3), 0);
	assert_int_equal(
		nested_map(&space, gpa(0x8000), hpa(0), 0x1000, NP_READ, 1), 0);
	assert_int_equal(log_count(0, 0x8000), 8);
	assert_int_equal(log_count(0, 0x9000), !!nested_caps.dirty);
	assert_int_equal(log_count(0, 0x9000), 0);
	/* to everyone else it is as writable as before */
	assert_int_equal(flags_at(0x3000), RWX);
	assert_int_equal(flags_at(0x8000), NP_READ);
	assert_int_equal(cpu_writes(0x3000), nested_caps.dirty);
	nested_log_put(&space, gpa(0x3000));
	assert_true(cpu_writes(0x3000));
	nested_log_put(&space, gpa(0x5123));
	nested_log_put(&space, gpa(0x9000));
	assert_false(nested_log_take(&space, gpa(0x4000)));
	assert_true(nested_log_take(&space, gpa(0x3000)));
	assert_true(nested_log_take(&space, gpa(0x5000)));
	assert_int_equal(log_count(0, LARGE_SIZE), 0);
	assert_int_equal(where(0x9000), ~0ull);
	nested_log_put(&space, gpa(0x8000));
	assert_int_equal(flags_at(0x8000), NP_READ);
	assert_false(cpu_writes(0x8000));
}

static void test_the_log_names_what_is_written(void **state)
{
	log_names_what_is_written();
}

static void test_the_log_without_marks_of_the_cpu(void **state)
{
	nested_caps.dirty = false;
	log_names_what_is_written();
}

static void split_is_written(void)
{
	assert_int_equal(map(0, 0, HUGE_SIZE, 3), 0);
	assert_int_equal(nested_map(&space, gpa(HUGE_SIZE), hpa(HUGE_SIZE),
				    LARGE_SIZE, NP_READ | NP_WRITE | NP_DEVICE,
				    3),
			 0);
	space.logging = true;
	budget = 1; /* of two tables */
	assert_int_equal(nested_split_all(&space, gpa(0x3000), 0x1000), -1);
	for (u64 at = 0; at < HUGE_SIZE; at += LARGE_SIZE)
		assert_int_equal(where(at + 0x5000), at + 0x5000);
	budget = 10;
	assert_int_equal(nested_split_all(&space, gpa(0x3000), LARGE_SIZE), 0);
	assert_int_equal(page_at(0), PAGE_SIZE);
	assert_int_equal(page_at(LARGE_SIZE), PAGE_SIZE);
	assert_int_equal(page_at(2 * LARGE_SIZE), LARGE_SIZE);
	assert_int_equal(log_count(0, LARGE_SIZE), 512);
	assert_int_equal(log_count(0, LARGE_SIZE), 0);
	assert_int_equal(nested_split_all(&space, gpa(HUGE_SIZE), LARGE_SIZE),
			 0);
	assert_int_equal(page_at(HUGE_SIZE), LARGE_SIZE);
}

static void test_what_the_log_splits_counts_as_written(void **state)
{
	split_is_written();
}

static void test_what_the_log_splits_without_marks(void **state)
{
	nested_caps.dirty = false;
	split_is_written();
}

/* The end of a log leaves watched pages; a write ends that, whoever asks. */
static void test_a_log_that_has_ended_hinders_nobody(void **state)
{
	nested_caps.dirty = false;
	space.logging = true;
	assert_int_equal(map(0, 0, 0x2000, 3), 0);
	assert_int_equal(log_count(0, 0x2000), 2);
	space.logging = false;
	assert_false(cpu_writes(0));
	nested_log_put(&space, gpa(0));
	assert_true(cpu_writes(0));
	assert_int_equal(flags_at(0), RWX);
	assert_int_equal(nested_unmap(&space, gpa(0), 0x2000), 0);
	assert_int_equal(where(0x1000), ~0ull);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_log_names_what_is_written),
		TEST(test_the_log_without_marks_of_the_cpu),
		TEST(test_what_the_log_splits_counts_as_written),
		TEST(test_what_the_log_splits_without_marks),
		TEST(test_a_log_that_has_ended_hinders_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
