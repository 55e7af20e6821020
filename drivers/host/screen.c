/* SPDX-License-Identifier: BSD-2-Clause */
/* The console on UEFI's frame buffer, with a PS/2 keyboard. */
#include "screen.h"

#include "font.h"
#include "framebuffer.h"
#include "host.h"
#include "kit/console.h"
#include "kit/time.h"
#include "ps2.h"

#define DRAW_NS (50 * KIT_MS)

static struct framebuffer screen;
static struct ps2 keyboard;
static bool has_screen;
static uint64_t draw_at; /* not before */
static void (*typed_fn)(const char *text, size_t n);

static void interrupt(void *arg)
{
	char text[64];
	size_t n;

	(void)arg;
	while ((n = ps2_get(&keyboard, text, sizeof(text))) && typed_fn)
		typed_fn(text, n);
}

static void keyboard_init(void)
{
	const struct pv_device *d = kit_device(NULL, PV_DEV_KEYBOARD, NULL);
	struct env_irq line = { .kind = ENV_IRQ_ISA };

	if (!d || !ps2_init(&keyboard, &host_env)) {
		kit_printf("host: no PS/2 keyboard\n");
		return;
	}
	line.index = d->irq;
	if (!host_env.irq_attach(&host_env, &line, interrupt, NULL))
		kit_printf("host: the PS/2 keyboard has no interrupt\n");
}

void screen_init(const struct config *c, const struct scroll *before,
		 void (*typed)(const char *text, size_t n))
{
	struct scroll_text t = scroll_get(before);
	const struct pv_device *d = kit_device(NULL, PV_DEV_SCREEN, NULL);
	struct fb_mode mode;
	const char *why;

	if (!d) {
		kit_printf("host: no screen: UEFI has no frame buffer\n");
		return;
	}
	mode = (struct fb_mode){ .base = d->base,
				 .size = d->size,
				 .width = d->width,
				 .height = d->height,
				 .stride = d->stride };
	why = config_assigns(c, d->bdf) ?
		      "a guest has its function" :
		      fb_init(&screen, &host_env, &mode, font_glyphs);
	if (why) {
		kit_printf("host: no screen: %s\n", why);
		return;
	}
	has_screen = true;
	typed_fn = typed;
	screen_put(t.part[0], t.n[0]);
	screen_put(t.part[1], t.n[1]);
	keyboard_init();
	kit_printf("host: the console is on the screen, %u by %u characters\n",
		   screen.cols, screen.rows);
}

void screen_put(const char *text, size_t n)
{
	if (has_screen)
		fb_put(&screen, text, n);
}

void screen_flush(void)
{
	if (has_screen)
		fb_flush(&screen);
}

void screen_pump(void)
{
	uint64_t now;

	if (!has_screen || !screen.dirty)
		return;
	now = kit_time_ns();
	if (now >= draw_at) {
		fb_flush(&screen);
		draw_at = kit_time_ns() + DRAW_NS;
	} else {
		host_wake_at(draw_at);
	}
}
