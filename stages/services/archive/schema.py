"""The tables of the index. They hold nothing that the files do not tell; see `reconcile`."""

VERSION = 1  # of the tables: an index of another version is made anew

# `rank` 1 goes last: what is protected, and the minute before it. Numbers (`id`) are in the order
# in which files were made, which a wrong clock does not change.
SCHEMA = """
CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    camera TEXT NOT NULL,
    begin_ns INTEGER NOT NULL,
    end_ns INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    open INTEGER NOT NULL,
    protected INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    labels TEXT NOT NULL,
    why TEXT NOT NULL,
    notes INTEGER NOT NULL
);
CREATE INDEX of_camera ON items (camera, kind, begin_ns, id);
CREATE INDEX of_kind ON items (kind, begin_ns, id);
CREATE INDEX by_begin ON items (begin_ns, id);
CREATE INDEX by_camera ON items (camera, begin_ns, id);
CREATE INDEX by_end ON items (end_ns);
CREATE INDEX first ON items (rank, id) WHERE open = 0;
CREATE INDEX first_of ON items (kind, camera, rank, id) WHERE open = 0;
CREATE INDEX oldest_of ON items (kind, camera, rank, begin_ns) WHERE open = 0;
CREATE INDEX unfinished ON items (open) WHERE open = 1;
CREATE INDEX protected ON items (camera, begin_ns) WHERE protected = 1;

CREATE TABLE totals (
    kind TEXT NOT NULL,
    camera TEXT NOT NULL,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (kind, camera)
) WITHOUT ROWID;
CREATE TRIGGER item_added AFTER INSERT ON items BEGIN
    INSERT INTO totals VALUES (new.kind, new.camera, 1, new.bytes)
    ON CONFLICT DO UPDATE SET files = files + 1, bytes = bytes + new.bytes;
END;
CREATE TRIGGER item_removed AFTER DELETE ON items BEGIN
    UPDATE totals SET files = files - 1, bytes = bytes - old.bytes
    WHERE kind = old.kind AND camera = old.camera;
END;
CREATE TRIGGER item_changed AFTER UPDATE OF bytes ON items BEGIN
    UPDATE totals SET bytes = bytes - old.bytes + new.bytes
    WHERE kind = new.kind AND camera = new.camera;
END;

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    at_ns INTEGER NOT NULL,
    camera TEXT NOT NULL,
    kind TEXT NOT NULL,
    run TEXT NOT NULL,
    seq INTEGER NOT NULL,
    json BLOB NOT NULL,
    UNIQUE (camera, run, seq)
);
CREATE INDEX event_by_time ON events (at_ns, id);
CREATE INDEX event_of_camera ON events (camera, at_ns, id);
CREATE INDEX event_of_kind ON events (kind, at_ns, id);
CREATE INDEX event_of_both ON events (camera, kind, at_ns, id);

CREATE TABLE event_files (
    camera TEXT NOT NULL,
    day TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (camera, day)
) WITHOUT ROWID;

CREATE TABLE wishes (
    id INTEGER PRIMARY KEY,
    camera TEXT NOT NULL,
    at_ns INTEGER NOT NULL,
    seconds REAL NOT NULL
);

CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
