// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "ditune/error.hpp"
#include "generator/emit.hpp"
#include "tuner/worker/worker.hpp"
#include "tuner/worker/worker_process.hpp"

namespace ditune {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kFruitlessLosses = 3;  // in a row, without a candidate at work: it is no candidate's fault
constexpr int kKills = 3;            // of a candidate's worker from outside: then the candidate is given up for now

// What a problem takes on the slowest of kernels and cards, in operations a second: a few launches between two signs of
// life, and the plain reference that a problem is laid out with.
constexpr double kLeastRate = 1e12, kLeastReferenceRate = 1e11;
constexpr seconds kSustained{120};  // that launches go on without a sign of life while clocks settle

milliseconds time_for(double operations, double rate) {
  return std::chrono::ceil<milliseconds>(std::chrono::duration<double>(operations / rate));
}

Measurement failed(const std::string& reason) {
  Measurement measurement;
  measurement.failure = reason;
  return measurement;
}

// Who is to blame for workers that were lost, as far as it is known.
class Record {
 public:
  // What is known against any of them, or nothing.
  std::optional<std::string> failure(const std::vector<Suspect>& candidate) const {
    for (const Suspect& suspect : candidate) {
      if (const auto found = guilty_.find(suspect); found != guilty_.end()) return found->second;
      if (const auto kill = kills_.find(suspect); kill != kills_.end() && kill->second.is_given_up)
        return kill->second.reason;
    }
    return std::nullopt;
  }
  bool is_suspected(const std::vector<Suspect>& candidate) const {
    return std::ranges::any_of(candidate, [&](const Suspect& suspect) { return suspected_.contains(suspect); });
  }
  void acquit(const std::vector<Suspect>& candidate) {
    for (const Suspect& suspect : candidate) suspected_.erase(suspect);
  }
  void accuse(const Breakdown& breakdown) {
    const bool is_alone = breakdown.suspects.size() == 1;
    for (const auto& [suspect, reason] : breakdown.suspects) {
      if (breakdown.is_kill) {
        Kills& kills = kills_[suspect];
        kills = {kills.count + 1, is_alone && kills.count + 1 >= kKills, reason};
      }
      if (breakdown.is_kill || !is_alone) {
        suspected_.insert(suspect);
      } else {
        guilty_.insert({suspect, reason});
        suspected_.erase(suspect);
      }
    }
  }
  // Kills from outside are counted anew in each call: memory can be there again.
  void forget_kills() { kills_.clear(); }

 private:
  struct Kills {
    int count = 0;
    bool is_given_up = false;
    std::string reason;
  };

  std::map<Suspect, std::string> guilty_;  // and what they failed for
  std::set<Suspect> suspected_;            // were at work, with others or when it was killed, when a worker was lost
  std::map<Suspect, Kills> kills_;         // from outside, while they were at work
};

class IsolatedBackend {
 public:
  explicit IsolatedBackend(WorkerOptions options) : options_(std::move(options)) {}

  std::vector<Measurement> measure(const Target& target, std::span<const KernelConfig> configs, Effort effort) {
    return ask_about({"measure", target, effort}, configs);
  }
  std::vector<Measurement> compile(const Target& target, std::span<const KernelConfig> configs) {
    return ask_about({"compile", target, Effort::screen}, configs);
  }

  // One that is under suspicion is compiled when its turn comes, alone.
  void prepare(const Target& target, std::span<const KernelConfig> configs) {
    const Call call{"prepare", target, Effort::screen};
    std::vector<KernelConfig> harmless;
    for (const KernelConfig& config : configs)
      if (!record_.failure(suspects(call, config)) && !record_.is_suspected(suspects(call, config)))
        harmless.push_back(config);
    if (!harmless.empty()) ask(call, harmless, [](const Message&) { return true; });
  }

  std::string cubin(const Target& target, const KernelConfig& config) {
    const Call call{"cubin", target, Effort::screen};
    record_.forget_kills();
    while (!record_.failure(suspects(call, config)))
      if (auto bytes = ask(call, {&config, 1}, read_bytes)) return *std::move(bytes);
    return {};
  }

  Provenance provenance() {
    while (true)
      if (auto from = ask({{"call", "provenance"}}, limits({}), read_provenance)) return *std::move(from);
  }

  std::vector<std::string> remarks() {
    if (!worker_) return {};
    const auto read = [](const Message& message) { return message.get<std::vector<std::string>>(); };
    return ask({{"call", "remarks"}}, limits({}), read).value_or(std::vector<std::string>());
  }

 private:
  template <class Read>
  using Answer = std::optional<std::invoke_result_t<Read, const Message&>>;

  struct Call {
    const char* name;
    const Target& target;
    Effort effort;
    bool runs() const { return name == std::string_view("measure"); }
  };

  // What a config can be guilty of in this call.
  static std::vector<Suspect> suspects(const Call& call, const KernelConfig& config) {
    const Target& target = call.target;
    std::vector<Suspect> all = {
        {Suspect::Stage::compile, compile_key(emit(config, target.operation), target.device.arch)}};
    if (call.runs()) all.push_back({Suspect::Stage::run, run_key(target, config)});
    return all;
  }

  // A Measurement each. The guilty have failed; those under suspicion are asked about alone first, then all that are
  // left together, so that they are measured against one another.
  std::vector<Measurement> ask_about(const Call& call, std::span<const KernelConfig> configs) {
    record_.forget_kills();
    std::vector<std::vector<Suspect>> candidates;
    for (const KernelConfig& config : configs) candidates.push_back(suspects(call, config));
    std::vector<Measurement> results(configs.size());
    std::map<std::size_t, Measurement> alone;  // of those asked about alone
    std::vector<std::size_t> left(configs.size());
    std::iota(left.begin(), left.end(), std::size_t{0});
    while (true) {
      std::erase_if(left, [&](std::size_t i) {
        const auto failure = record_.failure(candidates[i]);
        if (failure) results[i] = failed(*failure);
        return failure.has_value();
      });
      if (left.empty()) return results;
      std::vector<std::size_t> group = left;
      if (const auto suspect = std::ranges::find_if(left, [&](auto i) { return record_.is_suspected(candidates[i]); });
          suspect != left.end()) {
        group = {*suspect};
        if (alone.contains(*suspect)) {  // fine alone, lost with others a second time: what it did alone counts
          results[*suspect] = alone.at(*suspect);
          record_.acquit(candidates[*suspect]);
          left.erase(suspect);
          continue;
        }
      }
      const std::optional<std::vector<Measurement>> answer = ask_about(call, configs, group);
      if (!answer) continue;
      for (std::size_t i = 0; i < group.size(); ++i) {
        results[group[i]] = alone[group[i]] = answer->at(i);
        record_.acquit(candidates[group[i]]);
      }
      if (group.size() == left.size()) return results;
    }
  }

  std::optional<std::vector<Measurement>> ask_about(const Call& call, std::span<const KernelConfig> configs,
                                                    const std::vector<std::size_t>& group) {
    std::vector<KernelConfig> asked;
    for (const std::size_t i : group) asked.push_back(configs[i]);
    return ask(call, asked, [&](const Message& message) { return read_measurements(message, asked.size()); });
  }

  template <class Read>
  Answer<Read> ask(const Call& call, std::span<const KernelConfig> configs, Read&& read) {
    const Message request = {
        {"call", call.name}, {"target", write(call.target)}, {"configs", write(configs)}, {"effort", call.effort}};
    return ask(request, limits(call), std::forward<Read>(read));
  }

  // What `read` makes of the answer; nothing if the worker was lost: whom that says something about is on record, and
  // another one can be asked.
  template <class Read>
  Answer<Read> ask(const Message& request, const Limits& limits, Read&& read) {
    Breakdown breakdown;
    try {
      if (!worker_) worker_ = std::make_unique<WorkerProcess>(options_.command);
      const std::variant<Message, Breakdown> outcome = worker_->ask(request, limits);
      if (const auto* answer = std::get_if<Message>(&outcome)) {
        auto value = read(*answer);
        fruitless_ = 0;
        return value;
      }
      breakdown = std::get<Breakdown>(outcome);
    } catch (const Message::exception&) {
      breakdown.what = "the worker answered what makes no sense";
    } catch (const std::system_error& error) {
      throw Error(std::string("a worker for candidates cannot be started: ") + error.what(), "is memory short?");
    }
    worker_.reset();
    lost(breakdown);
    return std::nullopt;
  }

  void lost(const Breakdown& breakdown) {
    record_.accuse(breakdown);
    fruitless_ = breakdown.suspects.empty() ? fruitless_ + 1 : 0;
    if (fruitless_ < kFruitlessLosses) return;
    fruitless_ = 0;
    throw Error(breakdown.what + ", as often as it was started, with no candidate at work",
                breakdown.is_kill ? "is memory short?" : "`ditune doctor` tells what is missing here");
  }

  Limits limits(const std::optional<Call>& call) const {
    Limits limits{options_.compile_limit, options_.run_limit, options_.silence_limit, options_.end_limit};
    if (!call) return limits;
    const double work = ditune::work(call->target.operation);
    limits.run += time_for(work, kLeastRate);
    limits.silence += time_for(work, kLeastReferenceRate);
    if (call->effort == Effort::sustain) limits.run += kSustained;
    return limits;
  }

  WorkerOptions options_;
  Record record_;
  std::unique_ptr<WorkerProcess> worker_;
  int fruitless_ = 0;
};

}  // namespace

TuneBackend worker_backend(WorkerOptions options) {
  const bool measures = options.measures;
  const auto isolated = std::make_shared<IsolatedBackend>(std::move(options));
  TuneBackend backend;
  if (measures)
    backend.measure = [isolated](const Target& target, std::span<const KernelConfig> configs, Effort effort) {
      return isolated->measure(target, configs, effort);
    };
  backend.compile = [isolated](const Target& target, std::span<const KernelConfig> configs) {
    return isolated->compile(target, configs);
  };
  backend.prepare = [isolated](const Target& target, std::span<const KernelConfig> configs) {
    isolated->prepare(target, configs);
  };
  backend.cubin = [isolated](const Target& target, const KernelConfig& config) {
    return isolated->cubin(target, config);
  };
  backend.provenance = [isolated] { return isolated->provenance(); };
  backend.remarks = [isolated] { return isolated->remarks(); };
  return backend;
}

}  // namespace ditune
