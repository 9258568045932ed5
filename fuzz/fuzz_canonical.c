/* The canonical reader: what it accepts is canonical, that is, the hash of the network is the SHA-256
 * of the bytes. */
#include "fuzz.h"

#include "net/network.h"

#include <sha2.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lip_source source = {.bytes = data, .size = size};
    lip_network *net = NULL;
    lip_error err = {LIP_OK, "", "", ""};
    char hex[SHA256_DIGEST_STRING_LENGTH];
    lip_status status = lip_read_canonical(&source, &net, &err);
    if (status != LIP_OK) {
        fuzz_check_error(status, &err);
        return 0;
    }
    SHA256Data(data, size, hex);
    fuzz_require(strcmp(hex, net->sha256) == 0);
    fuzz_use_network(net);
    return 0;
}
