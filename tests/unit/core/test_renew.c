/* SPDX-License-Identifier: BSD-2-Clause */
/* The host partition's death and its new start: devices are quiet before a page
 * that they could reach is anybody else's, and all sides keep what is theirs. */
/* TEST-SRC: hv/main/again.c hv/core/renew.c hv/core/gmem.c hv/core/gmem_own.c */
/* TEST-SRC: hv/core/gmem_share.c hv/core/frame.c hv/virt/nested.c */
/* TEST-SRC: hv/core/handle.c hv/core/device.c hv/core/device_irq.c hv/core/quiet.c hv/lib/stop.c */
#include "fake_renew.h"

/* ---- a host partition that is at work ---- */

static bool mapped(struct partition *p, u64 at)
{
	hpa_t h;

	return nested_lookup(&p->space, gpa(at), &h, NULL, NULL);
}

static void host_make(void)
{
	hpa_t base;

	populate(0, 0, LARGE_SIZE / PAGE_SIZE);
	assert_true(nested_lookup(&HOST->space, gpa(0), &base, NULL, NULL));
	memset(image, 0x11, FLOOR);
	memset(image + FLOOR, 0x22, sizeof(image) - FLOOR);
	host = (struct boot_host){ .base = base.v,
				   .size = LARGE_SIZE,
				   .kept = (u64)image,
				   .floor = FLOOR,
				   .top = TOP };
	host.vcpu.rdi = TOP;
	HOST->state = PV_STATE_RUNNING;
	HOST->port_vector = port_vector;
	HOST->nr_vcpus = 1;
	HOST->vcpus[0] = &v;
	v = (struct vcpu){ .part = HOST, .page = &page };
	assert_int_equal(gmem_map(HOST, gpa(PV_PARTITION_PAGE),
				  hpa(HOST->space.root), PAGE_SIZE,
				  NP_READ | NP_WRITE),
			 PV_OK);
	assert_int_equal(gmem_map(HOST, gpa(MMIO), hpa(RAM_START + RAM_SIZE),
				  PAGE_SIZE, NP_READ | NP_DEVICE),
			 PV_OK);
	again_init(&host);
}

static int setup(void **state)
{
	u64 none;

	fake_setup(state);
	virt = &ops;
	for (u16 i = 0; i < FUNCS; i++) {
		pci_funcs[i] = (struct pci_func){ .bdf = i, .msi = MSI };
		command[i] = PCI_COMMAND_MASTER;
		msi[i] = PCI_MSI_ENABLE;
	}
	told = unmapped = rings_unmapped = restarts = 0;
	on_bus_off = NULL;
	device_init(&host);
	host_make();
	assert_int_equal(host_own(HOST, &host), PV_OK);
	assert_int_equal(handle_grant(HOST, A, PV_RIGHT_ALL, &none), PV_OK);
	cpu.index = 0;
	return 0;
}

static int teardown(void **state)
{
	device_stop(A, true);
	lock_take(&device_lock);
	for (u32 i = 0; i < FUNCS; i++)
		irq_unbind_locked(i);
	lock_drop(&device_lock);
	gmem_unmap_page(HOST, gpa(PV_PARTITION_PAGE));
	return fake_teardown(state);
}

/* Steps until it has started; 0: the machine is off. */
static u32 die(void)
{
	struct sigaction act = { .sa_sigaction = step_over,
				 .sa_flags = SA_SIGINFO };
	volatile u32 steps = 0;

	sigaction(SIGSEGV, &act, NULL);
	store_seq(&HOST->ending, 1);
	if (setjmp(off))
		return 0;
	host_died(&v);
	while (load_seq(&HOST->ending)) {
		assert_true(load_seq(&v.hw.pending) & PEND_CALL);
		vcpu_unpend(&v, PEND_CALL);
		v.call_finish(&v);
		steps++;
	}
	restarts++;
	return steps;
}

/* ---- devices, and what they can reach ---- */

static u32 bus_offs;

static void all_is_as_it_was(void)
{
	bus_offs++;
	assert_true(mapped(HOST, AT) && mapped(HOST, EXTRA));
	assert_int_equal(A->pages_pinned, 2);
	assert_int_equal(gmem_revoke(A, gpa(0), 2), PV_EAGAIN);
}

static void devices_are_off_before_a_page_goes_back(void **state)
{
	populate(1, 0, 4);
	assert_int_equal(gmem_share(A, HOST, gpa(0), 2, true), PV_OK);
	assert_int_equal(accepts(HOST, A, 0, 2, AT, PV_ACCEPT_DMA), PV_OK);
	populate(0, EXTRA, 3);
	bus_offs = 0;
	on_bus_off = all_is_as_it_was;
	assert_true(die());
	assert_int_equal(bus_offs, FUNCS);
	for (u32 i = 0; i < FUNCS; i++) {
		assert_false(command[i] & PCI_COMMAND_MASTER);
		assert_false(msi[i] & PCI_MSI_ENABLE);
		assert_int_equal(attached[i], HOST->id + 1);
	}
	assert_int_equal(A->pages_pinned, 0);
	assert_int_equal(gmem_revoke(A, gpa(0), 2), PV_OK);
}

static void a_guests_device_stays_on_the_bus(void **state)
{
	u64 there;
	struct device *d;

	assert_int_equal(
		device_assign(HOST, device[1], A, PV_DEVICE_UNSAFE_DMA, &there),
		PV_OK);
	command[1] = PCI_COMMAND_MASTER;
	assert_true(die());
	assert_int_equal(command[1], PCI_COMMAND_MASTER);
	assert_int_equal(device[1], 0);
	assert_int_equal(attached[1], A->id + 1);
	assert_int_equal(device_find(A, there, PV_RIGHT_CONTROL, &d), PV_OK);
	/* nor does one come back that nobody has */
	device_stop(A, true);
	assert_true(die());
	assert_int_equal(device[1], 0);
	assert_int_equal(attached[1], 0);
}

static void a_late_interrupt_is_told_to_nobody(void **state)
{
	u64 old = device[0], message;
	struct device *d;

	cpu.current = &v.hw;
	assert_int_equal(device_find(HOST, old, PV_RIGHT_CONTROL, &d), PV_OK);
	assert_int_equal(irq_bind_device(HOST, d, 0, PV_IRQ_MSI, 5, &message),
			 PV_OK);
	handlers[(u32)message]((u32)message);
	assert_int_equal(told, 1);
	assert_true(die());
	handlers[(u32)message]((u32)message);
	assert_int_equal(told, 1);
	assert_int_equal(device_find(HOST, old, 0, &d), PV_EHANDLE);
	assert_int_equal(device_find(HOST, device[0], PV_RIGHT_CONTROL, &d),
			 PV_OK);
}

/* ---- memory ---- */

static void shares_go_back_and_are_there_to_be_accepted(void **state)
{
	u64 ring = RING;
	void *r = partition_pages(HOST, 0);

	assert_int_equal(
		gmem_map(HOST, gpa(ring), ptr_hpa(r), PAGE_SIZE, NP_READ),
		PV_OK);
	populate(1, 0, 4);
	assert_int_equal(gmem_share(A, HOST, gpa(0), 3, true), PV_OK);
	assert_int_equal(accepts(HOST, A, 0, 2, AT, 0), PV_OK);
	assert_true(die());
	assert_false(mapped(HOST, AT) || mapped(HOST, ring));
	assert_true(mapped(HOST, PV_PARTITION_PAGE) && mapped(HOST, MMIO));
	assert_int_equal(A->pages_shared, 3);
	/* no handle of A is needed anew: it is the same host partition */
	assert_int_equal(accepts(HOST, A, 0, 3, AT, 0), PV_OK);
	partition_pages_free(HOST, r, 0);
}

static void nobody_borrows_its_memory_any_more(void **state)
{
	assert_int_equal(gmem_share(HOST, B, gpa(5 * PAGE_SIZE), 2, true),
			 PV_OK);
	assert_int_equal(accepts(B, HOST, 5 * PAGE_SIZE, 1, AT, PV_ACCEPT_DMA),
			 PV_OK);
	shot[2] = 0;
	assert_true(die());
	assert_false(mapped(B, AT));
	assert_true(shot[2]);
	assert_int_equal(HOST->pages_shared, 0);
	assert_int_equal(HOST->pages_pinned, 0);
	assert_int_equal(accepts(B, HOST, 6 * PAGE_SIZE, 1, AT, 0), PV_EFAULT);
}

static void what_it_had_besides_is_freed(void **state)
{
	u64 owned = HOST->pages;

	populate(0, EXTRA, 700);
	assert_int_equal(gmem_share(HOST, B, gpa(EXTRA), 1, true), PV_OK);
	assert_int_equal(accepts(B, HOST, EXTRA, 1, AT, 0), PV_OK);
	/* its own, mapped a second time */
	assert_int_equal(gmem_share(HOST, HOST, gpa(0), 1, true), PV_OK);
	assert_int_equal(accepts(HOST, HOST, 0, 1, AT, PV_ACCEPT_DMA), PV_OK);
	assert_true(die());
	assert_false(mapped(HOST, EXTRA) || mapped(HOST, AT) || mapped(B, AT));
	assert_int_equal(HOST->pages, owned);
}

static void its_memory_is_as_it_was_at_first(void **state)
{
	const u8 *m = (const u8 *)host.base;
	u64 zero = 0;

	memset((u8 *)host.base, 0xee, LARGE_SIZE);
	assert_true(die());
	assert_memory_equal(m, image, FLOOR);
	for (u64 at = FLOOR; at < TOP; at += 8)
		zero |= *(const u64 *)(m + at);
	assert_int_equal(zero, 0);
	/* but for how often it has died */
	assert_int_equal(((const struct pv_start *)(m + TOP))->restarts,
			 restarts);
	assert_memory_equal(m + LARGE_SIZE - 64, image + sizeof(image) - 64,
			    64);
}

static void long_work_is_done_in_steps(void **state)
{
	u32 few = die(), more;

	populate(0, EXTRA, 2000 - 512);
	more = die();
	assert_in_range(more, few + 2, few + 4);
}

/* ---- names ---- */

static void handles_that_it_gave_stay_good(void **state)
{
	u32 all = PV_RIGHT_STATS | PV_RIGHT_GRANT;
	u64 of_a, given, passed;
	struct handle out;
	bool more;

	assert_int_equal(handle_grant(HOST, A, PV_RIGHT_ALL, &of_a), PV_OK);
	assert_int_equal(handle_derive(HOST, own, A, all, &given), PV_OK);
	assert_int_equal(handle_derive(A, given, B, PV_RIGHT_STATS, &passed),
			 PV_OK);
	assert_true(die());
	assert_int_equal(handle_name(HOST, of_a, HANDLE_PARTITION, 0, &out),
			 PV_EHANDLE);
	assert_int_equal(handle_name(A, given, HANDLE_PARTITION, all, &out),
			 PV_OK);
	assert_int_equal(
		handle_name(B, passed, HANDLE_PARTITION, PV_RIGHT_STATS, &out),
		PV_OK);
	assert_int_equal(out.obj, HOST->id);
	/* and who has passed one on can still take it back */
	assert_int_equal(handle_revoke(A, given, &more), PV_OK);
	assert_int_equal(handle_name(B, passed, HANDLE_PARTITION, 0, &out),
			 PV_EHANDLE);
}

/* The parent's slot is another handle's now, with children of its own. */
static void what_it_gave_hangs_below_nothing(void **state)
{
	u32 slot = (u32)own;
	u64 given, anew = 0, kid;
	struct handle out;
	bool more;

	assert_int_equal(handle_derive(HOST, own, A, PV_RIGHT_STATS, &given),
			 PV_OK);
	assert_true(die());
	for (anew = own; (u32)anew != slot;)
		assert_int_equal(handle_grant(HOST, B, PV_RIGHT_ALL, &anew),
				 PV_OK);
	assert_int_equal(handle_derive(HOST, anew, B, PV_RIGHT_STATS, &kid),
			 PV_OK);
	assert_int_equal(handle_revoke(A, given, &more), PV_OK);
	assert_int_equal(handle_name(B, kid, HANDLE_PARTITION, 0, &out), PV_OK);
	assert_int_equal(handle_revoke(HOST, anew, &more), PV_OK);
	assert_int_equal(handle_name(B, kid, HANDLE_PARTITION, 0, &out),
			 PV_EHANDLE);
}

static void what_was_being_closed_is_closed(void **state)
{
	u64 top, kid[2 * HANDLE_STEP];
	struct handle out;
	bool more;

	assert_int_equal(handle_grant(HOST, B, PV_RIGHT_ALL, &top), PV_OK);
	for (u32 i = 0; i < 2 * HANDLE_STEP; i++)
		assert_int_equal(
			handle_derive(HOST, top, A, PV_RIGHT_STATS, &kid[i]),
			PV_OK);
	assert_int_equal(handle_revoke(HOST, top, &more), PV_OK);
	assert_true(more); /* here it dies */
	assert_true(die());
	for (u32 i = 0; i < 2 * HANDLE_STEP; i++)
		assert_int_equal(
			handle_name(A, kid[i], HANDLE_PARTITION, 0, &out),
			PV_EHANDLE);
}

/* A value of the old life names nothing, also where its slot is filled anew. */
static void no_old_name_means_something_else(void **state)
{
	u64 old = own, h;
	struct handle out;

	assert_true(die());
	assert_int_not_equal(own, old);
	for (u32 i = 0; i < 20; i++)
		assert_int_equal(handle_grant(HOST, B, PV_RIGHT_ALL, &h),
				 PV_OK);
	assert_int_equal(handle_name(HOST, old, HANDLE_PARTITION, 0, &out),
			 PV_EHANDLE);
}

/* ---- events, requests, the vCPU ---- */

static void events_begin_anew_and_notes_stay(void **state)
{
	HOST->page.port_pending[3] = 7;
	HOST->page.rest[9] = 42;
	HOST->port_map[200] = PORT_VECTOR;
	port_vector[200] = 0x51;
	A->page.port_pending[1] = 2;
	assert_true(die());
	assert_int_equal(HOST->page.port_pending[3], 0);
	assert_int_equal(HOST->port_map[200], 0);
	assert_int_equal(port_vector[200], 0);
	assert_int_equal(HOST->page.rest[9], 42);
	assert_int_equal(HOST->page.host_restarts, 0);
	assert_int_equal(A->page.host_restarts, 1);
	assert_int_equal(A->page.port_pending[1], 2);
}

static void its_io_pages_alone_are_unmapped(void **state)
{
	A->io_mapper = (struct io_mapper){ HOST->id, HOST->gen, AT };
	B->io_mapper = (struct io_mapper){ A->id, A->gen, AT };
	parts[3].io_mapper = (struct io_mapper){ HOST->id, HOST->gen - 1, AT };
	assert_true(die());
	assert_int_equal(unmapped, 1u << A->id);
	assert_int_equal(rings_unmapped, 1);
}

static void its_vcpu_has_nothing_left_to_do(void **state)
{
	vcpu_pend(&v, PEND_EVENT | PEND_INJECT | PEND_WINDOW | PEND_VECTOR);
	v.vector_due = v.injected = 1;
	page.masked = 1;
	timer_at = 5;
	assert_true(die());
	assert_int_equal(load_seq(&v.hw.pending), PEND_CALL);
	assert_ptr_equal(v.call_finish, vcpu_start_finish);
	assert_int_equal(v.start.rdi, TOP);
	assert_true(!timer_at && !v.vector_due && !v.injected && !page.masked);
}

/* ---- where it is not started ---- */

static void with_a_hole_in_its_memory_the_machine_goes_off(void **state)
{
	u64 at = 9 * PAGE_SIZE, pages = 1;
	bool more;

	assert_int_equal(gmem_release(HOST, &at, &pages, &more), PV_OK);
	assert_int_equal(die(), 0);
	assert_int_equal(off_status, OFF_STATUS);
	assert_false(command[0] & PCI_COMMAND_MASTER);
}

static void without_guests_the_machine_goes_off(void **state)
{
	for (u32 i = 1; i < PARTS; i++)
		partition_table[i] = NULL;
	assert_int_equal(die(), 0);
	assert_int_equal(off_status, OFF_STATUS);
}

static void at_the_ninth_death_the_machine_goes_off(void **state)
{
	u32 lives = 0;

	while (die())
		lives++;
	assert_int_equal(lives, 8);
	assert_int_equal(off_status, OFF_STATUS);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(devices_are_off_before_a_page_goes_back),
		T(a_guests_device_stays_on_the_bus),
		T(a_late_interrupt_is_told_to_nobody),
		T(shares_go_back_and_are_there_to_be_accepted),
		T(nobody_borrows_its_memory_any_more),
		T(what_it_had_besides_is_freed),
		T(its_memory_is_as_it_was_at_first),
		T(long_work_is_done_in_steps),
		T(handles_that_it_gave_stay_good),
		T(what_it_gave_hangs_below_nothing),
		T(what_was_being_closed_is_closed),
		T(no_old_name_means_something_else),
		T(events_begin_anew_and_notes_stay),
		T(its_io_pages_alone_are_unmapped),
		T(its_vcpu_has_nothing_left_to_do),
		T(with_a_hole_in_its_memory_the_machine_goes_off),
		T(without_guests_the_machine_goes_off),
		T(at_the_ninth_death_the_machine_goes_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
