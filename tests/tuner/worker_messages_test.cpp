// SPDX-License-Identifier: Apache-2.0
#include "tuner/worker/worker_messages.hpp"

#include "catch.hpp"
#include "ditune/error.hpp"
#include "gemm.hpp"

using namespace ditune;
using namespace ditune::test;

TEST_CASE("frames come out as they went in, however they are cut") {
  const std::vector<Message> messages = {Message("first"), {{"k", 1.1}, {"b", write_bytes(std::string("\0\xff", 2))}}};
  std::string bytes;
  for (const Message& message : messages) bytes += frame(message);
  FrameReader frames;
  std::vector<Message> read;
  for (const char byte : bytes) {
    frames.add({&byte, 1});
    while (const auto message = frames.next()) read.push_back(*message);
  }
  CHECK(read == messages);
  frames.add(bytes);
  CHECK(frames.next() == messages[0]);
  CHECK(frames.next() == messages[1]);
  CHECK_FALSE(frames.next());
}

TEST_CASE("what is no frame is refused at its first bytes") {
  const auto next = [](const std::string& bytes) {
    FrameReader frames;
    frames.add(bytes);
    return frames.next();
  };
  const std::string good = frame(Message(1));
  CHECK_THROWS_AS(next("hello"), Error);
  CHECK_THROWS_AS(next(std::string(1 << 20, '\x81')), Error);  // arrays in arrays in arrays
  CHECK_FALSE(next(good.substr(0, good.size() - 1)));
  std::string too_long = good.substr(0, 4) + "\xff\xff\xff\xff";
  CHECK_THROWS_AS(next(too_long), Error);
  std::string no_cbor = good;
  no_cbor.back() = '\xff';
  CHECK_THROWS_AS(next(no_cbor), Error);
}

TEST_CASE("a target travels as what makes it exactly") {
  const Target target{
      Gemm{17, 4608, 131071, {.sx = ScaleX::tensor, .sw = ScaleW::tensor, .bias = Bias::f16, .out = Output::f16}},
      reference_device(SmArch{86})};
  const Target read = read_target(Message::from_cbor(Message::to_cbor(write(target))));
  CHECK(read.operation == target.operation);
  CHECK(read.device == target.device);
}

TEST_CASE("answers that lack something are refused") {
  CHECK_THROWS_AS(read_measurements(write(std::vector<Measurement>(2)), 3), Message::exception);
  CHECK_THROWS_AS(read_measurements(Message("two"), 2), Message::exception);
  Message cut = write(Provenance{});
  cut.erase(cut.size() - 1);
  CHECK_THROWS_AS(read_provenance(cut), Message::exception);
  CHECK_THROWS_AS(read_bytes(Message(7)), Message::exception);
}
