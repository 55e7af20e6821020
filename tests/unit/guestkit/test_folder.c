/* SPDX-License-Identifier: BSD-2-Clause */
/* The kit's client of 9P on a server that may die at any request. */
/* TEST-SRC: guestkit/folder.c guestkit/file.c guestkit/p9.c drivers/virtq.c */
#include "fake_mmio.h"

#include "guestkit/p9.h"

#define VIRTIO_ID_9P 9u
#define ROOM 100u

const struct pv_device *kit_device(const struct pv_device *from, uint32_t type,
				   const char *name)
{
	static const struct pv_device d = { .irq = VIRTIO_ID_9P };

	return &d;
}

/* ---- a server with one file, in one folder ---- */

static struct kit_folder *d;
static char did[400];	      /* a letter for each request, '!' a death */
static uint32_t fids, opened; /* that it knows; those opened */
static uint8_t content[ROOM]; /* what is synced outlives it */
static uint8_t unsynced[ROOM];
static unsigned die_at, requests; /* that request, from 1 on; 0: none */
static bool served_first;	  /* it is done, and not answered */
static bool made;

static const char letters[] = {
	[P9_LOPEN] = 'o',   [P9_LCREATE] = 'c',	 [P9_GETATTR] = 'g',
	[P9_SETATTR] = 's', [P9_READDIR] = 'd',	 [P9_FSYNC] = 'f',
	[P9_MKDIR] = 'm',   [P9_RENAMEAT] = 'n', [P9_VERSION] = 'V',
	[P9_ATTACH] = 'A',  [P9_WALK] = 'w',	 [P9_READ] = 'r',
	[P9_WRITE] = 'p',   [P9_CLUNK] = '-',	 [P9_REMOVE] = 'x'
};

static uint32_t u32_at(const uint8_t *m)
{
	uint32_t v;

	memcpy(&v, m, 4);
	return v;
}

static unsigned note(char c)
{
	size_t n = strlen(did);

	assert_true(n < sizeof(did) - 1);
	did[n] = c;
	return 0;
}

/* The reply's body, behind the header; ~0: an error, in its first bytes. */
static uint32_t answer(const uint8_t *m, uint8_t *out)
{
	unsigned type = m[4];
	uint32_t fid = u32_at(m + 7), n = 0;

	memset(out, 0, 160);
	if (type == P9_VERSION) {
		fids = opened = 0;
		memcpy(out, m + 7, 14);
		return 14;
	}
	if (type == P9_ATTACH)
		fids = 1;
	else if (!(fids >> fid & 1)) {
		out[0] = 9; /* EBADF */
		return ~0u;
	}
	switch (type) {
	case P9_ATTACH:
		return 13;
	case P9_WALK:
		out[0] = m[15];
		fids |= 1u << u32_at(m + 11);
		return 2 + 13u * m[15];
	case P9_LOPEN:
	case P9_LCREATE:
		opened |= 1u << fid;
		return 17;
	case P9_READ:
		assert_true(opened >> fid & 1);
		n = u32_at(m + 19) < 10 ? u32_at(m + 19) : 10;
		memcpy(out, &n, 4);
		memcpy(out + 4, unsynced + u32_at(m + 11), n);
		return 4 + n;
	case P9_WRITE:
		assert_true(opened >> fid & 1);
		memcpy(out, m + 19, 4);
		memcpy(unsynced + u32_at(m + 11), m + 23, u32_at(m + 19));
		return 4;
	case P9_FSYNC:
		memcpy(content, unsynced, ROOM);
		return 0;
	case P9_GETATTR:
		out[8 + 13 + 12 + 16] = ROOM;
		return 153;
	case P9_READDIR:
		if (!u32_at(m + 11)) {
			static const uint8_t item[] = {
				[13] = 1, [21] = 8, [22] = 1, [24] = 'a'
			};

			out[0] = sizeof(item);
			memcpy(out + 4, item, sizeof(item));
		}
		return 4 + out[0];
	case P9_MKDIR:
		out[0] = 17; /* EEXIST */
		if (made)
			return ~0u;
		made = true;
		memset(out, 0, 4);
		return 13;
	case P9_CLUNK:
	case P9_REMOVE:
		fids &= ~(1u << fid);
	}
	return 0;
}

static int64_t p9_serve(unsigned queue, struct chain *c)
{
	const uint8_t *m = kit_ptr(c->d[0].addr);
	uint8_t *out = kit_ptr(c->d[1].addr);
	bool dies = ++requests == die_at;
	uint32_t n;

	note(letters[m[4]]);
	if (dies && !served_first) {
		note('!');
		memcpy(unsynced, content, ROOM);
		return -1;
	}
	n = answer(m, out + P9_HEADER);
	if (dies) {
		note('!');
		memcpy(unsynced, content, ROOM);
		return -1;
	}
	out[4] = n == ~0u ? 7 : (uint8_t)(m[4] + 1);
	n = P9_HEADER + (n == ~0u ? 4 : n);
	memcpy(out, &n, 4);
	return n;
}

static void begin(void)
{
	const char *why;

	fake_begin(1);
	serve = p9_serve;
	memset(content, 0, ROOM);
	memset(unsynced, 0, ROOM);
	made = false;
	die_at = 0;
	d = kit_folder_open("share", &why);
	assert_null(why);
	memset(did, 0, sizeof(did));
	requests = 0;
}

/* ---- what a guest does: the same however often the server dies ---- */

static bool count(const struct kit_item *item, void *arg)
{
	assert_string_equal(item->name, "a");
	++*(unsigned *)arg;
	return true;
}

static void use(void)
{
	struct kit_file *f, *other;
	char got[40];
	unsigned n = 0;

	assert_int_equal(kit_file_open(d, "a/b", 0, &other), 0);
	assert_int_equal(kit_file_open(d, "/a//b", KIT_FILE_WRITE, &f), 0);
	while (kit_file_write(f, 5, "0123456789", 10) != 10 ||
	       kit_file_sync(f)) /* what was lost is written again */
		;
	assert_int_equal(kit_file_read(f, 5, got, 10), 10);
	assert_memory_equal(got, "0123456789", 10);
	assert_int_equal(kit_file_size(f), ROOM);
	assert_int_equal(kit_file_truncate(f, ROOM), 0);
	kit_file_close(f);
	assert_int_equal(kit_folder_list(d, "a", count, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(kit_file_read(other, 7, got, 3), 3);
	assert_memory_equal(got, "234", 3);
	kit_file_close(other);
	assert_int_equal(d->fids, 1);
}

static void without_a_death(void **state)
{
	begin();
	use();
	assert_string_equal(did, "wowopfrgs-wodd-r-");
	assert_int_equal(fids, 1);
}

static void the_server_may_die_at_any_request(void **state)
{
	for (unsigned at = 1; at <= 17; at++) {
		begin();
		die_at = at;
		served_first = at % 2;
		use();
		assert_int_equal(did[at], '!');
		assert_int_equal(did[at + 1], 'V');
	}
}

static void it_may_die_while_a_session_begins(void **state)
{
	for (unsigned at = 3; at <= 8; at++) {
		begin();
		die_at = at;
		host_dies();
		use();
		assert_non_null(strchr(did, '!'));
	}
	for (unsigned at = 1; at < 20; at++) {
		begin();
		host_dies();
		die_at_write = at;
		use();
	}
}

static void it_may_die_while_the_first_begins(void **state)
{
	const char *why;

	for (unsigned at = 1; at <= 2; at++) {
		begin();
		die_at = at;
		d = kit_folder_open("share", &why);
		assert_null(why);
		use();
	}
}

static void what_may_have_been_done_is_not_done_again(void **state)
{
	begin();
	die_at = 2; /* behind the walk */
	served_first = true;
	assert_int_equal(kit_folder_make(d, "new"), -P9_EIO);
	assert_string_equal(did, "wm!VA-");
	assert_true(made);
	assert_int_equal(d->fids, 1);
	/* but the walk to it is */
	begin();
	die_at = 1;
	assert_int_equal(kit_folder_make(d, "new"), 0);
	assert_string_equal(did, "w!VAwm-");
}

static void what_was_written_and_not_synced_is_told(void **state)
{
	struct kit_file *f;

	begin();
	assert_int_equal(kit_file_open(d, "b", KIT_FILE_WRITE, &f), 0);
	assert_int_equal(kit_file_write(f, 0, "x", 1), 1);
	assert_int_equal(kit_file_sync(f), 0);
	host_dies();
	assert_int_equal(kit_file_sync(f), 0); /* all was there */
	assert_int_equal(kit_file_write(f, 0, "y", 1), 1);
	memcpy(unsynced, content, ROOM);
	host_dies();
	assert_int_equal(kit_file_sync(f), -P9_EIO);
	assert_int_equal(kit_file_sync(f), 0);
	assert_int_equal(content[0], 'x');
	kit_file_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_death),
		cmocka_unit_test(the_server_may_die_at_any_request),
		cmocka_unit_test(it_may_die_while_a_session_begins),
		cmocka_unit_test(it_may_die_while_the_first_begins),
		cmocka_unit_test(what_may_have_been_done_is_not_done_again),
		cmocka_unit_test(what_was_written_and_not_synced_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
