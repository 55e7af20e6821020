/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio console device that guests see. */
/* TEST-SRC: drivers/host/vconsole.c drivers/host/vdev.c drivers/host/vdev_regs.c drivers/host/vq.c */
#include "fake_guest.h"
#include "host/host.h"
#include "host/vconsole.h"
#include "host/vdevs.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "virtio_console.h"

#define RX VIRTIO_CONSOLE_RX
#define TX VIRTIO_CONSOLE_TX
#define TEXT 0x8000u
#define IN 0x10000u
#define EVENT_IDX (1u << 29)
#define WRITE VIRTQ_DESC_WRITE
#define NEXT VIRTQ_DESC_NEXT

void *kit_calloc(size_t n, size_t size) { return calloc(n, size); }

void kit_free(void *p) { free(p); }

static uint64_t now, wake_at;

uint64_t kit_time_ns(void) { return now; }

void host_wake_at(uint64_t ns) { wake_at = ns; }

static struct vdev *v;
static char said[1 << 20];
static size_t nr_said;
static unsigned calls, rooms;
static bool reset_amid;

static void out(void *arg, const char *text, size_t n)
{
	assert_ptr_equal(arg, said);
	assert_true(nr_said + n <= sizeof(said));
	memcpy(said + nr_said, text, n);
	nr_said += n;
	calls++;
	if (reset_amid)
		reg(0x70, 0);
}

static void room(void *arg)
{
	assert_ptr_equal(arg, said);
	rooms++;
}

static int setup(void **state)
{
	const char *why = NULL;

	(void)state;
	now = 1000;
	wake_at = 0;
	nr_said = calls = rooms = 0;
	reset_amid = false;
	v = vconsole_make(NULL, &why);
	assert_non_null(v);
	v->arg = said;
	((struct vconsole *)v)->out = out;
	((struct vconsole *)v)->room = room;
	guest_begin(v);
	bring_up(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	v->ops->free(v);
	return 0;
}

static uint16_t used_idx(unsigned q)
{
	return get16(USED + q * QUEUE_STEP + 2);
}

static uint32_t used_len(unsigned q, unsigned n)
{
	return le32(memory + USED + q * QUEUE_STEP + 8 + 8 * n);
}

static uint16_t avail_event(unsigned q)
{
	return get16(USED + q * QUEUE_STEP + 4 + 8 * QUEUE);
}

static void write_text(unsigned i, const char *text)
{
	memcpy(memory + TEXT + 256 * i, text, strlen(text));
	desc_in(TX, i, TEXT + 256 * i, (uint32_t)strlen(text), 0, 0);
	submit_in(TX, i);
}

static void assert_said(const char *text)
{
	assert_int_equal(nr_said, strlen(text));
	assert_memory_equal(said, text, nr_said);
}

static void test_registers(void **state)
{
	(void)state;
	assert_int_equal(reg_get(8), 3);
	assert_int_equal(reg_get(0x100), 25 << 16 | 80);
	assert_int_equal(reg_get(0x104), 1);
	reg(0x14, 0);
	assert_int_equal(reg_get(0x10) & 7, 5); /* SIZE, EMERG_WRITE */
}

/* Also before the driver is ready (5.3.4). */
static void test_emergency(void **state)
{
	(void)state;
	reg(0x70, 0);
	reg(0x108, 'x');
	vdev_write(v, 0x108, 1, 'y');
	reg(0x104, 'z');
	reg(0x100, 'z');
	assert_said("xy");
}

static void test_output(void **state)
{
	(void)state;
	write_text(0, "hello, ");
	write_text(1, "world\n");
	work();
	assert_said("hello, world\n");
	assert_int_equal(used_idx(TX), 2);
	assert_int_equal(used_len(TX, 0), 0);
	assert_int_equal(signals, 1);
}

/* A text in several buffers, with one that is not to be read. */
static void test_output_parts(void **state)
{
	(void)state;
	memcpy(memory + TEXT, "abcdef", 6);
	desc_in(TX, 0, TEXT, 2, NEXT, 1);
	desc_in(TX, 1, TEXT + 2, 3, NEXT, 2);
	desc_in(TX, 2, TEXT + 5, 1, WRITE, 0);
	submit_in(TX, 0);
	work();
	assert_said("abcde");
	assert_int_equal(used_idx(TX), 1);
}

/* A long one comes in rounds, so that others have their turn. */
static void test_output_long(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 0x10000; i++)
		memory[TEXT + i] = (uint8_t)(i * 7 >> 3);
	desc_in(TX, 0, TEXT, 0x10000, NEXT, 1);
	desc_in(TX, 1, TEXT, 5, 0, 0);
	submit_in(TX, 0);
	vdev_look(v);
	is_due = false;
	vdev_work(v);
	assert_int_equal(nr_said, VCONSOLE_ROUND);
	assert_int_equal(used_idx(TX), 0);
	assert_true(is_due);
	work();
	assert_int_equal(nr_said, 0x10005);
	assert_memory_equal(said, memory + TEXT, 0x10000);
	assert_int_equal(used_idx(TX), 1);
	assert_int_equal(calls, 17);
}

/* While it writes, only a queue that is half full is told of. */
static void test_rest(void **state)
{
	(void)state;
	bring_up(EVENT_IDX);
	write_text(0, "a");
	work();
	assert_int_equal(avail_event(TX), QUEUE / 2);
	assert_int_equal(wake_at, now + KIT_MS);
	write_text(1, "b"); /* without a notification */
	wake_at = 0;
	vconsoles_run();
	assert_false(is_due);
	assert_int_equal(wake_at, now + KIT_MS);
	now += KIT_MS;
	vconsoles_run();
	assert_true(is_due);
	work();
	assert_said("ab");
	assert_int_equal(avail_event(TX), 1 + QUEUE / 2);
	now += KIT_MS;
	vconsoles_run();
	work(); /* nothing came */
	assert_int_equal(avail_event(TX), 2);
	wake_at = 0;
	vconsoles_run();
	assert_int_equal(wake_at, 0);
}

/* Two rest at once, and one of them goes. */
static void test_rest_ends(void **state)
{
	const char *why;
	struct vdev *first = v, *second;

	(void)state;
	bring_up(EVENT_IDX);
	write_text(0, "a");
	work();
	second = vconsole_make(NULL, &why);
	second->arg = said;
	((struct vconsole *)second)->out = out;
	((struct vconsole *)second)->room = room;
	guest_begin(second);
	bring_up(EVENT_IDX);
	write_text(0, "b");
	work();
	guest_dev = first;
	reg(0x70, 0);
	guest_dev = second;
	now += KIT_MS;
	vconsoles_run();
	assert_true(is_due);
	work();
	second->ops->free(second);
	guest_dev = first;
	wake_at = 0;
	vconsoles_run();
	assert_int_equal(wake_at, 0);
}

static void test_reset_amid(void **state)
{
	(void)state;
	reset_amid = true;
	write_text(0, "a");
	write_text(1, "b");
	work();
	assert_said("a");
	assert_int_equal(reg_get(0x70), 0);
	assert_int_equal(used_idx(TX), 0);
	reset_amid = false;
	bring_up(0);
	put16(USED + TX * QUEUE_STEP + 2, 0);
	write_text(0, "c");
	work();
	assert_said("ac");
}

/* What was written before the end, whether the device was told or not. */
static void test_drain(void **state)
{
	(void)state;
	write_text(0, "last ");
	write_text(1, "words");
	vconsole_drain(v);
	assert_said("last words");
	reg(0x70, 0);
	vconsole_drain(v);
	assert_said("last words");
}

static void test_drain_ends(void **state)
{
	(void)state;
	for (unsigned i = 0; i < QUEUE; i++) {
		desc_in(TX, i, TEXT, 0x10000, i + 1 < QUEUE ? NEXT : 0, i + 1);
	}
	submit_in(TX, 0);
	vconsole_drain(v);
	assert_int_equal(nr_said, VCONSOLE_DRAIN);
}

static void give_room(unsigned i, uint32_t n)
{
	desc_in(RX, i, IN + 256 * i, n, WRITE, 0);
	submit_in(RX, i);
}

static void test_input(void **state)
{
	(void)state;
	assert_true(vconsole_takes(v));
	assert_int_equal(vconsole_type(v, "abc", 3), 0); /* no room */
	give_room(0, 4);
	give_room(1, 200);
	work();
	assert_int_equal(rooms, 1);
	assert_int_equal(vconsole_type(v, "hello", 5), 5);
	work();
	assert_memory_equal(memory + IN, "hell", 4);
	assert_memory_equal(memory + IN + 256, "o", 2);
	assert_int_equal(used_len(RX, 0), 4);
	assert_int_equal(used_len(RX, 1), 1);
	assert_int_equal(signals, 1);
	reg(0x70, 0);
	assert_false(vconsole_takes(v));
	assert_int_equal(vconsole_type(v, "abc", 3), 0);
}

/* Buffers that take nothing, and those that are not shared. */
static void test_input_odd(void **state)
{
	(void)state;
	desc_in(RX, 0, IN, 4, 0, 0);
	submit_in(RX, 0);
	give_room(1, 4);
	assert_int_equal(vconsole_type(v, "abcdef", 6), 4);
	assert_int_equal(used_len(RX, 0), 0);
	guest_window(true);
	unshared[(IN + 512) / 4096] = true;
	give_room(2, 4);
	assert_int_equal(vconsole_type(v, "ef", 2), 0);
	assert_true(needs_reset());
}

static void test_output_unshared(void **state)
{
	(void)state;
	guest_window(true);
	unshared[TEXT / 4096 + 1] = true;
	desc_in(TX, 0, TEXT + 4090, 10, 0, 0);
	submit_in(TX, 0);
	work();
	assert_int_equal(nr_said, 0);
	assert_true(needs_reset());
}

/* The queues hold anything: nothing but the device's state suffers. */
static void test_garbage(void **state)
{
	uint64_t seed = 88172645463325252ull;

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		nr_said = 0;
		bring_up(i & 1 ? EVENT_IDX : 0);
		for (unsigned n = 0; n < 0x3000; n++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			memory[DESC + n] = (uint8_t)(seed >> (i & 2 ? 24 : 61));
		}
		put16(AVAIL + 2, i % 10);
		put16(AVAIL + QUEUE_STEP + 2, i % 7);
		vdev_look(v);
		for (unsigned n = 0; n < 8; n++)
			vdev_work(v);
		vconsole_type(v, "typed", 5);
		now += KIT_MS;
		vconsoles_run();
	}
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_registers),	 T(test_emergency),   T(test_output),
		T(test_output_parts),	 T(test_output_long), T(test_rest),
		T(test_rest_ends),	 T(test_reset_amid),  T(test_drain),
		T(test_drain_ends),	 T(test_input),	      T(test_input_odd),
		T(test_output_unshared), T(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
