/* SPDX-License-Identifier: BSD-2-Clause */
/* What both kinds of IOMMUs do alike: commands, who is attached, faults. */
#include "arch/iommu.h"
#include "arch/irq.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "lib/machine.h"
#include "lib/panic.h"
#include "lib/pci.h"

#define DOMAINS 256u
#define WAIT_US 1000000
#define RTE_REMAPPED (1u << 16) /* of the high half, VT-d 4.1, 5.1.5.1 */
#define FAULTS_TOLD 16		/* of a function, since it was attached */

static struct lock iommu_lock; /* the rings, the entries, and what is below */
static u8 attached[DOMAINS];   /* how many functions; read without the lock */
static struct {
	u64 root;
	u8 domain, faults;
} funcs[PCI_MAX_FUNCS + 1]; /* the last: all that are not known */

static const struct iommu_ops *ops(void)
{
	return iommu.kind == IOMMU_VTD ? &vtd_ops : &amdvi_ops;
}

static void put_locked(struct iommu_unit *u, const iommu_command c)
{
	u->ring[u->tail][0] = c[0];
	u->ring[u->tail][1] = c[1];
	u->tail = (u->tail + 1) % IOMMU_RING;
}

static void go_locked(struct iommu_unit *u)
{
	iommu_command c = { 0 };

	ops()->wait(c, u);
	put_locked(u, c);
	store_relaxed(&u->done, 0);
	mb(); /* the commands, before it looks */
	iommu_write64(u, ops()->ring_tail, u->tail * sizeof(c));
}

/* Each has done what it was told to. Who does not answer keeps nobody's memory
 * apart any more. */
static void wait_locked(void)
{
	u64 end = rdtsc() + tsc_from_us(WAIT_US);

	for (u32 i = 0; i < iommu.nr; i++)
		while (!load_acquire(&iommu.unit[i].done)) {
			if (rdtsc() > end)
				panic("the IOMMU at %lx does not answer",
				      iommu.unit[i].regs);
			cpu_relax();
		}
}

static void drop_locked(int bdf, u32 domain)
{
	for (u32 i = 0; i < iommu.nr; i++) {
		struct iommu_unit *u = &iommu.unit[i];
		iommu_command entry = { 0 }, tlb = { 0 };

		if (bdf >= 0) {
			ops()->drop_entry(entry, (u16)bdf);
			put_locked(u, entry);
		}
		ops()->drop_domain(tlb, u, domain);
		put_locked(u, tlb);
		go_locked(u);
	}
	wait_locked();
}

void iommu_flush(u32 domain)
{
	if (!load_seq(&attached[domain]))
		return;
	lock_scope(&iommu_lock);
	drop_locked(-1, domain);
}

/* Counted before it can reach anything, and until it cannot: the domain's
 * flushes are not left out meanwhile. */
void iommu_attach(u32 n, u32 domain, u64 root)
{
	u16 bdf = pci_funcs[n].bdf;
	u32 old = funcs[n].domain;

	if (!iommu.kind)
		return;
	lock_scope(&iommu_lock);
	if (root)
		__atomic_fetch_add(&attached[domain], 1, __ATOMIC_SEQ_CST);
	ops()->entry(bdf, 0, 0, true);
	drop_locked(bdf, old);
	if (funcs[n].root)
		__atomic_fetch_sub(&attached[old], 1, __ATOMIC_SEQ_CST);
	funcs[n].domain = (u8)domain;
	funcs[n].root = root;
	funcs[n].faults = 0;
	ops()->entry(bdf, domain, root, false);
	drop_locked(bdf, domain);
}

/* ---- interrupts ---- */

static u64 vector_set(u16 bdf, u32 vector, u32 apic_id, bool on)
{
	u64 message;

	lock_scope(&iommu_lock);
	message = ops()->vector(bdf, vector, apic_id, on);
	for (u32 i = 0; i < iommu.nr; i++) {
		iommu_command c = { 0 };

		ops()->drop_vectors(c, bdf);
		put_locked(&iommu.unit[i], c);
		go_locked(&iommu.unit[i]);
	}
	wait_locked();
	return message;
}

u64 iommu_message(u16 bdf, u32 vector, u32 apic_id)
{
	if (iommu.intr)
		return vector_set(bdf, vector, apic_id, true);
	return (u64)vector << 32 | MSI_ADDRESS | apic_id << MSI_DEST_SHIFT;
}

u32 iommu_rte(u16 bdf, u32 low, u32 apic_id)
{
	u32 vector = low & 0xFF;

	if (iommu.intr)
		iommu_message(bdf, vector, apic_id);
	return iommu.intr && iommu.kind == IOMMU_VTD ?
		       vector << 17 | RTE_REMAPPED :
		       apic_id << 24;
}

void iommu_vector_off(u16 bdf, u32 vector)
{
	if (iommu.intr)
		vector_set(bdf, vector, 0, false);
}

/* ---- faults ---- */

static void report_locked(const struct iommu_fault *f)
{
	const struct pci_func *p = pci_find(f->bdf);
	u32 n = p ? (u32)(p - pci_funcs) : PCI_MAX_FUNCS;

	if (funcs[n].faults == FAULTS_TOLD)
		return;
	log("parley: DMA fault: %02x:%02x.%x %s %lx (%s reason %u)%s\n",
	    f->bdf >> 8, f->bdf >> 3 & 31, f->bdf & 7,
	    f->interrupt ? "interrupt" :
	    f->write	 ? "write to" :
			   "read of",
	    f->at, ops()->name, f->reason,
	    ++funcs[n].faults == FAULTS_TOLD ? ": no more are told" : "");
	if (funcs[n].faults < FAULTS_TOLD)
		return;
	ops()->entry(f->bdf, funcs[n].domain, funcs[n].root, true);
	drop_locked(f->bdf, funcs[n].domain);
}

static void on_fault(u32 vector)
{
	struct iommu_fault f;

	lock_scope(&iommu_lock);
	for (u32 i = 0; i < iommu.nr; i++)
		for (u32 left = IOMMU_RING;
		     left && ops()->fault(&iommu.unit[i], &f); left--)
			report_locked(&f);
}

void iommu_init(void) { irq_register(VEC_IOMMU, on_fault); }
