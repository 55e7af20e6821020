/* SPDX-License-Identifier: BSD-2-Clause */
/* A client of the 9P server, with a volume in memory. */
#ifndef TESTS_UNIT_HOST_P9_CLIENT_H
#define TESTS_UNIT_HOST_P9_CLIENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/fat_image.h"
#include "host/p9_int.h"

#define MSIZE 8192u
#define ROOT 1u

static struct fat_vol *vol;
static struct p9 p9;
static uint8_t req[P9_MSIZE], rep[P9_MSIZE];
static uint32_t req_len, rep_len;
static struct p9_in got; /* what is left of the reply */

/* ---- messages ---- */

static inline void put(uint64_t v, unsigned bytes)
{
	while (bytes--) {
		req[req_len++] = (uint8_t)v;
		v >>= 8;
	}
}

/* As the letters say: b, h, w, q: 1, 2, 4, 8 bytes; s: a string. */
static inline void build(unsigned type, const char *fmt, va_list args)
{
	req_len = 4;
	put(type, 1);
	put(0x1234, 2);
	for (; *fmt; fmt++) {
		const char *s;

		switch (*fmt) {
		case 's':
			s = va_arg(args, const char *);
			put(strlen(s), 2);
			memcpy(req + req_len, s, strlen(s));
			req_len += (uint32_t)strlen(s);
			break;
		case 'q':
			put(va_arg(args, uint64_t), 8);
			break;
		default:
			put(va_arg(args, unsigned), *fmt == 'b' ? 1 :
						    *fmt == 'h' ? 2 :
								  4);
		}
	}
	fat_put32(req, req_len);
}

static inline int serve(void)
{
	rep_len = p9_serve(&p9, req, req_len, rep, sizeof(rep));
	assert_true(rep_len >= 7);
	got = (struct p9_in){ rep, rep_len, false };
	assert_int_equal(p9_get(&got, 4), rep_len);
	if (p9_get(&got, 1) == P9_RLERROR) {
		assert_int_equal(rep_len, 11);
		p9_get(&got, 2);
		return (int)p9_get(&got, 4);
	}
	assert_int_equal(rep[4], req[4] + 1);
	assert_int_equal(p9_get(&got, 2), 0x1234);
	return 0;
}

/* The error, or 0. */
static inline int ask(unsigned type, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	build(type, fmt, args);
	va_end(args);
	return serve();
}

static inline int ask_write(uint32_t fid, uint64_t at, const void *data,
			    uint32_t n)
{
	req_len = 4;
	put(P9_TWRITE, 1);
	put(0x1234, 2);
	put(fid, 4);
	put(at, 8);
	put(n, 4);
	memcpy(req + req_len, data, n);
	req_len += n;
	fat_put32(req, req_len);
	return serve();
}

static inline int walk1(uint32_t fid, uint32_t newfid, const char *name)
{
	return ask(P9_TWALK, "wwhs", fid, newfid, 1, name);
}

static inline int setup(void **state)
{
	struct fat_io io;
	struct fat_node *root;

	(void)state;
	image_make();
	io = image_io();
	vol = calloc(1, sizeof(*vol));
	assert_null(fat_mount(vol, &io, false));
	assert_int_equal(fat_root(vol, &root), FAT_OK);
	p9_init(&p9, root);
	assert_int_equal(ask(P9_TVERSION, "ws", MSIZE, "9P2000.L"), 0);
	assert_int_equal(p9_get(&got, 4), MSIZE);
	assert_int_equal(ask(P9_TATTACH, "wwssw", ROOT, ~0u, "u", "", 0), 0);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	p9_reset(&p9);
	assert_int_equal(p9.weight, 0);
	assert_int_equal(p9.base->refs, 1);
	fat_put(p9.base);
	assert_int_equal(fat_clean(vol), FAT_OK);
	for (unsigned i = 0; i < FAT_NODES; i++)
		assert_int_equal(vol->node[i].refs, 0);
	free(vol);
	return 0;
}

static inline void file_make(uint32_t fid, const char *name)
{
	assert_int_equal(ask(P9_TWALK, "wwh", ROOT, fid, 0), 0);
	assert_int_equal(ask(P9_TLCREATE, "wswww", fid, name, 2, 0644, 0), 0);
}

#endif
