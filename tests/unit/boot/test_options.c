/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor's section of the configuration file. */
/* TEST-SRC: hv/boot/options.c hv/lib/fmt.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "boot/options.h"

static struct options o;
static char err[120];

static bool parse(const char *text)
{
	memset(err, 0, sizeof(err));
	return options_parse(text, strlen(text), &o, err, sizeof(err));
}

static void defaults(void **state)
{
	assert_true(parse(""));
	assert_int_equal(o.host_memory, 32 << 20);
	assert_false(o.mitigations_auto || o.probe || o.control || o.iommu_off);
	assert_false(o.pcap);
}

static void all_keys(void **state)
{
	assert_true(parse("# comment\n\n[hypervisor]\n"
			  "mitigations = auto   # off | auto\n"
			  "\tprobe=on\r\nfloor = \"f\"\niommu = off\n"
			  "[guest a]\nimage = x = y\nnonsense\n"
			  "[ host ]\nmemory = 17M\nother = 1\n"
			  "control = com2\npcap = com3"));
	assert_true(o.pcap);
	assert_true(o.mitigations_auto && o.probe && o.control && o.iommu_off);
	assert_string_equal(o.floor, "f");
	assert_int_equal(o.host_memory, 18 << 20); /* whole 2 MiB */
}

static void errors_name_line_and_word(void **state)
{
	static const struct {
		const char *text, *err;
	} t[] = {
		{ "a = 1\n", "parley.cfg:1: `a = 1' stands before the first "
			     "[section]" },
		{ "[hypervisor\n", "parley.cfg:1: `[hypervisor' has no closing "
				   "]" },
		{ "[", "parley.cfg:1: `[' has no closing ]" },
		{ "\n[hypervisor]\nprobe\n",
		  "parley.cfg:3: `probe' is not `key = value'" },
		{ "[hypervisor]\nspeed = 1\n",
		  "parley.cfg:2: `speed' is no key of this section" },
		{ "[hypervisor]\nprobe = maybe\n",
		  "parley.cfg:2: `probe' is not one of its words" },
		{ "[host]\nmemory = M\n",
		  "parley.cfg:2: `memory' is not a size (32M, 1G)" },
		{ "[host]\nmemory = 1MM\n",
		  "parley.cfg:2: `memory' is not a size (32M, 1G)" },
		{ "[host]\nmemory = 1M\n",
		  "parley.cfg:2: `memory' is not between 4M and 16G" },
		{ "[host]\nmemory = 99999999999999999999G\n",
		  "parley.cfg:2: `memory' is too large" },
		{ "[host]\nmemory = 10000000000G\n",
		  "parley.cfg:2: `memory' is not between 4M and 16G" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_false(parse(t[i].text));
		assert_string_equal(err, t[i].err);
	}
}

static void long_lines_are_cut(void **state)
{
	char text[2000];

	memset(text, 'x', sizeof(text));
	memcpy(text, "[hypervisor]\n", 13);
	assert_false(options_parse(text, sizeof(text), &o, err, sizeof(err)));
	assert_non_null(strstr(err, "parley.cfg:2: `xxx"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(all_keys),
		cmocka_unit_test(errors_name_line_and_word),
		cmocka_unit_test(long_lines_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
