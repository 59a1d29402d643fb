// SPDX-License-Identifier: Apache-2.0
#include "core/fields.hpp"

#include <set>
#include <vector>

#include "catch.hpp"
#include "core/config_fields.hpp"
#include "core/gemm_s8/epilogue_fields.hpp"
#include "ditune/error.hpp"
#include "ditune/record.hpp"

using namespace ditune;

namespace {

enum class Colour : unsigned char { red, green, blue };

struct Toy {
  int box_m = 0, box_n = 0;
  int depth = 2;
  Colour colour = Colour::red;
  int bytes = 4;
};
bool operator==(const Toy& a, const Toy& b) { return members(a) == members(b); }

// Structs whose tables swap two members, have one twice, or lack one.
struct Swapped {
  int a = 0, b = 0;
};
struct Repeated {
  int a = 0, b = 0;
};
struct Short {
  int a = 0, b = 0;
};

struct Tiny {
  Colour ink = Colour::red, paper = Colour::red;
};

Toy parse(std::string_view text) { return parse_fields<Toy>(text, "toy"); }

}  // namespace

namespace ditune {

template <>
struct Fields<Toy> {
  static constexpr std::array kBytes{4, 2, 1};
  static constexpr std::array kTable{
      field<&Toy::box_m, &Toy::box_n>({.max = 100, .is_required = true, .is_shape = true}),
      field<&Toy::depth>({.max = 9}), field<&Toy::colour>(), field<&Toy::bytes>({.max = 4, .values = kBytes})};
};
template <>
struct Fields<Swapped> {
  static constexpr std::array kTable{field<&Swapped::b>({.max = 1}), field<&Swapped::a>({.max = 1})};
};
template <>
struct Fields<Repeated> {
  static constexpr std::array kTable{field<&Repeated::a>({.max = 1}), field<&Repeated::a>({.max = 1})};
};
template <>
struct Fields<Short> {
  static constexpr std::array kTable{field<&Short::a>({.max = 1})};
};
template <>
struct Fields<Tiny> {
  static constexpr std::array kTable{field<&Tiny::ink>(), field<&Tiny::paper>()};
};

}  // namespace ditune

TEST_CASE("a table that is not the struct's members in their order does not compile") {
  STATIC_REQUIRE(has_all_members<Toy>());
  STATIC_REQUIRE_FALSE(has_all_members<Short>());
  STATIC_REQUIRE_FALSE(has_all_members<Swapped>());
  STATIC_REQUIRE_FALSE(has_all_members<Repeated>());
}

TEST_CASE("the members of a struct are counted and reached in their order") {
  STATIC_REQUIRE(kMemberCount<Toy> == 5);
  STATIC_REQUIRE(kMemberCount<Measurement> == 7);
  STATIC_REQUIRE(kMemberCount<const SmArch> == 1);
  Provenance from;
  std::get<8>(members(from)) = 5;
  CHECK(from.seed == 5);
  CHECK(&std::get<0>(members(from)) == &from.gpu_uuid);
}

TEST_CASE("names are those of the sources") {
  STATIC_REQUIRE(kMemberName<&Toy::box_n> == "box_n");
  STATIC_REQUIRE(kEnumerators<Colour> == std::array<std::string_view, 3>{"red", "green", "blue"});
  STATIC_REQUIRE(enumerator(Colour::blue) == "blue");
  STATIC_REQUIRE(type_name<Colour>() == "Colour");
  STATIC_REQUIRE(type_name<MmaS8Config>() == "MmaS8Config");
}

TEST_CASE("text leaves defaults out and is read back") {
  const Toy toy{.box_m = 3, .box_n = 40, .colour = Colour::blue, .bytes = 1};
  CHECK(format_fields(field_values(toy)) == "box=3x40,colour=blue,bytes=1");
  CHECK(parse("bytes=1,colour=blue,box=3x40") == toy);
  CHECK(parse("box=3x40,depth=2,colour=blue,bytes=1") == toy);
}

TEST_CASE("every member makes a difference to text, equality and C++") {
  const Toy base{.box_m = 1, .box_n = 1};
  std::vector<Toy> toys = {base};
  for (int Toy::*member : {&Toy::box_m, &Toy::box_n, &Toy::depth, &Toy::bytes}) toys.emplace_back(base).*member = 2;
  toys[3].depth = 3;
  toys.emplace_back(base).colour = Colour::green;
  std::set<std::string> texts, literals;
  for (const Toy& toy : toys) {
    texts.insert(format_fields(field_values(toy)));
    literals.insert(designated_initializers(field_values(toy)));
    CHECK(parse(format_fields(field_values(toy))) == toy);
    CHECK(from_numbers<Toy>(field_values(toy).numbers) == toy);
    CHECK((toy == base) == (&toy == &toys[0]));
  }
  CHECK(texts.size() == toys.size());
  CHECK(literals.size() == toys.size());
}

TEST_CASE("what is illegal is refused, and says what to write") {
  CHECK_THROWS_WITH(parse("depth=1"), "the toy lacks box (write box=MxN at least)");
  CHECK_THROWS_WITH(parse("box=0x1"), "invalid value '0x1' of box (write MxN, each 1 to 100)");
  CHECK_THROWS_WITH(parse("box=101x1"), "value '101x1' of box is too large (write MxN, each 1 to 100)");
  CHECK_THROWS_WITH(parse("box=1x1,depth=0"), "invalid value '0' of depth (write a number, each 1 to 9)");
  CHECK_THROWS_WITH(parse("box=1x1,bytes=3"), "invalid value '3' of bytes (use 4, 2 or 1)");
  CHECK_THROWS_WITH(parse("box=1x1,colour=pink"), "unknown value 'pink' of colour (use red, green, blue)");
  CHECK_THROWS_WITH(parse("box_m=1"), "unknown key 'box_m' in the toy (use box, depth, colour, bytes)");
  CHECK_THROWS_AS(parse("box=1x1,box=1x1"), UsageError);
}

TEST_CASE("C++ literals name type, member and enumerator") {
  const Toy toy{.box_m = 3, .box_n = 40, .colour = Colour::blue};
  CHECK(designated_initializers(field_values(toy)) ==
        ".box_m = 3, .box_n = 40, .depth = 2, .colour = ditune::Colour::blue, .bytes = 4");
  CHECK(member_literals(field_values(toy)).at(3).value == "ditune::Colour::blue");
}

TEST_CASE("a line of initializers breaks where it does for every value") {
  WgmmaS8Config config{.tile_m = 1, .tile_n = 1, .stages = 1};
  const auto breaks = [](const WgmmaS8Config& c) {
    std::vector<std::string> firsts;
    const std::string text = designated_initializers(field_values(c));
    for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1))
      firsts.push_back(text.substr(at + 5, text.find(' ', at + 5) - at - 5));
    return firsts;
  };
  CHECK(breaks(config) == std::vector<std::string>{".decomposition", ".staging"});
  config = {.tile_m = 1024, .tile_n = 1024, .stages = 64, .consumers = Consumers::pingpong, .group = 65535};
  CHECK(breaks(config) == std::vector<std::string>{".decomposition", ".staging"});
}

TEST_CASE("small structs are numbered, the last member fastest") {
  STATIC_REQUIRE(kCombinations<Tiny> == 9);
  STATIC_REQUIRE(index_of(Tiny{Colour::green, Colour::blue}) == 5);
  // Too many to take them all: a stride that shares no factor with the number of a member's values.
  constexpr std::uint64_t kStride = kCombinations<Epilogue> / 10007 | 1;
  bool is_numbered = true;
  for (std::uint64_t i = 0; i < kCombinations<Epilogue>; i += kStride)
    is_numbered &= index_of(from_index<Epilogue>(i)) == i;
  CHECK(is_numbered);
  CHECK(index_of(from_index<Epilogue>(kCombinations<Epilogue> - 1)) == kCombinations<Epilogue> - 1);
}
