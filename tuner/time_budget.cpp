// SPDX-License-Identifier: Apache-2.0
#include "tuner/time_budget.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace ditune {

TimeBudget::TimeBudget(std::function<Clock::time_point()> now, std::optional<std::chrono::seconds> total,
                       std::size_t layers)
    : now_(std::move(now)), layers_(layers), start_(now_()), batch_start_(start_) {
  if (total) end_ = start_ + *total;
}

void TimeBudget::begin_layer(std::size_t layer) {
  batch_start_ = now_();
  if (end_) layer_end_ = batch_start_ + (*end_ - batch_start_) / static_cast<Clock::rep>(layers_ - layer);
}

void TimeBudget::end_batch() {
  const Clock::time_point now = now_();
  last_batch_ = now - batch_start_;
  batch_start_ = now;
}

bool TimeBudget::is_spent() const { return end_ && now_() >= *end_; }

bool TimeBudget::has_time_for_another() const { return !layer_end_ || now_() + last_batch_ <= *layer_end_; }

double TimeBudget::seconds_left(double done) const {
  using Seconds = std::chrono::duration<double>;
  const Clock::time_point now = now_();
  double left = std::numeric_limits<double>::infinity();
  if (end_) left = std::max(0.0, Seconds(*end_ - now).count());
  if (done > 0) left = std::min(left, Seconds(now - start_).count() * (1 - done) / done);
  return left == std::numeric_limits<double>::infinity() ? 0 : left;
}

}  // namespace ditune
