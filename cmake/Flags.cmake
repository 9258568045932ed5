# Compiler flags shared by everything: warnings, and floating point without liberties.
add_library(lipcert_flags INTERFACE)
target_compile_options(lipcert_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes
  -ffp-contract=off -frounding-math)
if(CMAKE_C_COMPILER_ID MATCHES Clang)
  # clang 14 knows -frounding-math but warns that it is not complete on some targets
  target_compile_options(lipcert_flags INTERFACE -Wno-unsupported-floating-point-opt)
endif()
if(LIPCERT_WERROR)
  target_compile_options(lipcert_flags INTERFACE -Werror)
endif()
target_compile_definitions(lipcert_flags INTERFACE _XOPEN_SOURCE=700)
if(LIPCERT_SANITIZE)
  target_compile_options(lipcert_flags INTERFACE -fsanitize=${LIPCERT_SANITIZE}
    -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
  target_link_options(lipcert_flags INTERFACE -fsanitize=${LIPCERT_SANITIZE})
endif()
