/* SPDX-License-Identifier: BSD-2-Clause */
/* The text screen on a fake frame buffer: what is drawn, and where nothing is. */
/* TEST-SRC: drivers/framebuffer.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/fake_env.h"
#include "framebuffer.h"

#define BASE 0x80000000ull
#define WIDTH 100u /* 12 cells, and some pixels */
#define HEIGHT 70u
#define STRIDE 128u
#define COLS 12u
#define ROWS 4u

static uint32_t pixel[HEIGHT][STRIDE];
static unsigned writes;
static uint8_t font[FB_GLYPHS][FB_GLYPH_H];
static struct framebuffer f;

static void write_pixels(uint64_t at, unsigned size, uint64_t v)
{
	assert_int_equal(size, 8);
	assert_in_range(at, BASE, BASE + sizeof(pixel) - 8);
	assert_int_equal(at % 8, 0);
	memcpy((uint8_t *)pixel + (at - BASE), &v, 8);
	writes++;
}

static const struct fb_mode good = { BASE, sizeof(pixel), WIDTH, HEIGHT,
				     STRIDE };

/* Each glyph's lines are the character itself, so that it can be read back. */
static int setup(void **state)
{
	(void)state;
	fake_env_reset();
	fake_write = write_pixels;
	memset(pixel, 0x55, sizeof(pixel));
	for (unsigned c = 0; c < FB_GLYPHS; c++)
		memset(font[c], (int)(c + FB_FIRST), FB_GLYPH_H);
	memset(font[0], 0, FB_GLYPH_H);
	assert_null(fb_init(&f, &fake_env, &good, font));
	return 0;
}

/* The byte that a cell's line shows. */
static uint8_t seen(unsigned row, unsigned col, unsigned line)
{
	uint8_t bits = 0;

	for (unsigned x = 0; x < 8; x++)
		bits = (uint8_t)(bits << 1 |
				 (pixel[row * FB_GLYPH_H + line][col * 8 + x] !=
				  0));
	return bits;
}

static void shows(unsigned row, const char *text)
{
	fb_flush(&f);
	for (unsigned col = 0; col < COLS; col++) {
		uint8_t c = *text ? (uint8_t)*text++ : ' ';

		if (c == ' ')
			c = 0;
		if (row == f.y && col == f.x)
			c ^= 0xff;
		for (unsigned line = 0; line < FB_GLYPH_H; line++)
			assert_int_equal(seen(row, col, line), c);
	}
}

static void put(const char *text) { fb_put(&f, text, strlen(text)); }

static void draws_text(void **state)
{
	(void)state;
	assert_int_equal(f.cols, COLS);
	assert_int_equal(f.rows, ROWS);
	put("ab~\nc\rd\b\n\te");
	shows(0, "ab~");
	shows(1, "d");
	shows(2, "        e");
	shows(3, "");
	put("\x01\xe9");
	shows(2, "        e??");
	/* what lies beside the cells is black */
	assert_int_equal(pixel[0][WIDTH], 0);
	assert_int_equal(pixel[HEIGHT - 1][0], 0);
}

static void draws_only_what_changed(void **state)
{
	(void)state;
	put("abc");
	fb_flush(&f);
	writes = 0;
	fb_flush(&f);
	assert_int_equal(writes, 0);
	put("d"); /* a cell, and the cursor */
	assert_int_equal(writes, 0);
	fb_flush(&f);
	assert_int_equal(writes, 2 * FB_GLYPH_H * 4);
}

static void scrolls(void **state)
{
	(void)state;
	put("one\ntwo\nthree\nfour\nfive");
	shows(0, "two");
	shows(1, "three");
	shows(3, "five");
	put("\n0123456789abcdefg"); /* longer than a line */
	shows(2, "0123456789ab");
	shows(3, "cdefg");
	put("\n0123456789ab\r");
	shows(3, "0123456789ab");
}

static void obeys_sequences(void **state)
{
	(void)state;
	put("one\ntwo\nthree\x1b[H\x1b[31mX\x1b[K");
	shows(0, "X");
	shows(1, "two");
	put("\n\x1b[J");
	shows(0, "X");
	shows(1, "");
	shows(2, "");
	put("\x1b[H\x1b[2J");
	shows(0, "");
	put("\x1bMa\x1b[99999999999;7hb\x1b[");
	shows(0, "ab");
}

static void takes_any_bytes(void **state)
{
	uint32_t x = 1;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		char c;

		x = x * 1103515245 + 12345;
		c = x >> 30 ? (char)(x >> 16) : "\x1b[2JKH0\n"[x >> 16 & 7];
		fb_put(&f, &c, 1);
		if (!(x & 0xf00000))
			fb_flush(&f);
	}
	fb_flush(&f);
}

static void refused(struct fb_mode m)
{
	assert_non_null(fb_init(&f, &fake_env, &m, font));
}

static void refuses_modes(void **state)
{
	struct fb_mode m = good;

	(void)state;
	m.size--;
	refused(m);
	m = good;
	m.stride = WIDTH - 2;
	refused(m);
	m = good;
	m.base += 4;
	refused(m);
	m = good;
	m.width = m.height = m.stride = 0;
	refused(m);
	m = (struct fb_mode){ BASE, ~0ull, 64, ~0u, ~0u };
	refused(m);
	m = (struct fb_mode){ 0, sizeof(pixel), WIDTH, HEIGHT, STRIDE };
	refused(m); /* the environment maps nothing there */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(draws_text, setup),
		cmocka_unit_test_setup(draws_only_what_changed, setup),
		cmocka_unit_test_setup(scrolls, setup),
		cmocka_unit_test_setup(obeys_sequences, setup),
		cmocka_unit_test_setup(takes_any_bytes, setup),
		cmocka_unit_test_setup(refuses_modes, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
