/* SPDX-License-Identifier: BSD-2-Clause */
/* Port accesses: how many elements of a string a request takes, and what of the
 * host partition's passes to the keyboard controller. */
/* TEST-SRC: hv/trap/io.c */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include "core/device.h"
#include "pvabi/calls.h"
#include "trap/emul.h"

static struct partition part = { .id = 1 };
static struct vcpu v = { .part = &part };
static struct insn insn;
static struct ioreq sent;
static u64 flags, copied;
static bool served, copy_fails, copy_write;
static u32 stepped, advanced;

/* ---- the CPU ---- */

static u64 fake_get(struct virt_vcpu *hw, enum vreg r)
{
	return r == VREG_RFLAGS ? flags : 0;
}

static const struct virt_ops ops = { .reg_get = fake_get };
const struct virt_ops *virt = &ops;

/* IN and OUT of a byte, by DX, as the machine would do them. */
static u32 outs, out_port, out_value, ins;

static void privileged(int sig, siginfo_t *info, void *context)
{
	greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
	u8 op = *(u8 *)g[REG_RIP];

	if (op == 0xee) { /* OUT DX, AL */
		outs++;
		out_port = (u16)g[REG_RDX];
		out_value = (u8)g[REG_RAX];
	} else if (op == 0xec) { /* IN AL, DX */
		ins++;
		g[REG_RAX] = (g[REG_RAX] & ~0xffll) | 0x1d;
	} else {
		_exit(99);
	}
	g[REG_RIP]++;
}

static int setup(void **state)
{
	memset(&sent, 0, sizeof(sent));
	memset(v.hw.gpr, 0, sizeof(v.hw.gpr));
	insn = (struct insn){
		.op = INSN_OUTS, .len = 2, .size = 1, .asize = 8, .rep = true
	};
	flags = copied = outs = ins = stepped = advanced = 0;
	served = true;
	copy_fails = false;
	part.id = 1;
	return 0;
}

/* ---- what io.c calls ---- */

bool trap_decode(struct vcpu *w, struct insn *i, enum insn_op first,
		 enum insn_op last)
{
	*i = insn;
	return true;
}

bool trap_string_done(struct vcpu *w, const struct insn *i)
{
	return i->rep && !insn_mask(w->hw.gpr[R_CX], i->asize);
}

u64 trap_string_at(struct vcpu *w, const struct insn *i, bool di)
{
	return insn_mask(w->hw.gpr[di ? R_DI : R_SI], i->asize);
}

bool trap_string_step(struct vcpu *w, const struct insn *i, u32 n, bool si,
		      bool di)
{
	stepped = n;
	return !i->rep || w->hw.gpr[R_CX] == n;
}

bool trap_copy(struct vcpu *w, u64 at, void *buf, u64 n, bool write)
{
	copied = n;
	copy_write = write;
	if (buf && !write)
		memset(buf, 0x5a, n);
	return !copy_fails;
}

void trap_advance(struct vcpu *w, u32 len) { advanced += len; }

void trap_gpr_set(struct vcpu *w, u8 n, u64 val, unsigned size)
{
	w->hw.gpr[n] = insn_merge(w->hw.gpr[n], val, size);
}

int ioreq_send(struct vcpu *w, const struct ioreq *r, bool *posted)
{
	sent = *r;
	*posted = true;
	return served ? PV_OK : PV_EFAULT;
}

bool device_any(const struct partition *p) { return false; }
u64 trap_pci(struct vcpu *w, const struct ioreq *r) { return 0; }

/* ---- strings ---- */

static struct exit string_exit(bool in, u8 size)
{
	insn.op = in ? INSN_INS : INSN_OUTS;
	insn.size = size;
	return (struct exit){
		.io_port = 0x99, .io_size = size, .io_in = in, .io_string = true
	};
}

static u32 count(bool in, u8 size, u64 at, u64 cx)
{
	struct exit x = string_exit(in, size);

	v.hw.gpr[in ? R_DI : R_SI] = at;
	v.hw.gpr[R_CX] = cx;
	assert_int_equal(trap_io(&v, &x), TRAP_DONE);
	assert_int_equal(sent.addr, 0x99);
	assert_int_equal(sent.write, !in);
	assert_int_equal(copied, (u64)sent.count * size);
	assert_int_equal(copy_write, in);
	return sent.count;
}

static void as_many_as_a_page_has(void **state)
{
	assert_int_equal(count(false, 1, 0x1000, 7), 7);
	assert_int_equal(count(false, 1, 0x1000, 4096), 4096);
	assert_int_equal(count(false, 1, 0x1000, ~0ull), 4096);
	assert_int_equal(count(true, 4, 0x1ff4, 100), 3);
	assert_int_equal(count(true, 4, 0x1ff5, 100), 2);
	assert_int_equal(count(true, 4, 0x1ffd, 100), 1); /* it crosses */
	assert_int_equal(count(false, 2, 0x1fff, 1), 1);
	assert_int_equal(sent.value, 0x5a5a);
}

static void one_by_one_otherwise(void **state)
{
	flags = RFLAGS_DF;
	assert_int_equal(count(false, 1, 0x1000, 7), 1);
	flags = 0;
	insn.rep = false;
	assert_int_equal(count(true, 1, 0x1000, 7), 1);
	insn.rep = true;
	insn.asize = 2; /* rSI wraps */
	assert_int_equal(count(false, 1, 0x1fff0, 100), 15);
	assert_int_equal(count(false, 1, 0xffff, 100), 1);
	assert_int_equal(count(false, 1, 0x1000, 0x30005), 5);
}

static void all_of_a_request_are_done_at_once(void **state)
{
	assert_int_equal(count(true, 1, 0x1000, 7), 7);
	copied = 0;
	v.io_finish(&v, ~0ull);
	assert_int_equal(stepped, 7);
	assert_int_equal(advanced, 2);
	assert_int_equal(copied, 0); /* the server has put them there */
	assert_int_equal(count(true, 1, 0x1000, 1), 1);
	v.io_finish(&v, 0x77);
	assert_int_equal(copied, 1);
	assert_int_equal(stepped, 1);
}

static void a_fault_comes_first(void **state)
{
	struct exit x = string_exit(true, 1);

	copy_fails = true;
	v.hw.gpr[R_CX] = 5;
	trap_io(&v, &x);
	assert_int_equal(sent.size, 0);
	assert_int_equal(stepped + advanced, 0);
}

static void nobody_there_is_one_element(void **state)
{
	served = false;
	assert_int_equal(count(false, 1, 0x1000, 7), 7);
	assert_int_equal(stepped, 1);
	assert_int_equal(advanced, 0);
}

/* ---- the keyboard controller ---- */

static u8 port(bool in, u16 n, u8 size, u8 value)
{
	struct exit x = {
		.io_port = n, .io_size = size, .io_in = in, .insn_len = 1
	};
	/* here, as cmocka has its own before a test */
	struct sigaction sa = { .sa_sigaction = privileged,
				.sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &sa, NULL);
	served = false;
	v.hw.gpr[R_AX] = value;
	trap_io(&v, &x);
	return (u8)v.hw.gpr[R_AX];
}

static void keyboard_commands_are_filtered(void **state)
{
	part.id = 0;
	for (u32 c = 0; c < 256; c++) {
		bool good = c == 0x20 || c == 0x60 || (c >= 0xa7 && c <= 0xae);

		outs = 0;
		port(false, 0x64, 1, (u8)c);
		assert_int_equal(outs, good);
		if (good)
			assert_int_equal(out_port << 8 | out_value, 0x6400 | c);
	}
	port(false, 0x60, 1, 0xf4);
	assert_int_equal(out_port << 8 | out_value, 0x60f4);
	assert_int_equal(port(true, 0x60, 1, 0), 0x1d);
	assert_int_equal(port(true, 0x64, 1, 0), 0x1d);
	assert_int_equal(ins, 2);
}

static void others_have_no_keyboard(void **state)
{
	assert_int_equal(port(true, 0x64, 1, 0), 0xff);
	port(false, 0x64, 1, 0x20);
	part.id = 0;
	assert_int_equal(port(true, 0x60, 2, 0), 0xff);
	assert_int_equal(port(true, 0x61, 1, 0), 0xff);
	port(false, 0x60, 4, 0);
	assert_int_equal(outs + ins, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(as_many_as_a_page_has, setup),
		cmocka_unit_test_setup(one_by_one_otherwise, setup),
		cmocka_unit_test_setup(all_of_a_request_are_done_at_once,
				       setup),
		cmocka_unit_test_setup(a_fault_comes_first, setup),
		cmocka_unit_test_setup(nobody_there_is_one_element, setup),
		cmocka_unit_test_setup(keyboard_commands_are_filtered, setup),
		cmocka_unit_test_setup(others_have_no_keyboard, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
