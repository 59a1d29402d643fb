// SPDX-License-Identifier: Apache-2.0
#include "core/epilogue_fields.hpp"
#include "generator/gemm_s8/gemm.hpp"

namespace ditune {

OperationText operation_text(const Gemm& gemm) {
  const Epilogue& e = gemm.epilogue;
  return {.comment = "epilogue " + format(e),
          .name = e == Epilogue{} ? "" : format(e),
          .type = "Epilogue",
          .constant = "kEpilogue",
          .fields = designated_initializers(field_values(e))};
}

}  // namespace ditune
