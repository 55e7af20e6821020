/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads the files of \parley\ on the boot volume, and allocates for good. */
#include "boot/boot.h"
#include "lib/string.h"

static CHAR16 folder_name[] = { '\\', 'p', 'a', 'r', 'l', 'e', 'y', 0 };

void *boot_pages(u64 n, u64 align)
{
	EFI_PHYSICAL_ADDRESS at = 0;
	u64 spare = align / PAGE_SIZE - 1, start, size = n * PAGE_SIZE;

	if (boot_bs->AllocatePages(AllocateAnyPages, EfiLoaderData, n + spare,
				   &at))
		boot_fail("out of memory: no room for %lu KiB", size >> 10);
	start = (at + align - 1) & ~(align - 1);
	if (start > at)
		boot_bs->FreePages(at, (start - at) / PAGE_SIZE);
	if (at + spare * PAGE_SIZE > start)
		boot_bs->FreePages(start + size,
				   (at + spare * PAGE_SIZE - start) /
					   PAGE_SIZE);
	memset((void *)start, 0, size);
	return (void *)start;
}

static void name_copy(char *to, const CHAR16 *from)
{
	u32 i = 0;

	for (; from[i]; i++) {
		if (i == BOOT_NAME_LEN - 1)
			boot_fail("\\parley\\%s...: file name of more than %u "
				  "characters",
				  to, BOOT_NAME_LEN - 1);
		to[i] = from[i] < 0x80 ? (char)from[i] : '_';
	}
	to[i] = '\0';
}

static void load_file(EFI_FILE *folder, EFI_FILE_INFO *info,
		      struct boot_module *m)
{
	UINTN size = info->FileSize;
	u64 pages = (size + PAGE_SIZE - 1) / PAGE_SIZE;
	EFI_FILE *file;
	EFI_STATUS err;

	m->size = size;
	m->start = (u64)boot_pages(pages ? pages : 1, PAGE_SIZE);
	err = folder->Open(folder, &file, info->FileName, EFI_FILE_MODE_READ,
			   0);
	if (!err) {
		err = file->Read(file, &size, (void *)m->start);
		file->Close(file);
	}
	if (err || size != m->size)
		boot_fail("\\parley\\%s: cannot be read (UEFI status 0x%lx)",
			  m->name, (u64)err);
}

static EFI_FILE *open_folder(void)
{
	EFI_GUID image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
	EFI_GUID fs_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
	EFI_LOADED_IMAGE *image;
	EFI_FILE_IO_INTERFACE *fs;
	EFI_FILE *root, *folder;
	void *p;

	if (boot_bs->HandleProtocol(boot_self, &image_guid, &p))
		boot_fail("UEFI does not say where it loaded this image from");
	image = p;
	if (!image->DeviceHandle ||
	    boot_bs->HandleProtocol(image->DeviceHandle, &fs_guid, &p))
		boot_fail("the boot volume has no file system");
	fs = p;
	if (fs->OpenVolume(fs, &root))
		boot_fail("the boot volume cannot be opened");
	if (root->Open(root, &folder, folder_name, EFI_FILE_MODE_READ, 0))
		boot_fail("no folder \\parley on the boot volume");
	root->Close(root);
	return folder;
}

struct boot_module boot_modules[BOOT_MAX_MODULES];
u32 boot_nr_modules;

void boot_load_modules(void)
{
	u64 buf[96]; /* a file name has at most 255 characters */
	EFI_FILE_INFO *info = (EFI_FILE_INFO *)buf;
	EFI_FILE *folder = open_folder();
	struct boot_module *m;
	u64 total = 0;

	for (;;) {
		UINTN size = sizeof(buf);

		if (folder->Read(folder, &size, buf))
			boot_fail("the folder \\parley cannot be read");
		if (!size)
			break;
		if (info->Attribute & EFI_FILE_DIRECTORY)
			continue;
		if (boot_nr_modules == BOOT_MAX_MODULES)
			boot_fail("more than %u files in \\parley",
				  BOOT_MAX_MODULES);
		m = &boot_modules[boot_nr_modules++];
		name_copy(m->name, info->FileName);
		load_file(folder, info, m);
		total += m->size;
	}
	folder->Close(folder);
	if (!boot_nr_modules)
		boot_fail("no file in \\parley on the boot volume");
	say("parley: boot: %u files, %lu KiB\n", boot_nr_modules, total >> 10);
}
