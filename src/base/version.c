#include "lipcert.h"

#include <protobuf-c/protobuf-c.h>
#include <zip.h>
#include <zlib.h>

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif

#ifdef LIPCERT_HIGHS
#define HIGHS "found when built, loaded when needed"
#else
#define HIGHS "not found when built, looked for when needed"
#endif

const char *lip_version(void) { return LIPCERT_VERSION; }

const char *lip_build_info(void) {
    return "compiler " COMPILER "\n"
           "blas " LIPCERT_BLAS "\n"
           "protobuf-c " PROTOBUF_C_VERSION "\n"
           "libzip " LIBZIP_VERSION "\n"
           "zlib " ZLIB_VERSION "\n"
           "dsdp 5\n"
           "highs " HIGHS "\n"
           "formats onnx nnet npz mat canonical gzip vnnlib\n";
}
