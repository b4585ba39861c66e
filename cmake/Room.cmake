# eidetic_room(NAME SOURCES … DEPENDS rooms… LIBRARIES third-party targets… TESTS files… SERVER_TESTS files…)
#
# One static library a room. A room's headers are reached as "room/file.h" through an include folder that holds that room
# alone, so a room sees the rooms it depends on and no other: a wrong include does not compile.

# For every test. Debian's libraries are not built for the thread sanitizer, which cannot see that they lock; oneTBB must be
# told that there is a sanitizer.
set(EIDETIC_TEST_ENVIRONMENT
    TSAN_OPTIONS=ignore_noninstrumented_modules=1 TBB_ENABLE_SANITIZERS=1
    LSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/leaks.txt:print_suppressions=0)

# The program of some of a room's tests.
macro(eidetic_room_test room program)
  add_executable(${program} ${ARGN})
  target_link_libraries(${program} PRIVATE eidetic_${room} eidetic_options ${ROOM_TEST_LIBRARIES} GTest::gtest_main
                                           GTest::gmock)
  target_compile_definitions(${program} PRIVATE EIDETIC_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endmacro()

function(eidetic_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPENDS;LIBRARIES;TESTS;SERVER_TESTS;TEST_LIBRARIES" ${ARGN})
  set(target eidetic_${name})
  set(view ${CMAKE_BINARY_DIR}/rooms/${name})
  file(MAKE_DIRECTORY ${view})
  if(NOT EXISTS ${view}/${name})
    file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${view}/${name} SYMBOLIC)
  endif()

  add_library(${target} STATIC ${ROOM_SOURCES})
  target_include_directories(${target} PUBLIC ${view})
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/include)
  list(TRANSFORM ROOM_DEPENDS PREPEND eidetic_)
  target_link_libraries(
    ${target}
    PUBLIC ${ROOM_DEPENDS}
    PRIVATE eidetic_options ${ROOM_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY EIDETIC_ROOMS ${target})

  if(ROOM_TESTS)
    eidetic_room_test(${name} ${name}_test ${ROOM_TESTS})
    add_test(NAME ${name} COMMAND ${name}_test)
    set_tests_properties(${name} PROPERTIES TIMEOUT 1500 ENVIRONMENT "${EIDETIC_TEST_ENVIRONMENT}")
  endif()
  # Those that need real servers (make test-servers); without any they skip.
  if(ROOM_SERVER_TESTS)
    eidetic_room_test(${name} ${name}_servers_test ${ROOM_SERVER_TESTS})
    add_test(NAME ${name}_servers COMMAND ${name}_servers_test)
    set_tests_properties(${name}_servers PROPERTIES TIMEOUT 3000 LABELS servers ENVIRONMENT
                                                                                  "${EIDETIC_TEST_ENVIRONMENT}")
  endif()
endfunction()

# eidetic_fuzzer(NAME SOURCE rooms…): a libFuzzer target, only in the fuzz preset.
function(eidetic_fuzzer name source)
  if(NOT EIDETIC_FUZZ)
    return()
  endif()
  add_executable(${name} ${source})
  list(TRANSFORM ARGN PREPEND eidetic_)
  target_link_libraries(${name} PRIVATE eidetic_options ${ARGN})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endfunction()
