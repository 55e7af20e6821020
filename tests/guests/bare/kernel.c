/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel on the ABI alone: discovery, console, boot information, upcalls by
 * event, timer and IPI, masking, sharing, a second vCPU. See README.
 */
/* Both vendors' instruction: no code is patched. The flags are a call's anyway. */
#define PV_CALL_INSN                             \
	"cmpl $0, on_amd(%%rip)\n\tjne 881f\n\t" \
	"vmcall\n\tjmp 882f\n881:\tvmmcall\n882:"
#include <pvabi/stubs.h>

#define VECTOR 0x40
#define PORT 5

typedef uint64_t u64;
__extension__ typedef unsigned __int128 u128;

uint32_t on_amd = 1;
void entry(void), second_entry(void), upcall_entry(void);
void kernel(const struct pv_start *s);
void second(u64 arg);
void upcall(void);

static const struct pv_start *boot;
static volatile unsigned events, ticks, ipis, upcalls, second_arg, failed;
static struct pv_vcpu_page *const vcpu_page =
	(struct pv_vcpu_page *)PV_VCPU_PAGE(0);
static struct pv_partition_page *const partition_page =
	(struct pv_partition_page *)PV_PARTITION_PAGE;

static u64 gdt[3] = { 0, 0x00af9b000000ffff, 0x00cf93000000ffff };
static u64 idt[256][2];
static u64 more_pd[512] __attribute__((aligned(4096)));
static u64 more_pt[512] __attribute__((aligned(4096)));
static char pages[2][4096] __attribute__((aligned(4096)));
static char second_stack[4096] __attribute__((aligned(16)));

static u64 addr(const volatile void *p) { return (u64)(uintptr_t)p; }

static u64 tsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

static void cpuid(uint32_t leaf, uint32_t *r)
{
	__asm__ volatile("cpuid"
			 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
			 : "a"(leaf), "c"(0));
}

static void irq(int on)
{
	if (on)
		__asm__ volatile("sti" ::: "memory");
	else
		__asm__ volatile("cli" ::: "memory");
}

/* ---- console ---- */

static void print(const char *text)
{
	u64 len = 0, n;

	while (text[len])
		len++;
	while (len) {
		u64 status = pv_console_write(addr(text), len, &n);

		if (status == PV_EAGAIN)
			pv_vcpu_wait(tsc() + boot->tsc_khz);
		else if (status)
			pv_exit(100);
		text += n;
		len -= n;
	}
}

static void check(int good, const char *name)
{
	print(good ? "PASS " : "FAIL ");
	print(name);
	print(good ? "\n" : ": no\n");
	failed += !good;
}

/* ---- what this kernel loads ---- */

static void tables_load(void)
{
	struct {
		uint16_t limit;
		u64 base;
	} __attribute__((packed)) r = { sizeof(gdt) - 1, addr(gdt) };

	__asm__ volatile("lgdt %0" : : "m"(r));
	r.limit = sizeof(idt) - 1;
	r.base = addr(idt);
	__asm__ volatile("lidt %0" : : "m"(r));
}

static void gate_set(unsigned vector, void (*fn)(void))
{
	u64 at = (u64)(uintptr_t)fn;

	idt[vector][0] = (at & 0xffff) | 8ull << 16 | 0x8e00ull << 32 |
			 (at >> 16 & 0xffff) << 48;
	idt[vector][1] = at >> 32;
}

/* The shared pages, in the tables of the start; they are in RAM. */
static void map_shared(void)
{
	u64 at = PV_PARTITION_PAGE, cr3, *table;
	unsigned i;

	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	table = (u64 *)cr3;
	table = (u64 *)(table[at >> 39 & 511] & 0xffffffffff000ull);
	table[at >> 30 & 511] = addr(more_pd) | 3;
	more_pd[at >> 21 & 511] = addr(more_pt) | 3;
	for (i = 0; i < 1 + boot->vcpus; i++)
		more_pt[(at >> 12 & 511) + i] = (at + i * 4096) | 3 |
						1ull << 63;
}

/* ---- upcalls ---- */

static void ports_run(void)
{
	u64 words = __atomic_exchange_n(&vcpu_page->port_summary, 0,
					__ATOMIC_SEQ_CST);
	unsigned w;

	for (w = 0; w < 64; w++) {
		u64 bits = words >> w & 1 ?
				   __atomic_exchange_n(
					   &partition_page->port_pending[w], 0,
					   __ATOMIC_SEQ_CST) :
				   0;

		if (w == PORT / 64 && bits >> PORT % 64 & 1)
			events++;
	}
}

static void look(void)
{
	uint32_t what;

	while ((what = __atomic_exchange_n(&vcpu_page->pending, 0,
					   __ATOMIC_SEQ_CST))) {
		if (what & PV_PENDING_EVENT)
			ports_run();
		if (what & PV_PENDING_TIMER)
			ticks++;
		if (what & PV_PENDING_IPI &&
		    __atomic_exchange_n(&vcpu_page->ipi_pending, 0,
					__ATOMIC_SEQ_CST) == 1ull << 7)
			ipis++;
	}
}

void upcall(void)
{
	upcalls++;
	look();
}

/* Sleeps until *count moves, with interrupts on; no longer than a second. */
static int came(const volatile unsigned *count, unsigned before)
{
	u64 end = tsc() + 1000 * boot->tsc_khz;

	while (*count == before && tsc() < end)
		pv_vcpu_wait(end);
	return *count == before + 1;
}

static void upcalls_test(void)
{
	u64 event = 0;

	check(!pv_vcpu_upcall_set(VECTOR, 0) &&
		      !pv_event_bind(boot->self, PORT, 0, &event),
	      "bare upcall set");
	irq(1);
	pv_event_send(event);
	check(events == 1 && upcalls == 1, "bare event by upcall");
	pv_timer_set(tsc() + boot->tsc_khz);
	check(came(&ticks, 0), "bare timer by upcall");
	vcpu_page->masked = 1;
	pv_event_send(event);
	check(events == 1, "bare masked");
	__atomic_exchange_n(&vcpu_page->masked, 0, __ATOMIC_SEQ_CST);
	look();
	check(events == 2, "bare unmasked");
	irq(0);
	check(!pv_event_send_wait(event, 0) && events == 2 &&
		      vcpu_page->pending == PV_PENDING_EVENT,
	      "bare send and wait, interrupts off");
	look();
	check(events == 3, "bare taken by hand");
	check(pv_vcpu_wait(1) == PV_ETIME, "bare deadline in the past");
	pv_handle_close(event);
	check(pv_event_send(event) == PV_EHANDLE, "bare closed handle");
}

/* ---- a second vCPU ---- */

void second(u64 arg)
{
	second_arg = (unsigned)arg;
	pv_vcpu_ipi(0, 1, 7);
	pv_vcpu_stop();
}

static void second_test(void)
{
	static struct pv_vcpu_start s __attribute__((aligned(8)));

	__asm__ volatile("mov %%cr3, %0" : "=r"(s.cr3));
	s.rip = (u64)(uintptr_t)second_entry;
	s.rsp = addr(second_stack + sizeof(second_stack));
	s.rdi = 42;
	s.gdt_base = addr(gdt);
	s.gdt_limit = sizeof(gdt) - 1;
	irq(1);
	check(!pv_vcpu_start(1, addr(&s)) && came(&ipis, 0) && second_arg == 42,
	      "bare second vCPU, and its IPI");
	irq(0);
}

/* ---- the rest ---- */

static void discovery(void)
{
	uint32_t r[4];

	cpuid(PV_CPUID_BASE, r);
	check(r[0] >= PV_CPUID_TIME && r[1] == PV_CPUID_SIG_B &&
		      r[2] == PV_CPUID_SIG_C && r[3] == PV_CPUID_SIG_D,
	      "bare signature");
	cpuid(PV_CPUID_VERSION, r);
	check(r[0] >> 16 == PV_ABI_MAJOR && r[2] >= PV_CALL_COUNT,
	      "bare version");
	check(boot->magic == PV_START_MAGIC && boot->size >= sizeof(*boot) &&
		      boot->vcpus == 2 && boot->nr_mem == 2,
	      "bare boot information");
	check(pv_call0(9999, 0) == PV_ENOSYS, "bare unknown call");
}

static void time_test(void)
{
	const struct pv_vcpu_page *p = vcpu_page;
	u64 t = 1000 * boot->tsc_khz;
	u64 ns = (u64)((u128)t * p->tsc_mul >> p->tsc_shift);

	check(!(p->version & 1) && ns > 999999000 && ns <= 1000000000,
	      "bare time scale");
}

static void shares(void)
{
	u64 at = addr(pages);

	check(!pv_mem_share(boot->host, at, 2, PV_SHARE_WRITE) &&
		      pv_mem_share(boot->host, at, 1, 0) == PV_EEXIST &&
		      !pv_mem_revoke(at, 2) &&
		      pv_mem_revoke(at, 1) == PV_EFAULT,
	      "bare share and revoke");
}

void kernel(const struct pv_start *s)
{
	uint32_t r[4];

	boot = s;
	cpuid(0, r);
	on_amd = r[1] == 0x68747541; /* "Auth" */
	tables_load();
	gate_set(VECTOR, upcall_entry);
	discovery();
	map_shared();
	time_test();
	upcalls_test();
	second_test();
	shares();
	pv_exit(failed != 0);
}
