/* embed: a file that the program carries, put into it by the assembler. */
#ifndef SIL_BASE_EMBED_H
#define SIL_BASE_EMBED_H

#include <stdint.h>

/* Defines `name` and `name_size` from a file; the path is a literal from the folder that `make` runs in. A NUL follows
 * the bytes. The Makefile has to say that the object depends on the file. */
#define EMBED(name, path)                                                                                              \
    __asm__(".pushsection .rodata\n"                                                                                   \
            ".balign 8\n"                                                                                              \
            ".global " #name "_size\n" #name "_size: .quad 2f - 1f\n"                                                  \
            ".global " #name "\n" #name ":\n"                                                                          \
            "1: .incbin \"" path "\"\n"                                                                                \
            "2: .byte 0\n"                                                                                             \
            ".popsection\n");                                                                                          \
    extern const char(name)[];                                                                                         \
    extern const uint64_t name##_size

#endif
