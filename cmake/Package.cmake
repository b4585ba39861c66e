# What `cmake --install` puts where, for find_package(Eidetic):
#   lib/libeidetic.so          all rooms below the server and the command line
#   lib/eidetic/               the OpenVINO run-time that it loads, found relative to it: the tree may be moved
#   include/eidetic/           the public headers
#   share/eidetic/models/      the bundled models
#   bin/eidetic                the command line

include(CMakePackageConfigHelpers)

get_property(rooms GLOBAL PROPERTY EIDETIC_ROOMS)
list(REMOVE_ITEM rooms eidetic_cli eidetic_server)
# Named apart from the program `eidetic`. Whole objects, because nothing in the library calls what users will; the rooms
# once more for the libraries that they link.
list(TRANSFORM rooms REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)
add_library(eidetic_shared SHARED ${objects})
target_link_libraries(eidetic_shared PRIVATE ${rooms} eidetic_options)
target_link_options(eidetic_shared PRIVATE -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/exports.map)
target_include_directories(eidetic_shared INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(eidetic_shared INTERFACE cxx_std_23)
set_target_properties(
  eidetic_shared
  PROPERTIES OUTPUT_NAME eidetic
             EXPORT_NAME eidetic
             VERSION ${PROJECT_VERSION}
             SOVERSION ${PROJECT_VERSION_MAJOR}
             LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/exports.map
             INSTALL_RPATH "$ORIGIN/eidetic")

install(TARGETS eidetic_shared EXPORT EideticTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/eidetic DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/eidetic/models)
set_target_properties(eidetic_program PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}/eidetic")
install(TARGETS eidetic_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# The processor plugin, readers of the model formats that bundles may hold, and the thread library.
set(openvino ${EIDETIC_DEPS}/openvino/libs)
file(
  GLOB runtime
  ${openvino}/libopenvino.so.*
  ${openvino}/libopenvino_intel_cpu_plugin.so
  ${openvino}/libopenvino_ir_frontend.so.*
  ${openvino}/libopenvino_onnx_frontend.so.*
  ${openvino}/libopenvino_paddle_frontend.so.*
  ${openvino}/libopenvino_tensorflow_lite_frontend.so.*
  ${openvino}/libtbb*.so.*
  ${openvino}/libhwloc.so.*)
install(FILES ${runtime} DESTINATION ${CMAKE_INSTALL_LIBDIR}/eidetic)

set(config ${CMAKE_INSTALL_LIBDIR}/cmake/Eidetic)
configure_package_config_file(cmake/EideticConfig.cmake.in ${CMAKE_BINARY_DIR}/EideticConfig.cmake
                              INSTALL_DESTINATION ${config})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/EideticConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/EideticConfig.cmake ${CMAKE_BINARY_DIR}/EideticConfigVersion.cmake
        DESTINATION ${config})
install(EXPORT EideticTargets NAMESPACE Eidetic:: DESTINATION ${config})
