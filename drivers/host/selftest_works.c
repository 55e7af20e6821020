/* SPDX-License-Identifier: BSD-2-Clause */
/* The self test's part on what succeeds: a partition from its making to its end,
 * the answer to its request, and the calls on the machine. */
#include "selftest.h"

#include <string.h>

#include "console.h"
#include "host.h"
#include "kit/call.h"
#include "kit/mm.h"
#include "kit/time.h"
#include "pvabi/calls.h"

#define SERVED 0x99 /* a port */
#define ANSWER 42
#define TEXT_LEN 8u /* what the writer sends of itself */
#define LINE 6u	    /* the floppy disk's */

/* One reads the served port and exits with what it got, one writes to it and
 * exits with how much, one says why it ends. */
extern const uint8_t reader[], reader_end[], writer[], writer_end[];
extern const uint8_t crasher[], crasher_end[];
__asm__(".pushsection .text.works,\"ax\"\n"
	"reader:\n\t"
	"xor %edi, %edi\n\t"
	"mov $0x99, %esi\n\t"
	"mov $1, %edx\n\t"
	"mov $21, %eax\n\t" PV_CALL_INSN "\n\t"
	"mov %edx, %edi\n\t"
	"mov $2, %eax\n\t" PV_CALL_INSN "\n"
	"reader_end:\n"
	"writer:\n\t"
	"mov $0x1000, %esi\n\t"
	"mov $8, %ecx\n\t"
	"mov $0x99, %edx\n\t"
	"cld\n\t"
	"rep outsb\n\t"
	"lea -0x1000(%rsi), %edi\n\t"
	"mov $2, %eax\n\t" PV_CALL_INSN "\n"
	"writer_end:\n"
	"crasher:\n\t"
	"jmp 1f\n\t"
	".ascii \"on purpose\"\n"
	"1:\tmov $0x1002, %edi\n\t"
	"mov $10, %esi\n\t"
	"mov $3, %eax\n\t" PV_CALL_INSN "\n"
	"crasher_end:\n\t"
	".popsection");
_Static_assert(PV_CALL_io_read == 21 && PV_SPACE_PORT == 0 && SERVED == 0x99,
	       "as reader has them");
_Static_assert(TEXT_LEN == 8 && SERVED == 0x99, "as writer has them");
_Static_assert(PV_CALL_exit == 2 && PV_CALL_crash == 3 && TEST_CODE == 0x1000,
	       "as both have them");

#define EXPECT(wanted, call, ...) \
	test_expect(#call, wanted, pv_##call(__VA_ARGS__))

static struct pv_partition_status status __attribute__((aligned(64)));

static unsigned size(const uint8_t *from, const uint8_t *end)
{
	return (unsigned)(kit_gpa(end) - kit_gpa(from));
}

static bool ends(uint64_t part, uint32_t state)
{
	uint64_t end = kit_time_ns() + 2 * KIT_SECOND;

	do {
		test_sleep(KIT_MS);
		if (pv_partition_status(part, kit_gpa(&status)))
			return false;
	} while (status.state != state && kit_time_ns() < end);
	return status.state == state;
}

static void begin(uint64_t part)
{
	static struct pv_vcpu_start st __attribute__((aligned(64)));

	st = (struct pv_vcpu_start){ .rip = TEST_CODE, .cr3 = TEST_TABLES };
	EXPECT(PV_OK, partition_start, part, kit_gpa(&st));
}

static void finish(uint64_t part)
{
	uint64_t end = kit_time_ns() + KIT_SECOND;
	uint64_t err;

	while ((err = pv_partition_destroy(part)) == PV_EAGAIN &&
	       kit_time_ns() < end)
		test_sleep(KIT_MS / 10);
	test_expect("partition_destroy", PV_OK, err);
}

/* Its vCPU waits until we answer. */
static const struct pv_io_slot *request(void)
{
	const struct pv_io_page *io = kit_ptr(HOST_IO_PAGES);
	const struct pv_io_slot *s = &io->slot[0];
	uint64_t end = kit_time_ns() + 2 * KIT_SECOND;

	while (__atomic_load_n(&s->state, __ATOMIC_ACQUIRE) != PV_IO_WAITING &&
	       kit_time_ns() < end)
		test_sleep(KIT_MS);
	return s;
}

static void answer(uint64_t part)
{
	const struct pv_io_slot *s = request();

	test_result("io_map", "shows_the_request",
		    s->space == PV_SPACE_PORT && s->addr == SERVED &&
			    s->size == 1 && !s->write);
	EXPECT(PV_EINVAL, io_copy, part, s->cookie, kit_gpa(test_page));
	EXPECT(PV_OK, io_complete, part, s->cookie, ANSWER);
}

static void answer_string(uint64_t part)
{
	const struct pv_io_slot *s = request();
	uint64_t to = kit_gpa(test_page);

	test_result("io_copy", "is_one_request",
		    s->count == TEXT_LEN && s->size == 1 && s->write);
	EXPECT(PV_EINVAL, io_copy, part, s->cookie, to + 1);
	EXPECT(PV_EINVAL, io_copy, part, s->cookie + 64, to);
	EXPECT(PV_EFAULT, io_copy, part, s->cookie, TEST_NOWHERE);
	EXPECT(PV_OK, io_copy, part, s->cookie, to);
	test_result("io_copy", "brings_all",
		    !memcmp(test_page, writer, TEXT_LEN));
	EXPECT(PV_OK, io_complete, part, s->cookie, 0);
}

static void served(const uint8_t *from, const uint8_t *end,
		   void (*by)(uint64_t part), uint32_t code)
{
	uint64_t part = test_program(from, size(from, end), 0);

	EXPECT(PV_OK, io_serve, part, PV_SPACE_PORT, SERVED, 1, HOST_PORT_TEST);
	EXPECT(PV_OK, io_map, part, HOST_IO_PAGES);
	if (!kit_map(HOST_IO_PAGES, HOST_IO_PAGES, 4096, KIT_READ))
		return;
	begin(part);
	by(part);
	test_result("exit", "PV_OK",
		    ends(part, PV_STATE_EXITED) && status.code == code);
	finish(part);
}

static void crashed(void)
{
	uint64_t part = test_program(crasher, size(crasher, crasher_end), 0);

	begin(part);
	test_result("crash", "PV_OK",
		    ends(part, PV_STATE_DIED) &&
			    strstr(status.reason, "on purpose"));
	finish(part);
}

/* part's page at `at`, which we have accepted at HOST_IO_PAGES. */
static void translated(uint64_t part, uint64_t at)
{
	static struct pv_translation t[2] __attribute__((aligned(64)));
	const struct pv_translation *own = &t[0], *its = &t[1];

	EXPECT(PV_OK, partition_translate, test.self, test.self,
	       HOST_IO_PAGES + 5, kit_gpa(&t[0]));
	EXPECT(PV_OK, partition_translate, test.self, part, at + 5,
	       kit_gpa(&t[1]));
	test_result("partition_translate", "a_borrowed_page",
		    own->kind == PV_PAGE_BORROWED && own->peer && own->addr &&
			    own->flags == (PV_MAP_READ | PV_MAP_WRITE));
	test_result("partition_translate", "the_page_that_is_lent",
		    its->kind == PV_PAGE_LENT && !its->peer &&
			    its->addr == own->addr && its->size == 4096);
	EXPECT(PV_OK, partition_translate, test.self, PV_SELF,
	       PV_PARTITION_PAGE, kit_gpa(&t[0]));
	test_result("partition_translate", "the_hypervisors_page",
		    own->kind == PV_PAGE_HYPERVISOR && !own->peer);
}

/* Memory at any place, and a name for what is there. */
static void made(void)
{
	static struct pv_partition_params p __attribute__((aligned(64)));
	uint64_t part, found;

	p = (struct pv_partition_params){ .name = "made",
					  .vcpus = 1,
					  .port = HOST_PORT_TEST,
					  .flags = PV_PARTITION_SHARE_ALL,
					  .max_pages = 256 };
	EXPECT(PV_OK, partition_create, test.self, kit_gpa(&p), &part);
	EXPECT(PV_OK, partition_populate, part, 1ull << 32, 1);
	EXPECT(PV_OK, mem_accept, part, 1ull << 32, 1, HOST_IO_PAGES, 0);
	translated(part, 1ull << 32);
	EXPECT(PV_OK, mem_return, HOST_IO_PAGES, 1);
	EXPECT(PV_OK, partition_write, part, 1ull << 32, kit_gpa(test_page),
	       4096);
	EXPECT(PV_OK, partition_enumerate, test.self, 0, &found);
	EXPECT(PV_OK, handle_close, found);
	finish(part);
}

/* What else the log holds is shown as ever. */
static void machine(void)
{
	static char text[256] __attribute__((aligned(256)));
	uint64_t n = 0, addr;

	EXPECT(PV_OK, log_read, test.self, kit_gpa(text), sizeof(text), &n);
	console_log(text, n);
	EXPECT(PV_OK, irq_bind, test.self, LINE, HOST_PORT_TEST);
	EXPECT(PV_OK, irq_ack, test.self, LINE);
	EXPECT(PV_OK, mem_device_addr, kit_gpa(test_page), test.self, &addr);
}

static void pins(void)
{
	uint64_t part, heard;

	if (test_partition_of(PV_PROFILE_HVM, &part))
		return test_result("selftest", "pins", false);
	EXPECT(PV_OK, partition_irq_line, part, 0, PV_LINE_UP, &heard);
	EXPECT(PV_EEXIST, io_serve, part, PV_SPACE_MMIO, PV_IOAPIC_BASE,
	       sizeof(test_page), HOST_PORT_TEST);
	test_destroy(part);
}

void selftest_works(void)
{
	pins();
	made();
	served(reader, reader_end, answer, ANSWER);
	served(writer, writer_end, answer_string, TEXT_LEN);
	crashed();
	machine();
}
