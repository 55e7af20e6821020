/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One page that its owner shares and revokes, while the peer accepts, uses and
 * returns it, and either of them is destroyed: who has lost a page cannot reach
 * it, and an offer holds only for whom it was made.
 *
 * The owner and two vCPUs of the peer run on CPUs of their own; the second one
 * of the peer keeps every translation until a shoot-down (`tlb`). A shoot-down
 * is one step here: flush.pml is about how it is done. A destroyed peer comes
 * back as another partition in the same slot.
 *
 * A variant leaves one step out; the verifier must then find the bug:
 *
 * MUST-FAIL: NO_SHOOT NO_SHOOT_OFFERED NO_UNMAP NO_ACCEPT_LOCK NO_GENERATION
 * MUST-FAIL: NO_QUIET NO_REAP_RETURN FREE_EARLY
 */
#define ROUNDS 2

mtype = { PLAIN, SHARED, ACCEPTED };

/* struct frame; `offered` is peer_gpa of a share that nobody has accepted */
mtype state = PLAIN;
byte offered;
bool share_lock;
/* the peer's nested table and its second vCPU's TLB */
bool mapped, tlb;
/* partitions */
byte peer_generation = 1;
bool owner_dying, peer_dying, peer_in_call, next_in_call;
/* what is asserted: the page is the owner's alone, or somebody else's */
bool alone = true, owner_gone;
byte meant_for;

#define PEER_RUNS (!peer_dying && peer_generation == 1)

inline lock() { atomic { !share_lock; share_lock = true } }
inline unlock() { share_lock = false }

/* core/gmem_flush.c: gmem_shootdown */
inline shoot() { tlb = false }

/* core/gmem_share.c: gmem_share, share_page */
inline share()
{
	lock();
	if
	:: state == PLAIN && !peer_dying ->
		alone = false;
		meant_for = peer_generation;
		offered = peer_generation;
		state = SHARED
	:: else
	fi;
	unlock()
}

/* core/gmem_share.c: revoke_page */
inline revoke_page_locked()
{
	if
	:: state == ACCEPTED ->
		/* the peer is there: its end gives back what it has accepted */
		assert(mapped);
#ifndef NO_UNMAP
		mapped = false;
#endif
		stale = true
	:: else ->
#ifndef NO_SHOOT_OFFERED
		/* a peer that is just returning it has not flushed yet */
		stale = true
#endif
	fi;
	state = PLAIN
}

/* core/gmem_share.c: gmem_revoke */
inline revoke()
{
	stale = false;
	lock();
	done = state != PLAIN;
	if
	:: done -> revoke_page_locked()
	:: else
	fi;
	unlock();
#ifndef NO_SHOOT
	if
	:: stale -> shoot()
	:: else
	fi;
#endif
	if
	:: done -> alone = true
	:: else
	fi
}

/* core/partition.c: destroy_step; core/gmem_share.c: gmem_reap_shares, reap_leaf */
inline destroy_owner()
{
	owner_dying = true;
#ifndef NO_QUIET
	/* quiet_done: what looks up from now on finds nobody */
	!peer_in_call && !next_in_call;
#endif
	stale = false;
	lock();
	if
	:: state != PLAIN -> revoke_page_locked()
	:: else
	fi;
	unlock();
#ifdef FREE_EARLY
	alone = true;
#endif
	if
	:: stale -> shoot()
	:: else
	fi;
	alone = true; /* frame_free, and a new owner */
	owner_gone = true /* object_free */
}

active proctype Owner()
{
	bool stale, done;
	byte n;

	for (n : 1 .. ROUNDS) {
		share();
		if
		:: revoke()
		:: skip
		fi
	}
	if
	:: destroy_owner()
	:: skip
	fi
}

/* core/gmem_share.c: gmem_accept, accept_page */
inline accept(generation)
{
#ifndef NO_ACCEPT_LOCK
	lock();
#endif
	assert(!owner_gone); /* it walks the owner's tables */
	if
#ifdef NO_GENERATION
	:: state == SHARED && !mapped ->
#else
	:: state == SHARED && offered == generation && !mapped ->
#endif
		mapped = true;
		assert(meant_for == generation);
		state = ACCEPTED
	:: else
	fi;
#ifndef NO_ACCEPT_LOCK
	unlock()
#endif
}

/* core/gmem_share.c: gmem_return, give_back_locked */
inline give_back(generation)
{
	bool mine;

	lock();
	mine = mapped && state == ACCEPTED;
	if
	:: mine ->
		mapped = false;
		state = SHARED;
		offered = generation
	:: else
	fi;
	unlock();
	if
	:: mine -> shoot()
	:: else
	fi
}

/* The peer's first vCPU: its calls. A call of a dead one does not begin, nor
 * one that names a dead owner. */
active proctype Peer()
{
	byte n;

	for (n : 1 .. ROUNDS + 1) {
		if
		:: atomic { PEER_RUNS && !owner_dying -> peer_in_call = true };
			accept(1)
		:: atomic { PEER_RUNS -> peer_in_call = true };
			give_back(1)
		:: skip
		fi;
		peer_in_call = false
	}
}

/* The peer's second vCPU: loads and stores; it leaves its CPU when it dies. */
active proctype Use()
{
end:
	do
	:: atomic { mapped && !tlb && peer_generation == 1 -> tlb = true }
	:: atomic { tlb -> assert(!alone) }
	od
}

/* core/partition.c: destroy_step; core/gmem_share.c: gmem_reap_shares. Then the
 * slot's next partition tries the same page. */
active proctype Destroyer()
{
	if
	:: skip
	:: peer_dying = true;
		!peer_in_call;
		lock();
		/* its vCPUs have left; its tables and tags are gone after this */
#ifndef NO_REAP_RETURN
		if
		:: mapped && state == ACCEPTED ->
			state = SHARED;
			offered = 1
		:: else
		fi;
#endif
		atomic { mapped = false; tlb = false; peer_generation = 2 };
		unlock();
		peer_dying = false;
end:
		atomic { !owner_dying -> next_in_call = true };
		accept(2);
		next_in_call = false
	fi
}
