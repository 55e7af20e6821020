/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dropping a partition's translations on all CPUs: when the call returns, no
 * instruction of the guest uses a translation that was taken away; and CPUs that
 * ask each other, or that want the asker's lock, do not wait for ever.
 *
 * Two CPUs run one vCPU each of the same partition. Each may take a page of its
 * own away at any call, so that both ask at once; page p is taken by CPU p. The
 * hardware keeps every translation (`tlb`) until a flush.
 *
 * gmem_shoot() does the same for vcpu_flush_tlb, with a guest's own tables in the
 * place of the partition's.
 *
 * A variant leaves one step out; the verifier must then find the bug:
 *
 * MUST-FAIL: NO_PEND LOOK_FIRST NO_IPI NO_WAIT NO_SERVE LOCK_HELD
 * MUST-FAIL: NO_FLUSH ANSWER_EARLY NO_RUNNING
 */
#define CPUS 2
#define ME me

bool mapped[CPUS] = true, gone[CPUS];	/* by page */
bool table_lock;			/* the partition's */
/* by CPU: the vCPU's pending word, whether the CPU runs it, the requests */
bool pend_flush[CPUS], on_cpu[CPUS], ipi[CPUS];
byte asked[CPUS], answered[CPUS];
byte tlb[CPUS]; /* a bit each page */

#define OTHER (1 - ME)
#define BIT(p) (1 << (p))

inline lock() { atomic { !table_lock; table_lock = true } }
inline unlock() { table_lock = false }

/* gmem_flush.c: answer */
inline answer()
{
	n = asked[ME];
	answered[ME] = n
}

/* gmem_flush.c: ask. A CPU in root mode has interrupts off. */
inline ask()
{
	atomic { asked[OTHER] = asked[OTHER] + 1; mine = asked[OTHER] };
#ifndef NO_IPI
	ipi[OTHER] = true;
#endif
#ifndef NO_WAIT
	do
	:: answered[OTHER] >= mine -> break
#ifndef NO_SERVE
	:: answered[ME] != asked[ME] -> answer()
#endif
	od
#endif
}

/* core/gmem.c: gmem_unmap_page; gmem_flush.c: gmem_shoot */
inline unmap_and_shoot()
{
	lock();
	mapped[ME] = false;
#ifndef LOCK_HELD
	unlock();
#endif
#ifdef LOOK_FIRST
	there = on_cpu[OTHER];
#endif
	pend_flush[ME] = true;
#ifndef NO_PEND
	pend_flush[OTHER] = true;
#endif
#ifndef LOOK_FIRST
	there = on_cpu[OTHER];
#endif
	if
	:: there -> ask()
	:: else
	fi;
#ifdef LOCK_HELD
	unlock();
#endif
	gone[ME] = true
}

/* run/run.c: run_deliver; false when there was nothing to do */
inline pending_work()
{
	do
	:: pend_flush[ME] ->
		pend_flush[ME] = false;
#ifndef NO_FLUSH
		tlb[ME] = 0
#endif
	:: !pend_flush[ME] -> break
	od
}

/* A load of the guest: through the TLB, or by a walk, which fills it. */
inline access(p)
{
	atomic {
		if
		:: (tlb[ME] & BIT(p)) -> assert(!gone[p])
		:: mapped[p] -> tlb[ME] = tlb[ME] | BIT(p)
		:: else
		fi
	}
}

proctype Cpu(byte me)
{
	byte n, mine, step;
	bool there;

	do
	:: step < 4 ->
		step++;
		/* sched_switch */
#ifndef NO_RUNNING
		on_cpu[ME] = true;
#endif
again:
		pending_work();
		/* virt->enter: an interrupt that waits ends it at once */
		if
		:: ipi[ME]
		:: true -> access(0)
		:: true -> access(1)
		fi;
		/* the exit; run_exit's window takes what is there */
#ifdef ANSWER_EARLY
		pend_flush[ME] = false;
#endif
		if
		:: ipi[ME] -> ipi[ME] = false; answer()
		:: else
		fi;
		if
		:: !gone[ME] && step > 1 -> unmap_and_shoot()
		:: true -> goto again
		:: skip
		fi;
		/* sched_switch, run_load: the TLB keeps what it has */
		on_cpu[ME] = false;
		/* idle, other vCPUs */
		if
		:: ipi[ME] -> ipi[ME] = false; answer()
		:: else
		fi
	:: else -> break
	od;
end:
	do
	:: ipi[ME] -> ipi[ME] = false; answer()
	od
}

init {
	atomic { run Cpu(0); run Cpu(1) }
}
