# Third-party libraries: Debian packages (tools/debian-packages.txt) and what `make setup` unpacks into .deps
# (tools/native-requirements.txt). Each is linked by one room only; README.md has the table.

set(EIDETIC_DEPS "${CMAKE_SOURCE_DIR}/.deps" CACHE PATH "Folder that `make setup` fills")

set(OpenVINO_DIR "${EIDETIC_DEPS}/openvino/cmake")
if(NOT EXISTS "${OpenVINO_DIR}/OpenVINOConfig.cmake")
  message(FATAL_ERROR "${EIDETIC_DEPS} holds no OpenVINO: run `make setup` first")
endif()
find_package(OpenVINO REQUIRED COMPONENTS Runtime)
find_package(PkgConfig REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Boost 1.81 REQUIRED) # headers: Beast and Asio
find_package(CURL REQUIRED)
find_package(LibArchive REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(simdjson REQUIRED)
find_package(pugixml REQUIRED)
find_package(GTest REQUIRED)
find_package(Threads REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
pkg_check_modules(VIPS REQUIRED IMPORTED_TARGET vips)
pkg_check_modules(EXIF REQUIRED IMPORTED_TARGET libexif)
pkg_check_modules(OPENBLAS REQUIRED IMPORTED_TARGET openblas)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET tomlplusplus)
pkg_check_modules(PROTOBUF REQUIRED IMPORTED_TARGET protobuf)
pkg_check_modules(PROMETHEUS REQUIRED IMPORTED_TARGET prometheus-cpp-core)

# VLFeat brings no description of itself.
find_library(VLFEAT_LIBRARY vl REQUIRED)
find_path(VLFEAT_INCLUDE_DIR vl/sift.h REQUIRED)
add_library(VLFeat::vl UNKNOWN IMPORTED)
set_target_properties(VLFeat::vl PROPERTIES IMPORTED_LOCATION "${VLFEAT_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES
                                                                                  "${VLFEAT_INCLUDE_DIR}")

# ONNX brings none for pkg-config; its messages alone are used.
find_library(ONNX_PROTO_LIBRARY onnx_proto REQUIRED)
add_library(ONNX::proto UNKNOWN IMPORTED)
set_target_properties(ONNX::proto PROPERTIES IMPORTED_LOCATION "${ONNX_PROTO_LIBRARY}" INTERFACE_LINK_LIBRARIES
                                                                                      PkgConfig::PROTOBUF)

# Hugging Face's tokenizers, built from tools/tokenizers; Rust's standard library is in it.
if(NOT EXISTS "${EIDETIC_DEPS}/tokenizers/libeidetic_tokenizers.a")
  message(FATAL_ERROR "${EIDETIC_DEPS} holds no tokenizers: run `make setup` first")
endif()
add_library(HuggingFace::tokenizers STATIC IMPORTED)
set_target_properties(
  HuggingFace::tokenizers
  PROPERTIES IMPORTED_LOCATION "${EIDETIC_DEPS}/tokenizers/libeidetic_tokenizers.a" INTERFACE_INCLUDE_DIRECTORIES
                                                                                    "${EIDETIC_DEPS}/tokenizers"
             INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS};m")

# The Python that cross-room tests run in; made by `make setup`.
set(EIDETIC_PYTHON "${EIDETIC_DEPS}/venv/bin/python" CACHE FILEPATH "Python with the packages of tools/test-requirements.txt")
