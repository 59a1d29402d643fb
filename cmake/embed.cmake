# SPDX-License-Identifier: Apache-2.0
# ditune_embed(TARGET FILE...): the text of the files as `constexpr ditune::EmbeddedFile kEmbeddedFiles[]` in a header
# "embedded_files.hpp" that only TARGET's sources see (struct in templates/embedded.hpp). Written again when a file changes.
function(ditune_embed target)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/embedded/${target})
  set(header ${folder}/embedded_files.hpp)
  list(TRANSFORM ARGN PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/ OUTPUT_VARIABLE inputs)
  list(JOIN inputs "|" joined)
  add_custom_command(
    OUTPUT ${header}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${header} -DINPUTS=${joined} -P ${PROJECT_SOURCE_DIR}/cmake/write_embedded.cmake
    DEPENDS ${inputs} ${PROJECT_SOURCE_DIR}/cmake/write_embedded.cmake
    COMMENT "Embedding the text files of ${target}"
    VERBATIM)
  target_sources(${target} PRIVATE ${header})
  target_include_directories(${target} PRIVATE ${folder})
endfunction()
