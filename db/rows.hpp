// SPDX-License-Identifier: Apache-2.0
// Trials and winners as rows of the tables in schema_1.sql and what follows it.
#pragma once

#include <string>
#include <vector>

#include "db/sqlite.hpp"
#include "db/store.hpp"
#include "ditune/record.hpp"

namespace ditune {

// Within the caller's transaction.
void insert_trial(Database& db, const Trial& trial);
// Unless there is one with the same values in all columns; returns whether there was none.
bool insert_trial_if_new(Database& db, const Trial& trial);
void replace_winner(Database& db, const TuningRecord& record);
void remove_winner(Database& db, const TuningKey& key);

// `rows` in a fixed order; `skipped` are those that match but do not validate.
template <class Row>
struct Selection {
  std::vector<Row> rows;
  std::vector<SkippedRow> skipped;
};

// In the order of trying.
Selection<Trial> select_trials(const Database& db, const RecordFilter& filter);
// By device, then layer, rows, regime.
Selection<TuningRecord> select_winners(const Database& db, const RecordFilter& filter);

// Of a damaged database: those rows that can be read and in which what is stored twice is the same, since nothing else
// tells a damaged value. Ids and keys are in a table and its index; the median of a trial is that of its samples; the
// time of a winner is that of a trial among `trials`.
std::vector<Trial> salvage_trials(const Database& db);
std::vector<TuningRecord> salvage_winners(const Database& db, const std::vector<Trial>& trials);

}  // namespace ditune
