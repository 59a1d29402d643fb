-- Schema 3: operations of any kind in place of problems, which were those of gemm_s8.

CREATE TABLE operations_3 (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  layer TEXT NOT NULL,                        -- text form without its kind and its rows
  rows INTEGER NOT NULL CHECK (rows > 0),
  UNIQUE (kind, layer, rows)
) STRICT;

-- Every row is copied, also one that its readers will skip: an epilogue stays as it was, and so does a size. What is no
-- number, which only damage makes, is quoted, so that no two problems become one operation.
INSERT INTO operations_3 (id, kind, layer, rows)
  SELECT id, 'gemm_s8',
         iif(typeof(m) = 'integer', '', 'm=' || quote(m) || ',') ||
           'n=' || iif(typeof(n) = 'integer', n, quote(n)) || ',k=' || iif(typeof(k) = 'integer', k, quote(k)) ||
           CASE WHEN typeof(epilogue) <> 'text' THEN ',' || quote(epilogue)
                WHEN epilogue = 'default' THEN '' ELSE ',' || epilogue END,
         iif(typeof(m) = 'integer', m, 0)
  FROM problems;

ALTER TABLE trials RENAME COLUMN problem_id TO operation_id;
ALTER TABLE winners RENAME COLUMN problem_id TO operation_id;

-- The first renaming changes what trials and winners say they refer to. The second is not to look at what views of other
-- programs make of the new columns.
ALTER TABLE problems RENAME TO operations;
DROP TABLE operations;
PRAGMA legacy_alter_table = ON;
ALTER TABLE operations_3 RENAME TO operations;
PRAGMA legacy_alter_table = OFF;

DROP INDEX IF EXISTS trials_by_problem;
CREATE INDEX trials_by_operation ON trials (operation_id, device_id, config_id);
DROP INDEX IF EXISTS winners_by_problem;
CREATE INDEX winners_by_operation ON winners (operation_id);
