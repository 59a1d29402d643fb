// SPDX-License-Identifier: Apache-2.0
// Layout arithmetic of shared memory and of the order in which tiles are computed: pure, constexpr, tested on the host.
#pragma once

#include "host_device.cuh"

namespace ditune {

// ---- swizzle: ldmatrix reads eight rows of 16 bytes at once; they must lie in different banks (32 banks of 4 bytes)

// Rows of `pitch` bytes (64, 128, 256) in chunks of 16: the chunk's place in its row is XORed with bits of the row.
DITUNE_HOST_DEVICE int swizzle(int row, int pitch) {
  const int rows_per_line = pitch < 128 ? 128 / pitch : 1;  // a line is all 32 banks
  const int chunks = pitch / 16 < 8 ? pitch / 16 : 8;
  return (row / rows_per_line) & (chunks - 1);
}

// Byte offset of a chunk of 16 bytes.
DITUNE_HOST_DEVICE int swizzled_offset(int row, int chunk, int pitch) {
  return row * pitch + ((chunk ^ swizzle(row, pitch)) << 4);
}

// ---- order of W's rows in shared memory

// mma gives a lane two adjacent columns of each 8-wide tile. W's rows are stored such that a lane's columns of `vec` /
// 2 neighbouring tiles are `vec` adjacent columns of the output: it stores them at once, and four lanes 4 * vec of
// them. The output column (from the start of the CTA tile) that slot `slot` of shared memory holds:
DITUNE_HOST_DEVICE int column_of_slot(int slot, int vec) {
  const int tiles = vec / 2;
  const int tile = (slot / 8) % tiles;
  const int lane = (slot % 8) / 2;
  return slot / (4 * vec) * (4 * vec) + lane * vec + tile * 2 + slot % 2;
}

// ---- where tiles lie

// Where tile `index` begins of an extent: not so late that it reaches beyond the end, if it can help it. It computes
// some outputs of the one before it, too, to the same bits; TMA takes longer to fill rows that do not exist than to
// copy rows that do.
DITUNE_HOST_DEVICE unsigned tile_begin(unsigned index, unsigned tile, unsigned extent) {
  return extent > tile && (index + 1) * tile > extent ? extent - tile : index * tile;
}

// ---- rasterization

struct TileIndex {
  unsigned m, n;
};

// Bands of at most `group` rows of tiles have so many rows, the last perhaps fewer: as even as they can be, since a low
// band reads all of W for little.
DITUNE_HOST_DEVICE unsigned band_rows(unsigned tiles_m, unsigned group) {
  const unsigned bands = (tiles_m + group - 1) / group;
  return (tiles_m + bands - 1) / bands;
}

// Walks the rows of a band down each column before the next column, so that tiles computed at the same time share rows
// of X and of W in L2. 32 bits: the grid constraint bounds the number of tiles, and a GPU divides 64 bits in a
// subroutine.
DITUNE_HOST_DEVICE TileIndex rasterize(unsigned index, unsigned tiles_m, unsigned tiles_n, unsigned group) {
  const unsigned height = band_rows(tiles_m, group);
  const unsigned band = index / (height * tiles_n);
  const unsigned within = index - band * height * tiles_n;
  const unsigned first = band * height;
  const unsigned rows = tiles_m - first < height ? tiles_m - first : height;
  const unsigned column = within / rows;
  return {first + within - column * rows, column};
}

}  // namespace ditune
