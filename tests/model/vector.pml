/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events as vectors of their own: a vCPU with two of them, of a low and a high
 * class, whose handlers may put interrupts on, and a sender for each on another
 * CPU, which sends twice. Nothing that was sent stays unhandled, and nothing of
 * the same or a lower class comes while one is in service.
 *
 * How a sender finds and wakes a vCPU that sleeps is event.pml's; here it is one
 * step. Guest and hypervisor take turns on the vCPU's CPU.
 *
 * A variant leaves one step out; the verifier must then find the bug:
 *
 * MUST-FAIL: NO_PEND NO_KICK PEND_EARLY UNPEND_LATE NO_WAITS WAITS_EARLY
 * MUST-FAIL: LOOK_FIRST NO_CALL NO_DUE CLEAR_EARLY NO_SERVICE NO_SLEEP_LOOK
 */
#define LOW 0
#define HIGH 1
#define TIMES 2

mtype = { CALL_NONE, CALL_EOI, CALL_HLT };

/* the vCPU page */
bool pending[2], in_service[2];
byte waits; /* 0, or 1 + the vector */
/* struct vcpu */
bool pend_vector, due, window, sleeping;
/* the CPU; `begun`: a handler has begun and not ended */
bool kick, in_guest = true, interrupts = true, begun[2];
mtype call = CALL_NONE;
/* what the events stand for */
byte sent[2], handled[2];

#define ALL_HANDLED (handled[LOW] == TIMES && handled[HIGH] == TIMES)
#define HIGHEST (pending[HIGH] -> 1 + HIGH : (pending[LOW] -> 1 + LOW : 0))
#define TOP (in_service[HIGH] -> 1 + HIGH : (in_service[LOW] -> 1 + LOW : 0))
#define DELIVERABLE (HIGHEST > TOP)

/* core/vector.c: vector_raise; core/sched.c: sched_poke */
inline announce()
{
#ifndef NO_PEND
	pend_vector = true;
#endif
	atomic {
		sleeping = false;
#ifndef NO_KICK
		kick = true
#endif
	}
}

proctype Sender(byte i)
{
	byte n;
	bool old;

	for (n : 1 .. TIMES) {
		sent[i]++;
#ifdef PEND_EARLY
		announce();
#endif
		atomic { old = pending[i]; pending[i] = true };
#ifndef PEND_EARLY
		if
		:: old
		:: else -> announce()
		fi
#endif
	}
}

/* core/vector.c: vector_deliver. Senders go on meanwhile. */
inline deliver()
{
	due = false;
	next = HIGHEST;
	if
	:: next > TOP && interrupts ->
#ifdef WAITS_EARLY
		waits = 0;
#endif
		assert(!begun[next - 1] && !begun[HIGH]);
		pending[next - 1] = false;
#ifndef NO_SERVICE
		in_service[next - 1] = true;
#endif
		begun[next - 1] = true;
		interrupts = false;
#ifndef WAITS_EARLY
		waits = HIGHEST
#endif
	:: next > TOP && !interrupts ->
#ifdef CLEAR_EARLY
		pending[next - 1] = false;
#endif
#ifndef NO_DUE
		due = true;
		window = true;
#endif
		waits = 0
	:: else ->
#ifndef NO_WAITS
		waits = next
#endif
	fi
}

/* hcall_vcpu.c, trap_hlt */
inline do_call()
{
	if
	:: call == CALL_EOI -> pend_vector = true
	:: call == CALL_HLT ->
#ifndef NO_SLEEP_LOOK
		atomic {
			if
			:: DELIVERABLE
			:: else -> sleeping = true
			fi
		}
#else
		sleeping = true
#endif
	:: else
	fi;
	call = CALL_NONE
}

active proctype Cpu()
{
	byte next;

end_guest:
	if
	:: !in_guest -> do_call()
	:: atomic { in_guest && window && interrupts ->
		in_guest = false;
		window = false;
		pend_vector = pend_vector || due }
	:: atomic { in_guest && kick -> in_guest = false; kick = false }
	fi;
end_sleep:
	!sleeping;
	kick = false;
work:
	if
	:: pend_vector ->
#ifndef UNPEND_LATE
		pend_vector = false;
#endif
		deliver();
#ifdef UNPEND_LATE
		pend_vector = false;
#endif
		goto work
	:: else
	fi;
	/* virt->enter: an interrupt that came meanwhile ends it at once */
	in_guest = true;
	goto end_guest
}

inline hypercall(c)
{
	atomic { call = c; in_guest = false };
	call == CALL_NONE && in_guest
}

/* guestkit: kit_vector_end */
inline end_vector()
{
#ifdef LOOK_FIRST
	seen = waits;
#endif
	if
	:: in_service[HIGH] -> in_service[HIGH] = false
	:: else -> in_service[LOW] = false
	fi;
#ifndef LOOK_FIRST
	seen = waits;
#endif
#ifndef NO_CALL
	if
	:: seen > TOP -> hypercall(CALL_EOI)
	:: else
	fi
#endif
}

#define CAN_RUN (in_guest && !(window && interrupts))

/* guestkit: event_run, entered by injection, left by IRET */
inline handler(i)
{
end:
	do
	:: begun[i] ->
		handled[i] = sent[i];
		if
		:: interrupts = true
		:: skip
		fi;
		interrupts = false;
		end_vector();
		d_step { interrupts = true; begun[i] = false }
	od
}

proctype Low() provided (CAN_RUN && begun[LOW] && !begun[HIGH])
{
	byte seen;

	handler(LOW)
}

proctype High() provided (CAN_RUN && begun[HIGH])
{
	byte seen;

	handler(HIGH)
}

proctype Guest() provided (CAN_RUN && !begun[LOW] && !begun[HIGH])
{
	if
	:: true ->
		do
		:: ALL_HANDLED -> break
		:: else ->
			interrupts = false;
			if
			:: ALL_HANDLED -> interrupts = true
			:: else -> /* sti; hlt */
				d_step {
					interrupts = true;
					call = CALL_HLT;
					in_guest = false
				};
				call == CALL_NONE
			fi
		od
	:: true -> ALL_HANDLED /* it computes */
	fi
}

init {
	atomic {
		run Guest();
		run Low();
		run High();
		run Sender(LOW);
		run Sender(HIGH)
	}
}
