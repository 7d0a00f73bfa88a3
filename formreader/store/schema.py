"""The tables of a batch.

Rows are only ever added; the one thing that changes is the time a run finished.
"""

from __future__ import annotations

from typing import Final

APPLICATION: Final = 0x464F524D  # "FORM", in the file's header: tells our file from any other SQLite file
VERSION: Final = 6

SCHEMA: Final = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL,        -- runs that go on from each other; --reread begins the next
    started TEXT NOT NULL,
    finished TEXT,                  -- NULL for a run that was broken off
    form TEXT NOT NULL,             -- names of the forms in order of names, a line each
    template TEXT,                  -- the template files as they were, one below the other
    template_fingerprint TEXT NOT NULL,  -- in the order of `form`
    fields TEXT NOT NULL,           -- JSON object: for each form its fields' names in the template's order
    model TEXT NOT NULL,
    model_fingerprint TEXT NOT NULL,
    settings TEXT NOT NULL,         -- JSON object
    version TEXT NOT NULL,          -- of the program
    keep_duplicates INTEGER NOT NULL DEFAULT 0, -- 1: content that lies at two places counts twice
    template_paths TEXT NOT NULL DEFAULT '',    -- where the templates lay, a line each in the order of `form`
    gathering TEXT NOT NULL DEFAULT '{}'        -- JSON: for each form of several pages its sheets, and what joins them
);
CREATE TABLE pages (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL,
    page INTEGER NOT NULL,
    name TEXT NOT NULL,             -- what users see
    path TEXT NOT NULL,
    duplicate INTEGER NOT NULL,     -- 1: the same content lay at another place at the same time
    run INTEGER NOT NULL REFERENCES runs,
    stamp TEXT NOT NULL DEFAULT ''  -- of the file: while size and times stay, so does its content
);
CREATE INDEX pages_by_content ON pages (sha256, page);
CREATE INDEX pages_by_path ON pages (path);
CREATE TABLE readings (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    sha256 TEXT NOT NULL,
    page INTEGER NOT NULL,
    at TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('read', 'failed', 'skipped', 'left_out')),
    stage TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    form TEXT NOT NULL DEFAULT '',  -- which of the run's forms the page shows
    match_score REAL,
    match_method TEXT,
    quality TEXT,                   -- JSON object
    fields TEXT NOT NULL DEFAULT '[]',  -- JSON, for each field [value, confidence, reasons, name, what rules say]; it
                                    -- ends where nothing follows; the name is null where the fields are the run's
    digits BLOB,                    -- columns of numbers, compressed
    boxes INTEGER NOT NULL DEFAULT 0,           -- with something written in them
    flagged_boxes INTEGER NOT NULL DEFAULT 0,   -- to look at
    flagged_fields INTEGER NOT NULL DEFAULT 0,
    by_hand TEXT NOT NULL DEFAULT ''            -- what sorted_pages says of a page while this counts: a person made it
);
CREATE INDEX readings_by_page ON readings (sha256, page);
CREATE TABLE pictures (
    id INTEGER PRIMARY KEY,
    reading INTEGER NOT NULL REFERENCES readings,
    field TEXT,                     -- NULL: a failed page, small
    position INTEGER,
    picture BLOB NOT NULL,          -- WebP (once PNG) of a box, JPEG of a page
    mark TEXT,                      -- of a box that can be judged by itself: what it was read as, a digit, ? for what
                                    -- could not be read, empty for a strike; NULL for all others
    confidence INTEGER,             -- of that, in millionths
    rival TEXT                      -- the likeliest other digit
);
CREATE INDEX pictures_by_reading ON pictures (reading);
CREATE TABLE codes (
    id INTEGER PRIMARY KEY,
    reading INTEGER NOT NULL REFERENCES readings,
    kind TEXT NOT NULL,
    text TEXT NOT NULL              -- what is printed on the page: not to be trusted
);
CREATE INDEX codes_by_reading ON codes (reading);
"""


DECISIONS: Final = (
    """
CREATE TABLE decisions (            -- about fields
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    page INTEGER NOT NULL,
    field TEXT NOT NULL,
    old TEXT NOT NULL,
    new TEXT NOT NULL,
    how TEXT NOT NULL,              -- group, field, key, third, audit, sheet, undo
    stands INTEGER NOT NULL DEFAULT 1,  -- 0: the field is undecided again
    act TEXT NOT NULL DEFAULT ''    -- what it was decided with
)
""",
    "CREATE INDEX decisions_by_field ON decisions (sha256, page, field)",
)
REVIEW: Final = (
    """
CREATE TABLE acts (                 -- what a person did at once, and may take back
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,      -- drawn letters
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    how TEXT NOT NULL,
    undoes TEXT NOT NULL DEFAULT '' -- the code of the act that this one takes back
)
""",
    """
CREATE TABLE marks (                -- about single boxes
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    page INTEGER NOT NULL,
    field TEXT NOT NULL,
    position INTEGER NOT NULL,
    old TEXT NOT NULL,
    new TEXT NOT NULL,              -- a digit, empty for a blank or struck box, ? for one to be seen in its field
    how TEXT NOT NULL,
    stands INTEGER NOT NULL DEFAULT 1,
    act TEXT NOT NULL DEFAULT ''
)
""",
    """
CREATE TABLE second_keys (          -- what another person keyed blind for a decided field
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    page INTEGER NOT NULL,
    field TEXT NOT NULL,
    old TEXT NOT NULL,              -- what was decided then
    new TEXT NOT NULL,              -- the key
    how TEXT NOT NULL,
    stands INTEGER NOT NULL DEFAULT 1,
    act TEXT NOT NULL DEFAULT ''
)
""",
    """
CREATE TABLE sorted_pages (         -- about whole pages
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    page INTEGER NOT NULL,
    old TEXT NOT NULL,
    new TEXT NOT NULL,              -- not_a_form; or what the reading that a person made is known by
    how TEXT NOT NULL,
    stands INTEGER NOT NULL DEFAULT 1,
    act TEXT NOT NULL DEFAULT ''
)
""",
    "CREATE INDEX acts_by_person ON acts (who, id)",
    "CREATE INDEX acts_by_undone ON acts (undoes) WHERE undoes <> ''",
    *(f"CREATE INDEX {table}_by_act ON {table} (act) WHERE act <> ''" for table in ("decisions", "marks")),
    "CREATE INDEX marks_by_field ON marks (sha256, page, field, position)",
    "CREATE INDEX second_keys_by_field ON second_keys (sha256, page, field)",
    "CREATE INDEX sorted_pages_by_page ON sorted_pages (sha256, page)",
    "CREATE INDEX failures ON readings (sha256, page) WHERE outcome = 'failed'",
    "CREATE INDEX pictures_to_judge ON pictures (mark, confidence, reading) WHERE mark IS NOT NULL",
)

AUDITS: Final = (
    """
CREATE TABLE audits (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,      -- drawn letters: what ties a keyed file to its audit, also in a joined batch
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    claim TEXT NOT NULL,            -- the share of wrong fields to prove, as a fraction: 1/1000
    seed INTEGER NOT NULL,
    by_field INTEGER NOT NULL,      -- 1: each field has its share of the sample
    pages INTEGER NOT NULL,         -- that were read when it was drawn
    strata TEXT NOT NULL            -- JSON: for each field [form, name, accepted, drawn]
)
""",
    """
CREATE TABLE audited_fields (
    id INTEGER PRIMARY KEY,
    audit TEXT NOT NULL,            -- its code
    number INTEGER NOT NULL,        -- in the order of keying, from 1
    reading INTEGER NOT NULL REFERENCES readings,
    form TEXT NOT NULL,
    field TEXT NOT NULL,
    value TEXT NOT NULL,            -- as it was read
    as_written TEXT NOT NULL,       -- without what the form and not the writer says: a printed point, a strike for 0
    confidence REAL NOT NULL,
    boxes INTEGER NOT NULL,         -- how many; 0 for a wide one
    options TEXT NOT NULL DEFAULT '[]',  -- JSON: what its boxes stand for, where they are to mark
    UNIQUE (audit, number)
)
""",
    """
CREATE TABLE keys (
    id INTEGER PRIMARY KEY,
    audit TEXT NOT NULL,            -- its code
    number INTEGER NOT NULL,        -- of the audited field
    look INTEGER NOT NULL CHECK (look IN (1, 2)),  -- 2: keyed again by another person, as the first differed
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    key TEXT NOT NULL               -- digits; ? for what cannot be read; empty where nothing is written
)
""",
    "CREATE INDEX keys_by_audit ON keys (audit, number)",
    "CREATE INDEX audited_by_reading ON audited_fields (reading)",
)


VIEWS: Final = (
    # Readings as people leave them: those made by hand count while that is the last word on their page, and nothing is
    # read or failed on a page that is no form.
    """
CREATE VIEW judged_readings AS
    SELECT r.id, r.run, r.sha256, r.page, r.at,
        CASE s.new WHEN 'not_a_form' THEN 'skipped' ELSE r.outcome END AS outcome,
        CASE s.new WHEN 'not_a_form' THEN '' ELSE r.stage END AS stage,
        CASE s.new WHEN 'not_a_form' THEN 'not a form, as ' || s.who || ' says' ELSE r.reason END AS reason,
        CASE s.new WHEN 'not_a_form' THEN '' ELSE r.form END AS form,
        r.match_score, r.match_method, r.quality,
        CASE s.new WHEN 'not_a_form' THEN '[]' ELSE r.fields END AS fields,
        CASE s.new WHEN 'not_a_form' THEN NULL ELSE r.digits END AS digits,
        CASE s.new WHEN 'not_a_form' THEN 0 ELSE r.boxes END AS boxes,
        CASE s.new WHEN 'not_a_form' THEN 0 ELSE r.flagged_boxes END AS flagged_boxes,
        CASE s.new WHEN 'not_a_form' THEN 0 ELSE r.flagged_fields END AS flagged_fields,
        r.by_hand
    FROM readings r LEFT JOIN sorted_pages s ON s.stands AND s.id = (
        SELECT max(id) FROM sorted_pages t WHERE t.sha256 = r.sha256 AND t.page = r.page)
    WHERE r.by_hand = '' OR r.by_hand = s.new OR s.new = 'not_a_form'
""",
    # The last word on each field, where that is not that it is undecided again.
    """
CREATE VIEW current_decisions AS
    SELECT * FROM decisions d WHERE stands AND NOT EXISTS (
        SELECT 1 FROM decisions e WHERE e.sha256 = d.sha256 AND e.page = d.page AND e.field = d.field AND e.id > d.id)
""",
    # A page that was read once keeps that reading until it is read again: a later failure takes nothing away.
    """
CREATE VIEW current_readings AS
    SELECT * FROM judged_readings WHERE id IN (
        SELECT coalesce(max(CASE WHEN outcome = 'read' THEN id END), max(id)) FROM judged_readings
        GROUP BY sha256, page)
""",
    # What lies at each place now: a page scanned again under its old name takes the place of the old one.
    """
CREATE VIEW current_places AS
    SELECT * FROM pages p WHERE NOT EXISTS (
        SELECT 1 FROM pages q WHERE q.path = p.path AND q.id > p.id
            AND (q.sha256 <> p.sha256 OR q.page = p.page))
""",
    # Of one content's places the last that was no duplicate when it was found; where none is left, the first duplicate.
    """
CREATE VIEW current_pages AS
    SELECT * FROM current_places p WHERE id = (
        SELECT id FROM current_places q WHERE q.sha256 = p.sha256 AND q.page = p.page
        ORDER BY q.duplicate, CASE WHEN q.duplicate THEN q.id ELSE -q.id END LIMIT 1)
""",
    """
CREATE VIEW current_duplicates AS
    SELECT * FROM current_places p WHERE duplicate
        AND EXISTS (SELECT 1 FROM readings r WHERE r.sha256 = p.sha256 AND r.page = p.page)
        AND EXISTS (SELECT 1 FROM current_places q WHERE q.sha256 = p.sha256 AND q.page = p.page
            AND (NOT q.duplicate OR q.id < p.id))
""",
    """
CREATE VIEW current_values AS
    SELECT scan, v.sha256, v.page, place, v.field, coalesce(d.new, value) AS value, confidence, reasons,
        CASE WHEN d.id IS NULL THEN 'reading' ELSE 'decision' END AS source,
        coalesce(d.id, reading) AS source_id
    FROM (
        SELECT p.name AS scan, r.sha256, r.page, f.key AS place, r.id AS reading,
            coalesce(json_extract(f.value, '$[3]'), (
                SELECT names.value FROM runs, json_each(runs.fields) forms, json_each(forms.value) names
                WHERE runs.id = r.run AND forms.key = r.form AND names.key = f.key)) AS field,
            json_extract(f.value, '$[0]') AS value,
            json_extract(f.value, '$[1]') AS confidence,
            coalesce(json_extract(f.value, '$[2]'), '[]') AS reasons
        FROM current_readings r
        JOIN json_each(r.fields) f
        JOIN current_pages p ON p.sha256 = r.sha256 AND p.page = r.page) v
    LEFT JOIN current_decisions d ON d.sha256 = v.sha256 AND d.page = v.page AND d.field = v.field
""",
)
