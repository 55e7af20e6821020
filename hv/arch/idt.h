/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptor tables, and what happens on an exception. */
#pragma once

#include "arch/cpu.h"

/*
 * Fills c->gdt and c->tss, loads GDT, segments, TR and IDT. c->stack_top and
 * the IST stacks are set up. On that CPU; on the boot CPU first.
 */
void idt_load(struct cpu *c);
