// SPDX-License-Identifier: Apache-2.0
// The databases that the C ABI's target opens.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "c_api_input.hpp"
#include "c_api_machine.hpp"
#include "databases.hpp"
#include "db/fixtures.hpp"
#include "db/sqlite.hpp"
#include "db/store.hpp"
#include "generator/emit.hpp"

namespace ditune::fuzz {

struct Layer {
  std::int64_t n, k;
  const char* epilogue;
  std::array<const char*, Machine::kDevices> configs;
};

// Those that the sound database knows, so that few questions need every candidate.
inline constexpr std::array kLayers{
    Layer{4608, 4608, "default", {"mma_s8:tile=128x128x64,warps=2x4,stages=3", "wgmma_s8:tile=128x256,stages=4"}},
    Layer{
        256,
        4608,
        "out=s32",
        {"mma_s8:tile=64x64x64,warps=2x2,stages=3,split_k=2", "wgmma_s8:tile=128x256,stages=4,decomposition=stream_k"}},
    Layer{64,
          96,
          "bias=bf16",
          {"mma_s8:tile=64x64x64,warps=2x2,stages=3,split_k=2", "mma_s8:tile=64x64x64,warps=2x2,stages=3"}},
    Layer{33,
          7,
          "sx=tensor,sw=tensor,bias=f32,out=f32",
          {"mma_s8:tile=64x64x64,warps=4x2,stages=3,load=1", "mma_s8:tile=64x64x64,warps=4x2,stages=3,load=1"}},
    Layer{512, 96, "op=swiglu", {"mma_s8:tile=64x64x64,warps=2x2,stages=3", "wgmma_s8:tile=128x128,stages=4"}},
    Layer{64,
          4608,
          "bias=bf16,op=gelu_tanh,from=33",
          {"mma_s8:tile=64x64x64,warps=2x2,stages=3,split_k=2", "wgmma_s8:tile=128x64,stages=4"}},
    Layer{256,
          4608,
          "bias=bf16,residual=bf16,gate=table",
          {"mma_s8:tile=64x64x64,warps=2x2,stages=3", "wgmma_s8:tile=128x128,stages=4"}},
    Layer{33,
          7,
          "op=silu,from=8,residual=f32,gate=index,out=f32",
          {"mma_s8:tile=64x64x64,warps=4x2,stages=3,load=1", "mma_s8:tile=64x64x64,warps=4x2,stages=3,load=1"}},
    Layer{4608,
          4608,
          "residual=f32,gate=channel",
          {"mma_s8:tile=128x128x64,warps=2x4,stages=3", "mma_s8:tile=128x128x64,warps=2x4,stages=3"}},
    Layer{4608,
          4608,
          "out=f16",
          {"mma_s8:tile=128x128x64,warps=2x4,stages=3", "mma_s8:tile=128x128x64,warps=2x4,stages=3"}},
};

// The same of rows that are quantized.
struct Rows {
  std::int64_t k;
  const char* prologue;
  const char* config;
};
inline constexpr std::array kRows{
    Rows{4608, "default", "registers_s8:threads=128,octets=5"},
    Rows{4608, "residual=gate_rms,norm=rms,weight=plain,modulate=scale1_shift,table=image",
         "registers_s8:threads=128,octets=5"},
    Rows{512, "norm=layer,weight=plain,bias=plain,act=gelu_tanh,smooth=on,rotate=256,parameters=f32",
         "registers_s8:threads=64,octets=1"},
    Rows{300, "x=f32,split=100,act=swiglu,scale=tensor", "registers_s8:threads=64,octets=5,load=1"},
    Rows{301, "x=f16,residual=gate,modulate=scale,table=index,out=bf16", "registers_s8:threads=64,octets=5,load=1"},
};

// What databases there are to open.
class Files {
 public:
  enum class Kind { sound, damaged, changed };  // changed: some bytes, by the input

  Files() {
    sound_ = sound_database();
    test::write_file(folder_ / "sound.db", sound_);
    test::write_file(folder_ / "schema_1.db", sample_database(1));
    test::write_file(folder_ / "half.db", sound_.substr(0, sound_.size() / 2));
    test::write_file(folder_ / "text.db", "no database");
    test::write_file(folder_ / "empty.db", "");
    for (const char* name : {"sound.db", "schema_1.db", "half.db", "text.db", "empty.db", "missing.db", "changed.db"})
      names_.push_back((folder_ / name).string());
    names_.push_back(folder_.path().string());
    names_.emplace_back();
    names_.push_back((folder_ / std::string(5000, 'a')).string());
    names_.push_back((folder_ / "two\nlines\x01, caf\xe9.db").string());
  }

  std::pair<const char*, Kind> pick(Input& in) {
    const std::size_t at = in.one_in(2) ? in.below(names_.size()) : 0;
    const std::string& name = names_[at];
    if (!name.ends_with("changed.db")) return {name.c_str(), at < 2 ? Kind::sound : Kind::damaged};
    std::string bytes = sound_;
    for (std::size_t left = 1 + in.below(4); left > 0; --left) {
      const std::size_t where = in.raw<std::uint16_t>();
      bytes[where % bytes.size()] = static_cast<char>(in.byte());
    }
    test::write_file(name, bytes);
    return {name.c_str(), Kind::changed};
  }

  const char* sound() const { return names_.front().c_str(); }

 private:
  static std::string sound_database() {
    const test::TempFolder folder;
    {
      Store store = Store::open(folder / "t.db");
      for (const Layer& layer : kLayers)
        for (std::size_t device = 0; device < layer.configs.size(); ++device) {
          TuningRecord record = test::measured_record({4096, layer.n, layer.k});
          record.key.device = device_class(find_device(device == 0 ? "RTX 3090" : "H100"));
          std::get<Gemm>(record.key.operation).epilogue = parse_epilogue(layer.epilogue);
          record.config = parse_config(layer.configs[device]);
          const bool is_stale = &layer == &kLayers.back();
          if (!is_stale) record.key.template_hash = template_hash(record.config);
          store.set_winner(record, layer.k == 96 ? "bad" : "a cubin");
        }
      for (const Rows& rows : kRows)
        for (const char* device : {"RTX 3090", "H100"}) {
          TuningRecord record = test::measured_record({});
          record.key.device = device_class(find_device(device));
          record.key.operation = Quantize{.m = 4096, .k = rows.k, .prologue = parse_prologue(rows.prologue)};
          record.config = parse_config(rows.config);
          record.key.template_hash = template_hash(record.config);
          store.set_winner(record, "a cubin");
        }
    }
    Database(folder / "t.db", Database::Mode::read_write)
        .execute("PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM");
    return test::read_file(folder / "t.db");
  }

  test::TempFolder folder_;
  std::string sound_;
  std::vector<std::string> names_;
};

}  // namespace ditune::fuzz
