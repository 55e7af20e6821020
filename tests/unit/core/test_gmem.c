/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory: population, copies, and who owns what through shares. */
/* TEST-SRC: hv/core/gmem.c hv/core/gmem_own.c hv/core/gmem_share.c hv/core/frame.c hv/virt/nested.c */
#include "fake_space.h"

#define A (&parts[1])
#define B (&parts[2])
#define C (&parts[3])
#define AT 0x40000000ull /* where the peer maps what it accepts */

static struct frame *frame_at(struct partition *p, u64 at)
{
	hpa_t h;

	assert_true(nested_lookup(&p->space, gpa(at), &h, NULL, NULL));
	return frame_of(h);
}

static bool mapped(struct partition *p, u64 at, u32 *flags)
{
	hpa_t h;

	return nested_lookup(&p->space, gpa(at), &h, flags, NULL);
}

static void populates_with_large_pages_where_aligned(void **state)
{
	u64 page;
	hpa_t h;

	populate(1, LARGE_SIZE - 2 * PAGE_SIZE, 2 + 512 + 3);
	assert_true(nested_lookup(&A->space, gpa(LARGE_SIZE), &h, NULL, &page));
	assert_int_equal(page, LARGE_SIZE);
	assert_true(nested_lookup(&A->space, gpa(2 * LARGE_SIZE + PAGE_SIZE),
				  &h, NULL, &page));
	assert_int_equal(page, PAGE_SIZE);
	assert_false(mapped(A, 2 * LARGE_SIZE + 3 * PAGE_SIZE, NULL));
}

static void refuses_what_is_mapped_and_what_is_over_quota(void **state)
{
	u64 free_before;

	populate(1, 0, 4);
	free_before = frame_free_count();
	assert_int_equal(populate_all(A, PAGE_SIZE, 1), PV_EEXIST);
	A->max_pages = A->pages;
	assert_int_equal(populate_all(A, 16 * PAGE_SIZE, 1), PV_ENOMEM);
	assert_int_equal(populate_all(A, LARGE_SIZE, 512), PV_ENOMEM);
	assert_int_equal(frame_free_count(), free_before);
}

static void copies_across_pages_and_refuses_the_rest(void **state)
{
	u8 out[600], in[600];

	populate(1, 0, 3);
	memset(out, 7, sizeof(out));
	assert_int_equal(gmem_write(A, gpa(PAGE_SIZE - 300), out, 600), PV_OK);
	assert_int_equal(gmem_read(A, gpa(PAGE_SIZE - 300), in, 600), PV_OK);
	assert_memory_equal(in, out, 600);
	assert_int_equal(gmem_read(A, gpa(3 * PAGE_SIZE - 1), in, 2),
			 PV_EFAULT);
	assert_int_equal(gmem_read(A, gpa(~0ull), in, 2), PV_EFAULT);
	assert_false(gmem_ok(A, gpa(0), ~0ull, false));
	assert_true(gmem_ok(A, gpa(1), 3 * PAGE_SIZE - 1, true));
	populate(2, AT, 1);
	assert_int_equal(
		gmem_copy(B, gpa(AT + 5), A, gpa(PAGE_SIZE - 300), 600), PV_OK);
	assert_int_equal(gmem_read(B, gpa(AT + 5), in, 600), PV_OK);
	assert_memory_equal(in, out, 600);
	assert_int_equal(gmem_copy(B, gpa(AT + 4000), A, gpa(0), 600),
			 PV_EFAULT);
}

static void device_memory_is_never_copied(void **state)
{
	u8 b[4];

	assert_int_equal(gmem_map(A, gpa(AT), hpa(RAM_START + RAM_SIZE),
				  LARGE_SIZE, NP_READ | NP_WRITE | NP_DEVICE),
			 PV_OK);
	assert_int_equal(gmem_read(A, gpa(AT), b, 4), PV_EFAULT);
	assert_int_equal(gmem_map(A, gpa(AT + PAGE_SIZE), hpa(RAM_START),
				  PAGE_SIZE, NP_READ),
			 PV_EEXIST);
}

static void a_share_has_one_owner_all_the_time(void **state)
{
	u32 flags;

	populate(1, 0, 512);
	assert_int_equal(gmem_share(A, B, gpa(PAGE_SIZE), 2, false), PV_OK);
	assert_int_equal(A->pages_shared, 2);
	assert_int_equal(frame_at(A, PAGE_SIZE)->state, FRAME_SHARED);
	assert_int_equal(accepts(B, A, PAGE_SIZE, 2, AT, 0), PV_OK);
	assert_ptr_equal(frame_at(A, PAGE_SIZE), frame_at(B, AT));
	assert_int_equal(frame_at(B, AT)->owner, 1);
	assert_true(mapped(B, AT, &flags));
	assert_int_equal(flags, NP_READ);
	assert_int_equal(gmem_write(B, gpa(AT), "x", 1), PV_EFAULT);
	assert_int_equal(gmem_revoke(A, gpa(PAGE_SIZE), 2), PV_OK);
	assert_false(mapped(B, AT, NULL));
	assert_int_equal(shot[2], 1);
	assert_int_equal(frame_at(A, PAGE_SIZE)->state, FRAME_PLAIN);
	assert_int_equal(A->pages_shared, 0);
}

static void only_the_named_peer_can_accept(void **state)
{
	populate(1, 0, 4);
	populate(2, 0, 1);
	assert_int_equal(accepts(B, A, 0, 1, AT, 0), PV_EFAULT);
	assert_int_equal(gmem_share(A, B, gpa(0), 2, true), PV_OK);
	assert_int_equal(accepts(C, A, 0, 1, AT, 0), PV_EFAULT);
	assert_int_equal(accepts(B, A, 0, 3, AT, 0), PV_EFAULT);
	assert_int_equal(accepts(B, A, 0, 1, 0, 0), PV_EEXIST);
	/* the peer's slot was taken by another partition meanwhile */
	B->gen++;
	assert_int_equal(accepts(B, A, 0, 1, AT, 0), PV_EFAULT);
	B->gen--;
	assert_int_equal(accepts(B, A, 0, 1, AT, 0), PV_OK);
	assert_int_equal(accepts(B, A, 0, 1, AT + LARGE_SIZE, 0), PV_EEXIST);
	assert_int_equal(gmem_write(B, gpa(AT), "x", 1), PV_OK);
}

/* ... where its parameters say so; nobody else may. */
static void a_creator_may_accept_all(void **state)
{
	u32 flags;

	populate(1, 0, 4);
	A->creator = B->id;
	A->creator_gen = B->gen;
	assert_int_equal(accepts(B, A, 0, 2, AT, 0), PV_EFAULT);
	A->flags = PV_PARTITION_SHARE_ALL;
	assert_int_equal(accepts(C, A, 0, 2, AT, 0), PV_EFAULT);
	assert_int_equal(accepts(B, A, 0, 5, AT, 0), PV_EFAULT);
	assert_int_equal(A->pages_shared, 0);
	assert_int_equal(gmem_share(A, C, gpa(3 * PAGE_SIZE), 1, true), PV_OK);
	assert_int_equal(accepts(B, A, 0, 4, AT, 0), PV_EFAULT);
	assert_int_equal(A->pages_shared, 1);
	assert_int_equal(accepts(B, A, 0, 2, AT, 0), PV_OK);
	assert_true(mapped(B, AT + PAGE_SIZE, &flags));
	assert_int_equal(flags, NP_READ | NP_WRITE);
	assert_int_equal(A->pages_shared, 3);
	assert_int_equal(gmem_return(B, gpa(AT), 2), PV_OK);
	assert_int_equal(accepts(B, A, 0, 1, AT, PV_ACCEPT_DMA), PV_OK);
	B->gen++; /* another one in its slot */
	assert_int_equal(accepts(B, A, 2 * PAGE_SIZE, 1, AT + PAGE_SIZE, 0),
			 PV_EFAULT);
	B->gen--;
	assert_int_equal(frame_at(A, 2 * PAGE_SIZE)->state, FRAME_PLAIN);
}

static void nobody_shares_what_it_does_not_own(void **state)
{
	populate(1, 0, 2);
	assert_int_equal(gmem_share(A, B, gpa(0), 3, true), PV_EFAULT);
	assert_int_equal(A->pages_shared, 0);
	assert_int_equal(gmem_share(A, B, gpa(0), 1, true), PV_OK);
	assert_int_equal(gmem_share(A, C, gpa(0), 2, true), PV_EEXIST);
	assert_int_equal(accepts(B, A, 0, 1, AT, 0), PV_OK);
	assert_int_equal(gmem_share(B, C, gpa(AT), 1, true), PV_EFAULT);
	assert_int_equal(gmem_revoke(B, gpa(AT), 1), PV_EFAULT);
	/* a shared page of the hypervisor's */
	assert_int_equal(gmem_map(A, gpa(AT), hpa(A->space.root), PAGE_SIZE,
				  NP_READ | NP_WRITE),
			 PV_OK);
	assert_int_equal(gmem_share(A, B, gpa(AT), 1, true), PV_EFAULT);
}

static void returning_leaves_the_share(void **state)
{
	populate(1, 0, 2);
	assert_int_equal(gmem_share(A, B, gpa(0), 2, true), PV_OK);
	assert_int_equal(accepts(B, A, 0, 2, AT, 0), PV_OK);
	assert_int_equal(gmem_return(B, gpa(AT), 3), PV_EFAULT);
	assert_int_equal(gmem_return(A, gpa(0), 1), PV_EFAULT);
	assert_int_equal(gmem_return(B, gpa(AT), 1), PV_OK);
	assert_int_equal(shot[2], 1);
	assert_false(mapped(B, AT, NULL));
	assert_true(mapped(B, AT + PAGE_SIZE, NULL));
	assert_int_equal(gmem_return(B, gpa(AT), 1), PV_EFAULT);
	assert_int_equal(accepts(B, A, 0, 1, AT, 0), PV_OK);
	assert_int_equal(gmem_revoke(A, gpa(0), 2), PV_OK);
	assert_int_equal(gmem_revoke(A, gpa(0), 2), PV_EFAULT);
}

static void accept_without_table_memory_undoes_itself(void **state)
{
	populate(1, 0, 4);
	assert_int_equal(gmem_share(A, B, gpa(0), 4, true), PV_OK);
	/* three tables for the first page, none for the next 2 MiB */
	B->max_pages = B->pages + 3;
	assert_int_equal(
		accepts(B, A, 0, 4, AT + LARGE_SIZE - 2 * PAGE_SIZE, 0),
		PV_ENOMEM);
	for (u64 i = 0; i < 4; i++) {
		assert_int_equal(frame_at(A, i * PAGE_SIZE)->state,
				 FRAME_SHARED);
		assert_false(
			mapped(B, AT + LARGE_SIZE + (i - 2) * PAGE_SIZE, NULL));
	}
}

static void the_death_of_the_owner_takes_the_pages_from_the_peer(void **state)
{
	populate(1, 0, 1024);
	assert_int_equal(gmem_share(A, B, gpa(5 * PAGE_SIZE), 2, true), PV_OK);
	assert_int_equal(accepts(B, A, 5 * PAGE_SIZE, 2, AT, 0), PV_OK);
	while (!gmem_reap(A, 64))
		;
	assert_false(mapped(B, AT, NULL));
	assert_int_equal(shot[2], 1);
}

static void the_death_of_the_peer_gives_the_pages_back(void **state)
{
	populate(1, 0, 8);
	assert_int_equal(gmem_share(A, B, gpa(0), 2, true), PV_OK);
	assert_int_equal(accepts(B, A, 0, 2, AT, 0), PV_OK);
	while (!gmem_reap(B, 64))
		;
	assert_int_equal(frame_at(A, 0)->owner, 1);
	/* whoever comes after it in its slot gets nothing */
	B->gen++;
	assert_int_equal(accepts(B, A, 0, 1, AT, 0), PV_EFAULT);
	assert_int_equal(gmem_revoke(A, gpa(0), 2), PV_OK);
	assert_int_equal(gmem_share(A, C, gpa(0), 2, true), PV_OK);
}

static void a_share_with_oneself_is_a_second_mapping(void **state)
{
	/* the second one comes first in the address space */
	populate(1, LARGE_SIZE, 4);
	assert_int_equal(gmem_share(A, A, gpa(LARGE_SIZE), 2, true), PV_OK);
	assert_int_equal(accepts(A, A, LARGE_SIZE, 1, 0, 0), PV_OK);
	assert_int_equal(accepts(A, A, LARGE_SIZE + PAGE_SIZE, 1, AT, 0),
			 PV_OK);
	assert_int_equal(gmem_return(A, gpa(LARGE_SIZE), 1), PV_EFAULT);
	assert_int_equal(gmem_return(A, gpa(0), 1), PV_OK);
	assert_int_equal(accepts(A, A, LARGE_SIZE, 1, 0, 0), PV_OK);
	/* the teardown sees a double or a missing free */
}

static void a_populate_over_quota_changes_nothing(void **state)
{
	A->max_pages = A->pages + 600;
	assert_int_equal(populate_all(A, 0, 601), PV_ENOMEM);
	assert_false(mapped(A, 0, NULL));
}

static void an_iommu_has_the_partitions_addresses(void **state)
{
	u64 addr;

	populate(2, 0, 1);
	iommu = (struct iommu_info){ .kind = IOMMU_VTD,
				     .levels = 3,
				     .limit = 1ull << 39 };
	iotlb_flushed = 0;
	assert_int_equal(gmem_device_addr(B, gpa(0), &addr), PV_OK);
	assert_int_equal(addr, 0);
	assert_int_equal(iotlb_flushed, 0);
	iommu.np_cached = true; /* it may know that nothing was there */
	assert_int_equal(gmem_device_addr(B, gpa(0), &addr), PV_OK);
	assert_int_equal(iotlb_flushed, B->id + 1);
	populate(2, 1ull << 39, 1);
	assert_int_equal(gmem_device_addr(B, gpa(1ull << 39), &addr),
			 PV_EFAULT);
	iommu = (struct iommu_info){ 0 };
}

static void what_is_accepted_for_dma_stays(void **state)
{
	u64 addr;

	populate(1, 0, 4);
	populate(2, 0, 1);
	assert_int_equal(gmem_device_addr(B, gpa(0), &addr), PV_OK);
	assert_int_equal(gmem_share(A, B, gpa(0), 3, true), PV_OK);
	assert_int_equal(accepts(B, A, 0, 1, AT, 0), PV_OK);
	assert_int_equal(gmem_device_addr(B, gpa(AT), &addr), PV_EFAULT);
	assert_int_equal(
		accepts(B, A, PAGE_SIZE, 1, AT + PAGE_SIZE, PV_ACCEPT_DMA),
		PV_OK);
	assert_int_equal(gmem_device_addr(B, gpa(AT + PAGE_SIZE), &addr),
			 PV_OK);
	assert_int_equal(addr, frame_hpa(frame_at(A, PAGE_SIZE)).v);
	assert_int_equal(A->pages_pinned, 1);
	assert_int_equal(gmem_revoke(A, gpa(0), 3), PV_EAGAIN);
	assert_true(mapped(B, AT, NULL) && mapped(B, AT + PAGE_SIZE, NULL));
	assert_int_equal(A->pages_shared, 3);
	assert_int_equal(gmem_revoke(A, gpa(0), 1), PV_OK);
	assert_int_equal(gmem_return(B, gpa(AT + PAGE_SIZE), 1), PV_OK);
	assert_int_equal(A->pages_pinned, 0);
	assert_int_equal(gmem_revoke(A, gpa(PAGE_SIZE), 2), PV_OK);
	assert_int_equal(shot[2], 3);
}

static void the_end_of_either_side_unpins(void **state)
{
	populate(1, 0, 4);
	assert_int_equal(gmem_share(A, B, gpa(0), 2, true), PV_OK);
	assert_int_equal(accepts(B, A, 0, 2, AT, PV_ACCEPT_DMA), PV_OK);
	assert_int_equal(A->pages_pinned, 2);
	while (!gmem_reap(B, 64))
		;
	assert_int_equal(A->pages_pinned, 0);
	assert_int_equal(gmem_revoke(A, gpa(0), 2), PV_OK);
	/* its own pins do not hold its end up */
	assert_int_equal(gmem_share(A, A, gpa(0), 1, true), PV_OK);
	assert_int_equal(accepts(A, A, 0, 1, AT, PV_ACCEPT_DMA), PV_OK);
	assert_int_equal(gmem_revoke(A, gpa(0), 1), PV_EAGAIN);
	assert_int_equal(A->pages_pinned, 0);
}

static int release_all(struct partition *p, u64 at, u64 pages)
{
	bool more;
	int err;

	do {
		err = gmem_release(p, &at, &pages, &more);
	} while (!err && more);
	return err;
}

static int exactly(struct partition *p, u64 at, u64 pages, u32 order)
{
	bool more;
	int err;

	do {
		err = gmem_populate_exact(p, &at, &pages, order, &more);
	} while (!err && more);
	return err;
}

static void what_is_released_is_free(void **state)
{
	u64 owned = A->pages, all = frame_free_count();
	u32 gen = A->space.gen;

	populate(1, LARGE_SIZE - PAGE_SIZE, 2 * 512 + 2);
	assert_int_equal(release_all(A, LARGE_SIZE - PAGE_SIZE, 2 * 512 + 2),
			 PV_OK);
	assert_int_equal(shot[1], 4);
	assert_int_not_equal(A->space.gen, gen);
	assert_false(mapped(A, LARGE_SIZE, NULL));
	assert_int_equal(A->pages, owned);
	assert_int_equal(frame_free_count(), all);
}

static void a_part_of_a_large_page_is_released(void **state)
{
	u64 page;
	hpa_t h;

	populate(1, 0, 512);
	A->max_pages = A->pages;
	assert_int_equal(release_all(A, PAGE_SIZE, 1), PV_ENOMEM);
	assert_true(nested_lookup(&A->space, gpa(PAGE_SIZE), &h, NULL, &page));
	assert_int_equal(page, LARGE_SIZE);
	A->max_pages++;
	assert_int_equal(release_all(A, PAGE_SIZE, 1), PV_OK);
	assert_false(mapped(A, PAGE_SIZE, NULL));
	assert_true(mapped(A, 2 * PAGE_SIZE, NULL));
	assert_int_equal(A->pages, A->max_pages - 1);
}

static void only_plain_memory_is_released(void **state)
{
	populate(1, 0, 4);
	populate(2, 0, 1);
	assert_int_equal(release_all(A, 0, 5), PV_EFAULT);
	assert_int_equal(gmem_share(A, B, gpa(PAGE_SIZE), 1, true), PV_OK);
	assert_int_equal(release_all(A, 0, 4), PV_EEXIST);
	assert_int_equal(accepts(B, A, PAGE_SIZE, 1, AT, 0), PV_OK);
	assert_int_equal(release_all(A, 0, 4), PV_EEXIST);
	assert_int_equal(release_all(B, AT, 1), PV_EFAULT);
	assert_true(mapped(A, 0, NULL) && mapped(B, AT, NULL));
	assert_int_equal(gmem_revoke(A, gpa(PAGE_SIZE), 1), PV_OK);
	assert_int_equal(release_all(A, 0, 4), PV_OK);
	assert_int_equal(gmem_map(A, gpa(AT), hpa(A->space.root), PAGE_SIZE,
				  NP_READ | NP_WRITE),
			 PV_OK);
	assert_int_equal(release_all(A, AT, 1), PV_EFAULT);
}

static void blocks_have_the_size_that_was_asked_for(void **state)
{
	u64 page;
	hpa_t h;

	assert_int_equal(exactly(A, LARGE_SIZE, 1024, PV_ORDER_2M), PV_OK);
	assert_true(nested_lookup(&A->space, gpa(LARGE_SIZE), &h, NULL, &page));
	assert_int_equal(page, LARGE_SIZE);
	assert_int_equal(exactly(A, 0, 512, PV_ORDER_4K), PV_OK);
	assert_int_equal(exactly(A, AT, 1, 1), PV_EINVAL);
	assert_int_equal(exactly(A, AT, 511, PV_ORDER_2M), PV_EINVAL);
	assert_int_equal(exactly(A, AT + PAGE_SIZE, 512, PV_ORDER_2M),
			 PV_EINVAL);
	assert_int_equal(exactly(A, AT + LARGE_SIZE, 512, PV_ORDER_1G),
			 PV_EINVAL);
	assert_int_equal(
		exactly(A, AT + HUGE_SIZE - LARGE_SIZE, 512, PV_ORDER_1G),
		PV_EINVAL);
	A->max_pages = HUGE_SIZE;
	assert_int_equal(exactly(A, AT, HUGE_SIZE / PAGE_SIZE, PV_ORDER_1G),
			 PV_ENOMEM);
	assert_false(mapped(A, AT, NULL));
}

/* Pages that come back in a row are one large page again. */
static void memory_in_a_row_becomes_a_large_page(void **state)
{
	u64 page, owned;
	hpa_t h;

	populate(1, 0, 512);
	owned = A->pages;
	assert_true(nested_lookup(&A->space, gpa(0), &h, NULL, NULL));
	assert_int_equal(release_all(A, 5 * PAGE_SIZE, 1), PV_OK);
	/* the frame that was freed last comes first */
	populate(1, 5 * PAGE_SIZE, 1);
	assert_true(nested_lookup(&A->space, gpa(0), &h, NULL, &page));
	assert_int_equal(page, LARGE_SIZE);
	assert_int_equal(A->pages, owned);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(populates_with_large_pages_where_aligned),
		T(refuses_what_is_mapped_and_what_is_over_quota),
		T(copies_across_pages_and_refuses_the_rest),
		T(device_memory_is_never_copied),
		T(a_share_has_one_owner_all_the_time),
		T(only_the_named_peer_can_accept),
		T(a_creator_may_accept_all),
		T(nobody_shares_what_it_does_not_own),
		T(returning_leaves_the_share),
		T(accept_without_table_memory_undoes_itself),
		T(the_death_of_the_owner_takes_the_pages_from_the_peer),
		T(the_death_of_the_peer_gives_the_pages_back),
		T(a_share_with_oneself_is_a_second_mapping),
		T(a_populate_over_quota_changes_nothing),
		T(an_iommu_has_the_partitions_addresses),
		T(what_is_accepted_for_dma_stays),
		T(the_end_of_either_side_unpins),
		T(what_is_released_is_free),
		T(a_part_of_a_large_page_is_released),
		T(only_plain_memory_is_released),
		T(blocks_have_the_size_that_was_asked_for),
		T(memory_in_a_row_becomes_a_large_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
