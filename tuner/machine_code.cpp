// SPDX-License-Identifier: Apache-2.0
#include "tuner/machine_code.hpp"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ditune {
namespace {

// Names, notes, debug information, global variables with their addresses, and what the driver needs to make code for
// another arch. Whatever a newer toolkit adds is compared.
constexpr std::array kLeftOut{".shstrtab",          ".strtab",      ".symtab",    ".note.",        ".debug_",
                              ".rel.debug_",        ".rela.debug_", ".nv.global", ".nv.constant4", ".rel.nv.constant4",
                              ".rela.nv.constant4", ".nv.merc."};

std::optional<std::string_view> slice(std::string_view bytes, std::uint64_t offset, std::uint64_t size) {
  if (offset > bytes.size() || size > bytes.size() - offset) return std::nullopt;
  return bytes.substr(offset, size);
}

template <class T>
std::optional<T> read(std::string_view bytes, std::uint64_t offset) {
  const std::optional<std::string_view> its = slice(bytes, offset, sizeof(T));
  if (!its) return std::nullopt;
  T value;
  std::memcpy(&value, its->data(), sizeof value);
  return value;
}

template <class T>
void append(std::string& text, T value) {
  text.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::optional<Elf64_Ehdr> cubin_header(std::string_view cubin) {
  const std::optional<Elf64_Ehdr> header = read<Elf64_Ehdr>(cubin, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64 ||
      header->e_ident[EI_DATA] != ELFDATA2LSB || header->e_machine != EM_CUDA ||
      header->e_shentsize != sizeof(Elf64_Shdr))
    return std::nullopt;
  return header;
}

std::optional<Elf64_Shdr> section_header(std::string_view cubin, const Elf64_Ehdr& header, std::uint64_t index) {
  const std::optional<std::string_view> table =
      slice(cubin, header.e_shoff, std::uint64_t{header.e_shnum} * sizeof(Elf64_Shdr));
  return table ? read<Elf64_Shdr>(*table, index * sizeof(Elf64_Shdr)) : std::nullopt;
}

// Names of all sections, each ended by a zero.
std::optional<std::string_view> section_names(std::string_view cubin, const Elf64_Ehdr& header) {
  const std::optional<Elf64_Shdr> section = section_header(cubin, header, header.e_shstrndx);
  if (!section || section->sh_type != SHT_STRTAB) return std::nullopt;
  return slice(cubin, section->sh_offset, section->sh_size);
}

std::optional<std::string_view> name_at(std::string_view names, std::uint64_t offset) {
  if (offset >= names.size()) return std::nullopt;
  const std::size_t end = names.find('\0', offset);
  if (end == std::string_view::npos) return std::nullopt;
  return names.substr(offset, end - offset);
}

// Attributes of a kernel: its format, its number, 16 bits of value; format 4 means that so many bytes follow. Some of
// these begin with the index of a symbol, which depends on how many variables there are: it is zeroed. Only one symbol
// can be meant where there is one kernel.
std::optional<std::string> without_symbols(std::string_view attributes) {
  constexpr unsigned char kMany = 4;
  // Numbers of parameter bank, frame, least and greatest stack, registers, in ptxas's numbering.
  constexpr std::array<unsigned char, 5> kOfSymbols{0x0a, 0x11, 0x12, 0x23, 0x2f};
  struct Head {
    unsigned char format, number;
    std::uint16_t value;
  };
  std::string result(attributes);
  std::size_t at = 0;
  while (at < attributes.size()) {
    const std::optional<Head> head = read<Head>(attributes, at);
    if (!head || head->format == 0 || head->format > kMany) return std::nullopt;
    at += sizeof(Head);
    if (head->format != kMany) continue;
    if (!slice(attributes, at, head->value)) return std::nullopt;
    if (std::ranges::find(kOfSymbols, head->number) != kOfSymbols.end() && head->value == 8)
      std::fill_n(result.begin() + static_cast<std::ptrdiff_t>(at), 4, '\0');
    at += head->value;
  }
  return result;
}

bool is_left_out(std::string_view name) {
  return std::ranges::any_of(kLeftOut, [&](std::string_view begin) { return name.starts_with(begin); });
}

// What counts of a section's bytes.
std::optional<std::string> content(std::string_view cubin, const Elf64_Shdr& section, std::string_view name) {
  if (section.sh_type == SHT_NOBITS) return std::string();
  const std::optional<std::string_view> bytes = slice(cubin, section.sh_offset, section.sh_size);
  if (!bytes) return std::nullopt;
  const bool relocates = section.sh_type == SHT_REL || section.sh_type == SHT_RELA;
  if (relocates && !bytes->empty()) return std::nullopt;
  return name.starts_with(".nv.info") ? without_symbols(*bytes) : std::string(*bytes);
}

}  // namespace

std::optional<std::string> machine_code(std::string_view cubin) {
  const std::optional<Elf64_Ehdr> header = cubin_header(cubin);
  if (!header) return std::nullopt;
  const std::optional<std::string_view> names = section_names(cubin, *header);
  if (!names) return std::nullopt;
  std::string code;
  append(code, header->e_flags);  // the arch
  int kernels = 0;
  for (std::uint64_t i = 0; i < header->e_shnum; ++i) {
    const std::optional<Elf64_Shdr> section = section_header(cubin, *header, i);
    const std::optional<std::string_view> name = section ? name_at(*names, section->sh_name) : std::nullopt;
    if (!name) return std::nullopt;
    if (is_left_out(*name)) continue;
    const std::optional<std::string> bytes = content(cubin, *section, *name);
    if (!bytes) return std::nullopt;
    kernels += name->starts_with(".text.") ? 1 : 0;
    code.append(*name).push_back('\0');
    for (const std::uint64_t value :
         {std::uint64_t{section->sh_type}, section->sh_flags, section->sh_addralign, section->sh_size})
      append(code, value);
    code += *bytes;
    if (code.size() > 2 * cubin.size()) return std::nullopt;  // sections overlap: a damaged file, and memory has an end
  }
  return kernels == 1 ? std::optional(std::move(code)) : std::nullopt;
}

}  // namespace ditune
