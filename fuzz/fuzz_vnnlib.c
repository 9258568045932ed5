/* VNN-LIB.  The first byte chooses n; the rest is the file.  What is accepted is a box. */
#include "fuzz.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    size_t n = data[0] % 8 + 1U;
    double lo[8], hi[8];
    lip_error err = {LIP_OK, "", "", ""};
    lip_status status = lip_read_vnnlib((const char *)data + 1, size - 1, n, lo, hi, &err);
    if (status != LIP_OK) fuzz_check_error(status, &err);
    for (size_t i = 0; status == LIP_OK && i < n; ++i)
        fuzz_require(isfinite(lo[i]) && isfinite(hi[i]) && lo[i] <= hi[i]);
    return 0;
}
