// SPDX-License-Identifier: Apache-2.0
// How long a run may take, split over its layers.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>

namespace ditune {

// Every layer gets the same share of what is left when its turn comes, so that what one saves goes to those after it.
class TimeBudget {
 public:
  using Clock = std::chrono::steady_clock;

  // Without a total there is always time.
  TimeBudget(std::function<Clock::time_point()> now, std::optional<std::chrono::seconds> total, std::size_t layers);

  void begin_layer(std::size_t layer);
  void end_batch();
  // Whether the run has no time left at all.
  bool is_spent() const;
  // Whether this layer's share holds another batch as long as the last one.
  bool has_time_for_another() const;
  // Until the end, where the fraction `done` of the run lies behind: no more than the total allows. 0: not known yet.
  double seconds_left(double done) const;

 private:
  std::function<Clock::time_point()> now_;
  std::size_t layers_;
  Clock::time_point start_;
  std::optional<Clock::time_point> end_;
  std::optional<Clock::time_point> layer_end_;
  Clock::time_point batch_start_;
  Clock::duration last_batch_{};
};

}  // namespace ditune
