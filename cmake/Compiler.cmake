# One set of compile and link options for every room, carried by the target `eidetic_options`.

set(EIDETIC_SANITIZE "" CACHE STRING "Sanitizers to build with, as -fsanitize= takes them")
option(EIDETIC_FUZZ "Build the libFuzzer targets" OFF)

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG -gline-tables-only")
set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g -fno-omit-frame-pointer")
set(CMAKE_C_FLAGS_SANITIZE "-O1 -g -fno-omit-frame-pointer")

find_program(CCACHE ccache)
if(CCACHE)
  # Paths relative to the source make one cache serve every checkout.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

add_library(eidetic_options INTERFACE)
target_compile_options(
  eidetic_options
  INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall
            -Wextra
            -Wpedantic
            -Wshadow
            -Wconversion
            -Wno-sign-conversion
            -Wnon-virtual-dtor
            -Woverloaded-virtual
            -Wnull-dereference
            -Werror>)
target_link_options(eidetic_options INTERFACE -fuse-ld=lld)

if(EIDETIC_SANITIZE)
  add_compile_options(-fsanitize=${EIDETIC_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${EIDETIC_SANITIZE})
  if(EIDETIC_FUZZ)
    # Coverage for every room; only the fuzz targets link libFuzzer's main.
    add_compile_options(-fsanitize=fuzzer-no-link)
  endif()
endif()
