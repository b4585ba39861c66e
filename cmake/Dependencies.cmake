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
find_package(CURL REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(GTest REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
pkg_check_modules(VIPS REQUIRED IMPORTED_TARGET vips)
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)

# NumKong: distance kernels with run-time dispatch, from its C sources.
file(GLOB numkong_sources CONFIGURE_DEPENDS ${EIDETIC_DEPS}/numkong/c/*.c)
add_library(numkong STATIC ${numkong_sources})
target_include_directories(numkong SYSTEM PUBLIC ${EIDETIC_DEPS}/numkong/include)
target_compile_definitions(
  numkong
  PUBLIC NK_DYNAMIC_DISPATCH=1
         NK_TARGET_HASWELL=1
         NK_TARGET_SKYLAKE=1
         NK_TARGET_ICELAKE=1
         NK_TARGET_GENOA=1
         NK_TARGET_SAPPHIRE=1
         NK_TARGET_TURIN=1)
target_compile_options(numkong PRIVATE -w)

# USearch: the HNSW graph, headers only.
add_library(usearch INTERFACE)
target_include_directories(usearch SYSTEM INTERFACE ${EIDETIC_DEPS}/usearch/include)
target_compile_definitions(usearch INTERFACE USEARCH_USE_NUMKONG=1 USEARCH_USE_OPENMP=0 USEARCH_USE_FP16LIB=1)
target_link_libraries(usearch INTERFACE numkong)

# The Python that cross-room tests run in; made by `make setup`.
set(EIDETIC_PYTHON "${EIDETIC_DEPS}/venv/bin/python" CACHE FILEPATH "Python with the packages of tools/test-requirements.txt")
