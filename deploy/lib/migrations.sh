# shellcheck shell=bash
# services/<name>/migrations/NNNN_*.sql, in order, each in one transaction with its row in <schema>.schema_migrations.

migrations_applied() {
    psql_service "$1" -At <<SQL
CREATE TABLE IF NOT EXISTS $2.schema_migrations (version text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
SELECT version FROM $2.schema_migrations;
SQL
}

# Looks again under the lock: another start may have been faster.
migration_apply() {
    local version
    version=$(basename "$3" .sql)
    psql_service "$1" -1 -f - >>"$RUN_DIR/log/migrations.log" 2>&1 <<SQL || die_with_log migrations "migration ${3#"$TOP"/} failed and changed nothing"
SELECT pg_advisory_xact_lock(hashtext('schema_migrations'), hashtext('$2')) \\g /dev/null
SELECT NOT EXISTS (SELECT FROM $2.schema_migrations WHERE version = '$version') AS is_new \\gset
\\if :is_new
\\i '${3//\'/\'\'}'
INSERT INTO $2.schema_migrations (version) VALUES ('$version');
\\endif
SQL
}

migrations_of() {
    local applied file
    applied=$(migrations_applied "$1" "$2" 2>>"$RUN_DIR/log/migrations.log") || die_with_log migrations "cannot read the migrations of $1"
    for file in "$TOP/services/$1/migrations"/[0-9]*.sql; do
        [ -e "$file" ] || continue
        grep -qxF "$(basename "$file" .sql)" <<<"$applied" || migration_apply "$1" "$2" "$file"
    done
}

migrations_run() {
    local name schema
    while read -r name _ schema _; do migrations_of "$name" "$schema"; done < <(services)
}
