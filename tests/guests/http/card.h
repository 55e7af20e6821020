/* SPDX-License-Identifier: BSD-2-Clause */
/* The network card as an interface of lwIP's. */
#ifndef HTTP_CARD_H
#define HTTP_CARD_H

#include <stdbool.h>

/*
 * Starts the card of that name, with the address of the command line (ip=,
 * mask=, gw=), else by DHCP. Null, or why there is none.
 */
const char *card_start(const char *name);

/* Hands all frames that have come to lwIP. */
void card_poll(void);
/* Has a frame come? With interrupts off: if not, one that comes ends a wait. */
bool card_pending(void);
/* Is there no card, or has it an address? */
bool card_ready(void);

#endif
