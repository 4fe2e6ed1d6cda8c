/* SPDX-License-Identifier: Apache-2.0
 *
 * host/db.h - an SQLite database that keeps what it acknowledged.
 *
 * Opened with a write-ahead log, full synchronisation and foreign keys: when
 * a commit has returned, its rows survive a power cut. One process at a time:
 * the file is locked for as long as it is open, so that the log's index lives
 * in memory and not in a shared mapping that a full disk could tear away.
 * Statements are prepared once and reused. Bind with sqlite3_bind_*, step
 * with selv_db_step, and selv_db_reset after each use.
 * Owns: the handle and its statements, until selv_db_close. */
#ifndef SELV_HOST_DB_H
#define SELV_HOST_DB_H

#include <sqlite3.h>

#include "base/base.h"

enum selv_db_status {
    SELV_DB_OK = 0,  /* done; no further row */
    SELV_DB_ROW,     /* a row is there */
    SELV_DB_EXISTS,  /* a key is taken */
    SELV_DB_FULL,    /* no space left; nothing was changed */
    SELV_DB_LOCKED,  /* another process has it open */
    SELV_DB_DAMAGED, /* not a database, or its pages contradict each other */
    SELV_DB_NEWER,   /* written by a later version than this one */
    SELV_DB_FAILED   /* anything else: see selv_db_error */
};

struct selv_db {
    sqlite3 *handle;
    sqlite3_stmt **statements;
    size_t statement_count;
    char error[160];
};

/* Open or create path. schema[i] is the SQL script that leads from version i
 * to i + 1; those missing are run, each with the new version number in one
 * transaction. The pages are checked. Then sql[0 .. sql_count) are prepared.
 * After a failure, selv_db_error tells why and selv_db_close must be called. */
SELV_MUST_CHECK enum selv_db_status
selv_db_open(struct selv_db *db, const char *path, const char *const *schema,
             size_t schema_count, const char *const *sql, size_t sql_count);

/* The statement sql[i], ready to be bound. */
sqlite3_stmt *selv_db_get(const struct selv_db *db, size_t i);

SELV_MUST_CHECK enum selv_db_status selv_db_step(struct selv_db *db,
                                                 sqlite3_stmt *st);

/* Step a statement that gives no row, and reset it. */
SELV_MUST_CHECK enum selv_db_status selv_db_run(struct selv_db *db,
                                                sqlite3_stmt *st);

/* Forget bound values and rows. */
void selv_db_reset(sqlite3_stmt *st);

/* One transaction. Everything between is undone by rollback, or when commit
 * fails. */
SELV_MUST_CHECK enum selv_db_status selv_db_begin(struct selv_db *db);
SELV_MUST_CHECK enum selv_db_status selv_db_commit(struct selv_db *db);
void selv_db_rollback(struct selv_db *db);

/* The last failure in words; valid until the next one. */
const char *selv_db_error(const struct selv_db *db);

void selv_db_close(struct selv_db *db);

#endif
