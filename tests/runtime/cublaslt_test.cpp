// SPDX-License-Identifier: Apache-2.0
#include "runtime/gemm_s8/cublaslt.hpp"

#include "catch.hpp"
#include "ditune/error.hpp"

using namespace ditune;

TEST_CASE("Where cuBLASLt cannot run each peer says why") {
  if (device_count() > 0) {
    WARN("there is a GPU here: nothing to see");
    return;
  }
  const std::vector<Peer> peers = cublaslt_peers(Gemm{256, 512, 512}, find_device("H100"), std::size_t{1} << 30);
  REQUIRE(peers.size() == 3);
  CHECK(peers[0].name == "cublaslt int8->int32");
  CHECK(peers[1].name == "cublaslt bf16->bf16");
  CHECK(peers[2].name == "cublaslt fp8->bf16");
  for (const Peer& peer : peers) {
    CHECK_FALSE(peer.reason.empty());
    CHECK(peer.algorithms == 0);
    CHECK_FALSE(peer.launch);
  }
}

TEST_CASE("An illegal problem is no peer's fault") {
  CHECK_THROWS_AS(cublaslt_peers(Gemm{0, 512, 512}, find_device("H100"), 1), UsageError);
}

TEST_CASE("cuBLASLt has no peer of another kind of operation, and says so of each") {
  const std::vector<Peer> peers = cublaslt_peers(Quantize{.m = 64, .k = 64}, find_device("H100"), 1 << 20);
  REQUIRE(peers.size() == 3);
  for (const Peer& peer : peers) CHECK(peer.reason == "it is for GEMMs alone");
}
