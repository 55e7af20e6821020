/* SPDX-License-Identifier: BSD-2-Clause */
/* The console front end, on devices that behave and on others. */
/* TEST-SRC: guestkit/vconsole.c drivers/virtq.c */
#include "fake_device.h"
#include "guestkit/internal.h"
#include "kit/console.h"
#include "kit/smp.h"
#include "kit/vconsole.h"
#include "virtio_console.h"

#define RX VIRTIO_CONSOLE_RX
#define TX VIRTIO_CONSOLE_TX

static struct kit_vconsole *c;
static char shown[65536]; /* by the device */
static size_t nr_shown;
static unsigned waits, locked, vcpu;
static void (*on_wait)(void);
static void (*redirect)(const void *buf, size_t n);
static size_t (*input)(void *buf, size_t n);
static char own[64]; /* by the kit's own console */
static size_t nr_own;

unsigned kit_vcpu_id(void)
{
	dev_traps();
	return vcpu;
}

void kit_lock(struct kit_lock *l)
{
	assert_int_equal(locked, 0);
	locked = 1;
}

void kit_unlock(struct kit_lock *l) { locked = 0; }

void kit_console_wait(void)
{
	assert_int_equal(locked, 0);
	assert_true(++waits < 100);
	if (on_wait)
		on_wait();
}

void kit_console_redirect(void (*write)(const void *buf, size_t n))
{
	redirect = write;
}

void kit_console_input(size_t (*read_try)(void *buf, size_t n))
{
	input = read_try;
}

void kit_console_own(const void *buf, size_t n)
{
	memcpy(own + nr_own, buf, n);
	nr_own += n;
}

static int setup(void **state)
{
	dev_begin(state);
	dev_offers = UINT64_MAX;
	dev_config[0] = 25 << 16 | 80;
	nr_shown = waits = nr_own = vcpu = 0;
	on_wait = NULL;
	c = kit_vconsole_open("c", NULL);
	assert_non_null(c);
	assert_int_equal(dev_opened, 1);
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(locked, 0);
	free(c);
	return dev_end(state);
}

static bool show_one(void)
{
	uint16_t head;
	volatile struct virtq_desc *d = dev_next(TX, &head);

	if (!d)
		return false;
	assert_int_equal(d->flags, 0);
	assert_true(d->len && d->len <= KIT_VCONSOLE_PIECE);
	memcpy(shown + nr_shown, kit_ptr(d->addr), d->len);
	nr_shown += d->len;
	dev_push(TX, head, 0);
	return true;
}

static void show(void)
{
	while (show_one())
		;
}

static void show_kick(unsigned queue) { show(); }

static void assert_shown(const char *text)
{
	assert_int_equal(nr_shown, strlen(text));
	assert_memory_equal(shown, text, nr_shown);
}

/* ---- output ---- */

static void test_writes(void **state)
{
	unsigned cols, rows;

	assert_true(kit_vconsole_write(c, "hello, ", 7));
	assert_true(kit_vconsole_write(c, "world\n", 6));
	assert_true(kit_vconsole_write(c, "", 0));
	show();
	assert_shown("hello, world\n");
	kit_vconsole_size(c, &cols, &rows);
	assert_int_equal(cols, 80);
	assert_int_equal(rows, 25);
}

/* More than has room: in pieces, in their order, again and again. */
static void test_writes_much(void **state)
{
	static char text[50000];

	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 11 >> 4);
	on_wait = show;
	assert_true(kit_vconsole_write(c, text, sizeof(text)));
	show();
	assert_int_equal(nr_shown, sizeof(text));
	assert_memory_equal(shown, text, sizeof(text));
	assert_int_equal(waits, 3);
}

/* The device may end them in another order (2.7.8). */
static void test_out_of_order(void **state)
{
	uint16_t head[3];

	for (unsigned i = 0; i < 3; i++)
		kit_vconsole_write(c, "x", 1);
	for (unsigned i = 0; i < 3; i++)
		assert_non_null(dev_next(TX, &head[i]));
	dev_push(TX, head[2], 0);
	dev_push(TX, head[0], 0);
	assert_true(kit_vconsole_write(c, "y", 1));
	dev_push(TX, head[1], 0);
	for (unsigned i = 0; i < 300; i++) {
		assert_true(kit_vconsole_write(c, "z", 1));
		show();
	}
	assert_int_equal(nr_shown, 301);
	assert_int_equal(waits, 0);
}

static void assert_dead(void)
{
	assert_false(kit_vconsole_write(c, "x", 1));
	assert_false(kit_vconsole_write(c, "x", 1));
	assert_int_equal(kit_vconsole_read_try(c, own, 1), 0);
	assert_int_equal(kit_vconsole_read(c, own, 1), 0);
}

static void test_lies(void **state)
{
	static const uint32_t ids[] = { 1, 128, 0x80000000u, 127 };

	for (unsigned i = 0; i < 4; i++) {
		setup(state);
		kit_vconsole_write(c, "a", 1);
		dev_push(TX, ids[i], 0);
		assert_dead();
		teardown(state);
	}
	setup(state);
	kit_vconsole_write(c, "ab", 2);
	kit_vconsole_write(c, "ab", 2);
	dev_push(TX, 1, 0);
	dev_push(TX, 1, 0); /* twice */
	assert_dead();
	teardown(state);
	setup(state);
	dev->q[TX].used->idx = 200;
	assert_dead();
}

/* A panic within the front end does not wait for itself. */
static void again_within(unsigned queue)
{
	if (queue == TX) {
		dev_kicked = NULL;
		assert_false(kit_vconsole_write(c, "panic", 5));
		assert_int_equal(kit_vconsole_read_try(c, own, 1), 0);
	}
}

static void test_within_itself(void **state)
{
	dev_kicked = again_within;
	assert_true(kit_vconsole_write(c, "a", 1));
	assert_true(kit_vconsole_write(c, "b", 1));
	show();
	assert_shown("ab");
}

/* What the old host partition had not shown comes again, and nothing else. */
static void test_restart(void **state)
{
	kit_vconsole_write(c, "one\n", 4);
	kit_vconsole_write(c, "two, which is longer\n", 21);
	kit_vconsole_write(c, "three\n", 6);
	show_one();
	dev_lost = true;
	assert_true(kit_vconsole_write(c, "four\n", 5));
	assert_int_equal(dev_opened, 2);
	show();
	assert_shown("one\ntwo, which is longer\nthree\nfour\n");
}

/* Where the old one had shown the second alone, that is not shown twice. */
static void test_restart_out_of_order(void **state)
{
	uint16_t head[2];

	kit_vconsole_write(c, "one\n", 4);
	kit_vconsole_write(c, "two\n", 4);
	dev_next(TX, &head[0]);
	dev_next(TX, &head[1]);
	dev_push(TX, head[1], 0);
	dev_lost = true;
	assert_true(kit_vconsole_write(c, "three\n", 6));
	show();
	assert_shown("one\nthree\n");
}

/* Also where nothing is written any more: the device's event is the cause. */
static void test_restart_told(void **state)
{
	kit_vconsole_write(c, "one\n", 4);
	dev_lost = true;
	dev_kicked = show_kick;
	dev_fn(dev_arg);
	assert_shown("one\n");
	dev_lost = dev_gone = true;
	assert_dead();
}

static void test_use(void **state)
{
	kit_vconsole_use(c);
	redirect("a\n", 2);
	show();
	assert_shown("a\n");
	assert_int_equal(input(own, 1), 0);
	dev_lost = dev_gone = true;
	redirect("b\n", 2);
	assert_int_equal(nr_own, 2);
}

/* ---- input ---- */

static void type(const char *text, uint32_t len)
{
	uint16_t head;
	volatile struct virtq_desc *d = dev_next(RX, &head);

	assert_non_null(d);
	assert_int_equal(d->flags, VIRTQ_DESC_WRITE);
	memcpy(kit_ptr(d->addr), text, strlen(text));
	dev_push(RX, head, len);
}

static void test_reads(void **state)
{
	char buf[16];

	assert_int_equal(kit_vconsole_read_try(c, buf, 16), 0);
	type("hello", 5);
	type("", 0);
	type("you", 3);
	assert_int_equal(kit_vconsole_read_try(c, buf, 2), 2);
	assert_int_equal(kit_vconsole_read_try(c, buf + 2, 14), 6);
	assert_memory_equal(buf, "helloyou", 8);
	for (unsigned i = 0; i < 1000; i++) {
		type("x", 1);
		assert_int_equal(kit_vconsole_read_try(c, buf, 16), 1);
	}
}

static void type_late(void) { type("k", 1); }

static void test_read_sleeps(void **state)
{
	char buf[16];

	kit_vconsole_write(c, "> ", 2);
	dev_sleep = type_late;
	assert_int_equal(kit_vconsole_read(c, buf, 16), 1);
	assert_int_equal(dev_sleeps, 1);
	assert_int_equal(kit_vconsole_read(c, buf, 0), 0);
}

static void test_read_lies(void **state)
{
	kit_vconsole_write(c, "> ", 2);
	type("x", KIT_VCONSOLE_PIECE + 1);
	assert_int_equal(kit_vconsole_read(c, own, 1), 0);
	assert_dead();
	teardown(state);
	setup(state);
	dev_push(RX, 16, 1);
	assert_int_equal(kit_vconsole_read(c, own, 1), 0);
	assert_dead();
}

static void test_open_fails(void **state)
{
	const char *why = NULL;

	dev_begin(state);
	dev_absent = true;
	assert_null(kit_vconsole_open("c", &why));
	assert_string_equal(why, "there is no such console");
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_writes),
		T(test_writes_much),
		T(test_out_of_order),
		cmocka_unit_test_teardown(test_lies, teardown),
		T(test_within_itself),
		T(test_restart),
		T(test_restart_out_of_order),
		T(test_restart_told),
		T(test_use),
		T(test_reads),
		T(test_read_sleeps),
		T(test_read_lies),
		cmocka_unit_test(test_open_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
