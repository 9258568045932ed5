# What lipcert is built on; tools/deps.sh installs it on Debian.
find_package(PkgConfig REQUIRED)
pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
pkg_check_modules(LAPACKE REQUIRED IMPORTED_TARGET lapacke)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(LIBMD REQUIRED IMPORTED_TARGET libmd)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
# DSDP has no pkg-config file
find_library(LIPCERT_DSDP dsdp REQUIRED)
find_path(LIPCERT_DSDP_INCLUDE dsdp/dsdp5.h REQUIRED)
find_program(PROTOC_C protoc-c REQUIRED)

# HiGHS is loaded while the program runs; here is where it will be looked for first.  No header is needed.
find_library(LIPCERT_HIGHS NAMES highs libhighs.so.1
  HINTS $ENV{LIPCERT_DEPS}/highs/lib ${PROJECT_BINARY_DIR}/deps/highs/lib
        ${PROJECT_SOURCE_DIR}/build/deps/highs/lib
  DOC "the shared library of HiGHS, for linear programs (optional)")
if(LIPCERT_HIGHS)
  message(STATUS "HiGHS: ${LIPCERT_HIGHS}")
else()
  message(STATUS "HiGHS: not found (tools/deps.sh --highs); linear programs will be left out")
endif()
