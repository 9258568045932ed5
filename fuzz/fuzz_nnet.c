/* The .nnet reader, with and without normalisation. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_reader(lip_read_nnet, data, size, false);
    fuzz_reader(lip_read_nnet, data, size, true);
    return 0;
}
