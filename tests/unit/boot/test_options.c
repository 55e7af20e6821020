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
	assert_false(o.pcap || o.some_devices);
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

static void devices_are_named(void **state)
{
	assert_true(parse("[host]\ndevices = all\n"));
	assert_false(o.some_devices);
	assert_true(parse("[host]\ndevices = none\n"));
	assert_true(o.some_devices);
	assert_int_equal(o.nr_devices, 0);
	assert_true(
		parse("[host]\ndevices = 00:1f.2, fF:02.7,00:05.0  01:00.0"));
	assert_true(o.some_devices);
	assert_int_equal(o.nr_devices, 4);
	assert_int_equal(o.device[0], 0x1f << 3 | 2);
	assert_int_equal(o.device[1], 0xff << 8 | 2 << 3 | 7);
	assert_int_equal(o.device[3], 0x100);
}

static void what_names_no_device_is_refused(void **state)
{
	static const char *const bad[] = { "",	       "some",	   "00:05",
					   "0:05.0",   "00:20.0",  "00:05.8",
					   "00:05.00", "00:05.0;", "00:05.0 x",
					   ",00:05.0", "0g:05.0",  "00:05.",
					   "all none" };
	char text[400] = "[host]\ndevices = ";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		strcpy(text + 17, bad[i]);
		assert_false(parse(text));
		assert_string_equal(err, "parley.cfg:2: `devices' is not all, "
					 "none or functions, as 00:05.0");
	}
	text[17] = 0;
	for (unsigned i = 0; i <= OPTIONS_DEVICES; i++)
		strcat(text, "00:05.0 ");
	assert_false(parse(text));
	assert_string_equal(err, "parley.cfg:2: `devices' names too many "
				 "functions");
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
		cmocka_unit_test(devices_are_named),
		cmocka_unit_test(what_names_no_device_is_refused),
		cmocka_unit_test(errors_name_line_and_word),
		cmocka_unit_test(long_lines_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
