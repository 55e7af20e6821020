/* SPDX-License-Identifier: BSD-2-Clause */
/* Each operation by both paths, and the choice between them at start. */
#include "kit/ops.h"
#include "kit/call.h"
#include "kit/irq.h"
#include "kit/smp.h"
#include "kit/time.h"
#include "internal.h"

#define COM1 0x3f8u
#define LSR (COM1 + 5u)
#define LSR_DR 0x01u
#define LSR_THRE 0x20u
#define CPUID_1_C_X2APIC (1u << 21)
#define CPUID_1_C_DEADLINE (1u << 24)
#define LVT_DEADLINE (2u << 17)
#define DIV_BY_1 0xbu
#define APIC_ENABLE 0xc00ull /* xAPIC and x2APIC */
#define SIVR_ENABLE 0x100u
#define ICR_ASSERT (1ull << 14)

struct kit_ops kit_ops;
uint32_t kit_apic_on;
static uint32_t tsc_deadline; /* the local APIC has the deadline mode */
static uint64_t apic_khz;
static uint8_t paths[KIT_OPS];

static const char *const op_names[KIT_OPS] = {
	"time", "timer", "console", "event", "ipi",
	"wait", "query", "reg",	    "null",
};

/* ---- by hypercall or shared page ---- */

static void null_call(void) { pv_nop(); }

static void timer_call(uint64_t deadline_tsc) { pv_timer_set(deadline_tsc); }

/* The call takes up to 4096 bytes. */
static size_t console_write_call(const void *buf, size_t n)
{
	uint64_t taken = 0;

	if (!n || pv_console_write(kit_gpa(buf), n > 4096 ? 4096 : n, &taken))
		return 0;
	return taken;
}

static size_t console_read_call(void *buf, size_t n)
{
	uint64_t taken = 0;

	if (!n || pv_console_read(kit_gpa(buf), n > 4096 ? 4096 : n, &taken))
		return 0;
	return taken;
}

static void event_call(uint64_t handle) { pv_event_send(handle); }

static void ipi_call(unsigned vcpu, unsigned bit) { pv_vcpu_ipi(vcpu, 1, bit); }

/* Interrupts are off. What arrives is handled right here, so the upcall is
 * masked meanwhile; vectors, if in use, get their turn. */
static void wait_call(uint64_t deadline_tsc)
{
	struct pv_vcpu_page *page = kit_this()->page;

	__atomic_store_n(&page->masked, 1, __ATOMIC_SEQ_CST);
	pv_vcpu_wait(deadline_tsc);
	__atomic_store_n(&page->masked, 0, __ATOMIC_SEQ_CST);
	kit_event_scan();
	if (kit_apic_on || kit_vectors_on)
		__asm__ volatile("sti; nop; cli" ::: "memory");
}

bool kit_send_wait(uint64_t event, uint64_t deadline_ns)
{
	struct pv_vcpu_page *page = kit_this()->page;
	uint64_t status, tsc = 0;

	if (kit_ops.wait != wait_call || kit_apic_on || kit_vectors_on)
		return false;
	if (deadline_ns != KIT_FOREVER)
		tsc = kit_tsc_of_ns(deadline_ns);
	__atomic_store_n(&page->masked, 1, __ATOMIC_SEQ_CST);
	status = pv_event_send_wait(event, tsc);
	__atomic_store_n(&page->masked, 0, __ATOMIC_SEQ_CST);
	kit_event_scan();
	return status != PV_EHANDLE;
}

static uint64_t query_call(unsigned id)
{
	uint64_t v = 0;

	pv_query(id, &v);
	return v;
}

static uint64_t reg_read_call(uint64_t addr, unsigned size)
{
	uint64_t v = 0;

	if (pv_io_read(PV_SPACE_MMIO, addr, size, &v))
		kit_panic("io_read of %llx refused", (unsigned long long)addr);
	return v;
}

static void reg_write_call(uint64_t addr, unsigned size, uint64_t value)
{
	if (pv_io_write(PV_SPACE_MMIO, addr, size, value))
		kit_panic("io_write of %llx refused", (unsigned long long)addr);
}

/* ---- by instruction ---- */

static void null_trap(void) { kit_outb(0x80, 0); }

static void timer_trap(uint64_t deadline_tsc)
{
	uint64_t now, count;

	if (tsc_deadline) {
		kit_wrmsr(MSR_TSC_DEADLINE, deadline_tsc);
		return;
	}
	now = kit_tsc();
	count = deadline_tsc > now ? deadline_tsc - now : deadline_tsc ? 1 : 0;
	if (count / kit_tsc_khz() >= UINT32_MAX / apic_khz)
		count = UINT32_MAX;
	else if (count)
		count = count * apic_khz / kit_tsc_khz() + 1;
	kit_wrmsr(MSR_X2APIC_INIT_COUNT, count);
}

static size_t console_write_trap(const void *buf, size_t n)
{
	const uint8_t *p = buf;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!(kit_inb(LSR) & LSR_THRE))
			break;
		kit_outb(COM1, p[i]);
	}
	return i;
}

static size_t console_read_trap(void *buf, size_t n)
{
	uint8_t *p = buf;
	size_t i;

	for (i = 0; i < n && (kit_inb(LSR) & LSR_DR); i++)
		p[i] = kit_inb(COM1);
	return i;
}

static void event_trap(uint64_t handle)
{
	(void)handle;
	kit_wrmsr(MSR_X2APIC_SELF_IPI, KIT_VECTOR_SELF);
}

static void ipi_trap(unsigned vcpu, unsigned bit)
{
	kit_wrmsr(MSR_X2APIC_ICR,
		  (uint64_t)vcpu << 32 | ICR_ASSERT | (KIT_VECTOR_IPI + bit));
}

/* STI takes effect after HLT has begun: nothing comes in between. */
static void wait_trap(uint64_t deadline_tsc)
{
	(void)deadline_tsc;
	__asm__ volatile("sti; hlt; cli" ::: "memory");
}

/* PV_QUERY_* answered by CPUID. */
static uint64_t query_trap(unsigned id)
{
	static const struct {
		uint8_t leaf, reg;
	} at[] = { { 1, 0 }, { 1, 1 }, { 2, 0 }, { 2, 1 },
		   { 2, 2 }, { 2, 3 }, { 3, 0 } };
	uint32_t r[4];

	if (id >= sizeof(at) / sizeof(at[0]))
		return 0;
	kit_cpuid(PV_CPUID_BASE + at[id].leaf, r);
	return r[at[id].reg];
}

static uint64_t reg_read_trap(uint64_t addr, unsigned size)
{
	volatile void *p = kit_ptr(addr);

	switch (size) {
	case 1:
		return *(volatile uint8_t *)p;
	case 2:
		return *(volatile uint16_t *)p;
	case 4:
		return *(volatile uint32_t *)p;
	default:
		return *(volatile uint64_t *)p;
	}
}

static void reg_write_trap(uint64_t addr, unsigned size, uint64_t value)
{
	volatile void *p = kit_ptr(addr);

	switch (size) {
	case 1:
		*(volatile uint8_t *)p = (uint8_t)value;
		break;
	case 2:
		*(volatile uint16_t *)p = (uint16_t)value;
		break;
	case 4:
		*(volatile uint32_t *)p = (uint32_t)value;
		break;
	default:
		*(volatile uint64_t *)p = value;
	}
}

/* ---- binding ---- */

enum kit_path kit_op_path(enum kit_op op) { return paths[op]; }

const char *kit_op_name(enum kit_op op)
{
	return op < KIT_OPS ? op_names[op] : "?";
}

static void path_choose(const char *text, const char *name, uint8_t *path)
{
	char key[16], value[8];

	kit_format(key, sizeof(key), "kit.%s", name);
	if (!kit_word_find(text, key, value, sizeof(value)))
		return;
	if (kit_str_same(value, "call"))
		*path = KIT_CALL;
	else if (kit_str_same(value, "trap"))
		*path = KIT_TRAP;
	else
		kit_panic("%s=%s: call or trap", key, value);
}

static void paths_choose(const char *text)
{
	unsigned i;

	for (i = 0; i < KIT_OPS; i++) {
		path_choose(text, "all", &paths[i]);
		path_choose(text, op_names[i], &paths[i]);
	}
}

void kit_ops_bind(void)
{
	unsigned i;

	for (i = 0; i < KIT_OPS; i++)
		paths[i] = kit_profile() == PV_PROFILE_PV ? KIT_CALL : KIT_TRAP;
	if (&kit_paths)
		paths_choose(kit_paths);
	paths_choose(kit_ptr(kit_info()->cmdline));
#define BIND(op, field, name) \
	kit_ops.field = paths[op] == KIT_CALL ? name##_call : name##_trap
	BIND(KIT_OP_NULL, null, null);
	BIND(KIT_OP_TIMER, timer_set, timer);
	BIND(KIT_OP_CONSOLE, console_write, console_write);
	BIND(KIT_OP_CONSOLE, console_read, console_read);
	BIND(KIT_OP_EVENT, event_send, event);
	BIND(KIT_OP_IPI, ipi, ipi);
	BIND(KIT_OP_WAIT, wait, wait);
	BIND(KIT_OP_QUERY, query, query);
	BIND(KIT_OP_REG, reg_read, reg_read);
	BIND(KIT_OP_REG, reg_write, reg_write);
#undef BIND
	kit_ops.time_ns = paths[KIT_OP_TIME] == KIT_CALL ? kit_time_ns_call :
							   kit_time_ns_trap;
}

/* ---- the local APIC, on each vCPU ---- */

static void apic_setup(void)
{
	uint32_t r[4];

	kit_cpuid(1, r);
	if (!(r[2] & CPUID_1_C_X2APIC))
		kit_panic("profile %s has no x2APIC", kit_profile_name());
	tsc_deadline = r[2] & CPUID_1_C_DEADLINE;
	kit_cpuid(PV_CPUID_TIME, r);
	apic_khz = r[1] ? r[1] : 1;
	kit_wrmsr(MSR_APIC_BASE, kit_rdmsr(MSR_APIC_BASE) | APIC_ENABLE);
	kit_wrmsr(MSR_X2APIC_SIVR, SIVR_ENABLE | KIT_VECTOR_SPURIOUS);
	kit_wrmsr(MSR_X2APIC_DIV_CONF, DIV_BY_1);
	kit_wrmsr(MSR_X2APIC_LVT_TIMER,
		  KIT_VECTOR_TIMER | (tsc_deadline ? LVT_DEADLINE : 0));
}

/* hvm and classic always use it, since events come through it; pv only where
 * an operation was bound to it. */
void kit_apic_start(void)
{
	bool pv = kit_profile() == PV_PROFILE_PV;

	kit_apic_on = !pv || paths[KIT_OP_TIMER] == KIT_TRAP ||
		      paths[KIT_OP_EVENT] == KIT_TRAP ||
		      paths[KIT_OP_IPI] == KIT_TRAP;
	if (kit_apic_on)
		apic_setup();
	if (pv_vcpu_upcall_set(KIT_VECTOR_UPCALL, pv ? 0 : PV_UPCALL_APIC))
		kit_panic("no upcall");
}
