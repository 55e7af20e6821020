/* SPDX-License-Identifier: BSD-2-Clause */
/* Driver of a keyboard at an i8042 controller. */
#include "ps2.h"

#define PATIENCE_NS (50 * ENV_MS)
#define FLUSH_MAX 64u /* bytes; a controller that always has one is broken */
#define SEQUENCE 4u

#define CMD_MODE_READ 0x20u
#define CMD_MODE_WRITE 0x60u
#define CMD_AUX_OFF 0xa7u
#define CMD_KEYBOARD_OFF 0xadu
#define CMD_KEYBOARD_ON 0xaeu

#define MODE_IRQ 0x01u
#define MODE_AUX_IRQ 0x02u
#define MODE_OFF 0x10u
#define MODE_AUX_OFF 0x20u
#define MODE_TRANSLATE 0x40u

#define KEY_SCAN 0xf4u /* to the keyboard: send what is typed */

#define CODE_EXTENDED 0xe0u
#define CODE_PAUSE 0xe1u
#define CODE_UP 0x80u
#define CODE_CONTROL 0x1du
#define CODE_SHIFT_L 0x2au
#define CODE_SHIFT_R 0x36u
#define CODE_CAPS 0x3au
#define CODE_ENTER 0x1cu
#define CODE_SLASH 0x35u

/* By scan code, from 1 on; those that have no character are 0. */
static const char plain[] = "\x1b"
			    "1234567890-=\x7f\tqwertyuiop[]\r\0asdfghjkl;'`"
			    "\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] = "\x1b"
			      "!@#$%^&*()_+\x7f\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~"
			      "\0|ZXCVBNM<>?\0*\0 ";
_Static_assert(sizeof(plain) == 0x39 + 1 && sizeof(shifted) == sizeof(plain),
	       "up to the space bar, 0x39");

/* ---- the controller ---- */

static uint8_t status(const struct ps2 *p) { return in8(p->env, PS2_STATUS); }

/* Waits until these bits of the status are as wanted. */
static bool await(const struct ps2 *p, uint8_t bits, uint8_t wanted)
{
	uint64_t end = p->env->now_ns(p->env) + PATIENCE_NS;

	while ((status(p) & bits) != wanted)
		if (p->env->now_ns(p->env) > end)
			return false;
	return true;
}

static bool send(const struct ps2 *p, uint16_t port, uint8_t v)
{
	if (!await(p, PS2_STATUS_IN, 0))
		return false;
	out8(p->env, port, v);
	return true;
}

static bool flush(const struct ps2 *p)
{
	for (unsigned i = 0; i < FLUSH_MAX; i++) {
		if (!(status(p) & PS2_STATUS_OUT))
			return true;
		in8(p->env, PS2_DATA);
	}
	return false;
}

static bool mode_set(const struct ps2 *p)
{
	uint8_t mode;

	if (!send(p, PS2_COMMAND, CMD_MODE_READ) ||
	    !await(p, PS2_STATUS_OUT, PS2_STATUS_OUT))
		return false;
	mode = in8(p->env, PS2_DATA);
	mode = (mode & ~(MODE_OFF | MODE_AUX_IRQ) & 0xff) | MODE_IRQ |
	       MODE_AUX_OFF | MODE_TRANSLATE;
	return send(p, PS2_COMMAND, CMD_MODE_WRITE) && send(p, PS2_DATA, mode);
}

bool ps2_init(struct ps2 *p, struct env *e)
{
	*p = (struct ps2){ .env = e };
	if (status(p) == 0xff)
		return false; /* nothing is there */
	if (!send(p, PS2_COMMAND, CMD_KEYBOARD_OFF) ||
	    !send(p, PS2_COMMAND, CMD_AUX_OFF) || !flush(p) || !mode_set(p) ||
	    !send(p, PS2_COMMAND, CMD_KEYBOARD_ON) ||
	    !send(p, PS2_DATA, KEY_SCAN))
		return false;
	/* its answer; a keyboard may be plugged in later */
	if (await(p, PS2_STATUS_OUT, PS2_STATUS_OUT))
		in8(e, PS2_DATA);
	p->present = true;
	return true;
}

/* ---- keys ---- */

static size_t sequence(char *to, const char *text)
{
	size_t n = 0;

	for (; text[n]; n++)
		to[n] = text[n];
	return n;
}

/* Keys with E0 before their code: those of the numeric block are others. */
static size_t extended_key(uint8_t code, char *to)
{
	switch (code) {
	case 0x47:
		return sequence(to, "\x1b[H");
	case 0x48:
		return sequence(to, "\x1b[A");
	case 0x4b:
		return sequence(to, "\x1b[D");
	case 0x4d:
		return sequence(to, "\x1b[C");
	case 0x4f:
		return sequence(to, "\x1b[F");
	case 0x50:
		return sequence(to, "\x1b[B");
	case 0x53:
		return sequence(to, "\x1b[3~");
	case CODE_ENTER:
		return sequence(to, "\r");
	case CODE_SLASH:
		return sequence(to, "/");
	default:
		return 0;
	}
}

static size_t key(const struct ps2 *p, uint8_t code, char *to)
{
	char c;

	if (!code || code >= sizeof(plain))
		return 0;
	c = p->shift ? shifted[code - 1] : plain[code - 1];
	if (p->caps && (c & ~0x20) >= 'A' && (c & ~0x20) <= 'Z')
		c ^= 0x20;
	if (p->control && (c & 0x60) > 0x20 && c != 0x7f)
		c &= 0x1f;
	*to = c;
	return c != 0;
}

/* Shift, control and caps lock; true: it was one of them. */
static bool modifier(struct ps2 *p, uint8_t code, bool down)
{
	switch (code) {
	case CODE_CONTROL:
		p->control = down;
		return true;
	case CODE_SHIFT_L:
	case CODE_SHIFT_R:
		/* with E0 they are part of other keys */
		if (!p->extended)
			p->shift = down;
		return true;
	case CODE_CAPS:
		p->caps ^= down;
		return true;
	default:
		return false;
	}
}

static size_t scan_code(struct ps2 *p, uint8_t b, char *to)
{
	uint8_t code = b & (uint8_t)~CODE_UP;
	bool down = !(b & CODE_UP);
	size_t n = 0;

	if (p->skip) {
		p->skip--;
		return 0;
	}
	if (b == CODE_PAUSE)
		p->skip = 5;
	if (b == CODE_EXTENDED || b == CODE_PAUSE) {
		p->extended = b == CODE_EXTENDED;
		return 0;
	}
	if (!modifier(p, code, down) && down)
		n = p->extended ? extended_key(code, to) : key(p, code, to);
	p->extended = false;
	return n;
}

size_t ps2_get(struct ps2 *p, char *to, size_t n)
{
	size_t done = 0;

	for (unsigned i = 0;
	     p->present && i < FLUSH_MAX && done + SEQUENCE <= n; i++) {
		uint8_t s = status(p), b;

		if (!(s & PS2_STATUS_OUT))
			break;
		b = in8(p->env, PS2_DATA);
		if (!(s & (PS2_STATUS_AUX | PS2_STATUS_TIMEOUT |
			   PS2_STATUS_PARITY)))
			done += scan_code(p, b, to + done);
	}
	return done;
}
