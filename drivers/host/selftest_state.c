/* SPDX-License-Identifier: BSD-2-Clause */
/* The self test's part on the registers of a vCPU that does not run: read,
 * changed, given to a new partition; and states that no CPU may enter. */
#include "selftest.h"

#include <string.h>

#include "host.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "pvabi/calls.h"

/* Spins while RBX is 0, then dies at TEST_CODE + AT_UD2. */
static const uint8_t code[] = { 0x48, 0x85, 0xdb, /* test %rbx, %rbx */
				0x74, 0xfb,	  /* jz */
				0x0f, 0x0b };	  /* ud2 */
#define AT_UD2 5
#define R_BX 3
#define MAGIC 0x1234567890abcdefull
#define TRIES 400
#define RUNS 40

static struct pv_vcpu_state s __attribute__((aligned(64)));
static struct pv_vcpu_state good, again;
static struct pv_partition_status status __attribute__((aligned(64)));

/* It may still be leaving its CPU. */
static uint64_t get(uint64_t part)
{
	uint64_t end = kit_time_ns() + KIT_SECOND;
	uint64_t err;

	do {
		err = pv_vcpu_state_get(part, 0, kit_gpa(&s));
		pv_vcpu_yield();
	} while (err == PV_EAGAIN && kit_time_ns() < end);
	return err;
}

static uint64_t set(uint64_t part)
{
	return pv_vcpu_state_set(part, 0, kit_gpa(&s));
}

static uint64_t started(uint64_t cpu_mask)
{
	static struct pv_vcpu_start st __attribute__((aligned(64)));
	uint64_t part = test_program(code, sizeof(code), cpu_mask);

	st = (struct pv_vcpu_start){ .rip = TEST_CODE, .cr3 = TEST_TABLES };
	if (!part)
		return 0;
	test_expect("partition_start", PV_OK,
		    pv_partition_start(part, kit_gpa(&st)));
	test_sleep(20 * KIT_MS);
	return part;
}

static bool died(uint64_t part)
{
	uint64_t end = kit_time_ns() + 2 * KIT_SECOND;

	do {
		test_sleep(KIT_MS);
		if (pv_partition_status(part, kit_gpa(&status)))
			return false;
	} while (status.state != PV_STATE_DIED && kit_time_ns() < end);
	return status.state == PV_STATE_DIED;
}

static bool died_of_magic(uint64_t part)
{
	return died(part) && status.rip == TEST_CODE + AT_UD2 &&
	       status.gpr[R_BX] == MAGIC;
}

/* ---- a guest is paused, looked at, and changed ---- */

static void paused(uint64_t part)
{
	test_expect("vcpu_state_get", PV_ESTATE,
		    pv_vcpu_state_get(part, 0, kit_gpa(&s)));
	test_expect("partition_pause", PV_OK, pv_partition_pause(part));
	test_expect("vcpu_state_get", PV_OK, get(part));
	test_result("vcpu_state_get", "what_was_started",
		    s.run && s.rip - TEST_CODE < AT_UD2 &&
			    s.cr3 == TEST_TABLES && !s.gpr[R_BX] &&
			    (s.efer & 0x500) == 0x500 && s.cs.selector == 8);
	good = s;
	test_expect("vcpu_state_set", PV_OK, set(part));
	test_expect("vcpu_state_get", PV_OK, get(part));
	test_result("vcpu_state_set", "identity",
		    !memcmp(&s, &good, sizeof(s)));
	s.run = 0;
	test_expect("vcpu_state_set", PV_ESTATE, set(part));
	test_expect("vcpu_state_get", PV_EFAULT,
		    pv_vcpu_state_get(part, 0, TEST_NOWHERE));
}

/* Every field that takes any value comes back. */
static void fields(uint64_t part)
{
	unsigned i;

	s = good;
	for (i = 0; i < 16; i++)
		s.gpr[i] = i == 4 ? 0 : MAGIC + i;
	s.gpr[R_BX] = 0;
	s.cr2 = s.star = s.dr[0] = s.dr[3] = MAGIC;
	s.lstar = s.cstar = s.kernel_gs = s.fs.base = s.gs.base = 0x123456789;
	s.sysenter_esp = s.sysenter_eip = s.idt_base = 0xffff800000000123;
	s.sysenter_cs = s.sfmask = 0x47700;
	s.idt_limit = 0x123;
	s.rsp = MAGIC;
	s.tsc_offset = 1ull << 40;
	s.timer = s.tsc_offset + kit_tsc() + 3600000 * kit_tsc_khz();
	s.timer_vector = s.upcall_vector = 0x77;
	s.in_service = 1 << 8;
	s.vector_pending[1] = 2;
	s.ipi_pending = s.port_summary = 4;
	s.pending = PV_PENDING_IPI;
	s.masked = 1;
	s.cr8 = 5;
	again = s;
	test_expect("vcpu_state_set", PV_OK, set(part));
	test_expect("vcpu_state_get", PV_OK, get(part));
	test_result("vcpu_state_set", "every_field",
		    !memcmp(&s, &again, sizeof(s)));
}

static void resumed(uint64_t part)
{
	s = good;
	s.gpr[R_BX] = MAGIC;
	test_expect("vcpu_state_set", PV_OK, set(part));
	test_expect("partition_resume", PV_OK, pv_partition_resume(part));
	test_result("vcpu_state_set", "the_guest_sees_it", died_of_magic(part));
	test_expect("vcpu_state_set", PV_ESTATE, set(part));
}

/* A new partition begins with a whole state. */
static void restored(void)
{
	uint64_t part = test_program(code, sizeof(code), 0);

	s = good;
	s.gpr[R_BX] = MAGIC;
	test_expect("partition_resume", PV_ESTATE, pv_partition_resume(part));
	test_expect("vcpu_state_set", PV_OK, set(part));
	test_expect("partition_resume", PV_OK, pv_partition_resume(part));
	test_result("vcpu_state_set", "of_a_new_one", died_of_magic(part));
	test_destroy(part);
}

/* Right after a pause its CPU still holds it. */
static void leaving(void)
{
	uint64_t part = started(2);
	uint64_t err = PV_OK;
	unsigned i;

	if (!part)
		return; /* there is one CPU */
	for (i = 0; i < 50 && err != PV_EAGAIN; i++) {
		pv_partition_pause(part);
		err = pv_vcpu_state_get(part, 0, kit_gpa(&s));
		pv_partition_resume(part);
		test_sleep(KIT_MS);
	}
	test_expect("vcpu_state_get", PV_EAGAIN, err);
	s = good;
	for (i = 0; i < 50; i++) {
		pv_partition_pause(part);
		err = set(part);
		if (err == PV_EAGAIN)
			break;
		pv_partition_resume(part);
		test_sleep(KIT_MS);
	}
	test_expect("vcpu_state_set", PV_EAGAIN, err);
	test_destroy(part);
}

/* ---- what no CPU may enter ---- */

#define AT(field) offsetof(struct pv_vcpu_state, field) / 8
#define WRONG(field, flip)                \
	{                                 \
#field, AT(field), (flip) \
	}
#define HIGH(n) (1ull << (n))

/* Bits to change in a word of a good state. */
static const struct wrong {
	const char *name;
	unsigned at;
	uint64_t flip;
} wrong[] = {
	{ "run", 0, 2 },
	{ "pad", 0, HIGH(32) },
	WRONG(cr0, 1),
	WRONG(cr0, HIGH(29)),
	WRONG(cr0, HIGH(32)),
	WRONG(cr4, HIGH(5)),
	WRONG(cr4, HIGH(13)),
	WRONG(cr3, HIGH(60)),
	WRONG(efer, HIGH(10)),
	WRONG(efer, HIGH(12)),
	WRONG(pat, 4),
	WRONG(pat, HIGH(63)),
	WRONG(dr7, HIGH(32)),
	WRONG(dr7, HIGH(10)),
	WRONG(dr6, HIGH(32)),
	WRONG(rip, HIGH(63)),
	WRONG(rflags, 2),
	WRONG(rflags, HIGH(17)),
	WRONG(rflags, HIGH(22)),
	WRONG(gdt_base, HIGH(63)),
	WRONG(gdt_limit, HIGH(16)),
	WRONG(idt_base, HIGH(63)),
	WRONG(idt_limit, HIGH(16)),
	WRONG(sysenter_cs, HIGH(32)),
	WRONG(sysenter_esp, HIGH(63)),
	WRONG(sysenter_eip, HIGH(63)),
	WRONG(lstar, HIGH(63)),
	WRONG(cstar, HIGH(63)),
	WRONG(kernel_gs, HIGH(63)),
	WRONG(sfmask, HIGH(32)),
	WRONG(tsc_aux, HIGH(32)),
	WRONG(xcr0, 1),
	WRONG(xcr0, HIGH(60)),
	WRONG(cr8, 16),
	WRONG(gpr[4], 1),
	WRONG(cs.attr, HIGH(14)),
	WRONG(cs.attr, HIGH(8)),
	WRONG(cs.attr, 0x80),
	WRONG(cs.attr, HIGH(16)),
	WRONG(cs.attr, 0x20),
	WRONG(cs.base, HIGH(32)),
	WRONG(cs.limit, 1),
	WRONG(cs.selector, HIGH(16)),
	WRONG(ss.attr, 8),
	WRONG(ds.attr, 1),
	WRONG(es.limit, HIGH(32)),
	WRONG(fs.base, HIGH(63)),
	WRONG(gs.attr, HIGH(17)),
	WRONG(tr.attr, HIGH(16)),
	WRONG(tr.attr, 2),
	WRONG(tr.selector, 4),
	WRONG(tr.base, HIGH(63)),
	WRONG(upcall_vector, 5),
	WRONG(upcall_vector, HIGH(32)), /* upcall_flags */
	WRONG(timer_vector, 256),
	WRONG(timer_vector, HIGH(35)), /* pending */
	WRONG(vector_pending, 1),
	WRONG(masked, HIGH(63)), /* in_service */
	WRONG(pad2, 1),
};

static void refused(uint64_t part)
{
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		s = good;
		((uint64_t *)&s)[wrong[i].at] ^= wrong[i].flip;
		if (set(part) != PV_EINVAL)
			test_result("vcpu_state_set refuses", wrong[i].name,
				    false);
	}
	test_expect("vcpu_state_set", PV_EINVAL, set(part));
	test_expect("vcpu_state_get", PV_OK, get(part));
	test_result("vcpu_state_set", "a_refused_one_changes_nothing",
		    !memcmp(&s, &again, sizeof(s)));
}

static uint64_t random_next(void)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

/* Up to three words of the registers get another bit, or another value. */
static void mutate(void)
{
	unsigned words = AT(gpr), n = 1 + random_next() % 3;
	uint64_t *w = (uint64_t *)&s;

	while (n--) {
		uint64_t *at = &w[1 + random_next() % (words - 1)];

		if (random_next() & 3)
			*at ^= HIGH(random_next() %
				    (random_next() & 1 ? 64 : 18));
		else
			*at = random_next() >> random_next() % 64;
	}
}

/* What is accepted can be entered: it may do or die as it likes. */
static void hostile(void)
{
	unsigned i, runs = 0, bad = 0;
	uint64_t part = 0;

	for (i = 0; i < TRIES && runs < RUNS; i++) {
		if (!part)
			part = test_program(code, sizeof(code), 0);
		s = good;
		mutate();
		if (set(part))
			continue;
		runs++;
		pv_partition_resume(part);
		test_sleep(2 * KIT_MS);
		if (pv_partition_status(part, kit_gpa(&status)) ||
		    strstr(status.reason, "refused"))
			bad++;
		test_destroy(part);
		part = 0;
	}
	test_destroy(part);
	test_result("vcpu_state_set", "accepts_what_can_be_entered",
		    !bad && runs > RUNS / 4);
}

void selftest_state(void)
{
	uint64_t part = started(0);

	paused(part);
	fields(part);
	refused(part);
	resumed(part);
	test_destroy(part);
	restored();
	leaving();
	hostile();
}
