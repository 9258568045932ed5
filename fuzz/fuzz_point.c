/* Points.  The first byte chooses n, the second the row; the rest is the file. */
#include "fuzz.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    size_t n = data[0] % 16 + 1U, row = data[1] % 8;
    double x[16];
    lip_error err = {LIP_OK, "", "", ""};
    lip_status status = lip_read_point(data + 2, size - 2, row, 0.5, n, x, &err);
    if (status != LIP_OK) fuzz_check_error(status, &err);
    for (size_t i = 0; status == LIP_OK && i < n; ++i) fuzz_require(isfinite(x[i]));
    return 0;
}
