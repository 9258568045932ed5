/* Recognition by content and gzip, in front of all readers. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lip_network *net = NULL;
    lip_error err = {LIP_OK, "", "", ""};
    lip_status status = lip_network_load_memory(data, size, "input", NULL, &net, &err);
    if (status == LIP_OK) {
        fuzz_use_network(net);
        return 0;
    }
    fuzz_check_error(status, &err);
    fuzz_require(strcmp(err.file, "input") == 0);
    return 0;
}
