/* SPDX-License-Identifier: BSD-2-Clause */
/* Trace records as text, and as lines with a checksum, there and back. */
/* TEST-SRC: drivers/host/trace_text.c drivers/host/trace_raw.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/trace_raw.h"
#include "pvabi/calls.h"
#include "pvabi/decode.h"

static struct trace_view view = { .base = 1000, .tsc_khz = 1000000 };
static char buf[TRACE_LINE];

static void shows(const struct pv_trace_record *r, const char *wanted)
{
	struct text t = text_of(buf, sizeof(buf));

	trace_line(&t, &view, r);
	assert_string_equal(buf, wanted);
}

#define CALL(call, ...)                                           \
	(&(const struct pv_trace_record){ .part = 1,              \
					  .kind = PV_RECORD_CALL, \
					  .nr = PV_CALL_##call,   \
					  .tsc = 1235000,         \
					  .ticks = 36,            \
					  __VA_ARGS__ })
#define AT "pv.0       0.001234 "
#define END " <36 ticks>"

static void test_types(void **state)
{
	(void)state;
	strcpy(view.name[1], "pv");
	shows(CALL(event_send, .arg = { 0x100000002 }),
	      AT "event_send(event=0x100000002) = PV_OK" END);
	shows(CALL(event_bind, .arg = { PV_SELF, 9, 1 }, .value = 0x200000003),
	      AT "event_bind(part=PV_SELF, port=9, vcpu=1) = PV_OK "
		 "event=0x200000003" END);
	shows(CALL(mem_share, .arg = { 5, 0x1000, 2, PV_SHARE_WRITE }),
	      AT "mem_share(peer=0x5, start=0x1000, pages=2, "
		 "flags=PV_SHARE_WRITE) = PV_OK" END);
	shows(CALL(mem_share, .arg = { 5, 0x1000, 2, 0 }, .status = PV_EEXIST),
	      AT "mem_share(peer=0x5, start=0x1000, pages=2, flags=0) = "
		 "PV_EEXIST" END);
	shows(CALL(handle_derive,
		   .arg = { 0, 7,
			    PV_RIGHT_SEND | PV_RIGHT_CONTROL | 1ull << 40 },
		   .status = PV_EINVAL),
	      AT "handle_derive(to=PV_SELF, from=0x7, rights=PV_RIGHT_CONTROL|"
		 "PV_RIGHT_SEND|0x10000000000) = PV_EINVAL" END);
	shows(CALL(trace_set, .arg = { 5, 6, PV_TRACE_ALL }),
	      AT "trace_set(self=0x5, part=0x6, what=PV_TRACE_CALLS|"
		 "PV_TRACE_EXITS|PV_TRACE_SWITCHES) = PV_OK" END);
	shows(CALL(query, .arg = { PV_QUERY_VCPUS }, .value = 4),
	      AT "query(id=PV_QUERY_VCPUS) = PV_OK value=4" END);
	shows(CALL(query, .arg = { 77 }, .status = PV_EINVAL),
	      AT "query(id=77) = PV_EINVAL" END);
	shows(CALL(io_read, .arg = { PV_SPACE_PORT, 0x3f8, 1 }, .value = 10000),
	      AT "io_read(space=PV_SPACE_PORT, addr=1016, size=1) = PV_OK "
		 "value=0x2710" END);
	shows(CALL(vcpu_wait, .arg = { 12345678 }, .status = PV_ETIME),
	      AT "vcpu_wait(deadline=12345678) = PV_ETIME" END);
	shows(CALL(nop, .status = 999), AT "nop() = 999" END);
}

static void test_kinds(void **state)
{
	struct pv_trace_record r = *CALL(nop, .flags = PV_RECORD_BATCH);

	(void)state;
	shows(&r, AT "- nop() = PV_OK" END);
	r.flags = PV_RECORD_WAITS;
	shows(&r, AT "nop() waits" END);
	r.flags = PV_RECORD_RESUMES;
	shows(&r, AT "nop() goes on" END);
	r = *CALL(nop, .arg = { 1, 2, 3, 4, 5, ~0ull });
	r.nr = PV_RECORD_UNKNOWN;
	shows(&r, AT "unknown(rdi=1, rsi=2, rdx=3, rcx=4, r8=5, "
		     "r9=0xffffffffffffffff) = PV_OK" END);
	r = (struct pv_trace_record){ .kind = PV_RECORD_EXIT,
				      .part = 2,
				      .vcpu = 3,
				      .nr = PV_EXIT_IO,
				      .rip = 0x1234,
				      .arg = { 0x3f8, 1, 1 } };
	shows(&r, "part2.3    0.000000 exit io(port=0x3f8, size=1, in=1) at "
		  "0x1234");
	r.nr = PV_EXIT_CR;
	r.flags = PV_RECORD_OPAQUE;
	shows(&r, "part2.3    0.000000 exit cr() at 0x1234");
	r.nr = 999;
	shows(&r, "part2.3    0.000000 exit ?() at 0x1234");
	r.kind = PV_RECORD_SWITCH;
	r.nr = PV_LEFT_WAITS;
	shows(&r, "part2.3    0.000000 leaves its CPU: waits <0 ticks>");
	r.kind = 77;
	shows(&r, "part2.3    0.000000 leaves its CPU: ? <0 ticks>");
	view.tsc_khz = 0;
	r.tsc = 1005;
	shows(&r, "part2.3           5 leaves its CPU: ? <0 ticks>");
	view.tsc_khz = 1000000;
}

/* Each call with all bits in all arguments: nothing is cut off. */
static void test_long(void **state)
{
	struct pv_trace_record r = *CALL(nop);

	(void)state;
	memset(r.arg, 0xff, sizeof(r.arg));
	r.tsc = r.ticks = r.value = ~0ull;
	strcpy(view.name[1], "a-name-of-23-characters");
	for (unsigned i = 0; i <= PV_CALL_COUNT; i++) {
		struct text t = text_of(buf, sizeof(buf));

		r.nr = (uint16_t)i;
		trace_line(&t, &view, &r);
		assert_true(t.len < sizeof(buf) - 1);
		assert_int_equal(buf[t.len - 1], '>');
	}
	strcpy(view.name[1], "pv");
}

/* The tables are in the order of the numbers. */
static void test_tables(void **state)
{
	(void)state;
	assert_int_equal(sizeof(pv_decode_calls) / sizeof(pv_decode_calls[0]),
			 PV_CALL_COUNT);
	assert_string_equal(pv_decode_calls[PV_CALL_batch].name, "batch");
	assert_string_equal(pv_decode_calls[PV_CALL_io_write].arg[3].name,
			    "value");
	assert_int_equal(sizeof(pv_decode_exits) / sizeof(pv_decode_exits[0]),
			 PV_EXIT_KINDS);
	assert_string_equal(pv_decode_exits[PV_EXIT_MMIO].arg[0].name, "gpa");
}

static void test_open(void **state)
{
	static struct trace_open o;
	struct pv_trace_record r = *CALL(vcpu_wait, .flags = PV_RECORD_WAITS);

	(void)state;
	assert_false(trace_open_note(&o, &r));
	r.vcpu = 1;
	assert_false(trace_open_note(&o, &r));
	r.flags = 0;
	assert_true(trace_open_note(&o, &r)); /* that one has returned */
	assert_false(trace_open_take(&o, 2, &r));
	assert_true(trace_open_take(&o, 1, &r) && r.vcpu == 0);
	assert_false(trace_open_take(&o, TRACE_PARTS, &r));
	r.flags = PV_RECORD_WAITS;
	for (unsigned i = 0; i < TRACE_OPEN; i++) {
		r.vcpu = (uint16_t)i;
		assert_false(trace_open_note(&o, &r));
	}
	r.vcpu = TRACE_OPEN;
	assert_true(trace_open_note(&o, &r)); /* no room: it is shown now */
	assert_true(trace_open_take(&o, TRACE_PARTS, &r));
}

static enum trace_word parse(const char *s, struct trace_item *item)
{
	/* a copy without NUL, so that ASan sees a read past the end */
	size_t n = strlen(s);
	char *copy = malloc(n ? n : 1);
	enum trace_word w;

	memcpy(copy, s, n);
	w = trace_raw_parse(copy, n, item);
	free(copy);
	return w;
}

static void test_raw(void **state)
{
	struct text t = text_of(buf, sizeof(buf));
	struct pv_trace_record r =
		*CALL(io_write, .seq = 5, .arg = { 1, 2, 3, ~0ull });
	const uint64_t time[] = { 0x123, 0x456 }, lost = 7;
	struct trace_item item;

	(void)state;
	trace_raw_record(&t, &r);
	strcat(buf, "\r\n");
	assert_int_equal(parse(buf, &item), TRACE_REC);
	assert_memory_equal(&item.rec, &r, sizeof(r));
	t = text_of(buf, sizeof(buf));
	trace_raw_record(&t, &(struct pv_trace_record){ .seq = 0 });
	assert_int_equal(parse(buf, &item), TRACE_REC);
	t = text_of(buf, sizeof(buf));
	trace_raw_words(&t, "time", time, 2);
	assert_int_equal(parse(buf, &item), TRACE_TIME);
	assert_true(item.a == 0x123 && item.b == 0x456);
	t = text_of(buf, sizeof(buf));
	trace_raw_words(&t, "end", &lost, 1);
	assert_true(parse(buf, &item) == TRACE_END && item.a == 7);
	t = text_of(buf, sizeof(buf));
	trace_raw_words(&t, "lost", &lost, 1);
	assert_int_equal(parse(buf, &item), TRACE_LOST);
	assert_int_equal(item.a, 7);
	t = text_of(buf, sizeof(buf));
	trace_raw_part(&t, 0x1f, "a-name-of-23-characters");
	assert_int_equal(parse(buf, &item), TRACE_PART);
	assert_int_equal(item.a, 0x1f);
	assert_string_equal(item.name, "a-name-of-23-characters");
}

/* A line with the right checksum, and something else wrong. */
static void refuses(const char *body, const uint64_t *w, unsigned n,
		    const char *why)
{
	struct text t = text_of(buf, sizeof(buf));
	struct trace_item item;

	trace_raw_words(&t, body, w, n);
	assert_int_equal(parse(buf, &item), TRACE_BAD);
	assert_string_equal(item.why, why);
}

static void test_bad_lines(void **state)
{
	static const uint64_t w[20] = { 1000, 0 };
	struct trace_item item;
	struct text t;

	(void)state;
	assert_int_equal(parse("", &item), TRACE_OTHER);
	assert_int_equal(parse("[pv] hello", &item), TRACE_OTHER);
	assert_int_equal(parse("pvtrace", &item), TRACE_OTHER);
	assert_int_equal(parse("pvtrace rec 1", &item), TRACE_BAD);
	assert_string_equal(item.why, "the line is cut off");
	assert_int_equal(parse("pvtrace rec 1 2 3 #00000000", &item),
			 TRACE_BAD);
	assert_string_equal(item.why, "the checksum is wrong");
	refuses("rec", w, 17, "a bad word in a record");
	refuses("rec 1x", w, 1, "a bad word in a record");
	refuses("rec 11112222333344445", w, 1, "a bad word in a record");
	refuses("rec ", w, 1, "a bad word in a record");
	refuses("word", w, 1, "an unknown word");
	refuses("", w, 0, "an unknown word");
	refuses("lost", w, 2, "a bad number");
	refuses("time", w, 1, "a bad number");
	refuses("time", w, 2, "a bad number");
	refuses("end", w, 1, "a bad number");
	refuses("part", w, 2, "a bad partition");
	refuses("part", w, 0, "a bad partition");
	refuses("part 1 a-name-of-24-characters-", w, 1,
		"a bad partition's name");
	t = text_of(buf, sizeof(buf));
	trace_raw_part(&t, 1, "");
	assert_int_equal(parse(buf, &item), TRACE_BAD);
}

/* Any bytes: no crash, and what is taken has a good checksum. */
static void test_noise(void **state)
{
	struct pv_trace_record r = *CALL(io_write, .seq = 5);
	struct trace_item item;
	unsigned taken = 0;

	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		struct text t = text_of(buf, sizeof(buf));

		trace_raw_record(&t, &r);
		for (int i = rand() % 3; i >= 0; i--)
			buf[9 + (unsigned)rand() % (t.len - 9)] = (char)rand();
		taken += trace_raw_parse(buf, t.len, &item) == TRACE_REC;
	}
	assert_true(taken < 200); /* those where nothing changed */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),	  cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_long),	  cmocka_unit_test(test_tables),
		cmocka_unit_test(test_open),	  cmocka_unit_test(test_raw),
		cmocka_unit_test(test_bad_lines), cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
