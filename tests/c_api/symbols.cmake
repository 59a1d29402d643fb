# SPDX-License-Identifier: Apache-2.0
# The library shows the symbols of its C ABI, each of its version, and nothing else: cmake -DNM=nm -DLIBRARY=FILE -P
set(expected close format format_quantize interleave last_error launch launch_quantize lookup lookup_quantize open prepare
  prepare_quantize query run run_on_host run_quantize run_quantize_on_host skipped_rows version)
list(TRANSFORM expected PREPEND ditune_)
list(TRANSFORM expected APPEND @@DITUNE_1)
list(PREPEND expected DITUNE_1)
execute_process(COMMAND ${NM} -D --defined-only --format=posix ${LIBRARY} OUTPUT_VARIABLE listed COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE " [^\n]*" "" listed "${listed}")
string(REPLACE DITUNE_1@@DITUNE_1 DITUNE_1 listed "${listed}")  # some linkers give the version its own version
string(STRIP "${listed}" listed)
string(REPLACE "\n" ";" listed "${listed}")
list(SORT expected)
list(SORT listed)
if(NOT listed STREQUAL expected)
  message(FATAL_ERROR "${LIBRARY} shows ${listed}\nexpected ${expected}")
endif()
