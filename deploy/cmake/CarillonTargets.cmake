# How every target of Carillon is made.

add_library(carillon_warnings INTERFACE)
target_compile_options(carillon_warnings INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor)
if(CARILLON_WERROR)
  target_compile_options(carillon_warnings INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  target_compile_options(carillon_warnings INTERFACE -Wthread-safety)
endif()
if(CARILLON_SANITIZE)
  add_compile_options(-fsanitize=${CARILLON_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${CARILLON_SANITIZE})
endif()
# What ThreadSanitizer has to be told of libraries that were built without it: part of every program.
if(CARILLON_SANITIZE MATCHES thread)
  add_library(carillon_tsan OBJECT ${CMAKE_CURRENT_LIST_DIR}/tsan_abseil.cc
              ${CMAKE_CURRENT_LIST_DIR}/tsan_grpc.cc)
endif()

# carillon_library(room SOURCES a.cc … DEPS target …): a static library `carillon_room` with the alias carillon::room.
# Its headers are included by their path from the root of the project.
function(carillon_library room)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(carillon_${room} STATIC ${ARG_SOURCES})
  add_library(carillon::${room} ALIAS carillon_${room})
  target_include_directories(carillon_${room} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_link_libraries(carillon_${room} PUBLIC ${ARG_DEPS}
                        PRIVATE $<BUILD_INTERFACE:carillon_warnings>)
endfunction()

# carillon_program(name SOURCES … DEPS …): an executable in bin/.
function(carillon_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} carillon_warnings)
  if(TARGET carillon_tsan)
    target_link_libraries(${name} PRIVATE carillon_tsan absl::synchronization)
  endif()
endfunction()

# carillon_test(name SOURCES … DEPS …): a GoogleTest program in bin/tests/, known to ctest case by case under the label "unit".
function(carillon_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  carillon_program(${name} SOURCES ${ARG_SOURCES} DEPS ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin/tests)
  gtest_discover_tests(${name} TEST_PREFIX "${CARILLON_TEST_PREFIX}" PROPERTIES LABELS unit DISCOVERY_TIMEOUT 60)
endfunction()
