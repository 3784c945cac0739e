-- A board is read from an index alone where a vacuum has passed since the last changes. One passes after one percent of them, not a fifth.
ALTER TABLE opportunities SET (autovacuum_vacuum_scale_factor = 0.01);
