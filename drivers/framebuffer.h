/* SPDX-License-Identifier: BSD-2-Clause */
/* A text screen on a linear frame buffer with 32 bits a pixel, as UEFI leaves it
 * (UEFI 2.10, 12.9, Graphics Output Protocol). */
#ifndef DRIVERS_FRAMEBUFFER_H
#define DRIVERS_FRAMEBUFFER_H

#include "env.h"

#define FB_GLYPH_W 8u
#define FB_GLYPH_H 16u
#define FB_FIRST 0x20u /* the font has the printable ones of ASCII */
#define FB_GLYPHS 95u
#define FB_COLS_MAX 240u
#define FB_ROWS_MAX 80u

struct fb_mode {
	uint64_t base; /* of its first pixel */
	uint64_t size; /* bytes */
	uint32_t width, height;
	uint32_t stride; /* pixels from a line to the next */
};

struct framebuffer {
	struct env *env;
	struct fb_mode mode;
	const uint8_t (*font)[FB_GLYPH_H]; /* a byte a line, bit 7 is left */
	unsigned cols, rows, x, y;
	bool dirty;
	/* of a sequence ESC [ NUMBER LETTER; 0: in none */
	unsigned escape, number;
	/* what each cell holds, and what it shows: CURSOR is a bit of that */
	uint8_t text[FB_ROWS_MAX][FB_COLS_MAX];
	uint8_t shown[FB_ROWS_MAX][FB_COLS_MAX];
};

/* Clears the screen. Null, or why it cannot be used. */
const char *fb_init(struct framebuffer *f, struct env *e,
		    const struct fb_mode *mode,
		    const uint8_t (*font)[FB_GLYPH_H]);

/* Text as a terminal takes it: \n \r \b \t, ESC [ with H, J and K; it is seen at
 * the next fb_flush. */
void fb_put(struct framebuffer *f, const char *text, size_t n);

/* Draws the cells that have changed. */
void fb_flush(struct framebuffer *f);

#endif
