# What a user gets besides the program: the header, the shared and the static library, lipcert.pc and a
# CMake package.
#
# What the static library needs at the final link is written out as plain linker flags of the shared
# OpenBLAS etc.: an export must not name our private targets, and the static dependencies of those
# libraries, such as the Fortran runtime, are not ours to drag in.
set(lipcert_needs ${LAPACKE_LDFLAGS} ${OPENBLAS_LDFLAGS} ${PROTOBUF_C_LDFLAGS} ${LIBZIP_LDFLAGS}
    ${ZLIB_LDFLAGS} ${LIBMD_LDFLAGS} -ldsdp -ldl -lm)
list(REMOVE_DUPLICATES lipcert_needs)
list(JOIN lipcert_needs " " lipcert_pc_private)

get_target_property(build_needs lipcert_static INTERFACE_LINK_LIBRARIES)
list(TRANSFORM build_needs REPLACE "(.+)" "$<BUILD_INTERFACE:\\1>")
set(install_needs ${lipcert_needs})
list(TRANSFORM install_needs REPLACE "(.+)" "$<INSTALL_INTERFACE:\\1>")
set_property(TARGET lipcert_static PROPERTY INTERFACE_LINK_LIBRARIES ${build_needs} ${install_needs})
set_property(TARGET lipcert_shared PROPERTY EXPORT_NAME lipcert)

# lipcert.pc finds its prefix from where it lies, so `cmake --install --prefix` may choose it late.
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lipcert)
set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH lipcert_pc_up /${pc_dir} /)
string(REGEX REPLACE "/$" "" lipcert_pc_up "${lipcert_pc_up}")
configure_file(cmake/lipcert.pc.in lipcert.pc @ONLY)

include(CMakePackageConfigHelpers)
configure_package_config_file(cmake/lipcertConfig.cmake.in lipcertConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(lipcertConfigVersion.cmake COMPATIBILITY SameMinorVersion)

install(TARGETS lipcert_shared lipcert_static EXPORT lipcertTargets)
install(EXPORT lipcertTargets NAMESPACE lipcert:: DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/lipcertConfig.cmake
  ${PROJECT_BINARY_DIR}/lipcertConfigVersion.cmake DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/lipcert.pc DESTINATION ${pc_dir})
install(FILES include/lipcert.h include/lipcert_settings.h TYPE INCLUDE)
install(FILES LICENSE README.md CHANGELOG.md TYPE DOC)
