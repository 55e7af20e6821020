/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a guest-physical address leads, and what the page there is. */
/* TEST-SRC: hv/core/gmem.c hv/core/gmem_own.c hv/core/gmem_share.c hv/core/frame.c hv/virt/nested.c */
#include "fake_space.h"

#define A (&parts[1])
#define B (&parts[2])
#define AT 0x40000000ull /* where the peer maps what it accepts */
#define RW (PV_MAP_READ | PV_MAP_WRITE)

static struct pv_translation of(struct partition *p, u64 at)
{
	struct pv_translation t;
	hpa_t h;

	memset(&t, 0x5a, sizeof(t));
	assert_int_equal(gmem_translate(p, gpa(at), &t), PV_OK);
	assert_true(nested_lookup(&p->space, gpa(at), &h, NULL, NULL));
	assert_int_equal(t.addr, h.v);
	assert_false(lock_held(&p->lock));
	return t;
}

static void is_page(struct pv_translation t, u32 kind, u32 flags, u32 peer)
{
	assert_int_equal(t.kind, kind);
	assert_int_equal(t.flags, flags);
	assert_int_equal(t.peer, peer);
	assert_int_equal(t.pad, 0);
	for (u32 i = 0; i < array_size(t.pad2); i++)
		assert_int_equal(t.pad2[i], 0);
}

static void own_memory_with_the_size_of_its_page(void **state)
{
	populate(1, LARGE_SIZE - PAGE_SIZE, 1 + 512);
	is_page(of(A, LARGE_SIZE - 1), PV_PAGE_OWN, RW | PV_MAP_EXEC, 1);
	assert_int_equal(of(A, LARGE_SIZE - 1).size, PAGE_SIZE);
	assert_int_equal(of(A, LARGE_SIZE + 0x12345).size, LARGE_SIZE);
	assert_int_equal(of(A, LARGE_SIZE + 0x12345).addr & 0xfff, 0x345);
}

static void nothing_where_nothing_is_mapped(void **state)
{
	const u64 at[] = { 2 * PAGE_SIZE, 1ull << 39, 1ull << 47,
			   1ull << 48,	  1ull << 63, ~0ull };
	struct pv_translation t;

	populate(1, 0, 2);
	for (u32 i = 0; i < array_size(at); i++)
		assert_int_equal(gmem_translate(A, gpa(at[i]), &t), PV_EFAULT);
	assert_false(lock_held(&A->lock));
}

static void both_sides_of_a_share(void **state)
{
	populate(1, 0, 4);
	assert_int_equal(gmem_share(A, B, gpa(0), 2, true), PV_OK);
	is_page(of(A, 0), PV_PAGE_SHARED, RW | PV_MAP_EXEC, 2);
	assert_int_equal(accepts(B, A, 0, 1, AT, 0), PV_OK);
	assert_int_equal(
		accepts(B, A, PAGE_SIZE, 1, AT + PAGE_SIZE, PV_ACCEPT_DMA),
		PV_OK);
	is_page(of(A, 0), PV_PAGE_LENT, RW | PV_MAP_EXEC, 2);
	is_page(of(B, AT), PV_PAGE_BORROWED, RW, 1);
	is_page(of(A, PAGE_SIZE), PV_PAGE_LENT, RW | PV_MAP_EXEC | PV_MAP_DMA,
		2);
	is_page(of(B, AT + PAGE_SIZE), PV_PAGE_BORROWED, RW | PV_MAP_DMA, 1);
	assert_int_equal(of(A, 77).addr, of(B, AT + 77).addr);
	assert_int_equal(gmem_return(B, gpa(AT), 2), PV_OK);
	is_page(of(A, PAGE_SIZE), PV_PAGE_SHARED, RW | PV_MAP_EXEC, 2);
	assert_int_equal(gmem_revoke(A, gpa(0), 2), PV_OK);
	is_page(of(A, PAGE_SIZE), PV_PAGE_OWN, RW | PV_MAP_EXEC, 1);
}

static void a_read_only_share(void **state)
{
	populate(1, 0, 1);
	assert_int_equal(gmem_share(A, B, gpa(0), 1, false), PV_OK);
	assert_int_equal(accepts(B, A, 0, 1, AT, 0), PV_OK);
	is_page(of(B, AT), PV_PAGE_BORROWED, PV_MAP_READ, 1);
	assert_int_equal(gmem_return(B, gpa(AT), 1), PV_OK);
}

static void what_is_nobodys_memory(void **state)
{
	u64 ours = B->space.root & ~PAGE_MASK;

	assert_int_equal(gmem_map(A, gpa(AT), hpa(ours), PAGE_SIZE, NP_READ),
			 PV_OK);
	is_page(of(A, AT), PV_PAGE_HYPERVISOR, PV_MAP_READ, 2);
	assert_int_equal(gmem_map(A, gpa(2 * AT), hpa(0xfeb00000), PAGE_SIZE,
				  NP_READ | NP_WRITE | NP_DEVICE),
			 PV_OK);
	is_page(of(A, 2 * AT), PV_PAGE_DEVICE, RW, 0);
	assert_int_equal(
		gmem_map(A, gpa(3 * AT), hpa(0x5000), PAGE_SIZE, NP_READ),
		PV_OK);
	is_page(of(A, 3 * AT), PV_PAGE_FIRMWARE, PV_MAP_READ, 0);
	assert_int_equal(
		gmem_map(A, gpa(AT * 4), hpa(1ull << 38), PAGE_SIZE, NP_READ),
		PV_OK);
	is_page(of(A, 4 * AT), PV_PAGE_FIRMWARE, PV_MAP_READ, 0);
	for (u64 n = 1; n < 5; n++)
		gmem_unmap_page(A, gpa(n * AT));
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(own_memory_with_the_size_of_its_page),
		TEST(nothing_where_nothing_is_mapped),
		TEST(both_sides_of_a_share),
		TEST(a_read_only_share),
		TEST(what_is_nobodys_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
