/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending events to a vCPU that masks, unmasks, waits and registers its upcall
 * meanwhile: nothing that was sent stays unhandled.
 *
 * One vCPU on one CPU (`Cpu` is its root mode; `Guest` and `Handler` are the
 * guest's main program and its upcall), two senders on other CPUs, of which the
 * first sends twice to its port. Ticks are not modelled: a wake-up that comes
 * only with the next one counts as lost. The atomic words are sequentially
 * consistent, as their locked instructions are; of plain stores, the one that
 * a later look could overtake (upcall_vector) has its store buffer here.
 *
 * A variant leaves one step out; the verifier must then find the bug:
 *
 * MUST-FAIL: NO_PEND_EVENT NO_KICK UNBLOCK_EARLY NO_WAKE NO_LOOK_AFTER_STATE
 * MUST-FAIL: STATE_LATE PENDING_EARLY NO_DUE NO_UNMASK_LOOK UNMASK_LATE
 * MUST-FAIL: CLEAR_LATE VECTOR_BUFFERED NO_VECTOR_LOOK
 */
#define SENDERS 2

mtype = { RUNNING, READY, WAITING };
mtype = { CALL_NONE, CALL_UPCALL_SET, CALL_WAIT };

/* the partition page and the vCPU page */
bool port[SENDERS], summary, pending, masked;
/* struct vcpu and struct sched_cpu */
mtype vstate = RUNNING;
bool pend_event, pend_block, running = true, vector, vector_buffer;
bool due, window, locked;
/* the CPU */
bool kick, in_guest = true, in_handler, interrupts = true;
mtype call = CALL_NONE;
/* what the events stand for */
byte sent[SENDERS], handled[SENDERS];

#define TOTAL(i) (2 - (i))
#define ALL_HANDLED (handled[0] == TOTAL(0) && handled[1] == TOTAL(1))

inline lock() { atomic { !locked; locked = true } }
inline unlock() { locked = false }

/* core/sched.c: wake_locked. The CPU has no other vCPU: a wake always kicks it,
 * as ready_locked() does. UNBLOCK_EARLY: a sender that still finds the state
 * before it kicks nobody, while the vCPU may run already. */
inline wake_locked()
{
	if
	:: vstate == RUNNING || vstate == READY
	:: else ->
		if
		:: running ->
#ifdef UNBLOCK_EARLY
			pend_block = false;
			vstate = RUNNING
#else
			vstate = RUNNING;
			pend_block = false
#endif
		:: else -> vstate = READY; kick = true
		fi
	fi
}

/* core/sched.c: sched_poke */
inline poke()
{
	if
	:: vstate == RUNNING ->
#ifndef NO_KICK
		kick = true
#else
		skip
#endif
	:: else ->
		lock();
		if
#ifndef NO_WAKE
		:: vstate == WAITING -> wake_locked()
#endif
#ifndef UNBLOCK_EARLY
		/* it began to run between the look and the lock */
		:: vstate == RUNNING -> kick = true
#endif
		:: else
		fi;
		unlock()
	fi
}

/* core/event.c: event_send and post */
proctype Sender(byte i)
{
	byte n;
	bool old;

	for (n : 1 .. TOTAL(i)) {
		sent[i]++;
#ifdef PENDING_EARLY
		atomic { old = pending; pending = true };
#endif
		port[i] = true;
		summary = true;
#ifndef PENDING_EARLY
		atomic { old = pending; pending = true };
#endif
		if
		:: old
		:: else ->
#ifndef NO_PEND_EVENT
			if
			:: vector -> pend_event = true
			:: else
			fi;
#endif
			poke()
		fi
	}
}

/* A locked instruction of the vCPU's CPU: the buffer is written first. */
inline drain()
{
	atomic { vector = vector || vector_buffer; vector_buffer = false }
}

/* core/sched.c: sched_block and came_already */
inline block()
{
	lock();
#ifdef NO_LOOK_AFTER_STATE
	vstate = WAITING;
	pend_block = true;
#else
#ifdef STATE_LATE
	came = pend_event || pending;
	vstate = WAITING;
#else
	vstate = WAITING;
	came = pend_event || pending;
#endif
	if
	:: came -> vstate = RUNNING
	:: else -> pend_block = true
	fi;
#endif
	unlock()
}

/* hcall_vcpu.c: call_vcpu_upcall_set and vcpu_wait */
inline do_call()
{
	if
	:: call == CALL_UPCALL_SET ->
#ifdef VECTOR_BUFFERED
		vector_buffer = true;
#else
		vector = true;
#endif
#ifndef NO_VECTOR_LOOK
		if
		:: pending -> drain(); pend_event = true
		:: else
		fi
#endif
	:: call == CALL_WAIT ->
		if
		:: pending
		:: else -> drain(); block()
		fi
	:: else
	fi;
	call = CALL_NONE
}

/* core/event.c: event_deliver */
inline deliver()
{
	due = false;
	if
	:: !(vector || vector_buffer) || masked || !pending
	:: else ->
		if
		:: interrupts -> in_handler = true; interrupts = false
#ifndef NO_DUE
		:: !interrupts -> due = true; window = true
#else
		:: else
#endif
		fi
	fi
}

/* run/run.c: run_cpu, run_vcpu, run_pending, run_exit; core/sched.c:
 * sched_switch */
active proctype Cpu()
{
	bool event, blocked, came;

end_guest:
	/* an exit: a call, the interrupt window, a kick */
	if
	:: !in_guest -> do_call()
	:: atomic { in_guest && window && interrupts ->
		in_guest = false;
		window = false;
		pend_event = pend_event || due }
	:: atomic { in_guest && kick -> in_guest = false; kick = false }
	fi;
work:
	atomic { event = pend_event; blocked = pend_block };
	if
	:: blocked -> goto leave
	:: !blocked && event ->
		drain();
		pend_event = false;
		deliver();
		goto work
	:: else -> in_guest = true; goto end_guest
	fi;
leave:
	lock();
	if
	:: vstate == RUNNING -> vstate = READY /* put_locked */
	:: else
	fi;
	if
	:: vstate == READY ->
		pend_block = false; /* pick_locked */
		vstate = RUNNING;
		running = true;
		unlock();
		goto work
	:: else ->
		running = false;
		unlock()
	fi;
end_idle:
	kick;
	kick = false;
	goto leave
}

active proctype Buffer()
{
end:
	do
	:: vector_buffer -> drain()
	od
}

/* guestkit/event.c: kit_event_scan, ports_run, word_take */
inline take(i)
{
	atomic { was = port[i]; port[i] = false };
	if
	:: was -> handled[i] = sent[i]
	:: else
	fi
}
inline scan()
{
	do
	:: pending ->
#ifndef CLEAR_LATE
		pending = false;
#endif
		atomic { words = summary; summary = false };
		if
		:: words ->
			take(0);
			take(1)
		:: else
		fi;
#ifdef CLEAR_LATE
		pending = false
#endif
	:: else -> break
	od
}

inline hypercall(c)
{
	atomic { call = c; in_guest = false };
	call == CALL_NONE
}

/* guestkit: kit_upcall_unmask */
inline unmask()
{
	interrupts = false;
#ifdef UNMASK_LATE
	scan();
	masked = false;
#else
	masked = false;
#ifndef NO_UNMASK_LOOK
	scan();
#endif
#endif
	interrupts = true
}

/* guestkit/ops.c: wait_call */
inline wait_once()
{
	masked = true;
	hypercall(CALL_WAIT);
	masked = false;
	scan()
}

/* guestkit: kit_wait_until */
inline wait_all()
{
	interrupts = false;
	do
	:: ALL_HANDLED -> break
	:: else -> wait_once()
	od;
	interrupts = true
}

proctype Guest() provided (in_guest && !in_handler && !(window && interrupts))
{
	bool words, was;

	if
	:: wait_all() /* without an upcall */
	:: hypercall(CALL_UPCALL_SET);
		if
		:: wait_all()
		:: interrupts = false;
			if
			:: ALL_HANDLED
			:: else -> wait_once()
			fi;
			interrupts = true
		:: masked = true; unmask()
		:: interrupts = false; interrupts = true
		fi;
		/* it computes; only upcalls are left to handle the rest */
		ALL_HANDLED
	fi
}

/* guestkit: kit_event_upcall, entered by injection, left by IRET */
proctype Handler() provided (in_guest && in_handler)
{
	bool words, was;

end:
	do
	:: in_handler ->
		scan();
		atomic { interrupts = true; in_handler = false }
	od
}

init {
	atomic {
		run Guest();
		run Handler();
		run Sender(0);
		run Sender(1)
	}
}
