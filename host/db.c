/* SPDX-License-Identifier: Apache-2.0
 *
 * db.c - see host/db.h. */
#include "host/db.h"

#include <stdio.h>
#include <stdlib.h>

static enum selv_db_status status_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
        return SELV_DB_OK;
    case SQLITE_ROW:
        return SELV_DB_ROW;
    case SQLITE_CONSTRAINT:
        return SELV_DB_EXISTS;
    case SQLITE_FULL:
        return SELV_DB_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return SELV_DB_LOCKED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return SELV_DB_DAMAGED;
    default:
        return SELV_DB_FAILED;
    }
}

/* The words are kept, since a rollback would wipe SQLite's own. */
static enum selv_db_status status_keep(struct selv_db *db, int rc)
{
    enum selv_db_status status = status_of(rc);
    /* Only a key says that it is there already. A value that a CHECK or NOT
     * NULL refuses, for want of memory say, was not kept. */
    if (status == SELV_DB_EXISTS) {
        int why = sqlite3_extended_errcode(db->handle);
        if (why != SQLITE_CONSTRAINT_PRIMARYKEY &&
            why != SQLITE_CONSTRAINT_UNIQUE) {
            status = SELV_DB_FAILED;
        }
    }
    if (status != SELV_DB_OK && status != SELV_DB_ROW) {
        snprintf(db->error, sizeof db->error, "%s",
                 db->handle != NULL ? sqlite3_errmsg(db->handle)
                                    : "out of memory");
    }
    return status;
}

static enum selv_db_status script_run(struct selv_db *db, const char *sql)
{
    return status_keep(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

/* The first column of the first row, as text, must be want. */
static enum selv_db_status pragma_expect(struct selv_db *db, const char *sql,
                                         const char *want,
                                         enum selv_db_status otherwise)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db->handle, sql, -1, &st, NULL);
    if (rc != SQLITE_OK) {
        return status_keep(db, rc);
    }
    enum selv_db_status status = status_keep(db, sqlite3_step(st));
    if (status == SELV_DB_ROW) {
        const unsigned char *text = sqlite3_column_text(st, 0);
        status = SELV_DB_OK;
        if (text == NULL || strcmp((const char *)text, want) != 0) {
            snprintf(db->error, sizeof db->error, "%s: %s", sql,
                     text != NULL ? (const char *)text : "no answer");
            status = otherwise;
        }
    } else if (status == SELV_DB_OK) {
        status = otherwise;
    }
    sqlite3_finalize(st);
    return status;
}

static enum selv_db_status version_read(struct selv_db *db, size_t *version)
{
    enum selv_db_status status =
        script_run(db, "CREATE TABLE IF NOT EXISTS schema_version("
                       "version INTEGER NOT NULL)");
    sqlite3_stmt *st = NULL;
    *version = 0;
    if (status == SELV_DB_OK) {
        status = status_keep(
            db, sqlite3_prepare_v2(db->handle,
                                   "SELECT max(version) FROM schema_version",
                                   -1, &st, NULL));
    }
    if (status == SELV_DB_OK) {
        status = status_keep(db, sqlite3_step(st));
        if (status == SELV_DB_ROW) {
            sqlite3_int64 v = sqlite3_column_int64(st, 0);
            *version = v > 0 ? (size_t)v : 0;
            status = SELV_DB_OK;
        }
    }
    sqlite3_finalize(st);
    return status;
}

static enum selv_db_status schema_advance(struct selv_db *db,
                                          const char *const *schema,
                                          size_t schema_count)
{
    size_t version;
    enum selv_db_status status = version_read(db, &version);
    if (status == SELV_DB_OK && version > schema_count) {
        return SELV_DB_NEWER;
    }
    for (; status == SELV_DB_OK && version < schema_count; version++) {
        char note[80];
        snprintf(note, sizeof note,
                 "INSERT INTO schema_version(version) VALUES(%zu)",
                 version + 1);
        status = selv_db_begin(db);
        if (status == SELV_DB_OK) {
            status = script_run(db, schema[version]);
        }
        if (status == SELV_DB_OK) {
            status = script_run(db, note);
        }
        if (status == SELV_DB_OK) {
            status = selv_db_commit(db);
        } else {
            selv_db_rollback(db);
        }
    }
    return status;
}

static enum selv_db_status settings_make(struct selv_db *db)
{
    enum selv_db_status status = pragma_expect(
        db, "PRAGMA locking_mode=EXCLUSIVE", "exclusive", SELV_DB_FAILED);
    if (status == SELV_DB_OK) {
        status =
            pragma_expect(db, "PRAGMA journal_mode=WAL", "wal", SELV_DB_FAILED);
    }
    if (status == SELV_DB_OK) {
        status = script_run(db, "PRAGMA synchronous=FULL;"
                                "PRAGMA foreign_keys=ON;"
                                "PRAGMA trusted_schema=OFF;");
    }
    if (status == SELV_DB_OK) {
        status =
            pragma_expect(db, "PRAGMA quick_check(1)", "ok", SELV_DB_DAMAGED);
    }
    return status;
}

enum selv_db_status selv_db_open(struct selv_db *db, const char *path,
                                 const char *const *schema, size_t schema_count,
                                 const char *const *sql, size_t sql_count)
{
    memset(db, 0, sizeof *db);
    int rc = sqlite3_open_v2(path, &db->handle,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (rc != SQLITE_OK) {
        return status_keep(db, rc);
    }
    enum selv_db_status status = settings_make(db);
    if (status == SELV_DB_OK) {
        status = schema_advance(db, schema, schema_count);
    }
    if (status != SELV_DB_OK) {
        return status;
    }
    db->statements = calloc(sql_count, sizeof(sqlite3_stmt *));
    if (db->statements == NULL) {
        return SELV_DB_FAILED;
    }
    for (; db->statement_count < sql_count; db->statement_count++) {
        rc = sqlite3_prepare_v3(db->handle, sql[db->statement_count], -1,
                                SQLITE_PREPARE_PERSISTENT,
                                &db->statements[db->statement_count], NULL);
        if (rc != SQLITE_OK) {
            return status_keep(db, rc);
        }
    }
    return SELV_DB_OK;
}

sqlite3_stmt *selv_db_get(const struct selv_db *db, size_t i)
{
    SELV_ASSERT(i < db->statement_count);
    return db->statements[i];
}

enum selv_db_status selv_db_step(struct selv_db *db, sqlite3_stmt *st)
{
    return status_keep(db, sqlite3_step(st));
}

enum selv_db_status selv_db_run(struct selv_db *db, sqlite3_stmt *st)
{
    enum selv_db_status status = selv_db_step(db, st);
    selv_db_reset(st);
    return status;
}

void selv_db_reset(sqlite3_stmt *st)
{
    /* The failure that reset repeats has been told by step. */
    (void)sqlite3_reset(st);
    (void)sqlite3_clear_bindings(st);
}

enum selv_db_status selv_db_begin(struct selv_db *db)
{
    return script_run(db, "BEGIN IMMEDIATE");
}

enum selv_db_status selv_db_commit(struct selv_db *db)
{
    enum selv_db_status status = script_run(db, "COMMIT");
    if (status != SELV_DB_OK) {
        selv_db_rollback(db);
    }
    return status;
}

void selv_db_rollback(struct selv_db *db)
{
    if (!sqlite3_get_autocommit(db->handle)) {
        (void)script_run(db, "ROLLBACK");
    }
}

const char *selv_db_error(const struct selv_db *db)
{
    return db->error;
}

void selv_db_close(struct selv_db *db)
{
    for (size_t i = 0; i < db->statement_count; i++) {
        (void)sqlite3_finalize(db->statements[i]);
    }
    free(db->statements);
    if (db->handle != NULL) {
        (void)sqlite3_close_v2(db->handle);
    }
    memset(db, 0, sizeof *db);
}
