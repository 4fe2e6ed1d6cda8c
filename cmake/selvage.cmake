# SPDX-License-Identifier: Apache-2.0
#
# Flags and helpers for every folder.
#
#   selvage_library(NAME SOURCES a.c b.c LIBS x y)   a static library
#   selvage_program(NAME SOURCES main.c LIBS x y)    lands in build/bin
#   selvage_test(NAME SOURCES test_x.c LIBS x y)     a cmocka test, run by ctest
#   selvage_script(NAME COMMAND c args... [LABELS l] [TIMEOUT seconds])
#                                                    a test that is a command
#   selvage_fuzz(NAME SOURCES fuzz_x.c LIBS x y)     a fuzz target; its corpus
#                                                    is fuzz/corpus/NAME/
#
# Tests with the label `board`, `search` or `soak` are left to `make check` and
# `make soak`; those labelled `slow` are left out of `make quick`. A script
# that cannot run here prints one line `skip: REASON` and exits 77; a cmocka
# test prints that line and calls skip().
# SELVAGE_DEPS is where tools/deps put what is built from source.
# SELVAGE_SANITIZE=ON adds address and undefined behaviour sanitizers.
# SELVAGE_FUZZ=ON (clang) links the fuzz targets with libFuzzer; otherwise
# they are linked with a main that replays the files it is given.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

option(SELVAGE_SANITIZE "address and undefined behaviour sanitizers" OFF)
option(SELVAGE_FUZZ "link the fuzz targets with libFuzzer (clang only)" OFF)
set(SELVAGE_DEPS "${CMAKE_SOURCE_DIR}/.deps" CACHE PATH "what tools/deps built")

add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Wcast-qual
    -Wstrict-prototypes -Wmissing-prototypes -Werror -fno-common)
# Debug assertions of ours stay on in every build, so NDEBUG means nothing.
add_compile_definitions(_POSIX_C_SOURCE=200809L _DEFAULT_SOURCE)
if(SELVAGE_SANITIZE)
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all
        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
    # What newer compilers look for by default, the older ones shall, too.
    add_library(selv_asan_options OBJECT ${CMAKE_SOURCE_DIR}/test/asan_options.c)
    # Libraries that are preloaded into others' programs take no sanitizer.
    target_compile_options(selv_asan_options PRIVATE -fno-sanitize=all)
    link_libraries(selv_asan_options)
    # With sanitizers most of the time goes into compiling: less than half of it
    # so, and the tests take as long. What is fuzzed stays optimised.
    set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O1 -g1")
endif()
if(SELVAGE_FUZZ)
    set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

function(selvage_library name)
    cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
    add_library(${name} STATIC ${A_SOURCES})
    target_link_libraries(${name} PUBLIC ${A_LIBS})
endfunction()

# What several tests share; the board's build has no such targets.
function(selvage_test_library name)
    selvage_library(${name} ${ARGN})
endfunction()

function(selvage_program name)
    cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
    add_executable(${name} ${A_SOURCES})
    target_link_libraries(${name} PRIVATE ${A_LIBS})
    install(TARGETS ${name} RUNTIME DESTINATION bin)
endfunction()

# Each of these takes three seconds or more: left out of `make quick`, as if
# their folder had labelled them `slow`.
set(SELVAGE_SLOW_TESTS test_suit_flip test_suit_differential device_environment
    device_refuse device_bad_server device_recover_path device_figure_3 device_figure_4 device_figure_5
    device_figure_6 device_observe device_push device_state device_servers device_sources device_strategies
    device_streams server_api)
# Those of a minute and more, and of others the longest in their stage.
set(SELVAGE_LONG_TESTS sim_cut_all sim_canary sim_cut_many_units board_recover
    board_kills board_fault_strategies server_tcp device_tcp test_suit_flip
    test_consumer_capability)
function(selvage_slow_label name)
    if(name IN_LIST SELVAGE_SLOW_TESTS)
        set_property(TEST ${name} APPEND PROPERTY LABELS slow)
    endif()
    # Long ones begin first: none of them is left to run alone at the end.
    get_property(labels TEST ${name} PROPERTY LABELS)
    if(name IN_LIST SELVAGE_LONG_TESTS)
        set_property(TEST ${name} PROPERTY COST 200)
    elseif(labels)
        set_property(TEST ${name} PROPERTY COST 100)
    endif()
endfunction()

enable_testing()
function(selvage_test name)
    cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
    add_executable(${name} ${A_SOURCES})
    target_link_libraries(${name} PRIVATE ${A_LIBS} cmocka)
    set_target_properties(${name} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test)
    add_test(NAME ${name} COMMAND ${name}
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES TIMEOUT 600)
    selvage_slow_label(${name})
endfunction()

# The command runs in the top folder with SELVAGE_BUILD set to the build
# folder, whose programs are in $SELVAGE_BUILD/bin.
function(selvage_script name)
    cmake_parse_arguments(A "" "TIMEOUT" "COMMAND;LABELS" ${ARGN})
    if(NOT A_TIMEOUT)
        set(A_TIMEOUT 600)
    endif()
    add_test(NAME ${name} COMMAND ${A_COMMAND}
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77
        TIMEOUT ${A_TIMEOUT} LABELS "${A_LABELS}"
        ENVIRONMENT "SELVAGE_BUILD=${CMAKE_BINARY_DIR};SELVAGE_DEPS=${SELVAGE_DEPS}")
    selvage_slow_label(${name})
endfunction()

add_custom_target(fuzzers COMMENT "all fuzz targets")

function(selvage_fuzz name)
    cmake_parse_arguments(A "" "" "SOURCES;LIBS" ${ARGN})
    add_executable(${name} ${A_SOURCES})
    target_link_libraries(${name} PRIVATE ${A_LIBS})
    set_target_properties(${name} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
    add_dependencies(fuzzers ${name})
    if(SELVAGE_FUZZ)
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    else()
        target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/fuzz/replay_main.c)
        add_test(NAME corpus_${name}
            COMMAND ${name} ${CMAKE_SOURCE_DIR}/fuzz/corpus/${name}
            WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
        set_tests_properties(corpus_${name} PROPERTIES TIMEOUT 600)
    endif()
endfunction()
