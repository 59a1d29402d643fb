// SPDX-License-Identifier: Apache-2.0
#include "runtime/dylib.hpp"

#include <array>

#include "catch.hpp"
#include "db/fixtures.hpp"

using namespace ditune;
using namespace ditune::test;

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

TEST_CASE("One that is there and does not open is told from those that are not there") {
  const TempFolder folder;
  const std::string broken = folder / "libbroken.so";
  write_file(broken, std::string(4096, 'x'));
  const std::array candidates = {"libnothing.so.1", broken.c_str(), "libnothing.so.2"};
  const Dylib library(candidates);
  CHECK_FALSE(library);
  CHECK(library.is_there());
  CHECK(library.error() == broken + ": invalid ELF header");
  CHECK_FALSE(Dylib(std::span(candidates).first(1)).is_there());
  CHECK(Dylib(std::array{broken.c_str(), "libm.so.6"}).path() == "libm.so.6");
}

TEST_CASE("A file is opened where it is, without the loader's search") {
  const Dylib library(std::filesystem::path("libm.so.6"));
  CHECK_FALSE(library);
  CHECK(library.error().find((std::filesystem::current_path() / "libm.so.6").string()) != std::string::npos);
}
