/* The .mat reader. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_reader(lip_read_mat, data, size, false);
    return 0;
}
