/* SPDX-License-Identifier: BSD-2-Clause */
/* The 9P server: messages that hold anything. */
/* TEST-SRC: drivers/host/p9.c drivers/host/p9_fid.c drivers/host/p9_file.c */
/* TEST-SRC: drivers/host/p9_dir.c drivers/fat/fat.c drivers/fat/fat_dir.c */
/* TEST-SRC: drivers/fat/fat_file.c drivers/fat/fat_io.c */
/* TEST-SRC: drivers/fat/fat_name.c drivers/fat/fat_node.c */
/* TEST-SRC: drivers/fat/fat_rename.c drivers/fat/fat_slot.c */
/* TEST-SRC: drivers/fat/fat_table.c drivers/fat/fat_time.c */
#include "p9_client.h"

static uint64_t seed;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % below;
}

static const char *any_name(void)
{
	static const char *const names[] = { "a",
					     "b",
					     "d",
					     "..",
					     ".",
					     "",
					     "a long name of a file.text",
					     "A LONG NAME.txt",
					     "e/f" };

	return names[rnd(9)];
}

static void any_request(void)
{
	static const struct {
		uint8_t type;
		const char *fmt;
	} kind[] = {
		{ P9_TWALK, "wwhs" },
		{ P9_TWALK, "wwhss" },
		{ P9_TLCREATE, "wswww" },
		{ P9_TLOPEN, "ww" },
		{ P9_TREAD, "wqw" },
		{ P9_TWRITE, "wqws" },
		{ P9_TREADDIR, "wqw" },
		{ P9_TGETATTR, "wq" },
		{ P9_TSETATTR, "wwwwwqqqqq" },
		{ P9_TMKDIR, "wsww" },
		{ P9_TUNLINKAT, "wsw" },
		{ P9_TRENAMEAT, "wsws" },
		{ P9_TRENAME, "wws" },
		{ P9_TREMOVE, "w" },
		{ P9_TCLUNK, "w" },
		{ P9_TFSYNC, "ww" },
		{ P9_TSTATFS, "w" },
		{ P9_TATTACH, "wwssw" },
		{ P9_TLOCK, "wbwqqws" },
		{ P9_TFLUSH, "h" },
	};
	unsigned n = rnd(sizeof(kind) / sizeof(kind[0]));

	req_len = 4;
	put(kind[n].type, 1);
	put(rnd(65536), 2);
	for (const char *f = kind[n].fmt; *f; f++) {
		const char *s = any_name();

		if (*f == 's') {
			put(strlen(s), 2);
			memcpy(req + req_len, s, strlen(s));
			req_len += (uint32_t)strlen(s);
		} else {
			put(rnd(8) ? rnd(8) : rnd(70000), *f == 'b' ? 1 :
							  *f == 'h' ? 2 :
							  *f == 'w' ? 4 :
								      8);
		}
	}
	fat_put32(req, req_len);
}

static void mutate(void)
{
	unsigned n = rnd(3);

	while (n--)
		req[rnd(req_len)] = rnd(3) ? (uint8_t)rnd(256) : 0xff;
	if (!rnd(20))
		req_len = 1 + rnd(req_len);
}

/* Exactly as long as it says, so that the sanitizer sees what is beyond. */
static unsigned served; /* without an error */

static void serve_exactly(void)
{
	uint32_t room = rnd(10) ? 300 + rnd(3000) : rnd(40);
	uint8_t *in = malloc(req_len), *out = malloc(room + 1u);
	uint32_t n;

	memcpy(in, req, req_len);
	n = p9_serve(&p9, in, req_len, out, room);
	assert_true(n <= room);
	if (n) {
		assert_true(n >= P9_HEADER && le32(out) == n);
		assert_int_equal(le16(out + 5), le16(in + 5));
		served += out[4] != P9_RLERROR;
	}
	free(in);
	free(out);
}

static void test_anything(void **state)
{
	(void)state;
	for (seed = 1; seed < 1000000; seed = seed * 3 + 1) {
		uint64_t next = seed;

		for (unsigned i = 0; i < 20000; i++) {
			any_request();
			mutate();
			serve_exactly();
			if (!p9.msize || !p9_fid(&p9, ROOT)) {
				ask(P9_TVERSION, "ws", MSIZE, "9P2000.L");
				ask(P9_TATTACH, "wwssw", ROOT, ~0u, "u", "", 0);
			}
		}
		seed = next;
		assert_true(p9.weight <= P9_NODES);
		assert_false(vol->failed);
	}
	assert_true(served > 10000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
