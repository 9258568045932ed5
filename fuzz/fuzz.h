/* What the fuzz targets share.  A target checks more than "no crash": what a reader accepts must be a
 * network that evaluates, and what it refuses must come with a sentence. */
#ifndef LIP_FUZZ_H
#define LIP_FUZZ_H

#include "lipcert.h"
#include "read/reader.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stop the fuzzer: a property does not hold. */
static inline void fuzz_require(bool property) {
    if (!property) abort();
}

static inline void fuzz_check_error(lip_status status, const lip_error *err) {
    fuzz_require(status == err->status && status != LIP_OK);
    fuzz_require(err->message[0] != '\0' && memchr(err->message, '\0', sizeof err->message));
}

/* Evaluate a network of moderate size at 0, then free it. */
static inline void fuzz_use_network(lip_network *net) {
    lip_network_info info;
    lip_network_get_info(net, &info);
    fuzz_require(info.inputs > 0 && info.outputs > 0 && info.layers > 0);
    fuzz_require(strlen(info.sha256) == 64);
    if (info.inputs < 100000 && info.outputs < 100000) {
        double *x = calloc(info.inputs, sizeof *x), *y = calloc(info.outputs, sizeof *y);
        if (x && y) lip_network_eval(net, x, y, NULL);
        free(x);
        free(y);
    }
    lip_network_free(net);
}

/* Run one reader on the bytes. */
static inline void fuzz_reader(lip_reader reader, const uint8_t *data, size_t size,
                               bool normalise) {
    lip_source source = {.bytes = data, .size = size, .options = {.nnet_normalise = normalise}};
    lip_network *net = NULL;
    lip_error err = {LIP_OK, "", "", ""};
    lip_status status = reader(&source, &net, &err);
    if (status == LIP_OK)
        fuzz_use_network(net);
    else
        fuzz_check_error(status, &err);
}

#endif
