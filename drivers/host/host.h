/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the host partition's program know of each other. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "block.h"
#include "config.h"
#include "pvabi/abi.h"

/* Guest-physical addresses of the host partition that are its own to use. */
#define HOST_TRACE 0x1e00000000ull    /* trace ring of CPU n: + n * 128 KiB */
#define HOST_IO_PAGES 0x1f00000000ull /* guest slot n: + n * 4 KiB */
#define HOST_WINDOW 0x2000000000ull   /* guest slot n: + n * 4 GiB */
#define HOST_WINDOW_STEP 0x100000000ull

/* Event ports of the host partition; those of interrupts are allocated. */
#define HOST_PORT_LOG 1u
#define HOST_PORT_TEST 2u  /* + PV_NOTIFY_*: partitions of the self test */
#define HOST_PORT_TRACE 4u /* half of a trace ring has been filled */
#define HOST_PORT_GUEST(slot) (64u + 16u * (slot))
#define HOST_PORT_TOLD 0u   /* + PV_NOTIFY_* */
#define HOST_PORT_IO 2u	    /* I/O requests */
#define HOST_PORT_NOTIFY 3u /* + virtio device: QueueNotify */

_Static_assert(HOST_PORT_GUEST(CFG_GUESTS) <= PV_PORTS, "ports suffice");

extern struct env host_env; /* env_host.c */
void host_env_init(void);   /* first of all */

/*
 * Sends an event soon: the last one before the host sleeps goes out together
 * with its wait, in one exit.
 */
void host_send(uint64_t event);

/* The shell and the control channel look in the next round of the loop. */
void host_operator_look(void);

/* The loop looks again, without sleeping, before it waits. */
void host_again(void);

/* The loop wakes up no later than that (kit_time_ns). */
void host_wake_at(uint64_t ns);

/* Runs what is pending, then sleeps until something is, or that time. */
void host_wait(uint64_t until_ns);

/* Prints the hypervisor's log so far. */
void host_log_drain(void);

/* Ends everything. */
_Noreturn void host_off(unsigned status);

/* Calls that should not fail but would mean a bug: dies naming them. */
void host_must(uint64_t status, const char *what);

/* The file `name` among the modules; null: absent. */
const void *host_file(const char *name, size_t *size);

void selftest_run(void); /* selftest.c */

#endif
