/* The .npz reader. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_reader(lip_read_npz, data, size, false);
    return 0;
}
