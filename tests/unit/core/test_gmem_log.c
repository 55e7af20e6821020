/* SPDX-License-Identifier: BSD-2-Clause */
/* The log of pages written to: by the hypervisor, by a peer, by nobody. */
/* TEST-SRC: hv/core/gmem.c hv/core/gmem_log.c hv/core/gmem_own.c hv/core/gmem_share.c hv/core/frame.c hv/virt/nested.c */
#include "fake_space.h"

#define A (&parts[1])
#define B (&parts[2])
#define AT 0x40000000ull
#define BUF 0x8000ull /* in B, which asks */

static int setup(void **state)
{
	fake_setup(state);
	asker.part = B;
	gmem_log_set(A, true);
	populate(1, 0, 16);
	populate(2, 0, 16);
	return 0;
}

/* The same, where the CPU marks what it writes to. */
static int setup_with_marks(void **state)
{
	nested_caps.dirty = true;
	return setup(state);
}

static int teardown_with_marks(void **state)
{
	nested_caps.dirty = false;
	return fake_teardown(state);
}

static u64 result(u64 word)
{
	u64 w;

	assert_int_equal(gmem_read(B, gpa(BUF + 8 * word), &w, 8), PV_OK);
	return w;
}

/* The first 64 pages. */
static u64 log_of(struct partition *p)
{
	u64 at = 0, pages = 64, buf = BUF;
	bool more;

	assert_int_equal(gmem_log_read(p, &at, &pages, &buf, &more), PV_OK);
	assert_false(more);
	return result(0);
}

static void it_names_what_the_hypervisor_writes(void **state)
{
	u64 word = 1;

	assert_int_equal(log_of(A), 0xffff);
	assert_int_equal(shot[1], 1);
	assert_int_equal(log_of(A), 0);
	assert_int_equal(shot[1], 1);
	assert_int_equal(gmem_read(A, gpa(0x1000), &word, 8), PV_OK);
	assert_int_equal(log_of(A), 0);
	assert_int_equal(gmem_write(A, gpa(0x1ffc), &word, 8), PV_OK);
	assert_non_null(gmem_ptr(A, gpa(0x5678)));
	assert_int_equal(gmem_copy(A, gpa(0xa000), B, gpa(0), 16), PV_OK);
	assert_int_equal(log_of(A), 1 << 1 | 1 << 2 | 1 << 5 | 1 << 10);
	assert_int_equal(log_of(A), 0);
	/* what is new is written to */
	populate(1, 20 * PAGE_SIZE, 1);
	assert_int_equal(log_of(A), 1 << 20);
}

static void what_others_may_write_to_is_always_named(void **state)
{
	u64 word = 1;

	log_of(A);
	assert_int_equal(gmem_share(A, B, gpa(0x3000), 2, true), PV_OK);
	assert_int_equal(accepts(B, A, 0x3000, 1, AT, 0), PV_OK);
	assert_int_equal(log_of(A), 3 << 3);
	assert_int_equal(log_of(A), 3 << 3);
	assert_int_equal(gmem_write(B, gpa(AT), &word, 8), PV_OK);
	assert_int_equal(gmem_revoke(A, gpa(0x3000), 2), PV_OK);
	assert_int_equal(log_of(A), 3 << 3);
	assert_int_equal(log_of(A), 0);
	assert_int_equal(gmem_map(A, gpa(0x20000), hpa(A->space.root),
				  PAGE_SIZE, NP_READ | NP_WRITE),
			 PV_OK);
	assert_int_equal(log_of(A), 1ull << 32);
	assert_int_equal(log_of(A), 1ull << 32);
	assert_int_equal(gmem_map(A, gpa(0x30000), hpa(0xfee00000), PAGE_SIZE,
				  NP_READ | NP_WRITE | NP_DEVICE),
			 PV_OK);
	assert_int_equal(log_of(A), 1ull << 32);
}

static void a_long_range_resumes(void **state)
{
	u64 at = LARGE_SIZE - 2 * PAGE_SIZE, pages = 514, buf = BUF;
	bool more;

	populate(1, LARGE_SIZE, 512);
	assert_int_equal(gmem_log_read(A, &at, &pages, &buf, &more), PV_OK);
	assert_true(more);
	assert_int_equal(at, 2 * LARGE_SIZE - 2 * PAGE_SIZE);
	assert_int_equal(pages, 2);
	assert_int_equal(buf, BUF + 64);
	assert_int_equal(result(0), ~3ull);
	assert_int_equal(result(7), ~0ull);
	assert_int_equal(gmem_log_read(A, &at, &pages, &buf, &more), PV_OK);
	assert_false(more);
	assert_int_equal(result(8), 3);
}

static void errors_change_nothing(void **state)
{
	u64 at = 0, pages = 16, buf = 16 * PAGE_SIZE;
	bool more;

	assert_int_equal(gmem_log_read(A, &at, &pages, &buf, &more), PV_EFAULT);
	assert_int_equal(log_of(A), 0xffff);
	gmem_log_set(A, false);
	populate(1, LARGE_SIZE, 512);
	gmem_log_set(A, true);
	A->max_pages = A->pages;
	at = LARGE_SIZE;
	buf = BUF;
	assert_int_equal(gmem_log_read(A, &at, &pages, &buf, &more), PV_ENOMEM);
	assert_int_equal(at, LARGE_SIZE);
	gmem_log_set(A, false);
	assert_int_equal(gmem_log_read(A, &at, &pages, &buf, &more), PV_ESTATE);
}

#define T(name)                                                         \
	cmocka_unit_test_setup_teardown(name, setup, fake_teardown),    \
		cmocka_unit_test_setup_teardown(name, setup_with_marks, \
						teardown_with_marks)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(it_names_what_the_hypervisor_writes),
		T(what_others_may_write_to_is_always_named),
		T(a_long_range_resumes),
		T(errors_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
