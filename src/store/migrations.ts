// The database's form, step by step. A step that was released is never changed: what comes is a further one.

import { applicationId } from './ours.ts';

/** `migrations[n]` leads from `user_version` n to n + 1. */
export const migrations: readonly string[] = [
  // 1: sessions, and what was said in them.
  `
  CREATE TABLE sessions (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    run TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    remote TEXT NOT NULL,
    state TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    reason TEXT,
    close_code INTEGER,
    items INTEGER NOT NULL,
    answers INTEGER
  ) STRICT;
  CREATE INDEX sessions_open ON sessions (run) WHERE state = 'open';

  CREATE TABLE items (
    seq INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL,
    id TEXT NOT NULL,
    previous_id TEXT,
    type TEXT NOT NULL,
    role TEXT,
    status TEXT NOT NULL,
    name TEXT,
    call_id TEXT,
    text TEXT,
    heard_ms INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
  ) STRICT;
  CREATE INDEX items_of_session ON items (session_id, seq);
  -- A client may give an item the id of one that it has deleted.
  CREATE UNIQUE INDEX items_there ON items (session_id, id) WHERE deleted_at IS NULL;
  `,
  // 2: how engines loaded, for the estimate of the next load.
  `
  CREATE TABLE engine_runs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    run TEXT NOT NULL,
    engine TEXT NOT NULL,
    kind TEXT NOT NULL,
    model_key TEXT NOT NULL,
    spawned_at INTEGER NOT NULL,
    ready_at INTEGER,
    ended_at INTEGER,
    load_ms INTEGER,
    outcome TEXT
  ) STRICT;
  CREATE INDEX engine_runs_loads ON engine_runs (model_key, ready_at) WHERE load_ms IS NOT NULL;
  CREATE INDEX engine_runs_open ON engine_runs (run) WHERE ended_at IS NULL;
  `,
  // 3: whose it is, and what is the oldest in it, which goes first.
  `
  PRAGMA application_id = ${applicationId};
  CREATE INDEX sessions_ended ON sessions (closed_at) WHERE closed_at IS NOT NULL;
  CREATE INDEX engine_runs_ended ON engine_runs (ended_at) WHERE ended_at IS NOT NULL;
  `,
  // 4: who answered, and what of it was said to pass the time.
  `
  ALTER TABLE items ADD COLUMN source TEXT;
  ALTER TABLE items ADD COLUMN filler TEXT;
  `,
  // 5: background work of sessions.
  `
  CREATE TABLE tasks (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    run TEXT NOT NULL,
    session_id TEXT NOT NULL,
    name TEXT NOT NULL,
    trigger TEXT NOT NULL,
    state TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    result TEXT,
    raw TEXT,
    code TEXT,
    message TEXT
  ) STRICT;
  CREATE INDEX tasks_of_session ON tasks (session_id, seq);
  CREATE INDEX tasks_open ON tasks (run) WHERE ended_at IS NULL;
  CREATE INDEX tasks_ended ON tasks (ended_at) WHERE ended_at IS NOT NULL;
  `,
  // 6: which build of its pipeline answered a session.
  `
  ALTER TABLE sessions ADD COLUMN generation INTEGER NOT NULL DEFAULT 1;
  `,
  // 7: recordings, as the disk has them; every item by its words. What is removed of these is removed from the index
  // as well, not only marked there.
  `
  CREATE TABLE recordings (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    session_id TEXT NOT NULL,
    take INTEGER NOT NULL,
    pipeline TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    bytes INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    container TEXT NOT NULL,
    shelf TEXT NOT NULL
  ) STRICT;
  CREATE INDEX recordings_of_session ON recordings (session_id, take);
  CREATE INDEX engine_runs_of_engine ON engine_runs (engine, seq);

  CREATE VIRTUAL TABLE items_words USING fts5 (
    text, content = 'items', content_rowid = 'seq',
    tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
  );
  INSERT INTO items_words (items_words, rank) VALUES ('secure-delete', 1);
  INSERT INTO items_words (items_words) VALUES ('rebuild');
  CREATE TRIGGER items_added AFTER INSERT ON items BEGIN
    INSERT INTO items_words (rowid, text) VALUES (new.seq, new.text);
  END;
  CREATE TRIGGER items_removed AFTER DELETE ON items BEGIN
    INSERT INTO items_words (items_words, rowid, text) VALUES ('delete', old.seq, old.text);
  END;
  CREATE TRIGGER items_changed AFTER UPDATE OF text ON items WHEN old.text IS NOT new.text BEGIN
    INSERT INTO items_words (items_words, rowid, text) VALUES ('delete', old.seq, old.text);
    INSERT INTO items_words (rowid, text) VALUES (new.seq, new.text);
  END;
    `,
  // 8: how long each stage of an answer took.
  `
  CREATE TABLE turns (
    seq INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL,
    id TEXT NOT NULL,
    item_id TEXT,
    state TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    silence_ms INTEGER,
    hear_ms INTEGER,
    think_ms INTEGER,
    sentence_ms INTEGER,
    speak_ms INTEGER,
    first_audio_ms INTEGER,
    answer_ms INTEGER
  ) STRICT;
  CREATE INDEX turns_of_session ON turns (session_id, seq);
  CREATE INDEX turns_began ON turns (began_at);
  `,
];

export const latestVersion = migrations.length;
