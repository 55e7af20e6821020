/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio-mmio block driver of a kernel that was not ported (VIRTIO 1.2, 4.2
 * and 5.2): registers by load and store, a queue that is polled, or whose device's
 * pin of the I/O APIC is waited for, chains in it and in tables
 * of their own, no call, and nothing is shared. With `share = all` its disk works;
 * `alone`: its queue is refused.
 */
#include "check.h"
#include "kit/kit.h"
#include "kit/irq.h"
#include "kit/mm.h"
#include "kit/time.h"

#define BASE PV_VIRTIO_BASE
#define IOAPIC ((volatile uint32_t *)PV_IOAPIC_BASE)
#define LEVEL 0x8000u
#define REMOTE_IRR 0x4000u
#define MASKED 0x10000u
#define VECTOR 0x70u
#define QUEUE 8u
#define SECTORS 9u /* of a request: its data lies in two pages */
#define PATIENCE_NS (10 * KIT_SECOND)

enum { ACK = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 };
enum { READ = 0, WRITE = 1, FLUSH = 4, GET_ID = 8 };
enum { NEXT = 1, DEVICE_WRITES = 2, INDIRECT = 4 };
#define F_INDIRECT (1u << 28)

struct queue {
	struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags, next;
	} desc[QUEUE];
	uint16_t avail_flags, avail_idx, avail[QUEUE], used_event, pad;
	uint16_t used_flags, used_idx;
	struct {
		uint32_t id, len;
	} used[QUEUE];
};

static struct queue *q;
static volatile unsigned interrupts;
static bool sleeps;    /* until there is an interrupt */
static uint8_t *table; /* NULL: chains lie in the queue */
static struct {
	uint32_t type, reserved;
	uint64_t sector;
	uint8_t status;
} req __attribute__((aligned(64)));

static uint32_t get(unsigned reg) { return *(volatile uint32_t *)(BASE + reg); }

static void set(unsigned reg, uint32_t v)
{
	*(volatile uint32_t *)(BASE + reg) = v;
}

static void set64(unsigned reg, const volatile void *at)
{
	uint64_t gpa = kit_gpa((const void *)at);

	set(reg, (uint32_t)gpa);
	set(reg + 4, (uint32_t)(gpa >> 32));
}

static uint64_t features(void)
{
	uint64_t f;

	set(0x14, 1);
	f = (uint64_t)get(0x10) << 32;
	set(0x14, 0);
	return f | get(0x10);
}

static bool begin(bool alone)
{
	uint64_t f = features();

	if (!check(get(0) == 0x74726976 && get(4) == 2 && get(8) == 2,
		   "stock-device", "%x, version %u, device %u", get(0), get(4),
		   get(8)))
		return false;
	set(0x70, 0);
	set(0x70, ACK | DRIVER);
	check((f >> 32 & 1) && (f >> 33 & 1) == alone && (f & F_INDIRECT),
	      "stock-features", "%llx", (unsigned long long)f);
	set(0x24, 1);
	set(0x20, 1); /* VERSION_1 */
	set(0x24, 0);
	set(0x20, F_INDIRECT);
	set(0x70, ACK | DRIVER | FEATURES_OK);
	set(0x30, 0);
	set(0x38, QUEUE);
	set64(0x80, q->desc);
	set64(0x90, &q->avail_flags);
	set64(0xa0, &q->used_flags);
	set(0x44, 1);
	set(0x70, ACK | DRIVER | FEATURES_OK | DRIVER_OK);
	return check(get(0x70) == (ACK | DRIVER | FEATURES_OK | DRIVER_OK) &&
			     get(0x44) == !alone,
		     "stock-begin", "status %x", get(0x70));
}

static void desc_set(unsigned i, const void *at, uint32_t len, unsigned flags)
{
	q->desc[i].addr = kit_gpa(at);
	q->desc[i].len = len;
	q->desc[i].flags = (uint16_t)flags;
	q->desc[i].next = (uint16_t)(i + 1);
}

static void on_pin(void *arg)
{
	(void)arg;
	set(0x64, get(0x60));
	interrupts++;
}

/* Nothing but interrupts ends a sleep; a request without one ends the case. */
static void wait(unsigned before)
{
	kit_irq_off();
	while (interrupts == before)
		__asm__ volatile("sti; hlt; cli" ::: "memory");
	kit_irq_on();
}

/* One request; true: it went well. */
static bool request(uint32_t type, uint64_t sector, void *data, uint32_t len)
{
	volatile uint16_t *used = &q->used_idx;
	uint64_t end = kit_time_ns() + PATIENCE_NS;
	uint16_t before = *used;
	unsigned heard = interrupts;

	req.type = type;
	req.sector = sector;
	req.status = 0xff;
	desc_set(0, &req, 16, NEXT);
	desc_set(1, data, len, NEXT | (type == WRITE ? 0 : DEVICE_WRITES));
	desc_set(len ? 2 : 1, &req.status, 1, DEVICE_WRITES);
	if (table) {
		memcpy(table, q->desc, len ? 48 : 32);
		desc_set(0, table, len ? 48 : 32, INDIRECT);
	}
	q->avail[q->avail_idx % QUEUE] = 0;
	__atomic_store_n(&q->avail_idx, q->avail_idx + 1, __ATOMIC_SEQ_CST);
	set(0x50, 0);
	if (sleeps)
		wait(heard);
	while (*used == before && kit_time_ns() < end)
		__builtin_ia32_pause();
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return *used != before && !req.status;
}

static void disk(void)
{
	uint8_t *pages = kit_pages_alloc(4), *out = pages + 100,
		*in = pages + 2 * 4096 + 60;
	unsigned n = SECTORS * 512 - 1024, i;
	char id[21] = "";
	bool ok;

	for (i = 0; i < n; i++)
		out[i] = (uint8_t)(i * 11 + i / 256);
	check(request(WRITE, 3, out, n), "stock-write", "status %x",
	      req.status);
	check(request(FLUSH, 0, NULL, 0), "stock-flush", "status %x",
	      req.status);
	ok = request(READ, 3, in, n);
	check(ok && !memcmp(in, out, n), "stock-read", "status %x", req.status);
	ok = request(READ, 4, in, 512);
	check(ok && !memcmp(in, out + 512, 512), "stock-read-one", "status %x",
	      req.status);
	table = pages + 4096;
	memset(in, 0, n);
	ok = request(WRITE, 3, out + 512, n - 512) && request(READ, 3, in, n);
	check(ok && !memcmp(in, out + 512, n - 512), "stock-indirect",
	      "status %x", req.status);
	table = NULL;
	ok = request(GET_ID, 0, id, 20);
	check(ok && id[0], "stock-id", "%s", id);
	check(get(0x60) & 1, "stock-interrupt", "%x", get(0x60));
	set(0x64, 1);
	check(!(get(0x60) & 1), "stock-acknowledged", "%x", get(0x60));
}

static uint32_t entry(void)
{
	IOAPIC[0] = 0x10 + 2 * PV_VIRTIO_PIN;
	return IOAPIC[4];
}

static void pin(void)
{
	uint8_t *page = kit_pages_alloc(1);
	unsigned i;

	kit_vector_register(VECTOR, on_pin, NULL);
	if (!kit_map(PV_IOAPIC_BASE, PV_IOAPIC_BASE, 4096,
		     KIT_WRITE | KIT_UNCACHED))
		kit_panic("no map");
	check(entry() == MASKED, "stock-pin", "%x", entry());
	IOAPIC[4] = VECTOR | LEVEL;
	memset(q, 0, sizeof(*q));
	if (!begin(false))
		return;
	sleeps = true;
	for (i = 0; i < 20 && request(READ, 3, page, 512); i++)
		;
	/* the kit ends an interrupt before it is handled: each may come twice */
	check(i == 20 && interrupts >= 20 && interrupts <= 40, "stock-sleeps",
	      "%u requests, %u interrupts", i, interrupts);
	check(entry() == (VECTOR | LEVEL), "stock-ended", "%x", entry());
	IOAPIC[4] = MASKED;
	sleeps = false;
}

int kit_main(const char *cmdline)
{
	bool alone = strstr(cmdline, "alone") != NULL;

	q = kit_pages_alloc(1);
	if (begin(alone) && !alone) {
		disk();
		pin();
	}
	return check_summary("stock");
}
