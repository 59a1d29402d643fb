// SPDX-License-Identifier: Apache-2.0
// A program that uses the C ABI: what it has opened and prepared, and what is true of every call.
#pragma once

#include <ditune/ditune.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "c_api_files.hpp"
#include "c_api_input.hpp"
#include "c_api_machine.hpp"
#include "c_api_oracle.hpp"
#include "c_api_quantize_requests.hpp"
#include "c_api_requests.hpp"
#include "fuzz.hpp"
#include "gemm.hpp"

namespace ditune::fuzz {

// Of the miss callbacks, which may not throw through the border by themselves.
struct Told {
  bool throws = false, has_thrown = false;
  std::string broken;  // what it was told wrongly
};

template <class Problem>
bool tunes(std::string_view command, const Problem& problem) {
  constexpr std::string_view kOperation = "ditune tune --operation ";
  const std::size_t at = command.find(" --gpu ");
  if (!command.starts_with(kOperation) || at == std::string_view::npos) return false;
  return is_text_of(command.substr(kOperation.size(), at - kOperation.size()), problem);
}

template <class Problem>
void on_miss(const Problem* problem, std::int32_t match, const char* command, void* user) {
  auto& told = *static_cast<Told*>(user);
  if (problem->size != sizeof *problem || !is_legal(*problem)) told.broken = "a problem that is missed is legal";
  if (match < DITUNE_MATCH_MODEL || match > DITUNE_MATCH_NONE) told.broken = "a miss is no record's match";
  if (!is_line(command) || !tunes(command, *problem)) told.broken = "a miss comes with the command that tunes it";
  if (!told.throws) return;
  told.has_thrown = true;
  throw std::runtime_error("an error\nof two lines");
}

class Session {
 public:
  struct Opened {
    ditune_runtime handle;
    bool is_sound;  // its only database is the sound one
  };
  struct Kernel {
    ditune_kernel handle;
    std::int32_t device;
    std::variant<ditune_problem, ditune_quantize_problem> problem;
  };

  Session(Files& files, Input in) : in(in), files_(files) { machine().faults = {}; }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() = default;

  Input in;

  // Makes a call and checks what is true of every one.
  template <class Call>
  ditune_status status_of(Call&& call) {
    const std::string before = ditune_last_error();
    told_.has_thrown = false;
    machine().launches.clear();
    const ditune_status status = call();
    const char* said = ditune_last_error();
    require(status >= DITUNE_OK && status <= DITUNE_NO_DEVICE, "a status is one of the header's");
    require(is_line(said), "an error is one line of UTF-8");
    require(status == DITUNE_OK ? said == before : *said != '\0', "a call that failed says why, and no other");
    require(told_.broken.empty(), told_.broken);
    require((status == DITUNE_INTERNAL) == told_.has_thrown, std::string("an error has its status: ") + said);
    return status;
  }

  bool was_told_and_threw() const { return told_.has_thrown; }

  Faults faults() {
    if (in.one_in(2)) return {};
    const unsigned bits = in.byte();
    const auto has = [&](unsigned bit) { return (bits >> bit & 1U) != 0; };
    return {.is_capturing = has(0),
            .refuses_cubins = has(1),
            .refuses_ptx = has(2),
            .fails_launches = has(3),
            .has_no_compiler = has(4),
            .fails_compilation = has(5),
            .has_no_devices = has(6),
            .fails_devices = has(7)};
  }

  // Made up, or of one that is or was open.
  ditune_runtime pick_runtime() {
    const std::size_t form = in.below(8);
    if (form == 7) return in.raw<std::uint64_t>();
    if (form == 6 && !closed_.empty()) return closed_[in.below(closed_.size())];
    if (open_.empty()) return form;
    const ditune_runtime handle = open_[in.below(open_.size())].handle;
    return form == 5 ? handle ^ 1U << in.below(16) : handle;
  }

  // The same of kernels; of mixed ones, too.
  ditune_kernel pick_kernel() {
    const std::size_t form = in.below(16);
    if (kernels_.empty() || form == 15) return {pick_runtime(), in.raw<std::uint64_t>()};
    const ditune_kernel kernel = kernels_[in.below(kernels_.size())].handle;
    if (form == 14) return {kernel.id, kernel.runtime};
    if (form == 13) return {pick_runtime(), kernel.id};
    if (form == 12) return {kernel.runtime, kernel.id + in.byte()};
    return kernel;
  }

  const Opened* find(ditune_runtime handle) const {
    const auto found = std::ranges::find(open_, handle, &Opened::handle);
    return found == open_.end() ? nullptr : &*found;
  }

  // Of a runtime that is open.
  const Kernel* find(const ditune_kernel& handle) const {
    const auto found = std::ranges::find_if(kernels_, [&](const Kernel& kernel) {
      return kernel.handle.runtime == handle.runtime && kernel.handle.id == handle.id;
    });
    return found == kernels_.end() || !find(handle.runtime) ? nullptr : &*found;
  }

  void add(const Kernel& kernel) {
    if (!find(kernel.handle)) kernels_.push_back(kernel);
  }
  const std::vector<Kernel>& kernels() const { return kernels_; }

  // To rank all candidates takes longer than all else: few inputs' questions come to that.
  template <class Problem>
  bool is_too_slow(const Opened* runtime, const Problem& its) {
    if (!runtime || !is_legal(its) || (runtime->is_sound && is_recorded(its))) return false;
    return !in.one_in(8) || ++modelled_ > kMostModelled;
  }

  std::int32_t device() { return in.one_in(8) ? in.word() : static_cast<std::int32_t>(in.below(2)); }

  void open() {
    if (++opened_ > kMostOpened) return;
    std::array<const char*, 3> names{};
    std::vector<Files::Kind> kinds;
    ditune_open_options options{};
    options.databases = names.data();
    options.database_count = in.one_in(2) ? in.below(names.size() + 1) : 1;
    for (std::size_t i = 0; i < options.database_count; ++i) {
      const auto [name, kind] = files_.pick(in);
      names[i] = name;
      kinds.push_back(kind);
    }
    const bool names_null = in.one_in(16) && options.database_count > 0;
    if (names_null && in.one_in(2))
      options.databases = nullptr;
    else if (names_null)
      names[in.below(options.database_count)] = nullptr;
    options.regime = in.one_in(4) ? in.word() : 0;
    options.compile = options.regime;  // takes no byte of the input, so that the corpus stays what it is
    if (in.one_in(2)) options.on_miss = on_miss, options.on_quantize_miss = on_miss;
    options.user = &told_;
    told_.throws = in.one_in(8);
    const Handed<ditune_open_options> its(in, options);
    const bool has_place = !in.one_in(16);
    ditune_runtime handle = 1;

    const ditune_status status = status_of([&] { return ditune_open(its.get(), has_place ? &handle : nullptr); });
    if (!has_place) {
      require(status == DITUNE_INVALID_ARGUMENT, "a handle needs a place");
    } else if (!its.get()) {
      require(status == DITUNE_OK, "no options are the default");
    } else if (!its.is_sane() || names_null || options.regime < 0 || options.regime > 1) {
      require(status == DITUNE_INVALID_ARGUMENT, "options are checked");
    } else {
      check_opened(status, kinds);
    }
    if (!has_place) return;
    require((handle != 0) == (status == DITUNE_OK), "a handle is 0 where opening failed");
    if (status != DITUNE_OK) return;
    require(!find(handle) && std::ranges::count(closed_, handle) == 0, "a handle is new");
    open_.push_back({handle, its.get() && kinds.size() == 1 && names[0] == files_.sound()});
  }

  void close(ditune_runtime handle) {
    const bool is_open = find(handle) != nullptr;
    const ditune_status status = status_of([&] { return ditune_close(handle); });
    require(status == (is_open ? DITUNE_OK : DITUNE_INVALID_HANDLE), "what is open is closed, once");
    if (!is_open) return;
    std::erase_if(open_, [&](const Opened& its) { return its.handle == handle; });
    closed_.push_back(handle);
  }

  void close_all() {
    machine().faults = {};
    while (!open_.empty()) close(open_.back().handle);
  }

 private:
  static constexpr int kMostOpened = 4, kMostModelled = 1;

  static void check_opened(ditune_status status, const std::vector<Files::Kind>& kinds) {
    const auto count = [&](Files::Kind kind) { return std::ranges::count(kinds, kind); };
    if (count(Files::Kind::sound) == std::ssize(kinds)) {
      require(status == DITUNE_OK, "sound databases are opened");
      return;
    }
    const bool is_damaged = count(Files::Kind::damaged) > 0;
    require(status == DITUNE_DATABASE_ERROR || (status == DITUNE_OK && !is_damaged), "a damaged one is not");
  }

  Files& files_;
  Told told_;
  std::vector<Opened> open_;
  std::vector<ditune_runtime> closed_;
  std::vector<Kernel> kernels_;
  int opened_ = 0, modelled_ = 0;
};

}  // namespace ditune::fuzz
