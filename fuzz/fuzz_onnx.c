/* The ONNX reader, without external data. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_reader(lip_read_onnx, data, size, false);
    return 0;
}
