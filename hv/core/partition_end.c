/* SPDX-License-Identifier: BSD-2-Clause */
/* How a partition ends, and the report of it. */
#include "lib/power.h"
#include "core/device.h"
#include "core/gmem.h"
#include "core/sched.h"
#include "lib/log.h"
#include "lib/string.h"

void (*host_died)(struct vcpu *v);

/* Of all that end it at once, the first says how. */
static bool end_claim(struct partition *p)
{
	return !__atomic_exchange_n(&p->ending, 1, __ATOMIC_SEQ_CST);
}

static void end_all(struct partition *p, u32 state)
{
	store_seq(&p->state, state);
	for (u32 i = 0; i < p->nr_vcpus; i++) {
		vcpu_pend(p->vcpus[i], PEND_DIED);
		sched_kick(p->vcpus[i]);
	}
	device_stop(p, false);
	partition_notify(p, PV_NOTIFY_STATE);
}

void partition_exit(struct partition *p, u32 code)
{
	struct vcpu *v = vcpu_current();

	if (!end_claim(p))
		return;
	p->status.code = code;
	if (v && v->part == p)
		p->status.vcpu = v->id;
	if (!p->id) {
		log("parley: the host partition has ended with code %u\n",
		    code);
		power_off(code);
	}
	end_all(p, PV_STATE_EXITED);
}

/* Bytes at the guest's RIP, as far as its page goes. */
static void report_insn(struct vcpu *v, struct pv_partition_status *s,
			struct walk_access a, u64 at)
{
	u64 n = PAGE_SIZE - (at & PAGE_MASK);
	struct walk_fault f;

	n = n < sizeof(s->insn) ? n : sizeof(s->insn);
	a.exec = true;
	if (gmem_gva(v, at, s->insn, n, a, &f))
		s->insn_len = (u32)n;
}

/* Return addresses, as long as the frames look like frames. */
static void report_trace(struct vcpu *v, struct pv_partition_status *s,
			 struct walk_access a)
{
	u64 frame[2], rbp = v->hw.gpr[R_BP];
	struct walk_fault f;

	for (u32 i = 0; i < PV_TRACE_DEPTH && !(rbp & 7); i++) {
		if (!gmem_gva(v, rbp, frame, sizeof(frame), a, &f) || !frame[1])
			return;
		s->trace[i] = frame[1];
		if (frame[0] <= rbp)
			return;
		rbp = frame[0];
	}
}

static void report(struct vcpu *v, struct pv_partition_status *s)
{
	struct walk_access a = { .write = false };
	struct vstate st;

	virt_state_get(&v->hw, &st);
	s->vcpu = v->id;
	s->rip = st.rip;
	s->rsp = st.rsp;
	s->rflags = st.rflags;
	s->cr0 = st.cr0;
	s->cr2 = st.cr2;
	s->cr3 = st.cr3;
	s->cr4 = st.cr4;
	s->efer = st.efer;
	memcpy(s->gpr, v->hw.gpr, sizeof(s->gpr));
	s->gpr[R_SP] = st.rsp;
	a.user = (st.ss.ar & AR_DPL) == AR_DPL;
	report_insn(v, s, a, st.cs.base + st.rip);
	report_trace(v, s, a);
}

/* Nobody is left to show the host partition's own report. */
static void host_report(struct vcpu *v)
{
	const struct pv_partition_status *s = &v->part->status;
	/* clang-format off */
	static const char names[R_COUNT][4] = {
		"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
		"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };
	/* clang-format on */

	log_direct = true;
	/* it was in the middle of a line, perhaps */
	log("\nparley: the host partition died: %s\n", s->reason);
	log("parley:  rip %lx rflags %lx cr0 %lx cr2 %lx cr3 %lx cr4 %lx\n",
	    s->rip, s->rflags, s->cr0, s->cr2, s->cr3, s->cr4);
	for (u32 i = 0; i < R_COUNT; i++)
		log(i % 4 ? " %s %lx%s" : "parley:  %s %lx%s", names[i],
		    s->gpr[i], i % 4 == 3 ? "\n" : "");
	for (u32 i = 0; i < s->insn_len; i++)
		log(i ? " %02x" : "parley:  code %02x", s->insn[i]);
	for (u32 i = 0; i < PV_TRACE_DEPTH && s->trace[i]; i++)
		log(i ? " %lx" : "\nparley:  called from %lx", s->trace[i]);
	log("\n");
	host_died(v);
}

void partition_die(struct vcpu *v, const char *fmt, ...)
{
	struct partition *p = v->part;
	__builtin_va_list ap;

	if (end_claim(p)) {
		__builtin_va_start(ap, fmt);
		fmt_vbuf(p->status.reason, sizeof(p->status.reason), fmt, ap);
		__builtin_va_end(ap);
		report(v, &p->status);
		if (!p->id)
			return host_report(v);
		end_all(p, PV_STATE_DIED);
	}
	vcpu_pend(v, PEND_DIED);
}

void partition_status_get(struct partition *p, struct pv_partition_status *s)
{
	u32 state = load_acquire(&p->state);

	*s = p->status;
	/* while it ends, the report is not complete */
	if (state < PV_STATE_EXITED)
		memset(s, 0, sizeof(*s));
	memcpy(s->name, p->name, sizeof(s->name));
	s->state = state;
	s->profile = p->profile;
	s->pages_owned = p->pages;
	s->pages_shared = p->pages_shared;
}
