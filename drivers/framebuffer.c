/* SPDX-License-Identifier: BSD-2-Clause */
/* A text screen on a linear frame buffer: cells are kept, and drawn late, as
 * device memory is slow and lines that scroll by need not be seen. */
#include "framebuffer.h"

#define PIXEL 4u
#define TAB 8u
#define ESC 0x1b
#define CURSOR 0x80u

#define INK 0x00c0c0c0ull /* the same in RGB and BGR */

static void cell_draw(struct framebuffer *f, unsigned row, unsigned col)
{
	uint8_t c = f->shown[row][col], invert = c & CURSOR ? 0xff : 0;
	const uint8_t *line = f->font[(c & ~CURSOR) - FB_FIRST];
	uint64_t at =
		f->mode.base + ((uint64_t)row * FB_GLYPH_H * f->mode.stride +
				col * FB_GLYPH_W) *
				       PIXEL;

	for (unsigned y = 0; y < FB_GLYPH_H; y++) {
		uint8_t bits = line[y] ^ invert;

		for (unsigned x = 0; x < FB_GLYPH_W; x += 2) {
			uint64_t left = bits >> (7 - x) & 1 ? INK : 0;
			uint64_t right = bits >> (6 - x) & 1 ? INK : 0;

			f->env->mmio_write(f->env, at + x * PIXEL, 8,
					   right << 32 | left);
		}
		at += (uint64_t)f->mode.stride * PIXEL;
	}
}

void fb_flush(struct framebuffer *f)
{
	if (!f->dirty)
		return;
	f->dirty = false;
	for (unsigned row = 0; row < f->rows; row++)
		for (unsigned col = 0; col < f->cols; col++) {
			uint8_t c = f->text[row][col];

			if (row == f->y && col == f->x)
				c |= CURSOR;
			if (c == f->shown[row][col])
				continue;
			f->shown[row][col] = c;
			cell_draw(f, row, col);
		}
}

/* ---- text ---- */

static void clear(struct framebuffer *f, unsigned row, unsigned col)
{
	while (col < f->cols)
		f->text[row][col++] = ' ';
}

static void line_feed(struct framebuffer *f)
{
	f->x = 0;
	if (++f->y < f->rows)
		return;
	f->y = f->rows - 1;
	for (unsigned row = 0; row < f->y; row++)
		for (unsigned col = 0; col < f->cols; col++)
			f->text[row][col] = f->text[row + 1][col];
	clear(f, f->y, 0);
}

/* A line that is full goes on in the next one when there is more of it. */
static void glyph(struct framebuffer *f, uint8_t c)
{
	if (f->x == f->cols)
		line_feed(f);
	f->text[f->y][f->x++] = c - FB_FIRST < FB_GLYPHS ? c : '?';
}

static void escape_end(struct framebuffer *f, char c)
{
	if (c == 'H') {
		f->x = f->y = 0;
	} else if (c == 'K' && f->x < f->cols) {
		clear(f, f->y, f->x);
	} else if (c == 'J') {
		for (unsigned row = f->number == 2 ? 0 : f->y + 1;
		     row < f->rows; row++)
			clear(f, row, 0);
		if (f->number != 2 && f->x < f->cols)
			clear(f, f->y, f->x);
	}
}

/* false: c is not part of a sequence. */
static bool escape(struct framebuffer *f, char c)
{
	if (c == ESC) {
		f->escape = 1;
		f->number = 0;
		return true;
	}
	if (!f->escape)
		return false;
	if (f->escape == 1) {
		f->escape = c == '[' ? 2 : 0;
	} else if (c >= '0' && c <= '9') {
		f->number = (f->number * 10 + (unsigned)(c - '0')) % 1000;
	} else if (c >= '@' && c <= '~') {
		f->escape = 0;
		escape_end(f, c);
	}
	return true;
}

static void put(struct framebuffer *f, char c)
{
	if (escape(f, c))
		return;
	switch (c) {
	case '\n':
		line_feed(f);
		break;
	case '\r':
		f->x = 0;
		break;
	case '\b':
		f->x -= f->x > 0;
		break;
	case '\t':
		do
			glyph(f, ' ');
		while (f->x % TAB);
		break;
	case '\0':
	case '\a':
		break;
	default:
		glyph(f, (uint8_t)c);
	}
}

void fb_put(struct framebuffer *f, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(f, text[i]);
	f->dirty |= n != 0;
}

/* ---- set-up ---- */

static unsigned fitting(uint32_t pixels, unsigned glyph_pixels, unsigned max)
{
	unsigned n = pixels / glyph_pixels;

	return n < max ? n : max;
}

const char *fb_init(struct framebuffer *f, struct env *e,
		    const struct fb_mode *mode,
		    const uint8_t (*font)[FB_GLYPH_H])
{
	uint64_t pixels = (uint64_t)mode->stride * mode->height;

	if (mode->width < 8 * FB_GLYPH_W || mode->height < 2 * FB_GLYPH_H ||
	    mode->stride < mode->width || mode->stride > 0x10000 ||
	    mode->height > 0x10000 || pixels * PIXEL > mode->size ||
	    mode->base % 8 || mode->stride % 2)
		return "a mode that is not understood";
	if (!e->mmio_map(e, mode->base, pixels * PIXEL))
		return "its memory cannot be mapped";
	f->env = e;
	f->mode = *mode;
	f->font = font;
	f->cols = fitting(mode->width, FB_GLYPH_W, FB_COLS_MAX);
	f->rows = fitting(mode->height, FB_GLYPH_H, FB_ROWS_MAX);
	f->x = f->y = f->escape = 0;
	for (unsigned row = 0; row < f->rows; row++)
		for (unsigned col = 0; col < f->cols; col++)
			f->text[row][col] = f->shown[row][col] = ' ';
	for (uint64_t at = 0; at + 8 <= pixels * PIXEL; at += 8)
		e->mmio_write(e, mode->base + at, 8, 0);
	f->dirty = true;
	fb_flush(f);
	return NULL;
}
