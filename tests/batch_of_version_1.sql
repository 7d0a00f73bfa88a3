-- A batch as the first version stored it: two pages read, one of them decided by a person, and one that failed.
PRAGMA application_id = 1179603533;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE decisions (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    who TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    page INTEGER NOT NULL,
    field TEXT NOT NULL,
    old TEXT NOT NULL,
    new TEXT NOT NULL,
    how TEXT NOT NULL
);
INSERT INTO "decisions" VALUES(1,'2026-11-01T10:00:00+00:00','ann','sha of b.png',1,'id','17','77','field');
CREATE TABLE pages (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL,
    page INTEGER NOT NULL,
    name TEXT NOT NULL,             -- what users see
    path TEXT NOT NULL,
    duplicate INTEGER NOT NULL,     -- 1: the same content lay at another place at the same time
    run INTEGER NOT NULL REFERENCES runs
);
INSERT INTO "pages" VALUES(1,'sha of a.png',1,'a.png','/scans/a.png',0,1);
INSERT INTO "pages" VALUES(2,'sha of b.png',1,'b.png','/scans/b.png',0,1);
INSERT INTO "pages" VALUES(3,'sha of c.png',1,'c.png','/scans/c.png',0,1);
CREATE TABLE pictures (
    id INTEGER PRIMARY KEY,
    reading INTEGER NOT NULL REFERENCES readings,
    field TEXT,                     -- NULL: a failed page, small
    position INTEGER,
    picture BLOB NOT NULL           -- PNG of a box, JPEG of a page
);
INSERT INTO "pictures" VALUES(1,2,'id',1,X'706E67');
INSERT INTO "pictures" VALUES(2,3,NULL,NULL,X'6A706567');
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
    fields TEXT NOT NULL DEFAULT '[]',  -- JSON list of {name, value, confidence, reasons}
    digits BLOB                     -- zlib of a JSON list, a row a box
);
INSERT INTO "readings" VALUES(1,1,'sha of a.png',1,'2026-11-23T05:14:29+00:00','read','','','visit',0.97,'markers','{"contrast":0.5}','[{"name":"id","value":"42","confidence":0.99,"reasons":[]},{"name":"age","value":"","confidence":1.0,"reasons":[]}]',X'789C9DCEC10A80201004D07FD9F350BA6950BF221E8A2222E9D629FAF756ADC06B9761E6B04F9DA3752268380DED25B95248C1652BA6F520435055D75910E194D53FAB8E4D297B89966C7E6D36F13A4653B662469BB3DD669BB3DD7EB649F6B0CC7F3EBE1F2140CBA4310CFB260F5CDEDF511A38E0');
INSERT INTO "readings" VALUES(2,1,'sha of b.png',1,'2026-11-23T05:14:29+00:00','read','','','visit',0.9,'markers','{"contrast":0.5}','[{"name":"id","value":"17","confidence":0.6,"reasons":["low_confidence"]},{"name":"age","value":"9","confidence":0.99,"reasons":[]}]',X'789C9D8FC10A83301044FF65CF83CD46AB6C7F258452341541F4E841FCF7663778C8B597618685F7D8106899088CC0E098D3370E16BE6ED57C4610135CD33368DD8FF7B86FDF654ADB9808673EBDCAE9A1A5952B834DE36F8DEF14A4D1D6AD9AAA195423D283943C28D096A19DEB8CFD99D35F3F488117B614F68DE62BC61F9E883E14');
INSERT INTO "readings" VALUES(3,1,'sha of c.png',1,'2026-11-23T05:14:29+00:00','failed','align','c.png: shows another form','',NULL,NULL,NULL,'[]',NULL);
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
    version TEXT NOT NULL
);
INSERT INTO "runs" VALUES(1,1,'2026-11-23T05:14:29+00:00','2026-11-23T05:14:29+00:00','visit',NULL,'cc0e72a578f8630fdf6c23053bf36d03152fa60c184af12bec7e3ee64202eb63','{"visit":["id","age"]}','digits','m1','{"threshold":0.9}','0.1.0');
CREATE INDEX pages_by_content ON pages (sha256, page);
CREATE INDEX pages_by_path ON pages (path);
CREATE INDEX readings_by_page ON readings (sha256, page);
CREATE INDEX pictures_by_reading ON pictures (reading);
CREATE INDEX decisions_by_field ON decisions (sha256, page, field);
CREATE VIEW latest_readings AS
    SELECT * FROM readings WHERE id IN (SELECT max(id) FROM readings GROUP BY sha256, page);
CREATE VIEW current_readings AS
    SELECT * FROM readings WHERE id IN (
        SELECT coalesce(max(CASE WHEN outcome = 'read' THEN id END), max(id)) FROM readings GROUP BY sha256, page);
CREATE VIEW current_places AS
    SELECT * FROM pages p WHERE NOT EXISTS (
        SELECT 1 FROM pages q WHERE q.path = p.path AND q.id > p.id
            AND (q.sha256 <> p.sha256 OR q.page = p.page));
CREATE VIEW current_pages AS
    SELECT * FROM current_places p WHERE NOT duplicate AND NOT EXISTS (
        SELECT 1 FROM current_places q WHERE q.sha256 = p.sha256 AND q.page = p.page AND q.id > p.id
            AND NOT q.duplicate);
CREATE VIEW current_duplicates AS
    SELECT * FROM current_places p WHERE duplicate
        AND EXISTS (SELECT 1 FROM readings r WHERE r.sha256 = p.sha256 AND r.page = p.page);
CREATE VIEW current_values AS
    SELECT p.name AS scan, r.sha256, r.page, f.key AS place, json_extract(f.value, '$.name') AS field,
        coalesce(d.new, json_extract(f.value, '$.value')) AS value,
        json_extract(f.value, '$.confidence') AS confidence,
        json_extract(f.value, '$.reasons') AS reasons,
        CASE WHEN d.id IS NULL THEN 'reading' ELSE 'decision' END AS source,
        coalesce(d.id, r.id) AS source_id
    FROM current_readings r
    JOIN json_each(r.fields) f
    JOIN current_pages p ON p.sha256 = r.sha256 AND p.page = r.page
    LEFT JOIN decisions d ON d.id = (
        SELECT max(id) FROM decisions
        WHERE sha256 = r.sha256 AND page = r.page AND field = json_extract(f.value, '$.name'));
COMMIT;
