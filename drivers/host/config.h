/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration file as the host partition understands it. */
#ifndef HOST_CONFIG_H
#define HOST_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CFG_GUESTS 72u
#define CFG_CRASHES 8u
#define CFG_VDEVS 8u /* virtio devices of a guest */
#define CFG_DEVICES 4u
#define CFG_DISKS 8u /* physical ones */
#define CFG_SWITCHES 4u
#define CFG_NAME 24u  /* bytes, NUL included, as in struct pv_device */
#define CFG_IMAGE 40u /* as in struct pv_module */
#define CFG_SOURCE 128u
#define CFG_CMDLINE 512u
#define CFG_MEMORY_MIN (1ull << 20)
#define CFG_MEMORY_MAX (0xf0000000ull) /* device registers lie above */

enum cfg_vdev_type {
	VDEV_DISK,
	VDEV_NET,
	VDEV_ENTROPY,
	VDEV_FOLDER,
	VDEV_CONSOLE
};

enum cfg_disk_kind {
	DISK_PART,
	DISK_RANGE,
	DISK_WHOLE,
	DISK_FILE,
	DISK_RAM,
	DISK_NULL
};

/* What a guest may do: DISK_OVERLAY: write, but not to what the disk is made
 * of. */
enum cfg_disk_mode { DISK_WRITES, DISK_READS, DISK_OVERLAY };

#define CFG_OVERLAY (16u << 20) /* bytes of an overlay, if none is given */

/* A virtio device. */
struct cfg_vdev {
	char name[CFG_NAME];
	enum cfg_vdev_type type;
	bool has_mac; /* VDEV_NET */
	uint8_t mac[6];
	unsigned sw;		 /* VDEV_NET: number of its switch */
	unsigned guest, index;	 /* whose, and its how-manieth */
	enum cfg_disk_kind kind; /* VDEV_DISK */
	/* partition or module name; VDEV_FOLDER: PARTITION[/DIR]; DISK_FILE:
	 * PARTITION/PATH */
	char source[CFG_SOURCE];
	uint64_t bytes; /* DISK_NULL, an empty DISK_RAM */
	/* DISK_RANGE, DISK_WHOLE: of which physical disk; and its sectors */
	unsigned disk;
	uint64_t first, count;
	enum cfg_disk_mode mode;
	uint64_t overlay_bytes; /* at most, of DISK_OVERLAY */
};

enum cfg_console { CONSOLE_OUT, CONSOLE_KEYBOARD, CONSOLE_NULL };

/* How its counters are printed when it ends. */
enum cfg_counters { COUNTERS_NO, COUNTERS_TEXT, COUNTERS_CSV };

struct cfg_guest {
	unsigned line; /* of its section */
	char name[CFG_NAME];
	char image[CFG_IMAGE];
	unsigned profile; /* PV_PROFILE_* */
	uint64_t memory;
	unsigned vcpus;
	int cpu; /* -1: any */
	unsigned priority;
	unsigned slice_us; /* 0: the hypervisor's */
	char cmdline[CFG_CMDLINE];
	struct cfg_vdev vdev[CFG_VDEVS];
	unsigned nr_vdevs;
	uint16_t device
		[CFG_DEVICES]; /* PCI: bus << 8 | device << 3 | function */
	unsigned nr_devices;
	bool unsafe_dma;
	unsigned share_all; /* 0 or 1 */
	char after[CFG_NAME];
	int after_guest; /* index, -1: none */
	bool start_no;	 /* by the operator only */
	char kill_after[CFG_NAME];
	int kill_guest;
	bool expect_set, expect_crash;
	unsigned expect_code;
	enum cfg_console console;
	char log[CFG_IMAGE]; /* PARTITION/[DIR/]FILE; "": none */
	bool stats;
	unsigned counters; /* enum cfg_counters */
	unsigned trace;	   /* PV_TRACE_* */
	uint32_t seen;	   /* which keys were given */
};

/* As what a trace is shown on the console. */
enum cfg_trace { TRACE_TO_TEXT, TRACE_TO_RAW, TRACE_TO_BOTH };

/* Is the console on the screen? AUTO: where there is no UART. */
enum cfg_screen { SCREEN_AUTO, SCREEN_NO, SCREEN_YES };

struct config {
	bool selftest;
	bool shell;	  /* stays on for the operator */
	unsigned control; /* a channel for programs: 1: COM2 */
	unsigned pcap;	  /* what the switches forward: 1: to COM3 */
	unsigned trace;	  /* enum cfg_trace */
	unsigned screen;  /* enum cfg_screen */
	bool count;	  /* the free memory */
	unsigned nr_crashes;
	struct {
		unsigned step, insns;
	} crash[CFG_CRASHES]; /* where each life ends: crash.h */
	uint64_t host_memory;
	uint32_t netprobe; /* an IPv4 address, 0: none */
	uint32_t seen;
	unsigned nr_guests;
	struct cfg_guest guest[CFG_GUESTS];
};

/*
 * Parses the text of `file` (a name for messages). Returns true, or false
 * with err = "FILE:LINE: what is wrong". Section [hypervisor] is skipped: the
 * hypervisor has read it.
 */
bool config_parse(struct config *c, const char *file, const char *text,
		  size_t len, char *err, size_t err_size);

/* Is that PCI function some guest's? */
bool config_assigns(const struct config *c, uint16_t bdf);

#endif
