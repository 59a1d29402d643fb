-- Schema 2: a winner for each regime, with its interval, its power and what ties with it.

-- Schema 1 kept the first and third quartile where schema 2 keeps the interval in which the median lies with 95%. One is
-- not the other, so they become unknown; the samples, which both come from, stay.
UPDATE trials SET low_us = NULL, high_us = NULL;
ALTER TABLE trials ADD COLUMN regime TEXT NOT NULL DEFAULT 'burst' CHECK (regime IN ('burst', 'sustained'));
ALTER TABLE trials ADD COLUMN power_w REAL CHECK (power_w > 0);

-- Merging asks whether a trial is there.
DROP INDEX trials_by_problem;
CREATE INDEX trials_by_problem ON trials (problem_id, device_id, config_id);

-- The regime is part of the key, so the table is made anew. Every row is copied, also one that its readers will skip.
CREATE TABLE winners_2 (
  device_id INTEGER NOT NULL REFERENCES devices (id),
  problem_id INTEGER NOT NULL REFERENCES problems (id),
  template_hash TEXT NOT NULL,
  regime TEXT NOT NULL CHECK (regime IN ('burst', 'sustained')),
  config_id INTEGER NOT NULL REFERENCES configs (id),
  toolchain_id INTEGER NOT NULL REFERENCES toolchains (id),
  source TEXT NOT NULL CHECK (source IN ('measured', 'predicted')),
  median_us REAL CHECK (median_us > 0),
  low_us REAL CHECK (low_us > 0),          -- the median lies between them with 95%
  high_us REAL CHECK (high_us > 0),
  power_w REAL CHECK (power_w > 0),
  tied TEXT,                               -- JSON array of configs in text form, in the order of their text
  predicted_us REAL CHECK (predicted_us > 0),
  registers INTEGER NOT NULL,
  spill_bytes INTEGER NOT NULL,
  shared_bytes INTEGER NOT NULL,
  cubin_hash TEXT REFERENCES cubins (hash),
  gpu_uuid TEXT NOT NULL,
  sm_clock_mhz REAL,
  temperature_c REAL,
  finished_at TEXT NOT NULL,
  seed INTEGER NOT NULL,
  PRIMARY KEY (device_id, problem_id, template_hash, regime),
  CHECK ((source = 'measured') = (median_us IS NOT NULL)),
  CHECK (source = 'measured' OR predicted_us IS NOT NULL)
) STRICT;
INSERT INTO winners_2 (device_id, problem_id, template_hash, regime, config_id, toolchain_id, source, median_us,
                       predicted_us, registers, spill_bytes, shared_bytes, cubin_hash, gpu_uuid, sm_clock_mhz,
                       temperature_c, finished_at, seed)
  SELECT device_id, problem_id, template_hash, 'burst', config_id, toolchain_id, source, median_us,
         predicted_us, registers, spill_bytes, shared_bytes, cubin_hash, gpu_uuid, sm_clock_mhz,
         temperature_c, finished_at, seed FROM winners;
DROP TABLE winners;
ALTER TABLE winners_2 RENAME TO winners;
CREATE INDEX winners_by_problem ON winners (problem_id);
CREATE INDEX winners_by_cubin ON winners (cubin_hash);
