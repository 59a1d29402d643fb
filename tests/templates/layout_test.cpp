// SPDX-License-Identifier: Apache-2.0
#include "layout.cuh"

#include <algorithm>
#include <set>
#include <vector>

#include "catch.hpp"

using namespace ditune;

TEST_CASE("eight rows that ldmatrix reads at once lie in different banks") {
  for (const int pitch : {64, 128, 256}) {
    for (int first_row = 0; first_row < 32; first_row += 8) {
      for (int chunk = 0; chunk < pitch / 16; ++chunk) {
        std::set<int> banks;
        for (int row = first_row; row < first_row + 8; ++row) {
          banks.insert(swizzled_offset(row, chunk, pitch) / 16 % 8);
        }
        CAPTURE(pitch, first_row, chunk);
        CHECK(banks.size() == 8);
      }
    }
  }
}

TEST_CASE("swizzled offsets of a tile are a permutation of its chunks") {
  for (const int pitch : {64, 128, 256}) {
    std::set<int> offsets;
    for (int row = 0; row < 16; ++row) {
      for (int chunk = 0; chunk < pitch / 16; ++chunk) offsets.insert(swizzled_offset(row, chunk, pitch));
    }
    CHECK(offsets.size() == static_cast<std::size_t>(16 * pitch / 16));
    CHECK(*offsets.begin() == 0);
    CHECK(*offsets.rbegin() == 16 * pitch - 16);
  }
}

TEST_CASE("a K step further is an XOR of the offset") {
  for (const int pitch : {64, 128, 256}) {
    for (int row = 0; row < 16; ++row) {
      for (int half = 0; half < 2; ++half) {
        for (int step = 0; step < pitch / 32; ++step) {
          CHECK(swizzled_offset(row, 2 * step + half, pitch) == (swizzled_offset(row, half, pitch) ^ (step * 32)));
        }
      }
    }
  }
}

TEST_CASE("a lane's columns of neighbouring tiles are adjacent in the output") {
  for (const int vec : {4, 8}) {
    std::set<int> columns;
    for (int group = 0; group < 3; ++group) {
      for (int quad = 0; quad < 4; ++quad) {
        for (int e = 0; e < vec; ++e) {
          // mma gives lane `quad` columns 2 * quad and 2 * quad + 1 of each tile.
          const int slot = group * 4 * vec + e / 2 * 8 + quad * 2 + e % 2;
          CHECK(column_of_slot(slot, vec) == (group * 4 + quad) * vec + e);
          columns.insert(column_of_slot(slot, vec));
        }
      }
    }
    CHECK(columns.size() == static_cast<std::size_t>(3 * 4 * vec));
  }
}

TEST_CASE("rows of later passes are a fixed step away") {
  for (const int vec : {4, 8}) {
    for (const int rows_per_pass : {8, 16, 32, 64, 96}) {
      if (rows_per_pass % (4 * vec) != 0 && 4 * vec % rows_per_pass != 0) continue;
      for (int slot = 0; slot < rows_per_pass; ++slot) {
        for (int pass = 0; pass < 6; ++pass) {
          CHECK(column_of_slot(slot + pass * rows_per_pass, vec) ==
                column_of_slot(slot, vec) + column_of_slot(pass * rows_per_pass, vec));
        }
      }
    }
  }
}

TEST_CASE("rasterization visits every tile once") {
  for (const unsigned group : {1, 3, 8, 32}) {
    for (const unsigned tiles_m : {1, 7, 16}) {
      for (const unsigned tiles_n : {1, 5, 9}) {
        std::set<std::pair<unsigned, unsigned>> visited;
        for (unsigned index = 0; index < tiles_m * tiles_n; ++index) {
          const TileIndex tile = rasterize(index, tiles_m, tiles_n, group);
          CHECK((tile.m < tiles_m && tile.n < tiles_n));
          visited.insert({tile.m, tile.n});
        }
        CHECK(visited.size() == tiles_m * tiles_n);
      }
    }
  }
}

TEST_CASE("rasterization walks a group of rows down each column") {
  const std::vector<std::pair<unsigned, unsigned>> expected{{0, 0}, {1, 0}, {0, 1}, {1, 1}, {2, 0}, {2, 1}};
  for (unsigned index = 0; index < 6; ++index) {
    const TileIndex tile = rasterize(index, 3, 2, 2);
    CHECK((tile.m == expected[index].first && tile.n == expected[index].second));
  }
}

TEST_CASE("bands are as even as they can be") {
  CHECK(band_rows(34, 16) == 12);  // 12, 12 and 10, not 16, 16 and 2
  CHECK(band_rows(34, 24) == 17);
  CHECK(band_rows(32, 16) == 16);
  CHECK(band_rows(5, 8) == 5);
  CHECK(band_rows(17, 16) == 9);
  CHECK(band_rows(7, 1) == 1);
}

TEST_CASE("the last tile of an extent ends with it") {
  CHECK(tile_begin(0, 64, 200) == 0);
  CHECK(tile_begin(2, 64, 200) == 128);
  CHECK(tile_begin(3, 64, 200) == 136);
  CHECK(tile_begin(4, 64, 200) == 136);  // of a cluster whose other tiles are the last
  CHECK(tile_begin(1, 64, 128) == 64);
  CHECK(tile_begin(0, 64, 64) == 0);
  CHECK(tile_begin(0, 64, 20) == 0);
  CHECK(tile_begin(1, 64, 20) == 64);  // nothing of it exists
  CHECK(tile_begin(8388607, 256, 2147483647) == 2147483391);
}
