// ---- checks of what a kernel is launched with

namespace detail {

inline bool is_aligned(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % ditune::kPointerAlignment == 0;
}

template <class Operands>
const char* pointer_error(const Operands& operands) {
  for (const ditune::Operand& operand : operands) {
    const bool is_ignored = operand.role == ditune::Role::scratch && !operand.is_present;
    if (!is_ignored && operand.is_present != (operand.data != nullptr)) return operand.if_wrong;
  }
  for (const ditune::Operand& operand : operands)
    if (!is_aligned(operand.data)) return "a pointer is not aligned to 16 bytes";
  return nullptr;
}

// `if_no_multiple`: what is wrong of strides that a row wants to be multiples of something, or null.
template <class Operands>
const char* stride_error(const Operands& operands, const char* if_no_multiple) {
  for (const ditune::Operand& operand : operands)
    if (operand.is_present && operand.extents.stride < operand.extents.columns)
      return "a stride is shorter than its row";
  if (if_no_multiple) return if_no_multiple;
  for (const ditune::Operand& operand : operands)
    if (operand.is_present && operand.extents.stride_name && operand.extents.stride > kMaxStride)
      return "a stride is too long";
  return nullptr;
}

template <class Operands>
const char* memory_error(const Operands& operands, const char* if_shared) {
  const ditune::MemoryFault fault = ditune::find_memory_fault(operands.rows, operands.count);
  if (!fault.operand) return nullptr;
  return fault.other ? if_shared : "an operand would end behind the last address";
}

}  // namespace detail
