/* Included before every source of lipcheck for fuzz_certificate.c, where main, exit, fopen and calloc are
 * macros (CMakeLists.txt): what these names stand for. */
#ifndef FUZZ_RENAMED_H
#define FUZZ_RENAMED_H

#include <stdio.h>

int lipcheck_main(int argc, char **argv);
_Noreturn void lipcheck_exit(int status);
FILE *lipcheck_fopen(const char *name, const char *mode);
void *lipcheck_calloc(size_t count, size_t size);

#endif
