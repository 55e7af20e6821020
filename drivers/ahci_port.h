/* SPDX-License-Identifier: BSD-2-Clause */
/* AHCI's registers, and the engine of the HBA and of a port: for the driver's
 * own files. */
#ifndef DRIVERS_AHCI_PORT_H
#define DRIVERS_AHCI_PORT_H

#include "ahci.h"

/* Generic host control (AHCI 1.3.1, 3.1). */
#define HBA_CAP 0x00u
#define HBA_GHC 0x04u
#define HBA_IS 0x08u
#define HBA_PI 0x0cu
#define HBA_CAP2 0x24u
#define HBA_BOHC 0x28u

#define CAP_SLOTS(cap) ((cap) >> 8 & 31) /* less one */
#define CAP_S64A (1u << 31)
#define GHC_HR (1u << 0)
#define GHC_IE (1u << 1)
#define GHC_AE (1u << 31)
#define CAP2_BOH (1u << 0)
#define BOHC_BOS (1u << 0)
#define BOHC_OOS (1u << 1)

/* Port registers (3.3). */
#define PORT_BASE 0x100u
#define PORT_BYTES 0x80u
#define PORT_CLB 0x00u
#define PORT_FB 0x08u
#define PORT_IS 0x10u
#define PORT_IE 0x14u
#define PORT_CMD 0x18u
#define PORT_TFD 0x20u
#define PORT_SIG 0x24u
#define PORT_SSTS 0x28u
#define PORT_SCTL 0x2cu
#define PORT_SERR 0x30u
#define PORT_CI 0x38u

#define CMD_ST (1u << 0)
#define CMD_SUD (1u << 1)
#define CMD_POD (1u << 2)
#define CMD_FRE (1u << 4)
#define CMD_FR (1u << 14)
#define CMD_CR (1u << 15)
#define CMD_ICC_ACTIVE (1u << 28)

#define IS_DHRS (1u << 0)
#define IS_PSS (1u << 1)
#define IS_PCS (1u << 6)
#define IS_PRCS (1u << 22)
#define IS_OFS (1u << 24)
#define IS_IFS (1u << 27)
#define IS_HBDS (1u << 28)
#define IS_HBFS (1u << 29)
#define IS_TFES (1u << 30)
#define IS_ERRORS (IS_OFS | IS_IFS | IS_HBDS | IS_HBFS | IS_TFES)
#define IS_WANTED (IS_DHRS | IS_PSS | IS_PCS | IS_PRCS | IS_ERRORS)

#define SIG_ATA 0x00000101u
#define SSTS_DET 0x0fu
#define DET_NONE 0u
#define DET_READY 3u
#define SCTL_DET_INIT 1u
#define SCTL_NO_SLEEP 0x300u

#define HEADER_FIS_WORDS 5u
#define HEADER_WRITE (1u << 6)
#define HEADER_PRDS 16 /* shift */
#define FIS_H2D 0x27u
#define FIS_COMMAND 0x80u

static inline uint32_t ahci_read(struct ahci *h, unsigned reg)
{
	return (uint32_t)h->env->mmio_read(h->env, h->regs + reg, 4);
}

static inline void ahci_write(struct ahci *h, unsigned reg, uint32_t v)
{
	h->env->mmio_write(h->env, h->regs + reg, 4, v);
}

static inline uint32_t ahci_port_read(struct ahci_port *d, unsigned reg)
{
	return ahci_read(d->hba, (unsigned)(d->regs + reg));
}

static inline void ahci_port_write(struct ahci_port *d, unsigned reg,
				   uint32_t v)
{
	ahci_write(d->hba, (unsigned)(d->regs + reg), v);
}

/* Takes the HBA from the firmware (10.6.3); one that does not let go is reset
 * all the same. */
void ahci_take_over(struct ahci *h);

/* Resets all ports: what they were doing is lost. False: it hangs. */
bool ahci_hba_reset(struct ahci *h);

/* Finds the ports, of which bar_size says how many can be; powers them up. */
void ahci_ports_init(struct ahci *h, uint64_t bar_size);

/* Waits until each port has a disk, or none of them is about to. */
void ahci_detect(struct ahci *h);

/* From a stopped port to one that takes commands (10.3.1). */
bool ahci_port_run(struct ahci_port *d);
/* Ends that (10.1.2), and its interrupts; false: it hangs. */
bool ahci_port_stop(struct ahci_port *d);
void ahci_port_clear(struct ahci_port *d);
void ahci_comreset(struct ahci_port *d);

/* A command is filled in three parts. False: the HBA cannot reach a piece; each
 * is at most BLK_MAX_BYTES long. */
bool ahci_prds_fill(struct ahci_port *d, unsigned slot,
		    const struct blk_seg *seg, uint32_t nsegs);
void ahci_fis_fill(struct ahci_port *d, unsigned slot, uint8_t command,
		   uint64_t lba, uint32_t count);
void ahci_header_fill(struct ahci_port *d, unsigned slot, uint32_t nsegs,
		      bool write);

/* IDENTIFY DEVICE, by polling. Null, or what is wrong. */
const char *ahci_identify(struct ahci_port *d);

#endif
