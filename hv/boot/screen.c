/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame buffer that UEFI draws to (UEFI 2.10, 12.9). */
#include "boot/boot.h"
#include "boot/host.h"

void screen_find(void)
{
	EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
	EFI_GRAPHICS_OUTPUT_PROTOCOL *gop = NULL;
	const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *i;

	if (boot_bs->LocateProtocol(&guid, NULL, (void **)&gop) || !gop->Mode)
		return;
	i = gop->Mode->Info;
	if (i->PixelFormat > PixelBlueGreenRedReserved8BitPerColor)
		return;
	boot_screen = (struct boot_screen){
		.base = gop->Mode->FrameBufferBase,
		.size = gop->Mode->FrameBufferSize,
		.width = i->HorizontalResolution,
		.height = i->VerticalResolution,
		.stride = i->PixelsPerScanLine,
	};
}
