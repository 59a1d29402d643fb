// SPDX-License-Identifier: Apache-2.0
// From values to pixels, and the round values that an axis names.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ditune::report {

// From low to high; of pixels, low may be the larger.
struct Range {
  double low = 0, high = 0;
  bool operator==(const Range&) const = default;
};

// The least one with all values in it; {0, 0} of none. What is not finite does not count.
Range range_of(const std::vector<double>& values);

enum class Spacing { linear, log };

class Scale {
 public:
  // `values` is widened where it has no extent, and for a log scale where it reaches 0 or below.
  Scale(Spacing spacing, Range values, Range pixels);

  // Values outside are drawn at the end, as what is not finite is.
  double operator()(double value) const;
  const Range& values() const { return values_; }

  // Round values within, in ascending order: two at least where there are that many, `most` at most.
  std::vector<double> ticks(int most) const;

 private:
  Spacing spacing_;
  Range values_, pixels_;
};

// With three significant digits, and none behind the point that are zeros: "0.5", "123", "1,230,000".
std::string number_text(double value);
// The same with a unit of its size: "0.5 µs", "50 ms", "1.2 s".
std::string duration_text(double microseconds);
std::string duration_text(const Range& microseconds);  // "40.2–41.5 µs"

}  // namespace ditune::report
