// SPDX-License-Identifier: Apache-2.0
// A database of the first schema.
#pragma once

#include <filesystem>

#include "db/migrations.hpp"
#include "db/sqlite.hpp"

namespace ditune::test {

// A file as the first ditune wrote it, with two trials, two winners of which one is predicted, and a winner whose
// config is gone.
inline void write_schema_1(const std::filesystem::path& path) {
  Database db(path, Database::Mode::create);
  migrate(db, migrations().first(1));
  db.execute(R"sql(
    PRAGMA foreign_keys = OFF;
    PRAGMA journal_mode = WAL;
    INSERT INTO devices VALUES (1, 'NVIDIA GeForce RTX 3090', 82, 86);
    INSERT INTO toolchains VALUES (1, '580.95.05', '13.0', '13.0', '0.1.0'), (2, '', '13.0', '13.0', '0.1.0');
    INSERT INTO problems VALUES (1, 256, 4608, 4608, 'default'), (2, 17, 4608, 4608, 'default'),
                                (3, 99, 4608, 4608, 'default');
    INSERT INTO configs VALUES (1, 'mma_s8:tile=128x128x64,warps=2x4,stages=3');
    INSERT INTO trials VALUES
      (1, 1, 1, 1, 1, '0123456789abcdef', 'measured', NULL, 41.5, 40.25, 41.75, '[41.5,40.25,42.0000000001]', 38.1,
       168, 0, 49152, 'GPU-8d3bc1c2-0000-4242-9999-0123456789ab', 1695.5, 61.0, '2026-01-02T03:04:05Z',
       -81985529216486896),
      (2, 1, 2, 1, 1, '0123456789abcdef', 'measured', 'differs', NULL, NULL, NULL, NULL, NULL,
       255, 8, 0, '', NULL, NULL, '2026-01-02T03:04:05Z', 7);
    INSERT INTO winners VALUES
      (1, 1, '0123456789abcdef', 1, 1, 'measured', 41.5, 38.1, 168, 0, 49152, NULL,
       'GPU-8d3bc1c2-0000-4242-9999-0123456789ab', 1695.5, 61.0, '2026-01-02T03:04:05Z', -81985529216486896),
      (1, 2, '0123456789abcdef', 1, 2, 'predicted', NULL, 38.1, 168, 0, 49152, NULL,
       '', NULL, NULL, '2026-01-02T03:04:05Z', 7),
      (1, 3, '0123456789abcdef', 12345, 1, 'measured', 41.5, 38.1, 168, 0, 49152, NULL, '', NULL, NULL, '', 7);
  )sql");
}

}  // namespace ditune::test
