#include "runtime/dylib.hpp"

#include <array>

#include "catch.hpp"

using namespace ditune;

TEST_CASE("The first library that opens is taken") {
  const std::array candidates = {"libnothing.so.1", "libm.so.6", "libc.so.6"};
  const Dylib library(candidates);
  REQUIRE(library);
  CHECK(library.path() == "libm.so.6");
  const auto cosine = library.function<double(double)>("cos");
  REQUIRE(cosine);
  CHECK(cosine(0.0) == 1.0);
  CHECK(library.function<void()>("no_such_function") == nullptr);
}

TEST_CASE("Where none opens the loader's reason is kept") {
  const std::array candidates = {"libnothing.so.1"};
  const Dylib library(candidates);
  CHECK_FALSE(library);
  CHECK(library.error().find("libnothing.so.1") != std::string::npos);
  CHECK(library.function<void()>("cos") == nullptr);
}

TEST_CASE("A file is opened where it is, without the loader's search") {
  const Dylib library(std::filesystem::path("libm.so.6"));
  CHECK_FALSE(library);
  CHECK(library.error().find((std::filesystem::current_path() / "libm.so.6").string()) != std::string::npos);
}
