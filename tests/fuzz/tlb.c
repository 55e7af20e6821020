/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model TLB: a CPU keeps each translation until an instruction that the
 * manual says drops it (SDM Vol. 3C 29.4, APM Vol. 2 15.16 and 15.25.8).
 *
 * VMX: what an access through EPT has cached stays until INVEPT of that EPT
 * pointer or of all. SVM: it has the ASID for a tag, and stays until a flush of
 * all at VMRUN. An address of a guest's own tables is not modelled, but whose
 * they were: a tag (VPID with EPT pointer, or ASID) that one vCPU has used says
 * wrong things to another one. It also keeps that a page is marked as written to,
 * and does not mark it again. And when: a tag that was in use before a
 * vcpu_flush_tlb of its vCPU says wrong things after it.
 */
#include <stdio.h>
#include <string.h>

#include "core/gmem.h"
#include "core/sched.h"
#include "tests/fuzz/sim.h"
#include "virt/svm/svm.h"
#include "virt/vmx/vmx.h"

#define TABLE_ADDR 0x000ffffffffff000ull
#define TABLE_LARGE (1ull << 7)
#define ENTRIES 8192u /* a power of two; when all are taken, all go */
#define TAGS 64u

struct entry {
	u64 tag, at; /* page, | 1: valid */
	u64 to;
	u32 flags, life; /* of the partition whose tables said so */
};
struct user {
	u64 tag;
	const struct vcpu *v;
	u64 root; /* two lives of one address are not the same vCPU */
	u64 since;
};
static u64 flushes; /* calls that have begun */
/* the last one that has returned, of each vCPU */
static u64 flushed[PARTITION_MAX][PV_VCPUS_MAX];
static struct {
	struct entry entry[ENTRIES];
	u32 used;
	struct user user[TAGS];
	u32 users;
} cpus[SIM_CPUS];

enum tlb_fault tlb_fault;
u64 tlb_checks, tlb_stale;
bool tlb_count_only;

static void stale(const char *what, const struct vcpu *v, u64 at)
{
	tlb_stale++;
	if (!tlb_fault || !tlb_count_only)
		sim_finding("%s: vCPU %u of partition %u at %lx", what, v->id,
			    v->part->id, (unsigned long)at);
}

/* ---- steps that a test leaves out ---- */

static u32 log_reads; /* CPUs that are at it */

void __real_gmem_shootdown(struct partition *p);
void __wrap_gmem_shootdown(struct partition *p);

void __wrap_gmem_shootdown(struct partition *p)
{
	if (tlb_fault == FAULT_RETIRED && p->retired)
		retired_free(p, retired_take(p));
	else if (tlb_fault != FAULT_SHOOTDOWN &&
		 (tlb_fault != FAULT_LOG || !log_reads))
		__real_gmem_shootdown(p);
}

int __real_gmem_log_read(struct partition *p, u64 *at, u64 *pages, u64 *buf,
			 bool *more);
int __wrap_gmem_log_read(struct partition *p, u64 *at, u64 *pages, u64 *buf,
			 bool *more);

int __wrap_gmem_log_read(struct partition *p, u64 *at, u64 *pages, u64 *buf,
			 bool *more)
{
	int err;

	log_reads++;
	err = __real_gmem_log_read(p, at, pages, buf, more);
	log_reads--;
	return err;
}

void __real_virt_flush_linear(struct virt_vcpu *v);
void __wrap_virt_flush_linear(struct virt_vcpu *v);

void __wrap_virt_flush_linear(struct virt_vcpu *v)
{
	if (tlb_fault != FAULT_LINEAR)
		__real_virt_flush_linear(v);
}

static const struct virt_ops *real;
static struct virt_ops faulty;
static u32 loads;

static void no_flush(struct virt_vcpu *v) {}

/* Between a load and the entry, other CPUs may do anything; they may also pause
 * and resume the partition, and take their time. */
static void load(struct virt_vcpu *from, struct virt_vcpu *v)
{
	if (tlb_fault == FAULT_FIRST && v->last_cpu == ~0u) {
		/* as if v had been here already */
		v->last_cpu = cpu_this()->index;
		v->space_gen = v->space->gen;
	}
	real->load(from, v);
	sim_yield();
	if (!(++loads & 3)) {
		vcpu_pend((struct vcpu *)v, PEND_RESCHED);
		sim_advance(2ull * SCHED_SLICE_US * tsc_khz / 1000);
	}
}

/* The hypervisor's variables are what they were at the start. */
static void left_out_prepare(void)
{
	loads = log_reads = 0;
	real = virt;
	faulty = *virt;
	if (tlb_fault == FAULT_FLUSH)
		faulty.flush = no_flush;
	faulty.load = load;
	virt = &faulty;
}

void tlb_flush_all(void)
{
	u32 c = cpu_this()->index;

	if (cpus[c].used)
		memset(cpus[c].entry, 0, sizeof(cpus[c].entry));
	cpus[c].used = cpus[c].users = 0;
}

void tlb_reset(void)
{
	for (u32 i = 0; i < SIM_CPUS; i++)
		if (cpus[i].used || cpus[i].users)
			memset(&cpus[i], 0, sizeof(cpus[i]));
	memset(flushed, 0, sizeof(flushed));
	left_out_prepare();
}

void tlb_invept(u64 eptp)
{
	struct entry *e = cpus[cpu_this()->index].entry;

	/* combined translations go too, but not what is of other tables */
	for (u32 i = 0; i < ENTRIES; i++)
		if (e[i].at && (!eptp || e[i].tag == eptp))
			e[i].at = 2; /* a tombstone */
}

void tlb_invvpid(u64 vpid)
{
	u32 c = cpu_this()->index, n = 0;

	if (tlb_fault == FAULT_TAG_WRAP)
		return;
	for (u32 i = 0; i < cpus[c].users; i++)
		if (vpid && (cpus[c].user[i].tag >> 48) != vpid)
			cpus[c].user[n++] = cpus[c].user[i];
	cpus[c].users = n;
}

static u64 nested_tag(struct vcpu *v)
{
	return sim_vmx ? *vmcs_field(v->hw.ctl_pa, EPT_POINTER) :
			 ((struct vmcb *)v->hw.ctl)->asid;
}

void tlb_enter(struct vcpu *v)
{
	u32 c = cpu_this()->index;
	u64 tag = nested_tag(v);

	if (sim_vmx) {
		tag |= *vmcs_field(v->hw.ctl_pa, VPID) << 48;
		if (vmcs_current() != v->hw.ctl_pa)
			sim_finding("entry with another VMCS");
	} else if (((struct vmcb *)v->hw.ctl)->tlb_control &&
		   tlb_fault != FAULT_TAG_WRAP) {
		tlb_flush_all();
	}
	for (u32 i = 0; i < cpus[c].users; i++)
		if (cpus[c].user[i].tag == tag) {
			if (cpus[c].user[i].v != v ||
			    cpus[c].user[i].root != v->hw.ctl_pa)
				stale("tag of another vCPU", v, tag);
			return;
		}
	if (cpus[c].users < TAGS)
		cpus[c].user[cpus[c].users++] =
			(struct user){ tag, v, v->hw.ctl_pa, flushes };
}

/* The tag as tlb_enter() has it. */
static u64 linear_tag(struct vcpu *v)
{
	u64 tag = nested_tag(v);

	return sim_vmx ? tag | *vmcs_field(v->hw.ctl_pa, VPID) << 48 : tag;
}

void tlb_linear(struct vcpu *v)
{
	u32 c = cpu_this()->index;
	u64 tag = linear_tag(v);

	for (u32 i = 0; i < cpus[c].users; i++)
		if (cpus[c].user[i].tag == tag &&
		    cpus[c].user[i].since < flushed[v->part->id][v->id])
			stale("linear translation", v, tag);
}

u64 tlb_linear_begin(void) { return ++flushes; }

void tlb_linear_end(const struct partition *p, u64 vcpus, u64 begun)
{
	for (; vcpus; vcpus &= vcpus - 1)
		flushed[p->id][__builtin_ctzll(vcpus)] = begun;
}

static struct entry *find(u64 tag, u64 page)
{
	u32 c = cpu_this()->index;
	struct entry *e = cpus[c].entry, *put = NULL;

	if (cpus[c].used > ENTRIES / 2)
		tlb_flush_all();
	for (u32 h = (u32)(tag * 31 + (page >> 12) * 0x9e3779b1u);; h++) {
		struct entry *x = &e[h & (ENTRIES - 1)];

		if (x->at == (page | 1) && x->tag == tag)
			return x;
		if (x->at == 2 && !put)
			put = x;
		if (x->at)
			continue;
		put = put ? put : x;
		put->at = 0;
		return put;
	}
}

#define MARKED 0x100u /* with the flags of a translation: NP_* */

/* The entry that maps an address: the hypervisor says less of it. */
static u64 *leaf_of(struct vcpu *v, u64 at)
{
	u64 *e, table = v->part->space.root;

	for (u32 level = nested_caps.levels;; level--) {
		e = (u64 *)hpa_ptr(hpa(table & TABLE_ADDR)) +
		    (at >> (3 + 9 * level) & 511);
		if (level == 1 || *e & TABLE_LARGE)
			return e;
		table = *e;
	}
}

/* What the tables say now; the hardware's walk. */
static bool walk(struct vcpu *v, u64 page, u64 *to, u32 *flags)
{
	u64 e;
	hpa_t h;

	if (!nested_lookup(&v->part->space, gpa(page), &h, flags, NULL))
		return false;
	e = *leaf_of(v, page);
	*to = h.v;
	*flags &= e & virt->format->write ? ~0u : ~(u32)NP_WRITE;
	*flags |= nested_caps.dirty && e & virt->format->dirty ? MARKED : 0;
	return true;
}

/* A write to what the log watches: the fault, and what is done about it. */
static bool unwatch(struct vcpu *v, u64 page, u32 *flags)
{
	u64 to;

	nested_log_put(&v->part->space, gpa(page));
	return walk(v, page, &to, flags);
}

bool tlb_access(struct vcpu *v, u64 at, bool write, u8 **ptr)
{
	u64 page = at & ~PAGE_MASK, to = 0, tag = nested_tag(v);
	struct entry *e = find(tag, page);
	u32 flags = 0;
	bool mapped = walk(v, page, &to, &flags);

	tlb_checks++;
	if (e->at && (!mapped || e->to != to || e->flags & ~flags ||
		      e->life != v->part->gen)) {
		if (guest_trace)
			fprintf(stderr, "%lx: %lx, %x; was %lx, %x\n",
				(unsigned long)at, (unsigned long)to, flags,
				(unsigned long)e->to, e->flags);
		stale("stale translation", v, at);
		e->at = 2;
		return false;
	}
	if (mapped && write && !nested_caps.dirty && !(flags & NP_WRITE)) {
		e->at = e->at ? 2 : 0;
		mapped = unwatch(v, page, &flags);
	}
	if (!mapped || flags & NP_DEVICE || (write && !(flags & NP_WRITE)))
		return false;
	e = find(tag, page);
	if (write && nested_caps.dirty && !(e->at && e->flags & MARKED)) {
		*leaf_of(v, page) |= virt->format->dirty;
		e->flags |= MARKED;
		flags |= MARKED;
	}
	if (!e->at) {
		*e = (struct entry){ tag, page | 1, to, flags, v->part->gen };
		cpus[cpu_this()->index].used++;
	}
	*ptr = (u8 *)hpa_ptr(hpa(to)) + (at & PAGE_MASK);
	return true;
}
