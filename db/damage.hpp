// SPDX-License-Identifier: Apache-2.0
// What becomes of a damaged database: it is kept under another name, and a new one goes on with what is sound of it.
#pragma once

#include <filesystem>
#include <optional>

namespace ditune {

struct SetAside {
  std::filesystem::path file;   // what the damaged one is called now, "tuning.db.damaged"; a log lies beside it
  int trials = 0, winners = 0;  // that the new one has taken over
};

// Does nothing to a sound or empty file and where there is none. Reads all of the file. A row is taken over where what
// is stored twice is the same (rows.hpp); rows of an older schema are not. Any number of processes may do this at once,
// and killed at any moment it leaves one of the two under the old name. For a process without a connection to the file.
// Throws DbError: {unusable} for a foreign or newer file, and a damaged one where nothing can be written; {failed}.
std::optional<SetAside> set_aside_if_damaged(const std::filesystem::path& path);

}  // namespace ditune
