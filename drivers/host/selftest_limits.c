/* SPDX-License-Identifier: BSD-2-Clause */
/* The self test's second part: full tables, spent quotas, and what the host
 * partition may not touch. */
#include "selftest.h"

#include "guard.h"
#include "host.h"
#include "kit/call.h"
#include "kit/console.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "pvabi/calls.h"

#define MANY 16384u
#define AT 0xfb000000ull
#define FRESH (TEST_NOWHERE - (1ull << 30))

static uint64_t made[MANY];

/* Makes handles until the table is full, and closes them. */
static void handles_full(const char *call, uint64_t (*make)(uint64_t *handle))
{
	uint64_t err = 0;
	unsigned n = 0;

	while (n < MANY && !(err = make(&made[n])))
		n++;
	test_expect(call, PV_ENOMEM, err);
	while (n)
		pv_handle_close(made[--n]);
}

static uint64_t make_derived(uint64_t *h)
{
	return pv_handle_derive(test.self, test.part, PV_RIGHT_SHARE, h);
}

static uint64_t make_enumerated(uint64_t *h)
{
	return pv_partition_enumerate(test.self, 0, h);
}

static uint64_t make_event(uint64_t *h)
{
	return pv_event_bind(test.part, 3, 0, h);
}

/* A quota that is more than there is, beside those that are promised. */
static void quota_too_big(void)
{
	static struct pv_partition_params p __attribute__((aligned(64)));
	uint64_t part;
	unsigned taken = 0;

	p = (struct pv_partition_params){ .name = "big", .vcpus = 1 };
	for (unsigned bits = 40; bits < 64; bits++) {
		p.max_pages = 1ull << bits;
		taken += pv_partition_create(test.self, kit_gpa(&p), &part) !=
			 PV_ENOMEM;
	}
	test_result("selftest", "no_quota_beyond_memory", !taken);
}

/* Fills the machine; returns with how many partitions. */
static unsigned partitions_full(void)
{
	unsigned most;
	uint64_t err = 0;
	unsigned n = 0;

	while (n < 256 && !(err = test_partition(&made[n])))
		n++;
	test_expect("partition_create", PV_ENOMEM, err);
	most = n;
	while (n)
		test_destroy(made[--n]);
	return most;
}

static void regions_full(void)
{
	uint64_t part;
	uint64_t err = 0;

	if (test_partition(&part))
		return;
	for (unsigned i = 0; i < 100 && !err; i++)
		err = pv_io_serve(part, PV_SPACE_MMIO, AT + i * 0x1000, 0x1000,
				  2);
	test_expect("io_serve", PV_ENOMEM, err);
	test_expect("io_serve_notify", PV_ENOMEM,
		    pv_io_serve_notify(part, AT + 0x50, 2));
	test_destroy(part);
}

/* A page that we share with ourselves stands for one of a guest. */
static void accepts(void)
{
	uint64_t page = kit_gpa(test_page);
	uint64_t err;

	err = pv_mem_share(test.self, page, 1, PV_SHARE_WRITE);
	if (err) {
		test_expect("mem_share", PV_OK, err);
		return;
	}
	test_expect("mem_accept", PV_EEXIST,
		    pv_mem_accept(test.self, page, 1, page, 0));
	test_expect("mem_accept", PV_OK,
		    pv_mem_accept(test.self, page, 1, TEST_NOWHERE, 0));
	test_expect("mem_accept", PV_EEXIST,
		    pv_mem_accept(test.self, page, 1, TEST_NOWHERE + 4096, 0));
	test_expect("mem_return", PV_OK, pv_mem_return(TEST_NOWHERE, 1));
	test_expect("mem_revoke", PV_OK, pv_mem_revoke(page, 1));
}

/* With our own quota spent, there is none for the tables of a fresh 1 GiB. */
static void tables_full(void)
{
	uint64_t page = kit_gpa(test_page), spent = test_spend();

	test_expect("mem_share", PV_OK, pv_mem_share(test.self, page, 1, 0));
	test_expect("mem_accept", PV_ENOMEM,
		    pv_mem_accept(test.self, page, 1, FRESH, 0));
	test_expect("io_map", PV_ENOMEM, pv_io_map(test.part, FRESH));
	test_expect("mem_revoke", PV_OK, pv_mem_revoke(page, 1));
	test_unspend(spent);
	test_expect("io_map", PV_OK, pv_io_map(test.part, FRESH));
}

/* A partition that only spins, on another CPU: when it is destroyed its vCPU
 * has to leave that CPU first. */
static uint64_t spinner_make(void)
{
	static const uint8_t spin[] = { 0xeb, 0xfe };
	static struct pv_vcpu_start st __attribute__((aligned(64)));
	uint64_t part = test_program(spin, sizeof(spin), 2);

	st = (struct pv_vcpu_start){ .rip = TEST_CODE, .cr3 = TEST_TABLES };
	if (part && pv_partition_start(part, kit_gpa(&st))) {
		test_destroy(part);
		return 0;
	}
	return part;
}

static void spinner(void)
{
	uint64_t part = spinner_make();
	uint64_t err = 0;

	if (!part) {
		kit_printf(
			"host: partition_destroy/PV_EAGAIN needs two CPUs\n");
		return;
	}
	test_sleep(20 * KIT_MS);
	test_expect("partition_pause", PV_OK, pv_partition_pause(part));
	test_expect("partition_pause", PV_ESTATE, pv_partition_pause(part));
	test_expect("partition_resume", PV_OK, pv_partition_resume(part));
	test_sleep(20 * KIT_MS);
	err = pv_partition_destroy(part);
	test_expect("partition_destroy", PV_EAGAIN, err);
	test_destroy(part);
}

void selftest_limits(void)
{
	unsigned n;

	accepts();
	handles_full("handle_derive", make_derived);
	handles_full("partition_enumerate", make_enumerated);
	handles_full("event_bind", make_event);
	quota_too_big();
	n = partitions_full();
	test_result("selftest", "all_memory_came_back", partitions_full() == n);
	regions_full();
	spinner();
	tables_full();
}

/* ---- forbidden ---- */

static void mmio_refused(const char *what, uint64_t at)
{
	uint64_t v;

	if (!kit_map(at, at, 4096, KIT_WRITE | KIT_UNCACHED)) {
		test_result("forbidden", what, false);
		return;
	}
	test_result("forbidden", what,
		    !guard_read64(kit_ptr(at), &v) &&
			    !guard_write8(kit_ptr(at + 0x20), 0));
}

/* Refused: an exception, or nothing there. */
static void port_refused(const char *what, uint16_t port, uint8_t write)
{
	uint32_t v = 0;

	test_result("forbidden", what, !guard_in(port, 1, &v) || v == 0xff);
	guard_out(port, 1, write); /* 0xCF9 would reset the machine */
}

static void config_refused(const char *what, uint32_t bdf)
{
	uint32_t v = 0;

	guard_out(0xcf8, 4, 0x80000000u | bdf << 8);
	test_result("forbidden", what,
		    !guard_in(0xcfc, 4, &v) || v == 0xffffffffu);
	guard_out(0xcf8, 4, 0x80000000u | bdf << 8 | 4);
	guard_out(0xcfc, 2, 0); /* would take it off the bus */
}

void selftest_forbidden(void)
{
	mmio_refused("local_apic", 0xfee00000);
	mmio_refused("io_apic", 0xfec00000);
	mmio_refused("hpet", 0xfed00000);
	mmio_refused("intel_iommu", 0xfed90000);
	mmio_refused("memory_that_is_not_ours", 0xd000000000ull);
	port_refused("pic", 0x20, 0x11);
	port_refused("pic_mask", 0x21, 0xff);
	port_refused("second_pic", 0xa0, 0x11);
	port_refused("pit", 0x40, 0);
	port_refused("smi", 0xb2, 1);
	port_refused("reset", 0xcf9, 6);
	config_refused("host_bridge", 0);
	config_refused("isa_bridge", 1 << 3);
}
