/* SPDX-License-Identifier: BSD-2-Clause */
/* The 9P server: each request, and its errors. */
/* TEST-SRC: drivers/host/p9.c drivers/host/p9_fid.c drivers/host/p9_file.c */
/* TEST-SRC: drivers/host/p9_dir.c drivers/fat/fat.c drivers/fat/fat_dir.c */
/* TEST-SRC: drivers/fat/fat_file.c drivers/fat/fat_io.c */
/* TEST-SRC: drivers/fat/fat_name.c drivers/fat/fat_node.c */
/* TEST-SRC: drivers/fat/fat_rename.c drivers/fat/fat_slot.c */
/* TEST-SRC: drivers/fat/fat_table.c drivers/fat/fat_time.c */
#include "p9_client.h"

static void test_version(void **state)
{
	(void)state;
	assert_int_equal(ask(P9_TVERSION, "ws", 1u << 30, "9P2000.u"), 0);
	assert_int_equal(p9_get(&got, 4), P9_MSIZE);
	assert_int_equal(p9_get(&got, 2), 7);
	assert_memory_equal(got.at, "unknown", 7);
	assert_int_equal(walk1(ROOT, 2, "a"), P9_EPROTO);
	assert_int_equal(ask(P9_TVERSION, "ws", 100, "9P2000.L"), P9_EINVAL);
	assert_int_equal(ask(P9_TVERSION, "ws", MSIZE, "9P2000.L"), 0);
	assert_int_equal(ask(P9_TCLUNK, "w", ROOT), P9_EBADF);
	assert_int_equal(ask(P9_TATTACH, "wwssw", 5, ~0u, "u", "/", 0), 0);
	assert_int_equal(ask(P9_TATTACH, "wwssw", 6, ~0u, "u", "x", 0),
			 P9_ENOENT);
	assert_int_equal(ask(P9_TATTACH, "wwssw", 5, ~0u, "u", "", 0),
			 P9_EINVAL);
	assert_int_equal(ask(P9_TAUTH, "wssw", 7, "u", "", 0), P9_ENOENT);
}

static void test_file(void **state)
{
	(void)state;
	file_make(2, "A longer name.text");
	assert_int_equal(ask_write(2, 3, "hello", 5), 0);
	assert_int_equal(p9_get(&got, 4), 5);
	assert_int_equal(ask(P9_TREAD, "wqw", 2, 0ull, 100), 0);
	assert_int_equal(p9_get(&got, 4), 8);
	assert_memory_equal(got.at, "\0\0\0hello", 8);
	assert_int_equal(ask(P9_TREAD, "wqw", 2, 8ull, 100), 0);
	assert_int_equal(p9_get(&got, 4), 0);
	assert_int_equal(ask(P9_TREAD, "wqw", 2, 4ull, 2), 0);
	assert_int_equal(rep_len, 13);
	assert_int_equal(ask(P9_TFSYNC, "ww", 2, 0), 0);
	assert_int_equal(ask(P9_TGETATTR, "wq", 2, ~0ull), 0);
	p9_get_bytes(&got, 8 + P9_QID);
	assert_int_equal(p9_get(&got, 4), 0100755);
	p9_get_bytes(&got, 8);
	assert_int_equal(p9_get(&got, 8), 1);
	assert_int_equal(p9_get(&got, 8), 0);
	assert_int_equal(p9_get(&got, 8), 8);
	assert_int_equal(ask_write(2, UINT32_MAX, "x", 1), P9_EFBIG);
	assert_int_equal(ask(P9_TCLUNK, "w", 2), 0);
	assert_int_equal(walk1(ROOT, 2, "a LONGER name.text"), 0);
	assert_int_equal(ask(P9_TREAD, "wqw", 2, 0ull, 9), P9_EBADF);
	assert_int_equal(ask(P9_TLOPEN, "ww", 2, P9_DIRECTORY), P9_ENOTDIR);
	assert_int_equal(ask(P9_TLOPEN, "ww", 2, 0), 0);
	assert_int_equal(p9_get_bytes(&got, P9_QID)[0], 0);
	assert_int_equal(p9_get(&got, 4), MSIZE - 24);
	assert_int_equal(ask(P9_TLOPEN, "ww", 2, 0), P9_EINVAL);
	assert_int_equal(ask_write(2, 0, "x", 1), P9_EBADF);
	assert_int_equal(ask(P9_TLOCK, "wbwqqws", 2, 1, 0, 0ull, 0ull, 1, "c"),
			 0);
	assert_int_equal(ask(P9_TGETLOCK, "wbqqws", 2, 1, 5ull, 6ull, 1, "c"),
			 0);
	assert_int_equal(p9_get(&got, 1), 2);
}

static void test_create(void **state)
{
	(void)state;
	file_make(2, "x");
	assert_int_equal(ask_write(2, 0, "12345", 5), 0);
	assert_int_equal(ask(P9_TWALK, "wwh", ROOT, 3, 0), 0);
	assert_int_equal(ask(P9_TLCREATE, "wswww", 3, "x", P9_EXCL | 1, 0, 0),
			 P9_EEXIST);
	assert_int_equal(ask(P9_TLCREATE, "wswww", 3, "a/b", 1, 0, 0),
			 P9_EINVAL);
	assert_int_equal(ask(P9_TLCREATE, "wswww", 3, "..", 1, 0, 0),
			 P9_EINVAL);
	assert_int_equal(ask(P9_TLCREATE, "wswww", 3, "x", P9_TRUNC | 1, 0, 0),
			 0);
	assert_int_equal(ask_write(3, 7, "!", 1), 0);
	assert_int_equal(ask(P9_TREAD, "wqw", 2, 0ull, 100), 0);
	assert_int_equal(p9_get(&got, 4), 8); /* one file, open twice */
	assert_int_equal(ask(P9_TWALK, "wwh", ROOT, 4, 0), 0);
	assert_int_equal(ask(P9_TLCREATE, "wswww", 4, "x", P9_APPEND | 1, 0, 0),
			 0);
	assert_int_equal(ask_write(4, 0, "?", 1), 0);
	assert_int_equal(ask(P9_TREAD, "wqw", 4, 0ull, 100), P9_EBADF);
	assert_int_equal(ask(P9_TREAD, "wqw", 2, 8ull, 100), 0);
	assert_int_equal(p9_get(&got, 4), 1);
	assert_int_equal(p9_get(&got, 1), '?');
}

static void test_walk(void **state)
{
	(void)state;
	assert_int_equal(ask(P9_TMKDIR, "wsww", ROOT, "d", 0755, 0), 0);
	assert_int_equal(ask(P9_TMKDIR, "wsww", ROOT, "d", 0755, 0), P9_EEXIST);
	assert_int_equal(walk1(ROOT, 2, "d"), 0);
	assert_int_equal(ask(P9_TMKDIR, "wsww", 2, "e", 0755, 0), 0);
	assert_int_equal(ask(P9_TWALK, "wwhsss", ROOT, 3, 3, "d", "e", ".."),
			 0);
	assert_int_equal(p9_get(&got, 2), 3);
	assert_int_equal(p9_get_bytes(&got, P9_QID)[0], 0x80);
	/* as far as it goes, without a fid */
	assert_int_equal(ask(P9_TWALK, "wwhsss", ROOT, 4, 3, "d", "no", "e"),
			 0);
	assert_int_equal(p9_get(&got, 2), 1);
	assert_int_equal(rep_len, 7 + 2 + P9_QID);
	assert_int_equal(ask(P9_TCLUNK, "w", 4), P9_EBADF);
	assert_int_equal(walk1(ROOT, 4, "no"), P9_ENOENT);
	assert_int_equal(walk1(ROOT, 3, "d"), P9_EINVAL);
	assert_int_equal(walk1(9, 4, "d"), P9_EBADF);
	/* never above the root */
	assert_int_equal(ask(P9_TWALK, "wwhss", ROOT, 4, 2, "..", ".."), 0);
	assert_ptr_equal(p9_fid(&p9, 4)->node, p9.base);
	assert_int_equal(walk1(3, 3, "e"), 0);
	assert_int_equal(ask(P9_TREMOVE, "w", 3), 0);
	assert_int_equal(ask(P9_TCLUNK, "w", 3), P9_EBADF);
	assert_int_equal(walk1(2, 3, "e"), P9_ENOENT);
	file_make(5, "f");
	assert_int_equal(walk1(5, 6, "x"), P9_ENOTDIR);
	assert_int_equal(ask(P9_TWALK, "wwh", ROOT, 7, 17), P9_EINVAL);
}

static void test_fids_are_bounded(void **state)
{
	unsigned i;

	(void)state;
	for (i = 2; ask(P9_TWALK, "wwh", ROOT, i, 0) == 0; i++)
		;
	assert_int_equal(i, 1 + P9_FIDS);
	assert_int_equal(ask(P9_TWALK, "wwh", ROOT, i, 0), P9_EMFILE);
}

static void test_depth_is_bounded(void **state)
{
	unsigned i, made = 0;

	(void)state;
	assert_int_equal(ask(P9_TWALK, "wwh", ROOT, 2, 0), 0);
	for (i = 0; i < 30; i++) {
		assert_int_equal(ask(P9_TMKDIR, "wsww", 2, "d", 0, 0), 0);
		assert_int_equal(walk1(2, 2, "d"), 0);
	}
	while (ask(P9_TWALK, "wwh", 2, 10 + made, 0) == 0)
		made++;
	assert_in_range(made, P9_NODES / 31 - 2, P9_NODES / 31);
	assert_true(p9.weight <= P9_NODES);
}

static void test_readdir(void **state)
{
	unsigned seen = 0, calls = 0;
	uint64_t at = 0;
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		sprintf(name, "file number %u", i);
		file_make(2, name);
		assert_int_equal(ask(P9_TCLUNK, "w", 2), 0);
	}
	assert_int_equal(ask(P9_TWALK, "wwh", ROOT, 2, 0), 0);
	assert_int_equal(ask(P9_TREADDIR, "wqw", 2, 0ull, 100), P9_EBADF);
	assert_int_equal(ask(P9_TLOPEN, "ww", 2, 1), P9_EISDIR);
	assert_int_equal(ask(P9_TLOPEN, "ww", 2, P9_DIRECTORY), 0);
	for (;; calls++) {
		uint32_t bytes;

		assert_int_equal(ask(P9_TREADDIR, "wqw", 2, at, 200), 0);
		bytes = (uint32_t)p9_get(&got, 4);
		assert_true(bytes <= 200 && bytes == got.left);
		if (!bytes)
			break;
		while (got.left) {
			p9_get_bytes(&got, P9_QID);
			at = p9_get(&got, 8);
			p9_get(&got, 1);
			assert_int_equal(p9_get_name(&got, name), 0);
			if (seen >= 2)
				assert_memory_equal(name, "file number", 11);
			seen++;
		}
	}
	assert_int_equal(seen, 22);
	assert_true(calls > 3);
	assert_int_equal(ask(P9_TREADDIR, "wqw", 2, ~0ull, 200), 0);
	assert_int_equal(ask(P9_TREAD, "wqw", 2, 0ull, 200), P9_EISDIR);
}

static void test_rename_and_remove(void **state)
{
	(void)state;
	file_make(2, "a");
	assert_int_equal(ask_write(2, 0, "aaa", 3), 0);
	assert_int_equal(ask(P9_TMKDIR, "wsww", ROOT, "d", 0, 0), 0);
	assert_int_equal(walk1(ROOT, 3, "d"), 0);
	assert_int_equal(ask(P9_TRENAMEAT, "wsws", ROOT, "a", 3, "b"), 0);
	assert_int_equal(walk1(3, 4, "b"), 0);
	assert_ptr_equal(p9_fid(&p9, 4)->node, p9_fid(&p9, 2)->node);
	assert_int_equal(ask(P9_TRENAME, "wws", 2, ROOT, "c"), 0);
	assert_int_equal(ask(P9_TRENAME, "wws", ROOT, 3, "c"), P9_EINVAL);
	assert_int_equal(ask(P9_TRENAMEAT, "wsws", ROOT, "d", 3, "x"),
			 P9_EXDEV);
	assert_int_equal(ask(P9_TUNLINKAT, "wsw", ROOT, "c", 0x200),
			 P9_ENOTDIR);
	assert_int_equal(ask(P9_TUNLINKAT, "wsw", ROOT, "d", 0), P9_EISDIR);
	assert_int_equal(ask(P9_TUNLINKAT, "wsw", ROOT, "c", 0), 0);
	/* what is open stays readable */
	assert_int_equal(ask(P9_TREAD, "wqw", 2, 0ull, 9), 0);
	assert_int_equal(p9_get(&got, 4), 3);
	assert_int_equal(ask(P9_TUNLINKAT, "wsw", ROOT, "d", 0x200), 0);
	assert_int_equal(ask(P9_TLCREATE, "wswww", 3, "z", 1, 0, 0), P9_ENOENT);
	assert_int_equal(ask(P9_TREMOVE, "w", ROOT), P9_EINVAL);
}

static void test_setattr(void **state)
{
	(void)state;
	file_make(2, "a");
	assert_int_equal(ask(P9_TSETATTR, "wwwwwqqqqq", 2, 0x128, 0, 0, 0,
			     700ull, 0ull, 0ull, 1000000000ull, 0ull),
			 0);
	assert_int_equal(p9_fid(&p9, 2)->node->size, 700);
	assert_int_equal(p9_fid(&p9, 2)->node->mtime, 1000000000);
	assert_int_equal(ask(P9_TSETATTR, "wwwwwqqqqq", 2, 8, 0, 0, 0,
			     1ull << 32, 0ull, 0ull, 0ull, 0ull),
			 P9_EFBIG);
	assert_int_equal(ask(P9_TSETATTR, "ww", 2, 8), P9_EINVAL);
	assert_int_equal(ask(P9_TSTATFS, "w", ROOT), 0);
	p9_get(&got, 8);
	assert_int_equal(p9_get(&got, 8), IMAGE_SECTORS - 48);
	assert_int_equal(p9_get(&got, 8), vol->free);
	assert_int_equal(ask(P9_TXATTRWALK, "wws", 2, 3, "x"), P9_EOPNOTSUPP);
	assert_int_equal(ask(P9_TSYMLINK, "wssw", 2, "a", "b", 0), P9_EPERM);
}

/* Only files can be made so. */
static void test_mknod(void **state)
{
	(void)state;
	assert_int_equal(ask(P9_TMKNOD, "wswwww", ROOT, "a", 0100644, 0, 0, 0),
			 0);
	assert_int_equal(p9_get(&got, 1), 0);
	assert_int_equal(walk1(ROOT, 2, "a"), 0);
	assert_false(fat_is_dir(p9_fid(&p9, 2)->node));
	assert_int_equal(ask(P9_TMKNOD, "wswwww", ROOT, "a", 0644, 0, 0, 0),
			 P9_EEXIST);
	assert_int_equal(ask(P9_TMKNOD, "wswwww", ROOT, "b", 0644, 0, 0, 0), 0);
	assert_int_equal(ask(P9_TMKNOD, "wswwww", ROOT, "c", 010644, 0, 0, 0),
			 P9_EPERM);
	assert_int_equal(ask(P9_TMKNOD, "wswwww", ROOT, "c", 060644, 8, 1, 0),
			 P9_EPERM);
	assert_int_equal(ask(P9_TMKNOD, "wswwww", 9, "c", 0644, 0, 0, 0),
			 P9_EBADF);
	assert_int_equal(ask(P9_TMKNOD, "wsw", ROOT, "c", 0644), P9_EINVAL);
	assert_int_equal(walk1(ROOT, 3, "c"), P9_ENOENT);
}

static void test_long_reads(void **state)
{
	static uint8_t data[MSIZE - 24];

	(void)state;
	file_make(2, "a");
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ask_write(2, (uint64_t)i * sizeof(data), data,
					   sizeof(data)),
				 0);
	assert_int_equal(ask(P9_TREAD, "wqw", 2, 0ull, ~0u), 0);
	assert_int_equal(rep_len, MSIZE);
	assert_int_equal(p9_serve(&p9, req, req_len, rep, 100), 100);
}

/* A client whose root is a folder of the volume. */
static void test_base(void **state)
{
	static struct p9 whole;
	struct fat_node *d;

	(void)state;
	whole = p9;
	assert_int_equal(fat_mkdir(p9.base, "d", &d), FAT_OK);
	p9_init(&p9, d);
	ask(P9_TVERSION, "ws", MSIZE, "9P2000.L");
	assert_int_equal(ask(P9_TATTACH, "wwssw", ROOT, ~0u, "u", "", 0), 0);
	assert_int_equal(walk1(ROOT, 2, ".."), 0);
	assert_ptr_equal(p9_fid(&p9, 2)->node, d);
	assert_int_equal(ask(P9_TMKDIR, "wsww", ROOT, "e", 0, 0), 0);
	assert_int_equal(ask(P9_TWALK, "wwhsss", ROOT, 3, 3, "e", "..", ".."),
			 0);
	assert_ptr_equal(p9_fid(&p9, 3)->node, d);
	assert_int_equal(ask(P9_TREMOVE, "w", 3), P9_EINVAL);
	p9_reset(&p9);
	fat_put(d);
	p9 = whole;
}

static void test_device_fails(void **state)
{
	(void)state;
	file_make(2, "a");
	image.writes_left = 0;
	assert_int_equal(ask_write(2, 0, "x", 1), P9_EIO);
	image.writes_left = -1;
	assert_int_equal(ask_write(2, 0, "x", 1), P9_EIO); /* for good */
	vol->failed = false;
}

static void test_malformed(void **state)
{
	(void)state;
	assert_int_equal(p9_serve(&p9, req, 6, rep, sizeof(rep)), 0);
	ask(P9_TCLUNK, "w", 77);
	assert_int_equal(p9_serve(&p9, req, req_len, rep, 10), 0);
	fat_put32(req, 3);
	assert_int_equal(serve(), P9_EINVAL);
	fat_put32(req, req_len + 1);
	assert_int_equal(serve(), P9_EINVAL);
	assert_int_equal(ask(200, ""), P9_EOPNOTSUPP);
	assert_int_equal(ask(P9_TCLUNK, "h", 1), P9_EINVAL);
	assert_int_equal(ask(P9_TWALK, "wwhh", ROOT, 2, 1, 500), P9_EINVAL);
}

/* A file that is a disk cannot be written, and one that is written cannot be
 * held. */
static void test_held(void **state)
{
	struct fat_node *n;

	(void)state;
	file_make(2, "x");
	assert_int_equal(ask_write(2, 0, "12345", 5), 0);
	n = p9_fid(&p9, 2)->node;
	assert_int_equal(fat_hold(n), FAT_EBUSY);
	assert_int_equal(walk1(ROOT, 3, "x"), 0);
	assert_int_equal(ask(P9_TLOPEN, "ww", 3, 0), 0); /* to read it */
	assert_int_equal(ask(P9_TCLUNK, "w", 2), 0);
	assert_int_equal(fat_hold(n), FAT_OK);
	assert_int_equal(fat_hold(n), FAT_EBUSY);
	assert_int_equal(walk1(ROOT, 2, "x"), 0);
	assert_int_equal(ask(P9_TLOPEN, "ww", 2, P9_WRONLY), P9_EBUSY);
	assert_int_equal(ask(P9_TLOPEN, "ww", 2, P9_RDWR), P9_EBUSY);
	assert_int_equal(ask(P9_TREAD, "wqw", 3, 0ull, 100), 0);
	assert_int_equal(p9_get(&got, 4), 5);
	assert_int_equal(ask(P9_TWALK, "wwh", ROOT, 4, 0), 0);
	assert_int_equal(ask(P9_TLCREATE, "wswww", 4, "x", P9_TRUNC | 1, 0, 0),
			 P9_EBUSY);
	assert_int_equal(ask(P9_TLCREATE, "wswww", 4, "X", 2, 0, 0), P9_EBUSY);
	assert_int_equal(ask(P9_TSETATTR, "wwwwwqqqqq", 2, 8, 0, 0, 0, 0ull,
			     0ull, 0ull, 0ull, 0ull),
			 P9_EBUSY);
	assert_int_equal(ask(P9_TUNLINKAT, "wsw", ROOT, "x", 0), P9_EBUSY);
	assert_int_equal(ask(P9_TRENAMEAT, "wsws", ROOT, "x", ROOT, "y"),
			 P9_EBUSY);
	assert_int_equal(ask(P9_TCLUNK, "w", 2), 0);
	fat_unhold(n);
	/* a writer that is forgotten is none */
	assert_int_equal(ask(P9_TLCREATE, "wswww", 4, "x", 1, 0, 0), 0);
	assert_int_equal(fat_hold(n), FAT_EBUSY);
	fat_get(n);
	p9_reset(&p9);
	assert_int_equal(fat_hold(n), FAT_OK);
	fat_put(n);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_version),
		T(test_file),
		T(test_create),
		T(test_held),
		T(test_mknod),
		T(test_walk),
		T(test_fids_are_bounded),
		T(test_depth_is_bounded),
		T(test_readdir),
		T(test_rename_and_remove),
		T(test_setattr),
		T(test_long_reads),
		T(test_base),
		T(test_device_fails),
		T(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
