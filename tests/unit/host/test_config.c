/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration's parser: what it takes, and how it refuses the rest. */
/* TEST-SRC: drivers/host/config.c drivers/host/config_host.c drivers/host/config_values.c drivers/host/config_vdevs.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/config.h"
#include "pvabi/abi.h"

static struct config c;
static char err[160];

static bool parse(const char *text)
{
	/* a copy without NUL, so that ASan sees a read past the end */
	size_t n = strlen(text);
	char *copy = malloc(n ? n : 1);
	bool ok;

	memcpy(copy, text, n);
	ok = config_parse(&c, "parley.cfg", copy, n, err, sizeof(err));
	free(copy);
	return ok;
}

static void refuses(const char *text, const char *message)
{
	assert_false(parse(text));
	assert_string_equal(err, message);
}

static void test_whole(void **state)
{
	const struct cfg_guest *g;

	(void)state;
	assert_true(parse("# comment\n"
			  "[hypervisor]\nwhatever = 1\nnot even a key\n"
			  "[host]\nmemory = 32M\nselftest = no\ntrace = raw\n"
			  "crash = 7\ncrash = 0:9\n"
			  "screen = yes\n"
			  "[guest one] # first\n"
			  "  image = hello.elf\t\r\n"
			  "profile = classic\nmemory = 0x1000K\nvcpus = 2\n"
			  "cpu = 1\npriority=7\nslice = 250\n"
			  "cmdline = \"a # b = c\" # text\n"
			  "disk = d:part=data\ndisk = r:ram=x.img\n"
			  "disk = n:null=1M\ndisk = e:ram=4K\n"
			  "disk = o:ram=100\nexpect = 3\nstats = yes\n"
			  "folder = s:part=esp/a/b\n"
			  "counters = csv\ntrace = calls, switches\n"
			  "device = fF:1f.7\ndevice = 00:5.0\n"
			  "unsafe_dma = yes\nshare = all\n"
			  "console = hvc:virtio\nconsole = keyboard\n"
			  "[guest two]\nimage = b.elf\nstart = after one\n"
			  "expect = crash\nkill = after one"));
	assert_int_equal(c.host_memory, 32 << 20);
	assert_false(c.selftest);
	assert_int_equal(c.trace, TRACE_TO_RAW);
	assert_int_equal(c.screen, SCREEN_YES);
	assert_int_equal(c.nr_crashes, 2);
	assert_true(c.crash[0].step == 7 && !c.crash[0].insns);
	assert_true(!c.crash[1].step && c.crash[1].insns == 9);
	assert_int_equal(c.nr_guests, 2);
	g = &c.guest[0];
	assert_int_equal(g->line, 12);
	assert_string_equal(g->image, "hello.elf");
	assert_int_equal(g->profile, PV_PROFILE_CLASSIC);
	assert_int_equal(g->memory, 4 << 20);
	assert_int_equal(g->vcpus, 2);
	assert_int_equal(g->cpu, 1);
	assert_int_equal(g->priority, 7);
	assert_int_equal(g->slice_us, 250);
	assert_string_equal(g->cmdline, "a # b = c");
	assert_int_equal(g->nr_vdevs, 7);
	assert_int_equal(g->vdev[6].type, VDEV_CONSOLE);
	assert_string_equal(g->vdev[6].name, "hvc");
	assert_int_equal(g->vdev[5].type, VDEV_FOLDER);
	assert_string_equal(g->vdev[5].name, "s");
	assert_string_equal(g->vdev[5].source, "esp/a/b");
	assert_int_equal(g->vdev[0].kind, DISK_PART);
	assert_string_equal(g->vdev[0].source, "data");
	assert_int_equal(g->vdev[1].kind, DISK_RAM);
	assert_string_equal(g->vdev[1].source, "x.img");
	assert_int_equal(g->vdev[1].bytes, 0);
	assert_int_equal(g->vdev[2].bytes, 1 << 20);
	assert_int_equal(g->vdev[3].kind, DISK_RAM);
	assert_int_equal(g->vdev[3].bytes, 4096);
	assert_string_equal(g->vdev[4].source, "100"); /* half a sector */
	assert_int_equal(g->vdev[4].bytes, 0);
	assert_int_equal(g->nr_devices, 2);
	assert_int_equal(g->device[0], 0xff << 8 | 31 << 3 | 7);
	assert_int_equal(g->device[1], 5 << 3);
	assert_true(g->unsafe_dma);
	assert_int_equal(g->share_all, 1);
	assert_true(config_assigns(&c, 5 << 3));
	assert_false(config_assigns(&c, 5 << 3 | 1));
	assert_true(g->expect_set && !g->expect_crash && g->stats);
	assert_int_equal(g->expect_code, 3);
	assert_int_equal(g->counters, COUNTERS_CSV);
	assert_int_equal(g->trace, PV_TRACE_CALLS | PV_TRACE_SWITCHES);
	assert_int_equal(g->console, CONSOLE_KEYBOARD);
	assert_int_equal(g->after_guest, -1);
	g = &c.guest[1];
	assert_int_equal(g->cpu, -1);
	assert_int_equal(g->counters, COUNTERS_NO);
	assert_int_equal(g->trace, 0);
	assert_int_equal(g->memory, 16 << 20);
	assert_true(g->expect_crash);
	assert_int_equal(g->after_guest, 0);
	assert_int_equal(g->kill_guest, 0);
}

#define G "[guest a]\nimage = x\n"

static void test_sections(void **state)
{
	(void)state;
	refuses("", "parley.cfg:0: no guest is configured");
	refuses("[host]\n", "parley.cfg:1: no guest is configured");
	assert_true(parse("[host]\nselftest = yes\n"));
	refuses("x = 1\n", "parley.cfg:1: key outside of a section: x = 1");
	refuses("\n[gues a]\n", "parley.cfg:2: unknown section: gues a");
	refuses("[guests a]\n", "parley.cfg:1: unknown section: guests a");
	refuses("[guest a\n", "parley.cfg:1: section without `]`: [guest a");
	refuses("[\n", "parley.cfg:1: section without `]`: [");
	refuses("[guest]\n",
		"parley.cfg:1: a guest needs a name: [guest NAME]");
	refuses("[guest a b]\n", "parley.cfg:1: guest name has a blank, "
				 "bracket or colon: a b");
	refuses("[guest aaaaaaaaaaaaaaaaaaaaaaaaaa]\n",
		"parley.cfg:1: guest name is too long: "
		"aaaaaaaaaaaaaaaaaaaaaaaaaa");
	refuses(G G, "parley.cfg:3: two guests of that name: a");
	refuses("[guest a]\n", "parley.cfg:1: guest has no image: a");
}

static void test_keys(void **state)
{
	(void)state;
	refuses(G "memroy = 1M\n", "parley.cfg:3: unknown key: memroy");
	refuses(G "image = y\n", "parley.cfg:3: given twice: image");
	refuses(G "vcpus\n", "parley.cfg:3: expected `key = value`: vcpus");
	refuses(G "vcpus = 0\n",
		"parley.cfg:3: expected a number from 1 to 64: 0");
	refuses(G "vcpus = 2x\n",
		"parley.cfg:3: expected a number from 1 to 64: 2x");
	refuses(G "priority = 99999999999999999999\n",
		"parley.cfg:3: expected a number from 0 to 7: "
		"99999999999999999999");
	refuses(G "slice = 99\n",
		"parley.cfg:3: expected a number from 100 to 1000000: 99");
	refuses(G "profile = kvm\n",
		"parley.cfg:3: profile is pv, hvm or classic, not: kvm");
	refuses(G "memory = 5\n",
		"parley.cfg:3: expected a size such as 16M: 5");
	refuses(G "memory = M\n",
		"parley.cfg:3: expected a size such as 16M: M");
	refuses(G "memory = 64K\n",
		"parley.cfg:3: memory must be from 1M to 3840M");
	refuses(G "memory = 99999999999G\n",
		"parley.cfg:3: expected a size such as 16M: 99999999999G");
	refuses(G "cmdline = \"x\n", "parley.cfg:3: the quotes do not match");
	refuses(G "cmdline = \"x\" \"y\"\n",
		"parley.cfg:3: the quotes do not match");
	refuses("[guest a]\nimage =\n", "parley.cfg:2: image: empty");
	refuses(G "stats = maybe\n", "parley.cfg:3: expected yes or no: maybe");
	refuses(G "trace = calls,all\n",
		"parley.cfg:3: expected calls, exits or switches: all");
	refuses(G "trace = calls,\n",
		"parley.cfg:3: expected calls, exits or switches: ");
	refuses("[host]\ntrace = yes\n",
		"parley.cfg:2: expected text, raw or both: yes");
	refuses(G "counters = yes\n",
		"parley.cfg:3: expected no, text or csv: yes");
	refuses(G "console = x\n",
		"parley.cfg:3: console is keyboard, null or NAME:virtio, "
		"not: x");
	refuses(G "log = web.log\n",
		"parley.cfg:3: log is PARTITION/[DIR/]FILE, not: web.log");
	refuses(G "log = /web.log\n",
		"parley.cfg:3: log is PARTITION/[DIR/]FILE, not: /web.log");
	refuses(G "log = esp/\n",
		"parley.cfg:3: log is PARTITION/[DIR/]FILE, not: esp/");
	refuses(G "console = x:y\n",
		"parley.cfg:3: console is keyboard, null or NAME:virtio, "
		"not: y");
	refuses(G "console = null\nconsole = keyboard\n",
		"parley.cfg:4: given twice: console");
	refuses(G "entropy = c\nconsole = c:virtio\n",
		"parley.cfg:4: two virtio devices of that name: c");
	refuses(G "expect = ok\n",
		"parley.cfg:3: expected a number from 0 to 255: ok");
	refuses("[host]\nfoo = 1\n", "parley.cfg:2: unknown key: foo");
}

#define MODE                                                                  \
	"parley.cfg:3: behind a disk's source stands ro, overlay or overlay=" \
	"SIZE (of some 4K), not: "

#define DISK                                                                \
	"parley.cfg:3: disk is NAME:part=P, NAME:range=DISK,START,LENGTH, " \
	"NAME:disk=DISK, NAME:file=P/PATH, NAME:ram=FILE or SIZE, or "      \
	"NAME:null=SIZE, not: "
#define RANGE                                                              \
	"parley.cfg:3: range is DISK,START,LENGTH, in sectors or as 16M, " \
	"not: "

static void test_ranges(void **state)
{
	const struct cfg_vdev *v = c.guest[0].vdev;

	(void)state;
	assert_true(parse(G "disk = a:range=0,0,1\n"
			    "disk = b:range=7,0x800,16M:ro\n"
			    "disk = c:range=1,1G,2K:overlay\n"));
	assert_int_equal(v[0].kind, DISK_RANGE);
	assert_int_equal(v[0].disk, 0);
	assert_int_equal(v[0].first, 0);
	assert_int_equal(v[0].count, 1);
	assert_int_equal(v[1].disk, 7);
	assert_int_equal(v[1].first, 2048);
	assert_int_equal(v[1].count, 32768);
	assert_int_equal(v[1].mode, DISK_READS);
	assert_int_equal(v[2].first, 2097152);
	assert_int_equal(v[2].count, 4);
	assert_int_equal(v[2].mode, DISK_OVERLAY);
	refuses(G "disk = a:range=\n", RANGE "");
	refuses(G "disk = a:range=0,1\n", RANGE "0,1");
	refuses(G "disk = a:range=0,1,\n", RANGE "");
	refuses(G "disk = a:range=0,,1\n", RANGE "");
	refuses(G "disk = a:range=0,1,0\n", RANGE "0");
	refuses(G "disk = a:range=0,1,2,3\n", RANGE "2,3");
	refuses(G "disk = a:range=0,x,2\n", RANGE "x");
	refuses(G "disk = a:range=0,1,99999999999999999999\n",
		RANGE "99999999999999999999");
	refuses(G "disk = a:range=,1,1\n",
		"parley.cfg:3: expected a number from 0 to 99: ");
	refuses(G "disk = a:range=100,1,1\n",
		"parley.cfg:3: expected a number from 0 to 99: 100");
}

static void test_disks(void **state)
{
	const struct cfg_vdev *v;

	(void)state;
	refuses(G "disk = d\n", DISK "d");
	refuses(G "disk = d:x\n", DISK "x");
	refuses(G "disk = d:usb=x\n",
		"parley.cfg:3: no such kind of disk "
		"(part, range, disk, file, ram, null): usb");
	assert_true(parse(G "disk = d:disk=7\ndisk = e:disk=1:ro\n"));
	assert_int_equal(c.guest[0].vdev[0].kind, DISK_WHOLE);
	assert_int_equal(c.guest[0].vdev[0].disk, 7);
	assert_int_equal(c.guest[0].vdev[0].mode, DISK_WRITES);
	assert_int_equal(c.guest[0].vdev[1].disk, 1);
	assert_int_equal(c.guest[0].vdev[1].mode, DISK_READS);
	refuses(G "disk = d:disk=8\n",
		"parley.cfg:3: expected a number from 0 to 7: 8");
	refuses(G "disk = d:disk=1:rw\n", MODE "rw");
	refuses(G "disk = d:file=x\n",
		"parley.cfg:3: expected PARTITION/PATH: x");
	assert_true(parse(G "disk = d:file=esp/a/b.img:ro\n"));
	assert_int_equal(c.guest[0].vdev[0].kind, DISK_FILE);
	assert_string_equal(c.guest[0].vdev[0].source, "esp/a/b.img");
	refuses(G "disk = :part=x\n", "parley.cfg:3: device name: empty");
	refuses(G "disk = d:part=\n", "parley.cfg:3: disk source: empty");
	refuses(G "disk = d:null=1M:ro\n",
		"parley.cfg:3: an empty disk is neither ro nor a template: d");
	refuses(G "disk = d:ram=1M:overlay\n",
		"parley.cfg:3: an empty disk is neither ro nor a template: d");
	refuses(G "disk = d:part=x:rw\n", MODE "rw");
	refuses(G "disk = d:part=x:\n", MODE "");
	refuses(G "disk = d:part=x:overlay=\n", MODE "overlay=");
	refuses(G "disk = d:part=x:overlay=0\n", MODE "overlay=0");
	refuses(G "disk = d:part=x:overlay=1000\n", MODE "overlay=1000");
	refuses(G "disk = d:part=x:ro:overlay\n", MODE "ro:overlay");
	refuses(G "disk = d:part=:ro\n", "parley.cfg:3: disk source: empty");
	assert_true(parse(G "disk = a:part=x\ndisk = b:part=x:ro\n"
			    "disk = c:ram=x:overlay\n"
			    "disk = d:part=x:overlay=64K\n"));
	v = c.guest[0].vdev;
	assert_int_equal(v[0].mode, DISK_WRITES);
	assert_int_equal(v[1].mode, DISK_READS);
	assert_int_equal(v[2].mode, DISK_OVERLAY);
	assert_int_equal(v[2].overlay_bytes, CFG_OVERLAY);
	assert_string_equal(v[2].source, "x");
	assert_int_equal(v[3].mode, DISK_OVERLAY);
	assert_int_equal(v[3].overlay_bytes, 65536);
	refuses(G "disk = d:null=100\n",
		"parley.cfg:3: expected a size such as 1M: 100");
	refuses(G "folder = d\n",
		"parley.cfg:3: folder is TAG:part=P[/DIR], not: d");
	refuses(G "folder = d:ram=x\n",
		"parley.cfg:3: folder is TAG:part=P[/DIR], not: ram=x");
	refuses(G "folder = d:part=\n", "parley.cfg:3: folder's source: empty");
	refuses(G "disk = d:ram=x\ndisk = d:ram=y\n",
		"parley.cfg:4: two virtio devices of that name: d");
	refuses(G "disk=a:ram=x\ndisk=b:ram=x\ndisk=c:ram=x\ndisk=d:ram=x\n"
		  "disk=e:ram=x\ndisk=f:ram=x\ndisk=g:ram=x\nentropy=h\n"
		  "entropy=i\n",
		"parley.cfg:11: too many virtio devices");
}

#define NET                                                             \
	"parley.cfg:3: net is NAME:switch or NAME:switch=N, also with " \
	",mac=02:00:00:00:00:01, not: "

static void test_nets(void **state)
{
	const struct cfg_vdev *d;

	(void)state;
	assert_true(parse(G "[guest b]\nimage = x\nentropy = e\n"
			    "net = n:switch\nnet = m:switch\n"));
	d = &c.guest[1].vdev[2];
	assert_int_equal(d->type, VDEV_NET);
	assert_string_equal(d->name, "m");
	assert_int_equal(d->guest, 1);
	assert_int_equal(d->index, 2);
	assert_false(d->has_mac);
	assert_true(parse(G "net = n:switch,mac=02:fF:0:1:2:3\n"));
	d = &c.guest[0].vdev[0];
	assert_true(d->has_mac);
	assert_memory_equal(d->mac, "\x02\xff\x00\x01\x02\x03", 6);
	refuses(G "net = n\n", NET "n");
	assert_int_equal(d->sw, 0);
	assert_true(parse(G "net = n:switch=3,mac=02:fF:0:1:2:3\n"));
	assert_int_equal(d->sw, 3);
	assert_true(d->has_mac);
	refuses(G "net = n:switch=4\n",
		"parley.cfg:3: expected a number from 0 to 3: 4");
	refuses(G "net = n:switch=\n",
		"parley.cfg:3: expected a number from 0 to 3: ");
	refuses(G "net = n:tap\n", NET "tap");
	refuses(G "net = n:switch,\n", NET "");
	refuses(G "net = n:switch,x=1\n", NET "x=1");
	refuses(G "net = n:switch,mac=2:0:0:0:0\n", NET "mac=2:0:0:0:0");
	refuses(G "net = n:switch,mac=1:0:0:0:0:1\n", NET "mac=1:0:0:0:0:1");
	refuses(G "net = :switch\n", "parley.cfg:3: device name: empty");
	refuses(G "entropy = n\nnet = n:switch\n",
		"parley.cfg:4: two virtio devices of that name: n");
}

static void test_devices(void **state)
{
	static const char *const wrong[] = {
		"",	   "0",	       "00:05",	 "00:05.",
		"00:05.8", "00:20.0",  "0:1.0x", "000:1.0",
		"00.05.0", "0000:1.0", "-1:0.0", ":.",
	};
	char text[100], err[100];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), G "device = %s\n", wrong[i]);
		snprintf(err, sizeof(err),
			 "parley.cfg:3: device is BUS:DEVICE.FUNCTION, as "
			 "00:05.0, not: %s",
			 wrong[i]);
		refuses(text, err);
	}
	refuses(G "device = 0:1.0\ndevice = 00:01.0\n",
		"parley.cfg:4: given twice: 00:01.0");
	refuses(G "device=0:1.0\ndevice=0:2.0\ndevice=0:3.0\ndevice=0:4.0\n"
		  "device=0:5.0\n",
		"parley.cfg:7: too many devices");
	refuses(G "share = no\n", "parley.cfg:3: expected asked or all: no");
	refuses(G "unsafe_dma = 1\n", "parley.cfg:3: expected yes or no: 1");
}

#define H "[host]\nnetprobe = %s\n[guest a]\nimage = x\n"

static void test_netprobe(void **state)
{
	static const char *const wrong[] = { "10.0.2",	    "10.0.2.256",
					     "10.0.2.2.",   "10..2.2",
					     "10.0.2.2222", "a.0.2.2",
					     "10.0.2.2/8",  "0x1.0.0.0" };
	char text[200], want[200];

	(void)state;
	snprintf(text, sizeof(text), H, "255.0.2.100");
	assert_true(parse(text));
	assert_int_equal(c.netprobe, 0xff000264);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		snprintf(text, sizeof(text), H, wrong[i]);
		snprintf(want, sizeof(want),
			 "parley.cfg:2: expected an address such as 10.0.2.2, "
			 "not: %s",
			 wrong[i]);
		refuses(text, want);
	}
}

static void test_order(void **state)
{
	(void)state;
	refuses(G "start = later\n", "parley.cfg:3: start is `now`, `no` or "
				     "`after NAME`, not: later");
	refuses(G "start = after b\n",
		"parley.cfg:1: starts after an unknown guest: b");
	refuses(G "start = after a\n",
		"parley.cfg:1: waits for itself to end: a");
	refuses(G "start = after b\n[guest b]\nimage = x\nstart = after a\n",
		"parley.cfg:1: waits for itself to end: a");
	refuses(G "kill = after a\n",
		"parley.cfg:1: killed after an unknown guest: a");
	refuses(G "kill = b\n", "parley.cfg:3: kill is `after NAME`, not: b");
	refuses(G "console = keyboard\n[guest b]\nimage = x\n"
		  "console = keyboard\n",
		"parley.cfg:4: a second guest with the keyboard: b");
}

static void test_operator(void **state)
{
	(void)state;
	assert_true(parse(G "start = no\n"));
	assert_true(c.guest[0].start_no);
	assert_false(c.shell || c.control);
	assert_true(parse("[host]\nshell = yes\ncontrol = com2\n" G
			  "start = now\n"));
	assert_true(c.shell && !c.guest[0].start_no);
	assert_int_equal(c.control, 1);
	refuses("[host]\ncontrol = com3\n",
		"parley.cfg:2: expected no or com2: com3");
	refuses("[host]\nshell = maybe\n",
		"parley.cfg:2: expected yes or no: maybe");
}

static void test_long_and_many(void **state)
{
	static char text[100000];
	size_t n = 0;

	(void)state;
	memset(text, 'x', 2000);
	text[2000] = 0;
	refuses(text, "parley.cfg:1: line is too long");
	for (unsigned i = 0; i <= CFG_GUESTS; i++)
		n += (size_t)sprintf(text + n, "[guest g%u]\nimage = x\n", i);
	assert_false(parse(text));
	assert_non_null(strstr(err, ": too many guests"));
	assert_false(config_parse(&c, "parley.cfg", "[host]\na\0b\n", 11, err,
				  sizeof(err)));
	assert_string_equal(err, "parley.cfg:2: a NUL byte");
	/* a message that does not fit is cut, not written past the end */
	assert_false(config_parse(&c, "parley.cfg", "[hst]\n", 6, err, 12));
	assert_string_equal(err, "parley.cfg:");
}

/* Any bytes: no crash, and a message whenever it refuses. */
static void test_noise(void **state)
{
	static const char seed[] = G "disk = d:null=1M\ncmdline = \"x\"\n"
				     "start = after a\nmemory = 16M\n";
	char text[sizeof(seed)];

	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		memcpy(text, seed, sizeof(seed));
		for (int i = rand() % 6; i >= 0; i--)
			text[rand() % (int)(sizeof(seed) - 1)] = (char)rand();
		err[0] = 0;
		if (!config_parse(&c, "parley.cfg", text, sizeof(seed) - 1, err,
				  sizeof(err)))
			assert_memory_equal(err, "parley.cfg:", 11);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_disks),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_nets),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_netprobe),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_operator),
		cmocka_unit_test(test_long_and_many),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
