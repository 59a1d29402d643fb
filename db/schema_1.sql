-- Schema 1 of the tuning database. Sizes are elements, times microseconds; an absent value is NULL.

-- GPUs among which a winner is exchangeable.
CREATE TABLE devices (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,                      -- as the driver names it
  sms INTEGER NOT NULL CHECK (sms > 0),
  arch INTEGER NOT NULL CHECK (arch > 0),  -- 86 is sm_86
  UNIQUE (name, sms, arch)
) STRICT;

CREATE TABLE toolchains (
  id INTEGER PRIMARY KEY,
  driver_version TEXT NOT NULL,
  cuda_version TEXT NOT NULL,
  nvrtc_version TEXT NOT NULL,
  ditune_version TEXT NOT NULL,
  UNIQUE (driver_version, cuda_version, nvrtc_version, ditune_version)
) STRICT;

CREATE TABLE problems (
  id INTEGER PRIMARY KEY,
  m INTEGER NOT NULL CHECK (m > 0),
  n INTEGER NOT NULL CHECK (n > 0),
  k INTEGER NOT NULL CHECK (k > 0),
  epilogue TEXT NOT NULL,                  -- text form
  UNIQUE (n, k, epilogue, m)
) STRICT;

CREATE TABLE configs (
  id INTEGER PRIMARY KEY,
  config TEXT NOT NULL UNIQUE              -- text form
) STRICT;

-- Compiled kernels that winners refer to.
CREATE TABLE cubins (
  hash TEXT PRIMARY KEY,                   -- SHA-256 of the image, hex
  image BLOB NOT NULL
) STRICT;

-- Every candidate that was tried, in the order of trying. A failed one has a reason and no times.
CREATE TABLE trials (
  id INTEGER PRIMARY KEY,
  device_id INTEGER NOT NULL REFERENCES devices (id),
  problem_id INTEGER NOT NULL REFERENCES problems (id),
  config_id INTEGER NOT NULL REFERENCES configs (id),
  toolchain_id INTEGER NOT NULL REFERENCES toolchains (id),
  template_hash TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('measured', 'predicted')),
  failure TEXT,
  median_us REAL CHECK (median_us > 0),
  low_us REAL,                             -- first and third quartile
  high_us REAL,
  samples_us TEXT,                         -- JSON array, one number a round
  predicted_us REAL CHECK (predicted_us > 0),
  registers INTEGER NOT NULL,
  spill_bytes INTEGER NOT NULL,
  shared_bytes INTEGER NOT NULL,
  gpu_uuid TEXT NOT NULL,
  sm_clock_mhz REAL,
  temperature_c REAL,
  finished_at TEXT NOT NULL,               -- UTC, ISO 8601
  seed INTEGER NOT NULL,                   -- 64 bits, read as unsigned
  CHECK ((source = 'measured' AND failure IS NULL) = (median_us IS NOT NULL))
) STRICT;
CREATE INDEX trials_by_problem ON trials (problem_id, device_id);

-- The best of each key. A row of an older template_hash stays: it seeds the next search and serves as a fallback.
CREATE TABLE winners (
  device_id INTEGER NOT NULL REFERENCES devices (id),
  problem_id INTEGER NOT NULL REFERENCES problems (id),
  template_hash TEXT NOT NULL,
  config_id INTEGER NOT NULL REFERENCES configs (id),
  toolchain_id INTEGER NOT NULL REFERENCES toolchains (id),
  source TEXT NOT NULL CHECK (source IN ('measured', 'predicted')),
  median_us REAL CHECK (median_us > 0),
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
  PRIMARY KEY (device_id, problem_id, template_hash),
  CHECK ((source = 'measured') = (median_us IS NOT NULL)),
  CHECK (source = 'measured' OR predicted_us IS NOT NULL)
) STRICT;
CREATE INDEX winners_by_problem ON winners (problem_id);
CREATE INDEX winners_by_cubin ON winners (cubin_hash);
