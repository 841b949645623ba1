"""A program of 133 bytes for trials: an image of it needs no registry, and any podman on an x86-64 machine runs it."""

from __future__ import annotations

import io
import struct
import tarfile

# Without an argument it sleeps until it is killed. With one it writes to 160 MiB, page by page, and ends with 0:
#   _start: cmpq $1,(%rsp); ja eat
#   1:      mov $34,%eax; syscall; jmp 1b                                            # pause()
#   eat:    mov $9,%eax; xor %edi,%edi; mov $160<<20,%esi; mov $3,%edx
#           mov $0x22,%r10d; mov $-1,%r8; xor %r9d,%r9d; syscall                     # mmap(), private, anonymous
#           mov %rax,%rbx; lea 160<<20(%rax),%rcx
#   2:      movb $1,(%rbx); add $4096,%rbx; cmp %rcx,%rbx; jb 2b
#           mov $60,%eax; xor %edi,%edi; syscall                                     # exit(0)
_CODE = bytes.fromhex(
    "48833c24017709b8220000000f05ebf7b80900000031ffbe0000000aba0300000041ba2200000049c7c0ffffffff4531c90f05"
    "4889c3488d880000000ac603014881c3001000004839cb72f1b83c00000031ff0f05"
)
ARCHITECTURE = "amd64"
MEMORY = 160 << 20
PATH = "/probe"
_AT = 0x400000
_HEADERS = 64 + 56


def image() -> bytes:
    """Return the root file system of the image, as a tar."""
    packed, program = io.BytesIO(), _program()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo(PATH.lstrip("/"))
        entry.size, entry.mode = len(program), 0o755
        tar.addfile(entry, io.BytesIO(program))
    return packed.getvalue()


def _program() -> bytes:
    """Return it as an executable: the header of ELF, one segment, the code (System V ABI, chapters 4 and 5)."""
    size = _HEADERS + len(_CODE)
    identity = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, _AT + _HEADERS, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _AT, _AT, size, size, 4096)
    return identity + header + segment + _CODE
