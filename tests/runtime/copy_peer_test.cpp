// SPDX-License-Identifier: Apache-2.0
#include "runtime/copy_peer.hpp"

#include "catch.hpp"

using namespace ditune;

TEST_CASE("a copy is no peer of a GEMM") {
  const Peer peer = copy_peer(Gemm{64, 64, 64}, find_device("H100"), 1 << 20);
  CHECK(peer.name == "copy");
  CHECK(peer.reason == "bytes are not what limits it");
  CHECK(peer.algorithms == 0);
}
