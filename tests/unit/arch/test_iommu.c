/* SPDX-License-Identifier: BSD-2-Clause */
/* What IOMMUs are told, in which order, and what they tell: on registers that
 * are memory, beside which a model executes the commands. */
/* TEST-SRC: hv/arch/iommu.c hv/arch/vtd.c hv/arch/amdvi.c */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/iommu.h"
#include "arch/irq.h"
#include "lib/log.h"
#include "lib/machine.h"
#include "lib/panic.h"
#include "lib/pci.h"

#define DISK 0x10
#define NIC 0x18
#define ROOT 0x123000ull

struct iommu_info iommu;
u64 tsc_khz = 1000000;
u32 pci_count = 2;
struct pci_func pci_funcs[PCI_MAX_FUNCS] = { { .bdf = DISK }, { .bdf = NIC } };
static u8 regs[2][IOMMU_REGS] aligned_to(4096);
static u64 rings[2][IOMMU_RING][2] aligned_to(4096);
static u64 buses[256][2] aligned_to(4096), bus0[256][2] aligned_to(4096);
static u64 vectors[256][2] aligned_to(4096);
static u64 devices[512][2] aligned_to(4096), events[IOMMU_RING][2];
static u32 irt[256] aligned_to(4096);
static irq_fn handler;
static u32 told;
static char first[200], last[200];

void irq_register(u32 vector, irq_fn fn)
{
	assert_int_equal(vector, VEC_IOMMU);
	handler = fn;
}

bool ioapic_is_level(u32 gsi) { return gsi == 9; }

const struct pci_func *pci_find(u16 bdf)
{
	for (u32 i = 0; i < pci_count; i++)
		if (pci_funcs[i].bdf == bdf)
			return &pci_funcs[i];
	return NULL;
}

void log(const char *fmt, ...)
{
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	vsnprintf(last, sizeof(last), fmt, ap);
	__builtin_va_end(ap);
	if (!told++)
		strcpy(first, last);
}

static jmp_buf panicked;

void panic(const char *fmt, ...) { longjmp(panicked, 1); }

/* ---- the model: it does what it is told, as soon as the tail says so ---- */

static struct {
	char did[2][64]; /* by unit: c, d: entries, a domain; g: all; v; */
	u64 entry[8];	 /* the disk's, as it was at each invalidation of it */
	u32 entries, head[2];
	bool deaf;
} model;

static void note(u32 unit, char c)
{
	size_t n = strlen(model.did[unit]);

	if (n < sizeof(model.did[unit]) - 1)
		model.did[unit][n] = c;
}

static void execute_amdvi(u32 unit, const u64 *c)
{
	switch (c[0] >> 60) {
	case 1:
		assert_int_equal(c[0] & 1, 1);
		__atomic_store_n((u64 *)(c[0] & 0x000ffffffffffff8ull), c[1],
				 __ATOMIC_RELEASE);
		break;
	case 2:
		note(unit, 'c');
		assert_int_equal((u16)c[0], DISK);
		if (!unit)
			model.entry[model.entries++ % 8] = devices[2 * DISK][0];
		break;
	case 3:
		note(unit, 'd');
		note(unit, (char)('0' + (c[0] >> 32 & 0xffff)));
		assert_int_equal(c[1], 0x7ffffffffffff003);
		break;
	case 5:
		note(unit, 'v');
		assert_int_equal((u16)c[0], DISK);
	}
}

static void execute(u32 unit, const u64 *c)
{
	if (iommu.kind == IOMMU_AMDVI) {
		execute_amdvi(unit, c);
		return;
	}
	switch (c[0] & 0xF) {
	case 1:
		note(unit, 'c');
		if (!unit)
			model.entry[model.entries++ % 8] = bus0[DISK][0];
		break;
	case 2:
		note(unit, (c[0] >> 4 & 3) == 1 ? 'g' : 'd');
		if ((c[0] >> 4 & 3) == 2)
			note(unit, (char)('0' + (c[0] >> 16)));
		assert_int_equal(c[0] & 0xC0, 0xC0); /* drained */
		break;
	case 4:
		note(unit, 'v');
		break;
	case 5:
		__atomic_store_n((u64 *)c[1], c[0] >> 32, __ATOMIC_RELEASE);
	}
}

static void *model_run(void *arg)
{
	for (;;)
		for (u32 i = 0; i < 2; i++) {
			u64 tail = load_acquire(
				(u64 *)(regs[i] + (iommu.kind == IOMMU_AMDVI ?
							   AMDVI_COMMAND_TAIL :
							   VTD_IQT)));

			if (model.deaf || model.head[i] == tail / 16)
				sched_yield();
			else if (__atomic_fetch_add(&model.head[i], 1,
						    __ATOMIC_SEQ_CST) ==
				 IOMMU_RING - 1) {
				execute(i, rings[i][IOMMU_RING - 1]);
				model.head[i] = 0;
			} else
				execute(i, rings[i][model.head[i] - 1]);
		}
	return NULL;
}

static int setup(void **state)
{
	static pthread_t thread;

	if (!thread)
		assert_int_equal(pthread_create(&thread, NULL, model_run, NULL),
				 0);
	memset(model.did, 0, sizeof(model.did));
	model.entries = told = 0;
	return 0;
}

static int begin(void **state)
{
	iommu = (struct iommu_info){ .kind = IOMMU_VTD,
				     .nr = 2,
				     .levels = 3,
				     .intr = true,
				     .table = buses,
				     .irt = vectors };
	for (u32 i = 0; i < 2; i++)
		iommu.unit[i] = (struct iommu_unit){ .regs = (u64)regs[i],
						     .ring = rings[i],
						     .drain = 0xC0,
						     .faults = 0x220,
						     .nr_faults = 2 };
	buses[0][0] = (u64)bus0 | 1;
	iommu_init();
	return 0;
}

static void did(const char *what)
{
	assert_string_equal(model.did[0], what);
	assert_string_equal(model.did[1], what);
	memset(model.did, 0, sizeof(model.did));
}

/* ---- the tests ---- */

static void nothing_without_one(void **state)
{
	iommu.kind = IOMMU_NONE;
	iommu.intr = false;
	iommu_attach(0, 1, ROOT);
	iommu_flush(1);
	iommu_vector_off(DISK, 0x70);
	assert_int_equal(iommu_message(DISK, 0x70, 3),
			 0x70ull << 32 | 0xfee03000);
	assert_int_equal(iommu_rte(DISK, 0x39, 3), 3 << 24);
	did("");
	iommu.kind = IOMMU_VTD;
	iommu.intr = true;
}

static void who_is_attached_is_flushed(void **state)
{
	iommu_flush(2);
	did("");
	iommu_attach(0, 2, ROOT);
	/* gone, and forgotten, before the new one is there */
	assert_int_equal(model.entry[0], 2);
	assert_int_equal(model.entry[1], ROOT | 1);
	assert_int_equal(bus0[DISK][1], 2 << 8 | 1);
	did("cgcd2");
	iommu_flush(2);
	did("d2");
	iommu_flush(3);
	did("");
}

static void a_move_forgets_the_old_one(void **state)
{
	iommu_attach(0, 3, ROOT + PAGE_SIZE);
	did("cd2cd3");
	assert_int_equal(bus0[DISK][0], (ROOT + PAGE_SIZE) | 1);
	iommu_flush(2);
	did("");
	iommu_attach(1, 3, ROOT + PAGE_SIZE);
	did("cgcd3");
	iommu_attach(0, 0, 0);
	did("cd3cg");
	assert_int_equal(bus0[DISK][0] & 1, 0);
	iommu_flush(3); /* the other one is still there */
	did("d3");
	iommu_attach(1, 0, 0);
	did("cd3cg");
	iommu_flush(3);
	did("");
}

static void the_ring_goes_round(void **state)
{
	iommu_attach(0, 2, ROOT);
	for (u32 i = 0; i < 2 * IOMMU_RING; i++) {
		memset(model.did, 0, sizeof(model.did));
		iommu_flush(2);
		did("d2");
	}
}

static void who_does_not_answer_is_fatal(void **state)
{
	u64 khz = tsc_khz;

	iommu_attach(0, 2, ROOT);
	model.deaf = true;
	tsc_khz = 1;
	if (!setjmp(panicked)) {
		iommu_flush(2);
		fail();
	}
	tsc_khz = khz;
	model.deaf = false;
}

static void vectors_name_their_source(void **state)
{
	assert_int_equal(iommu_message(DISK, 0x70, 3), 0xfee00e10);
	assert_int_equal(vectors[0x70][0], 3ull << 40 | 0x70 << 16 | 1);
	assert_int_equal(vectors[0x70][1], 1 << 18 | DISK);
	did("v");
	iommu_vector_off(DISK, 0x70);
	assert_int_equal(vectors[0x70][0], 0);
	did("v");
	iommu.eim = true;
	assert_int_equal(iommu_rte(0xf0ff, 0xa039, 300), 0x39 << 17 | 1 << 16);
	assert_int_equal(vectors[0x39][0], 300ull << 32 | 0x39 << 16 | 0x11);
	assert_int_equal(vectors[0x39][1], 1 << 18 | 0xf0ff);
	iommu_rte(0xf0ff, 0x38, 1); /* an edge */
	assert_int_equal(vectors[0x38][0], 1ull << 32 | 0x38 << 16 | 1);
}

/* Memory does not clear a fault that is written to: it is told again. */
static void fault(u32 unit, u32 i, u64 at, u64 high)
{
	u64 *record = (u64 *)(regs[unit] + 0x220) + 2 * i;

	record[0] = at;
	record[1] = high | 1ull << 63;
}

static void faults_are_told(void **state)
{
	iommu_attach(0, 2, ROOT);
	fault(0, 1, 0x5000, 5ull << 32 | DISK);
	handler(VEC_IOMMU);
	assert_string_equal(first, "parley: DMA fault: 00:02.0 write to 5000 "
				   "(VT-d reason 5)\n");
	assert_int_equal(told, 16);
	assert_non_null(strstr(last, ": no more are told"));
	assert_int_equal(bus0[DISK][0], ROOT | 3); /* nor does it tell more */
	memset(regs[0] + 0x220, 0, 32);
	iommu_attach(0, 2, ROOT); /* but when it begins anew */
	assert_int_equal(bus0[DISK][0], ROOT | 1);
	fault(1, 0, 0x6000, 1ull << 62 | 6ull << 32 | 0x55);
	told = 0;
	handler(VEC_IOMMU);
	assert_string_equal(first, "parley: DMA fault: 00:0a.5 read of 6000 "
				   "(VT-d reason 6)\n");
	memset(regs[1] + 0x220, 0, 32);
	fault(1, 0, 0x70ull << 48, 0x26ull << 32 | DISK);
	told = 0;
	handler(VEC_IOMMU);
	assert_string_equal(first, "parley: DMA fault: 00:02.0 interrupt "
				   "70000000000000 (VT-d reason 38)\n");
	memset(regs[1] + 0x220, 0, 32);
}

/* ---- AMD-Vi ---- */

static int setup_amdvi(void **state)
{
	model.deaf = true;
	iommu.kind = IOMMU_AMDVI;
	iommu.levels = 4;
	iommu.table = devices;
	devices[2 * DISK + 1][0] = DTE_REMAP | DTE_256_VECTORS | (u64)irt;
	for (u32 i = 0; i < 2; i++) {
		iommu.unit[i].tail = model.head[i] = 0;
		iommu.unit[i].events = events;
		memset(regs[i], 0, sizeof(regs[i]));
	}
	model.deaf = false;
	iommu_attach(0, 0, 0); /* nobody's */
	return setup(state);
}

static void amdvi_attaches(void **state)
{
	iommu_attach(0, 2, ROOT);
	assert_int_equal(model.entry[0], 3);
	assert_int_equal(model.entry[1],
			 AMDVI_READ | AMDVI_WRITE | ROOT | 4 << 9 | 3);
	assert_int_equal(devices[2 * DISK][1], 2);
	did("cd0cd2");
	iommu_flush(2);
	did("d2");
	iommu_attach(0, 0, 0);
	did("cd2cd0");
	assert_int_equal(devices[2 * DISK][0], 3); /* valid: refused */
}

static void amdvi_vectors(void **state)
{
	assert_int_equal(iommu_message(DISK, 0x70, 3),
			 0x70ull << 32 | 0xfee00000);
	assert_int_equal(irt[0x70], 0x70 << 16 | 3 << 8 | 1);
	did("v");
	iommu_vector_off(DISK, 0x70);
	assert_int_equal(irt[0x70], 0);
	did("v");
	assert_int_equal(iommu_rte(DISK, 0x39, 3), 3 << 24);
	assert_int_equal(irt[0x39], 0x39 << 16 | 3 << 8 | 1);
}

static void amdvi_faults(void **state)
{
	iommu_attach(0, 2, ROOT);
	events[IOMMU_RING - 1][0] = 2ull << 60 | 1ull << 53 | DISK;
	events[IOMMU_RING - 1][1] = 0x5678;
	*(u64 *)(regs[0] + AMDVI_EVENT_HEAD) = 16 * (IOMMU_RING - 1);
	*(u64 *)(regs[0] + AMDVI_CONTROL) = 0x140d;
	*(u32 *)(regs[0] + AMDVI_STATUS) = 1; /* that was too much */
	handler(VEC_IOMMU);
	assert_int_equal(told, 1);
	assert_string_equal(first, "parley: DMA fault: 00:02.0 write to 5678 "
				   "(AMD-Vi reason 2)\n");
	assert_int_equal(*(u64 *)(regs[0] + AMDVI_EVENT_HEAD), 0);
	assert_int_equal(*(u32 *)(regs[0] + AMDVI_STATUS), 3);
	assert_int_equal(*(u64 *)(regs[0] + AMDVI_CONTROL), 0x140d);
}

#define T(f) cmocka_unit_test_setup(f, setup)
#define A(f) cmocka_unit_test_setup(f, setup_amdvi)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_without_one),
		T(who_is_attached_is_flushed),
		T(a_move_forgets_the_old_one),
		T(the_ring_goes_round),
		T(vectors_name_their_source),
		T(faults_are_told),
		A(amdvi_attaches),
		A(amdvi_vectors),
		A(amdvi_faults),
		T(who_does_not_answer_is_fatal), /* the lock stays taken */
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
