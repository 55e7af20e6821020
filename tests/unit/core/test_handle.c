/* SPDX-License-Identifier: BSD-2-Clause */
/* Handle tables: lookup, rights, generations, derivation, revocation. */
/* TEST-SRC: hv/core/handle.c */
#include "fake.h"
#include "pvabi/calls.h"

#define PARTS 4

struct partition *partition_table[PARTITION_MAX];
static struct partition parts[PARTS];

static int setup(void **state)
{
	memset(parts, 0, sizeof(parts));
	for (u32 i = 0; i < PARTS; i++) {
		parts[i].id = i;
		parts[i].gen = 10 + i;
		partition_table[i] = &parts[i];
	}
	return 0;
}

static u64 grant(u32 in, u32 to, u32 rights)
{
	u64 h = 0;

	assert_int_equal(handle_grant(&parts[in], &parts[to], rights, &h), 0);
	return h;
}

static int look(u32 in, u64 h, u32 rights)
{
	struct partition *p;

	return handle_partition(&parts[in], h, rights, &p);
}

/* All steps of a close. */
static int revoke(u32 in, u64 h)
{
	bool more = true;
	int err = PV_OK;

	while (more && !err)
		err = handle_revoke(&parts[in], h, &more);
	return err;
}

static u32 used(u32 in)
{
	u32 n = 0;

	for (u32 i = 0; i < HANDLE_MAX; i++)
		n += parts[in].handles.slots[i].type != HANDLE_FREE;
	return n;
}

static void self_has_all_rights_but_machine(void **state)
{
	struct partition *p;

	assert_int_equal(handle_partition(&parts[2], PV_SELF,
					  PV_RIGHT_ALL & ~PV_RIGHT_MACHINE, &p),
			 PV_OK);
	assert_ptr_equal(p, &parts[2]);
	assert_int_equal(look(2, PV_SELF, PV_RIGHT_MACHINE), PV_ERIGHT);
}

static void wild_values_name_nothing(void **state)
{
	static const u64 wild[] = { 1,		5,	    255,
				    256,	~0ull,	    1ull << 32,
				    1ull << 63, 0xffffffff, 0x100000000ull };

	for (u32 i = 0; i < array_size(wild); i++)
		assert_int_equal(look(0, wild[i], 0), PV_EHANDLE);
}

static void rights_and_type_are_checked(void **state)
{
	u64 h = grant(0, 1, PV_RIGHT_STATS | PV_RIGHT_SERVE);
	struct handle out;

	assert_int_equal(look(0, h, PV_RIGHT_STATS), PV_OK);
	assert_int_equal(look(0, h, PV_RIGHT_STATS | PV_RIGHT_CONTROL),
			 PV_ERIGHT);
	assert_int_equal(handle_name(&parts[0], h, HANDLE_EVENT, 0, &out),
			 PV_EHANDLE);
	/* of another table, or of another generation */
	assert_int_equal(look(1, h, 0), PV_EHANDLE);
	assert_int_equal(look(0, h + (1ull << 32), 0), PV_EHANDLE);
}

static void a_closed_value_stays_stale(void **state)
{
	u64 h = grant(0, 1, PV_RIGHT_STATS), again;

	assert_int_equal(revoke(0, h), PV_OK);
	assert_int_equal(look(0, h, 0), PV_EHANDLE);
	assert_int_equal(revoke(0, h), PV_EHANDLE);
	again = grant(0, 1, PV_RIGHT_STATS);
	assert_int_equal((u32)again, (u32)h);
	assert_int_not_equal(again, h);
	assert_int_equal(look(0, h, 0), PV_EHANDLE);
}

static void a_new_partition_in_the_slot_is_another(void **state)
{
	u64 h = grant(0, 1, PV_RIGHT_STATS);
	struct handle out;

	parts[1].gen++;
	assert_int_equal(look(0, h, 0), PV_EHANDLE);
	parts[1].gen--;
	parts[1].dying = 1;
	assert_int_equal(look(0, h, 0), PV_EHANDLE);
	assert_int_equal(handle_name(&parts[0], h, HANDLE_PARTITION, 0, &out),
			 PV_OK);
}

static void derived_has_fewer_rights(void **state)
{
	u64 h = grant(0, 1, PV_RIGHT_STATS | PV_RIGHT_GRANT), d;

	assert_int_equal(
		handle_derive(&parts[0], h, &parts[2], PV_RIGHT_CONTROL, &d),
		PV_ERIGHT);
	assert_int_equal(
		handle_derive(&parts[0], h, &parts[2], PV_RIGHT_STATS, &d),
		PV_OK);
	assert_int_equal(look(2, d, PV_RIGHT_STATS), PV_OK);
	/* no PV_RIGHT_GRANT: the end of the line */
	assert_int_equal(
		handle_derive(&parts[2], d, &parts[3], PV_RIGHT_STATS, &d),
		PV_ERIGHT);
	assert_int_equal(handle_derive(&parts[0], 77, &parts[2], 0, &d),
			 PV_EHANDLE);
}

static void revoking_takes_the_whole_tree(void **state)
{
	u32 all = PV_RIGHT_STATS | PV_RIGHT_GRANT;
	u64 top = grant(0, 1, all), side = grant(0, 1, all), h, kid;
	u64 chain[20];

	for (u32 i = 0; i < 20; i++) {
		h = i ? chain[i - 1] : top;
		assert_int_equal(handle_derive(&parts[i % PARTS], h,
					       &parts[(i + 1) % PARTS], all,
					       &chain[i]),
				 PV_OK);
		/* a second child at each level */
		assert_int_equal(handle_derive(&parts[i % PARTS], h, &parts[3],
					       all, &kid),
				 PV_OK);
	}
	assert_int_equal(revoke(1, chain[0]), PV_OK);
	assert_int_equal(look(0, top, 0), PV_OK);
	assert_int_equal(look(2, chain[1], 0), PV_EHANDLE);
	/* top, side and top's second child are left */
	assert_int_equal(used(0) + used(1) + used(2) + used(3), 3);
	assert_int_equal(revoke(0, top), PV_OK);
	assert_int_equal(look(0, side, 0), PV_OK);
	assert_int_equal(used(0) + used(1) + used(2) + used(3), 1);
}

static void closing_a_middle_child_keeps_its_sisters(void **state)
{
	u32 all = PV_RIGHT_STATS | PV_RIGHT_GRANT;
	u64 top = grant(0, 1, all), kid[5];

	for (u32 i = 0; i < 5; i++)
		assert_int_equal(handle_derive(&parts[0], top, &parts[2],
					       PV_RIGHT_STATS, &kid[i]),
				 PV_OK);
	assert_int_equal(revoke(2, kid[2]), PV_OK);
	assert_int_equal(revoke(2, kid[4]), PV_OK);
	assert_int_equal(revoke(2, kid[0]), PV_OK);
	assert_int_equal(look(2, kid[1], PV_RIGHT_STATS), PV_OK);
	assert_int_equal(revoke(0, top), PV_OK);
	assert_int_equal(used(2), 0);
}

static void a_full_table_says_so_and_reclaims_the_stale(void **state)
{
	u64 h, first = grant(0, 1, 0);

	for (u32 i = 2; i < HANDLE_MAX; i++)
		grant(0, 2, 0);
	assert_int_equal(handle_grant(&parts[0], &parts[1], 0, &h), PV_ENOMEM);
	assert_int_equal(look(0, first, 0), PV_OK);
	parts[2].gen++;
	for (u32 i = 2; i < HANDLE_MAX; i++)
		grant(0, 3, 0);
	assert_int_equal(handle_grant(&parts[0], &parts[1], 0, &h), PV_ENOMEM);
}

static void a_used_up_slot_is_never_filled_again(void **state)
{
	u64 h = grant(0, 1, 0);

	parts[0].handles.slots[(u32)h].gen = ~0u - 1;
	h = (u64)(~0u - 1) << 32 | (u32)h;
	assert_int_equal(revoke(0, h), PV_OK);
	assert_int_not_equal((u32)grant(0, 1, 0), (u32)h);
}

static void a_dying_partition_gets_no_handles(void **state)
{
	u64 h = grant(0, 1, PV_RIGHT_GRANT), d;

	assert_int_equal(handle_derive(&parts[0], h, &parts[2], 0, &d), PV_OK);
	parts[2].dying = 1;
	assert_int_equal(handle_derive(&parts[0], h, &parts[2], 0, &d),
			 PV_ENOMEM);
	assert_true(handle_drop_some(&parts[2]));
	assert_int_equal(used(2), 0);
	assert_int_equal(parts[0].handles.slots[(u32)h].child, HANDLE_NONE);
}

#define ALL (PV_RIGHT_STATS | PV_RIGHT_GRANT)

/* A handle of partition 0 with n others derived from it, in tables 1 and 2; the
 * last of them has 5 of its own. */
static u64 tree(u32 n, u64 *kid)
{
	u64 top = grant(0, 3, ALL), leaf;

	for (u32 i = 0; i < n; i++)
		assert_int_equal(handle_derive(&parts[0], top,
					       &parts[1 + i % 2], ALL, &kid[i]),
				 PV_OK);
	for (u32 i = 0; i < 5; i++)
		assert_int_equal(handle_derive(&parts[1 + (n - 1) % 2],
					       kid[n - 1], &parts[3], ALL,
					       &leaf),
				 PV_OK);
	return top;
}

static void a_big_tree_goes_in_steps_and_gets_no_leaves(void **state)
{
	u64 kid[300], top = tree(300, kid), d;
	u32 before = used(1) + used(2) + used(3), steps = 0;
	bool more = true;

	assert_int_equal(handle_revoke(&parts[0], top, &more), PV_OK);
	assert_true(more);
	assert_int_equal(before - used(1) - used(2) - used(3), HANDLE_STEP);
	/* the top names nothing, and what is left is derived no further */
	assert_int_equal(look(0, top, 0), PV_EHANDLE);
	assert_int_equal(handle_derive(&parts[0], top, &parts[1], 0, &d),
			 PV_EHANDLE);
	assert_int_equal(look(1, kid[0], PV_RIGHT_STATS), PV_OK);
	assert_int_equal(handle_derive(&parts[1], kid[0], &parts[1], 0, &d),
			 PV_EHANDLE);
	while (more) {
		assert_int_equal(handle_revoke(&parts[0], top, &more), PV_OK);
		steps++;
	}
	assert_int_equal(steps, (300 + 5) / HANDLE_STEP);
	assert_int_equal(used(0) + used(1) + used(2) + used(3), 0);
	assert_int_equal(handle_revoke(&parts[0], top, &more), PV_EHANDLE);
}

static void of_two_closers_one_succeeds(void **state)
{
	u64 kid[100], top = tree(100, kid);
	bool more;

	assert_int_equal(handle_revoke(&parts[0], top, &more), PV_OK);
	assert_true(more);
	assert_int_equal(revoke(0, top), PV_OK); /* on another CPU */
	assert_int_equal(handle_revoke(&parts[0], top, &more), PV_EHANDLE);
}

/* A branch is closed while its tree is; and its holder ends meanwhile. */
static void a_branch_may_go_while_its_tree_goes(void **state)
{
	u64 kid[200], top = tree(200, kid);
	bool more;

	assert_int_equal(handle_revoke(&parts[0], top, &more), PV_OK);
	assert_int_equal(revoke(1, kid[0]), PV_OK);
	parts[2].dying = 1;
	while (!handle_drop_some(&parts[2]))
		;
	assert_int_equal(used(2), 0);
	assert_int_equal(revoke(0, top), PV_OK);
	assert_int_equal(used(0) + used(1) + used(3), 0);
}

static void the_end_of_a_partition_goes_in_steps(void **state)
{
	u64 kid[200], d;
	u32 steps = 1;

	tree(200, kid);
	parts[0].dying = 1;
	assert_false(handle_drop_some(&parts[0]));
	assert_int_equal(handle_derive(&parts[1], kid[0], &parts[1], 0, &d),
			 PV_EHANDLE);
	while (!handle_drop_some(&parts[0]))
		steps++;
	assert_int_equal(steps, 206 / HANDLE_STEP);
	assert_int_equal(used(0) + used(1) + used(2) + used(3), 0);
}

static void a_tree_is_only_so_deep(void **state)
{
	u64 h = grant(0, 3, ALL), d;

	for (u32 i = 0; i < HANDLE_DEPTH; i++, h = d)
		assert_int_equal(
			handle_derive(&parts[0], h, &parts[0], ALL, &d), PV_OK);
	assert_int_equal(handle_derive(&parts[0], h, &parts[0], ALL, &d),
			 PV_ENOMEM);
	assert_int_equal(used(0), HANDLE_DEPTH + 1);
	/* of itself it begins anew */
	assert_int_equal(handle_derive(&parts[0], PV_SELF, &parts[0], ALL, &d),
			 PV_OK);
}

/* A table full of what is gone, with big trees: some calls later it is not. */
static void stale_trees_are_reclaimed_in_steps(void **state)
{
	u64 kid[200], h;
	u32 calls = 1;

	tree(200, kid);
	for (u32 i = used(0); i < HANDLE_MAX - 1; i++)
		grant(0, 2, 0);
	parts[3].gen++;
	while (handle_grant(&parts[0], &parts[1], 0, &h))
		calls++;
	assert_int_equal(calls, 1 + 206 / HANDLE_STEP);
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(self_has_all_rights_but_machine),
		T(wild_values_name_nothing),
		T(rights_and_type_are_checked),
		T(a_closed_value_stays_stale),
		T(a_new_partition_in_the_slot_is_another),
		T(derived_has_fewer_rights),
		T(revoking_takes_the_whole_tree),
		T(closing_a_middle_child_keeps_its_sisters),
		T(a_full_table_says_so_and_reclaims_the_stale),
		T(a_used_up_slot_is_never_filled_again),
		T(a_dying_partition_gets_no_handles),
		T(a_big_tree_goes_in_steps_and_gets_no_leaves),
		T(of_two_closers_one_succeeds),
		T(a_branch_may_go_while_its_tree_goes),
		T(the_end_of_a_partition_goes_in_steps),
		T(a_tree_is_only_so_deep),
		T(stale_trees_are_reclaimed_in_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
